package tenant_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"html"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"calling-an-api.example/devserver/internal/outputtest"
	"calling-an-api.example/devserver/internal/tenant"
)

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
	local := tenant.New(tenant.Options{
		Issuer: issuer, ClientID: "spa", AppOrigin: app, Audience: audience, Log: slog.New(slog.NewTextHandler(log, nil)),
	})
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
	return &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
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
		req.Header.Set(name, value)
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
		next = f.post("/u/consent", url.Values{"state": {state}, "action": {"accept"}}).location
	}
	if next == nil || next.Host != "localhost:4200" || next.Query().Get("state") != "st&te" {
		f.Fatalf("the login led to %v", next)
	}
	return next.Query().Get("code")
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

func TestCodeFlow(t *testing.T) {
	t.Parallel()
	f := start(t)
	code := f.logIn("ada@example.com", "ada-local")
	resp := f.post("/oauth/token", codeForm(code), "Origin: "+app)
	if resp.status != http.StatusOK || resp.header.Get("Access-Control-Allow-Origin") != app {
		t.Fatalf("got %d %s %v", resp.status, resp.body, resp.header)
	}
	tokens := decode[object](t, resp.body)

	access := claims(t, tokens["access_token"])
	aud, _ := json.Marshal(access["aud"])
	for name, got := range map[string]bool{
		"issuer with its slash": access["iss"] == f.url+"/",
		"audience and userinfo": string(aud) == `["`+audience+`","`+f.url+`/userinfo"]`,
		"azp":                   access["azp"] == "spa",
		"scope":                 access["scope"] == "openid profile email read:messages",
		"permissions":           access["permissions"].([]any)[0] == "read:messages",
		"typ":                   access["header"].(object)["typ"] == "JWT",
		"alg":                   access["header"].(object)["alg"] == "RS256",
		"subject":               access["sub"] == "auth0|ada",
	} {
		if !got {
			t.Errorf("access token: wrong %s in %v", name, access)
		}
	}

	id := claims(t, tokens["id_token"])
	aud, _ = json.Marshal(id["aud"])
	if string(aud) != `["spa"]` || id["nonce"] != "n0nce" || id["email"] != "ada@example.com" || id["name"] != "Ada Lovelace" || id["client_id"] != nil {
		t.Errorf("ID token: %v", id)
	}

	info := f.get("/userinfo", "Authorization: Bearer "+tokens["access_token"].(string))
	if info.status != http.StatusOK || decode[object](t, info.body)["email"] != "ada@example.com" {
		t.Errorf("userinfo: %d %s", info.status, info.body)
	}
	if got := f.get("/userinfo", "Authorization: Bearer "+tokens["id_token"].(string)); got.status != http.StatusUnauthorized {
		t.Errorf("userinfo takes an ID token: %d", got.status)
	}
	if got := f.post("/oauth/token", codeForm(code)); got.status == http.StatusOK {
		t.Error("the code works twice")
	}
}

func TestScopesFollowPermissions(t *testing.T) {
	t.Parallel()
	f := start(t)
	code := f.logIn("charles@example.com", "charles-local")
	access := claims(t, decode[object](t, f.post("/oauth/token", codeForm(code)).body)["access_token"])
	if access["scope"] != "openid profile email" || access["permissions"] != nil {
		t.Errorf("got scope %v, permissions %v", access["scope"], access["permissions"])
	}
}

func TestPickedUserNeedsNoPassword(t *testing.T) {
	t.Parallel()
	f := start(t)
	state := f.get(authorizeURL()).location.Query().Get("state")
	if next := f.post("/u/login", url.Values{"state": {state}, "pick": {"ada@example.com"}}).location; next == nil || next.Path != "/u/consent" {
		t.Errorf("led to %v", next)
	}
}

func TestWrongPassword(t *testing.T) {
	t.Parallel()
	for name, form := range map[string]url.Values{
		"wrong password":  {"username": {"ada@example.com"}, "password": {"charles-local"}},
		"empty password":  {"username": {"ada@example.com"}},
		"unknown user":    {"username": {"eve@example.com"}, "password": {"ada-local"}},
		"unlisted choice": {"pick": {"eve@example.com"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := start(t)
			form := url.Values(http.Header(form).Clone())
			form.Set("state", f.get(authorizeURL()).location.Query().Get("state"))
			got := f.post("/u/login", form)
			if got.status != http.StatusUnauthorized || !strings.Contains(got.body, "Wrong email or password") {
				t.Fatalf("got %d %s", got.status, got.body)
			}
			form.Set("username", "ada@example.com")
			form.Set("password", "ada-local")
			if got := f.post("/u/login", form); got.location == nil {
				t.Errorf("the right password afterwards: %d", got.status)
			}
		})
	}
}

