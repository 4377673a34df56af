package e2e

import (
	"errors"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"calling-an-api.example/devserver/internal/authority"
)

// webConfig is a tenant with a web application that has a secret, for the origins in %s.
const webConfig = `{
	"users": [{"user_id": "auth0|ada", "email": "ada@example.com", "password": "ada-local", "nickname": "ada"}],
	"clients": [{"client_id": "web", "client_secret": "web-secret", "name": "Web", "callbacks": [%s], "allowed_logout_urls": [%s],
		"grant_types": ["authorization_code", "refresh_token", "implicit"]}],
	"apis": [{"audience": "$AUDIENCE", "name": "API", "scopes": {}, "token_lifetime": 60}],
}`

// TestServerPackages logs in to web applications on the official, unmodified packages, over
// HTTPS, with the tenant's authority in NODE_EXTRA_CA_CERTS.
func TestServerPackages(t *testing.T) {
	t.Parallel()
	names := []string{"byIDToken", "byCode", "byPassport", "byOpenIDClient", "byAuthJS", "byNodeAuth0", "byNext"}
	ports := freePorts(t, len(names))
	next := len(names) - 1 // is a program of its own, with paths of its own
	callbacks := []string{fmt.Sprintf("%q", "http://localhost:"+ports[next]+"/auth/callback")}
	var origins []string
	for _, port := range ports {
		callbacks = append(callbacks, fmt.Sprintf("%q", "http://localhost:"+port+"/callback"))
		origins = append(origins, fmt.Sprintf("%q", "http://localhost:"+port))
	}
	state, dir := t.TempDir(), t.TempDir()
	write(t, dir, "tenant.jsonc", fmt.Sprintf(webConfig, strings.Join(callbacks, ", "), strings.Join(origins, ", ")))
	s := newSystemWith(t, "", []string{"DEV_HTTPS=true", "TENANT_STATE=" + state, "TENANT_CONFIG=" + filepath.Join(dir, "tenant.jsonc")}, "--types=false")
	clients := filepath.Join(repo, "devserver/e2e/clients")
	trusting := []string{"NODE_EXTRA_CA_CERTS=" + s.ca}
	_, out := start(t, clients, "node", trusting, append([]string{"node/servers.mjs", s.tenant + "/"}, ports[:next]...)...)
	app := t.TempDir() // Next writes into it
	if err := errors.Join(os.CopyFS(app, os.DirFS(filepath.Join(clients, "next"))), os.Symlink(filepath.Join(clients, "node_modules"), filepath.Join(app, "node_modules"))); err != nil {
		t.Fatal(err)
	}
	_, nextOut := start(t, app, filepath.Join(clients, "node_modules/.bin/next"), append(trusting,
		"AUTH0_DOMAIN="+s.tenant, "AUTH0_CLIENT_ID=web", "AUTH0_CLIENT_SECRET=web-secret", "AUTH0_SECRET="+strings.Repeat("x", 32),
		"APP_BASE_URL=http://localhost:"+ports[next], "NEXT_TELEMETRY_DISABLED=1"), "dev", "--webpack", "--hostname", "localhost", "--port", ports[next])
	out.Await(t, "ready (.*)")
	nextOut.Await(t, "Ready in")
	for i, name := range names {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newWebBrowser(t, state)
			b.post(s.tenant+"/_tenant/session", url.Values{}, `{"user": "ada@example.com"}`)
			login := "/login"
			if i == next {
				login = "/auth/login?returnTo=/me"
			}
			b.get("http://localhost:" + ports[i] + login)
			if got := b.get("http://localhost:" + ports[i] + "/me"); got != "ada@example.com" {
				t.Errorf("logged in is %s", got)
			}
		})
	}
}

// webBrowser is a browser without scripts: it follows redirects and submits forms that submit
// themselves.
type webBrowser struct {
	*testing.T
	client *http.Client
}

func newWebBrowser(t *testing.T, state string) webBrowser {
	t.Helper()
	client, err := authority.Client(state)
	if err != nil {
		t.Fatal(err)
	}
	if client.Jar, err = cookiejar.New(nil); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.CloseIdleConnections)
	return webBrowser{t, client}
}

func (b webBrowser) get(url string) string {
	b.Helper()
	req, err := http.NewRequestWithContext(b.Context(), http.MethodGet, url, nil)
	if err != nil {
		b.Fatal(err)
	}
	return b.do(req)
}

// post sends form, or the JSON unless that is "".
func (b webBrowser) post(url string, form url.Values, json string) string {
	b.Helper()
	body, media := form.Encode(), "application/x-www-form-urlencoded"
	if json != "" {
		body, media = json, "application/json"
	}
	req, err := http.NewRequestWithContext(b.Context(), http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		b.Fatal(err)
	}
	req.Header.Set("Content-Type", media)
	return b.do(req)
}

var (
	formAction = regexp.MustCompile(`<form[^>]* method="post"[^>]* action="([^"]+)"|<form[^>]* action="([^"]+)"[^>]* method="post"`)
	formField  = regexp.MustCompile(`<input type="hidden" name="([^"]+)" value="([^"]*)"`)
)

// do returns the body of the page that req leads to.
func (b webBrowser) do(req *http.Request) string {
	b.Helper()
	resp, err := b.client.Do(req)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		b.Fatal(err)
	}
	page := string(body)
	if resp.StatusCode >= 400 {
		b.Fatalf("%s: %s\n%s", resp.Request.URL, resp.Status, page)
	}
	if m := formAction.FindStringSubmatch(page); m != nil && strings.Contains(page, "submit()") {
		form := url.Values{}
		for _, field := range formField.FindAllStringSubmatch(page, -1) {
			form.Set(field[1], html.UnescapeString(field[2]))
		}
		return b.post(html.UnescapeString(m[1]+m[2]), form, "")
	}
	return page
}
