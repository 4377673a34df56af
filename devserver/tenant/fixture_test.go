package tenant_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"regexp"
	"strings"
	"testing"

	"calling-an-api.example/devserver/internal/outputtest"
	"calling-an-api.example/devserver/tenant"
)

func TestMain(m *testing.M) {
	slog.SetDefault(slog.New(slog.DiscardHandler)) // zitadel/oidc logs there
	os.Exit(m.Run())
}

const (
	app      = "http://localhost:4200"
	audience = "http://localhost:3001"
	verifier = "a-code-verifier-of-at-least-forty-three-characters"
)

// fixture is a running tenant and one browser that visits it.
type fixture struct {
	*testing.T
	url     string
	browser *http.Client
}

func start(t *testing.T) *fixture {
	t.Helper()
	f, _ := startLocal(t, outputtest.New())
	return f
}

// startLocal is start, and returns the tenant too.
func startLocal(t *testing.T, log *outputtest.Output) (*fixture, *tenant.Tenant) {
	t.Helper()
	srv := httptest.NewUnstartedServer(nil)
	issuer := "http://" + srv.Listener.Addr().String() + "/"
	local, err := tenant.New(tenant.Options{
		Issuer: issuer, ClientID: "spa", AppOrigin: app, Audience: audience, Log: slog.New(slog.NewTextHandler(log, nil)),
		ConfigFile: "testdata/tenant.jsonc",
	})
	if err != nil {
		t.Fatal(err)
	}
	srv.Config.Handler = local
	srv.Start()
	t.Cleanup(srv.Close)
	return &fixture{t, strings.TrimSuffix(issuer, "/"), newBrowser(t)}, local
}

// newBrowser returns a client with its own cookies that follows no redirect, so
// that a test sees each.
func newBrowser(t *testing.T) *http.Client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{} // the servers of other tests close the idle connections of the default one
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

type answer struct {
	status   int
	header   http.Header
	body     string
	location *url.URL // nil unless redirected
}

func (f *fixture) send(req *http.Request) answer {
	f.Helper()
	resp, err := f.browser.Do(req)
	if err != nil {
		f.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		f.Fatal(err)
	}
	location, _ := resp.Location()
	return answer{resp.StatusCode, resp.Header, string(body), location}
}

func (f *fixture) get(pathOrURL string, header ...string) answer {
	f.Helper()
	return f.send(f.request(http.MethodGet, pathOrURL, nil, header...))
}

func (f *fixture) post(pathOrURL string, form url.Values, header ...string) answer {
	f.Helper()
	header = append([]string{"Content-Type: application/x-www-form-urlencoded"}, header...)
	return f.send(f.request(http.MethodPost, pathOrURL, strings.NewReader(form.Encode()), header...))
}

func (f *fixture) request(method, pathOrURL string, body io.Reader, header ...string) *http.Request {
	f.Helper()
	if strings.HasPrefix(pathOrURL, "/") {
		pathOrURL = f.url + pathOrURL
	}
	req, err := http.NewRequestWithContext(f.Context(), method, pathOrURL, body)
	if err != nil {
		f.Fatal(err)
	}
	for _, h := range header {
		name, value, _ := strings.Cut(h, ": ")
		req.Header.Add(name, value)
	}
	return req
}

// authorizeURL is what the SDK asks for, with changes; "" removes a parameter.
func authorizeURL(changes ...string) string {
	sum := sha256.Sum256([]byte(verifier))
	q := url.Values{
		"client_id": {"spa"}, "redirect_uri": {app + "/callback"}, "response_type": {"code"}, "response_mode": {"query"},
		"scope": {"openid profile email read:messages"}, "audience": {audience}, "state": {"st&te"}, "nonce": {"n0nce"},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])}, "code_challenge_method": {"S256"},
	}
	for _, change := range changes {
		name, value, _ := strings.Cut(change, "=")
		q.Set(name, value)
		if value == "" {
			q.Del(name)
		}
	}
	return "/authorize?" + q.Encode()
}

// logIn goes from /authorize through login and consent, and returns the code.
func (f *fixture) logIn(email, password string, changes ...string) string {
	f.Helper()
	page := f.get(authorizeURL(changes...)).location
	if page == nil || page.Path != "/u/login" {
		f.Fatalf("/authorize led to %v, not to the login page", page)
	}
	state := page.Query().Get("state")
	next := f.post("/u/login", url.Values{"state": {state}, "username": {email}, "password": {password}}).location
	if next != nil && next.Path == "/u/consent" {
		next = f.consent(state, "accept").location
	}
	if next == nil || next.Host != "localhost:4200" || next.Query().Get("state") != "st&te" {
		f.Fatalf("the login led to %v", next)
	}
	return next.Query().Get("code")
}

// consent fills in the consent page as action says, accept or decline.
func (f *fixture) consent(state, action string) answer {
	f.Helper()
	return f.post("/u/consent", url.Values{"state": {state}, "session": {f.consentSession(state)}, "action": {action}})
}

// consentSession returns for whose session the consent page is shown.
func (f *fixture) consentSession(state string) string {
	f.Helper()
	page := f.get("/u/consent?state=" + state).body
	m := regexp.MustCompile(`name="session" value="(\w+)"`).FindStringSubmatch(page)
	if m == nil {
		f.Fatalf("no consent page:\n%s", page)
	}
	return m[1]
}

func codeForm(code string, changes ...string) url.Values {
	form := url.Values{
		"grant_type": {"authorization_code"}, "client_id": {"spa"}, "code": {code},
		"code_verifier": {verifier}, "redirect_uri": {app + "/callback"},
	}
	for _, change := range changes {
		name, value, _ := strings.Cut(change, "=")
		form.Set(name, value)
	}
	return form
}

func decode[T any](t *testing.T, text string) (v T) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("%v in %q", err, text)
	}
	return v
}

type object = map[string]any

// claims returns a JWT's payload, and its header under the name "header".
func claims(t *testing.T, jwt any) object {
	t.Helper()
	parts := strings.Split(jwt.(string), ".")
	if len(parts) != 3 {
		t.Fatalf("%q is no JWT", jwt)
	}
	text := func(part string) string {
		b, err := base64.RawURLEncoding.DecodeString(part)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	payload := decode[object](t, text(parts[1]))
	payload["header"] = decode[object](t, text(parts[0]))
	return payload
}