func TestConsentIsAskedOnce(t *testing.T) {
	t.Parallel()
	f := start(t)
	f.logIn("ada@example.com", "ada-local")
	if next := f.get(authorizeURL()).location; next == nil || next.Query().Get("code") == "" {
		t.Errorf("a second login led to %v, not back to the app", next)
	}
	if next := f.get(authorizeURL("prompt=consent")).location; next == nil || next.Path != "/u/consent" {
		t.Errorf("prompt=consent led to %v", next)
	}
	if next := f.get(authorizeURL("prompt=login")).location; next == nil || next.Path != "/u/login" {
		t.Errorf("prompt=login led to %v", next)
	}
	if next := f.get(authorizeURL("max_age=0")).location; next == nil || next.Path != "/u/login" {
		t.Errorf("max_age=0 led to %v", next)
	}
}

func TestConsentDeclined(t *testing.T) {
	t.Parallel()
	f := start(t)
	state := f.get(authorizeURL()).location.Query().Get("state")
	f.post("/u/login", url.Values{"state": {state}, "pick": {"ada@example.com"}})
	if page := f.get("/u/consent?state=" + state); !strings.Contains(page.body, "Read your messages") {
		t.Errorf("the consent page does not say what is asked:\n%s", page.body)
	}
	next := f.post("/u/consent", url.Values{"state": {state}, "action": {"decline"}}).location
	if next == nil || next.Query().Get("error") != "access_denied" || next.Query().Get("state") != "st&te" {
		t.Errorf("led to %v", next)
	}
}

// message returns the response that a web_message page posts, and to whom.
func message(t *testing.T, page string) (response map[string]string, origin string) {
	t.Helper()
	m := regexp.MustCompile(`response: (\{.*\}) \}, ("[^"]*")\);`).FindStringSubmatch(html.UnescapeString(page))
	if m == nil {
		t.Fatalf("the page posts nothing:\n%s", page)
	}
	return decode[map[string]string](t, m[1]), decode[string](t, m[2])
}

func TestSilentAuthentication(t *testing.T) {
	t.Parallel()
	f := start(t)
	silent := authorizeURL("prompt=none", "response_mode=web_message", "redirect_uri="+app)
	expect := func(when, name, value string) {
		t.Helper()
		got := f.get(silent)
		response, origin := message(t, got.body)
		if got.status != http.StatusOK || origin != app || response["state"] != "st&te" || response[name] == "" || value != "" && response[name] != value {
			t.Errorf("%s: %d, to %s: %v", when, got.status, origin, response)
		}
		if csp := got.header.Get("Content-Security-Policy"); !strings.Contains(csp, "frame-ancestors "+app) || got.header.Get("X-Frame-Options") != "" {
			t.Errorf("%s: the app can't frame the answer: %s", when, csp)
		}
	}
	expect("logged out", "error", "login_required")
	state := f.get(authorizeURL()).location.Query().Get("state")
	f.post("/u/login", url.Values{"state": {state}, "pick": {"ada@example.com"}})
	expect("without consent", "error", "consent_required")
	f.post("/u/consent", url.Values{"state": {state}, "action": {"accept"}})
	expect("logged in", "code", "")
	f.get("/v2/logout?client_id=spa&returnTo=" + app)
	expect("logged out again", "error", "login_required")
}

func TestAuthorizeRefusals(t *testing.T) {
	t.Parallel()
	f := start(t)
	for name, tc := range map[string]struct{ change, code, description string }{
		"no PKCE":            {"code_challenge=", "invalid_request", "PKCE"},
		"plain PKCE":         {"code_challenge_method=plain", "invalid_request", "S256"},
		"no PKCE method":     {"code_challenge_method=", "invalid_request", "S256"},
		"unknown audience":   {"audience=https://other.test", "access_denied", "Service not found: https://other.test"},
		"implicit flow":      {"response_type=token", "unauthorized_client", ""},
		"no response type":   {"response_type=", "invalid_request", ""},
		"unknown mode":       {"response_mode=carrier_pigeon", "invalid_request", "response_mode"},
		"none and login":     {"prompt=none login", "invalid_request", ""},
		"no scope":           {"scope=", "invalid_request", ""},
		"a request object":   {"request=ey.ey.x", "request_not_supported", ""},
		"silent, logged out": {"prompt=none", "login_required", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := f.get(authorizeURL(tc.change))
			if got.location == nil || !strings.HasPrefix(got.location.String(), app+"/callback?") {
				t.Fatalf("led to %v: %d %s", got.location, got.status, got.body)
			}
			q := got.location.Query()
			if q.Get("error") != tc.code || !strings.Contains(q.Get("error_description"), tc.description) || q.Get("state") != "st&te" {
				t.Errorf("got %v", q)
			}
		})
	}
}

func TestNoOpenRedirect(t *testing.T) {
	t.Parallel()
	f := start(t)
	for name, path := range map[string]string{
		"foreign redirect URI":      authorizeURL("redirect_uri=https://evil.test/"),
		"longer path":               authorizeURL("redirect_uri=" + app + "/callback/x"),
		"query added":               authorizeURL("redirect_uri=" + app + "/callback?x=1"),
		"fragment added":            authorizeURL("redirect_uri=" + app + "/callback#x"),
		"other port":                authorizeURL("redirect_uri=http://localhost:42000/callback"),
		"user info trick":           authorizeURL("redirect_uri=http://localhost:4200@evil.test/callback"),
		"no redirect URI":           authorizeURL("redirect_uri="),
		"unknown client":            authorizeURL("client_id=other"),
		"foreign web_message":       authorizeURL("redirect_uri=https://evil.test", "response_mode=web_message"),
		"logout to elsewhere":       "/v2/logout?client_id=spa&returnTo=https://evil.test/",
		"logout, unknown client":    "/v2/logout?client_id=other&returnTo=" + app,
		"logout to a longer path":   "/v2/logout?returnTo=" + app + "/x",
		"logout, scheme-relative":   "/v2/logout?returnTo=//evil.test",
		"logout to user info trick": "/v2/logout?returnTo=http://localhost:4200@evil.test",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := f.get(path)
			if got.status != http.StatusBadRequest || got.location != nil || strings.Contains(got.body, "postMessage") {
				t.Errorf("got %d to %v: %s", got.status, got.location, got.body)
			}
		})
	}
}

func TestTokenRefusals(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		changes []string
		code    string
	}{
		"wrong verifier":     {[]string{"code_verifier=" + strings.Repeat("x", 43)}, "invalid_grant"},
		"no verifier":        {[]string{"code_verifier="}, "invalid_grant"},
		"other redirect URI": {[]string{"redirect_uri=" + app}, "invalid_grant"},
		"foreign client":     {[]string{"client_id=" + tenant.MachineClientID, "client_secret=" + tenant.MachineClientSecret}, "unauthorized_client"},
		"unknown client":     {[]string{"client_id=other"}, "invalid_client"},
		"made-up code":       {[]string{"code=ABC"}, "invalid_grant"},
		"other grant type":   {[]string{"grant_type=password"}, "unsupported_grant_type"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := start(t)
			got := f.post("/oauth/token", codeForm(f.logIn("ada@example.com", "ada-local"), tc.changes...))
			if got.status < 400 || decode[object](t, got.body)["error"] != tc.code {
				t.Errorf("got %d %s", got.status, got.body)
			}
		})
	}
}

func TestClientCredentials(t *testing.T) {
	t.Parallel()
	f := start(t)
	form := func(changes ...string) url.Values {
		v := url.Values{
			"grant_type": {"client_credentials"}, "client_id": {tenant.MachineClientID},
			"client_secret": {tenant.MachineClientSecret}, "audience": {audience},
		}
		for _, change := range changes {
			name, value, _ := strings.Cut(change, "=")
			v.Set(name, value)
		}
		return v
	}
	fields := map[string]string{}
	for name := range form() {
		fields[name] = form().Get(name)
	}
	body, err := json.Marshal(fields)
	if err != nil {
		t.Fatal(err)
	}
	for name, got := range map[string]answer{
		"form": f.post("/oauth/token", form()),
		"JSON": f.send(f.request(http.MethodPost, "/oauth/token", strings.NewReader(string(body)), "Content-Type: application/json")),
	} {
		if got.status != http.StatusOK {
			t.Errorf("%s: %d %s", name, got.status, got.body)
			continue
		}
		access := claims(t, decode[object](t, got.body)["access_token"])
		if access["sub"] != tenant.MachineClientID+"@clients" || access["azp"] != tenant.MachineClientID || access["scope"] != "read:messages" {
			t.Errorf("%s: %v", name, access)
		}
	}
	for name, change := range map[string]string{
		"wrong secret": "client_secret=x", "no secret": "client_secret=", "unknown audience": "audience=x",
		"no audience": "audience=", "public client": "client_id=spa",
	} {
		if got := f.post("/oauth/token", form(change)); got.status < 400 {
			t.Errorf("%s: %d", name, got.status)
		}
	}
}

func TestOthersCannotDriveALogin(t *testing.T) {
	t.Parallel()
	f := start(t)
	state := f.get(authorizeURL()).location.Query().Get("state")
	form := url.Values{"state": {state}, "pick": {"ada@example.com"}}
	if got := f.post("/u/login", form, "Origin: http://localhost:5000", "Sec-Fetch-Site: same-site"); got.status != http.StatusForbidden {
		t.Errorf("a page of another port logs in: %d", got.status)
	}
	victim := f.browser
	f.browser = newBrowser(t)
	if got := f.post("/u/login", form); got.status != http.StatusBadRequest || got.location != nil {
		t.Errorf("another browser finishes the login: %d to %v", got.status, got.location)
	}
	f.browser = victim
	if got := f.post("/u/login", form); got.location == nil || got.location.Path != "/u/consent" {
		t.Errorf("the browser itself: %d to %v", got.status, got.location)
	}
	page := f.get("/u/consent?state=" + state)
	if page.header.Get("X-Frame-Options") != "DENY" || strings.Contains(page.body, "<script") {
		t.Error("the consent page may be framed or has a script")
	}
}

func TestSessionCookieIsNewAtEachLogin(t *testing.T) {
	t.Parallel()
	f := start(t)
	u, err := url.Parse(f.url)
	if err != nil {
		t.Fatal(err)
	}
	planted := &http.Cookie{Name: "local_tenant_session", Value: "PLANTED"}
	f.browser.Jar.SetCookies(u, []*http.Cookie{planted})
	f.logIn("ada@example.com", "ada-local")
	for _, cookie := range f.browser.Jar.Cookies(u) {
		if cookie.Name == planted.Name && cookie.Value == planted.Value {
			t.Error("the login uses a cookie value that somebody else chose")
		}
	}
}

func TestDiscoveryAndKeys(t *testing.T) {
	t.Parallel()
	f := start(t)
	conf := decode[object](t, f.get("/.well-known/openid-configuration").body)
	if conf["issuer"] != f.url+"/" {
		t.Errorf("issuer %v", conf["issuer"])
	}
	for _, name := range []string{"authorization_endpoint", "token_endpoint", "userinfo_endpoint", "jwks_uri"} {
		endpoint, _ := conf[name].(string)
		if got := f.get(endpoint); !strings.HasPrefix(endpoint, f.url+"/") || got.status == http.StatusNotFound {
			t.Errorf("%s: %q answers %d", name, endpoint, got.status)
		}
	}
	keys := decode[object](t, f.get(conf["jwks_uri"].(string)).body)["keys"].([]any)
	key := keys[0].(object)
	if len(keys) != 1 || key["kty"] != "RSA" || key["alg"] != "RS256" || key["use"] != "sig" || key["kid"] == "" || key["d"] != nil {
		t.Errorf("keys %v", keys)
	}
}

func TestCORS(t *testing.T) {
	t.Parallel()
	f := start(t)
	preflight := func(origin string) answer {
		return f.send(f.request(http.MethodOptions, "/oauth/token", nil, "Origin: "+origin,
			"Access-Control-Request-Method: POST", "Access-Control-Request-Headers: auth0-client,content-type"))
	}
	if got := preflight(app); got.header.Get("Access-Control-Allow-Origin") != app || got.header.Get("Access-Control-Allow-Headers") == "" {
		t.Errorf("the app: %v", got.header)
	}
	if got := preflight("https://evil.test"); got.header.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("another origin: %v", got.header)
	}
}
