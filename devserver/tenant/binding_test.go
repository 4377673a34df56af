package tenant_test

import (
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"calling-an-api.example/devserver/internal/outputtest"
)

// TestBoundToItsClient has another public client, with all grants, use what is not
// its own.
func TestBoundToItsClient(t *testing.T) {
	t.Parallel()
	f, _, _, _ := startKept(t, outputtest.New())
	code := f.logIn("ada@example.com", "ada-local")
	if got := f.post("/oauth/token", codeForm(code, "client_id=other-spa")); decode[object](t, got.body)["error"] != "invalid_grant" {
		t.Errorf("a code: %d %s", got.status, got.body)
	}
	token := f.offlineAgain()
	if status, a := f.renew(token, "client_id=other-spa"); status != http.StatusForbidden || a.Access != "" {
		t.Errorf("a refresh token: %d %+v", status, a)
	}
	f.post("/oauth/revoke", url.Values{"client_id": {"other-spa"}, "token": {token}})
	if status, _ := f.renew(token); status != http.StatusOK {
		t.Errorf("after a revocation by another: %d", status)
	}
	got := f.get(authorizeURL("client_id=other-spa", "response_mode=web_message"))
	if got.location == nil || got.location.Path != "/u/consent" {
		t.Fatalf("consent to one client counts for another: %d to %v", got.status, got.location)
	}
	answer, _ := message(t, f.consent(got.location.Query().Get("state"), "accept").body)
	if answer["code"] != "" || answer["error"] != "unauthorized_client" || !strings.Contains(answer["error_description"], "Origin not allowed") {
		t.Errorf("a message to an origin that is not the client's: %v", answer)
	}
	if got := f.get("/v2/logout?client_id=spa&returnTo=http://localhost:4300/bye"); got.status != http.StatusBadRequest || !strings.Contains(got.body, app) {
		t.Errorf("to another client's logout URL: %d %s", got.status, got.body)
	}
	if got := f.get("/v2/logout?client_id=other-spa&returnTo=http://localhost:4300/bye"); got.location == nil {
		t.Errorf("to its own: %d", got.status)
	}
}

// offlineAgain returns a refresh token for a user who is logged in.
func (f *fixture) offlineAgain() string {
	f.Helper()
	next := f.get(authorizeURL("scope=openid profile offline_access read:messages")).location
	if next.Path == "/u/consent" {
		next = f.consent(next.Query().Get("state"), "accept").location
	}
	_, a := f.tokens(codeForm(next.Query().Get("code")))
	return a.Refresh
}

// TestOnlyFromABody asks the token endpoint in ways that leave secrets in logs.
func TestOnlyFromABody(t *testing.T) {
	t.Parallel()
	f := start(t)
	credentials := url.Values{"grant_type": {"client_credentials"}, "client_id": {"local-machine"}, "client_secret": {"local-machine-secret"}, "audience": {audience}}
	if got := f.post("/oauth/token", credentials); got.status != http.StatusOK || got.header.Get("Cache-Control") != "no-store" {
		t.Errorf("from a body: %d %v", got.status, got.header)
	}
	query := "/oauth/token?" + credentials.Encode()
	for name, got := range map[string]answer{
		"GET": f.get(query), "PUT": f.send(f.request(http.MethodPut, query, nil)), "revoke by GET": f.get("/oauth/revoke?token=x"),
	} {
		if got.status != http.StatusMethodNotAllowed || got.header.Get("Allow") != http.MethodPost {
			t.Errorf("%s: %d %v", name, got.status, got.header)
		}
	}
	if got := f.post(query, nil); got.status < 400 {
		t.Errorf("from the query: %d %s", got.status, got.body)
	}
	if got := f.send(f.request(http.MethodPost, "/oauth/token", strings.NewReader(`{"grant_type":`), "Content-Type: application/json", "Origin: "+app)); got.status != http.StatusBadRequest || got.header.Get("Access-Control-Allow-Origin") != app {
		t.Errorf("half an object: %d %v", got.status, got.header)
	}
	credentials.Set("padding", strings.Repeat("x", 70<<10))
	if got := f.post("/oauth/token", credentials); got.status < 400 || got.status > 499 {
		t.Errorf("a large body: %d", got.status)
	}
	if got := f.get(authorizeURL("state=" + strings.Repeat("x", 9<<10))); got.status != http.StatusBadRequest || got.location != nil {
		t.Errorf("a large login: %d", got.status)
	}
	if got := f.send(f.request(http.MethodPost, "/oauth/token", strings.NewReader(`{"grant_type":"client_credentials","client_id":"local-machine","client_secret":"local-machine-secret","audience":"`+audience+`","scope":"write:all"}`), "Content-Type: Application/JSON; charset=utf-8")); !strings.Contains(got.body, "has not been granted scopes: write:all") {
		t.Errorf("a scope it has not: %d %s", got.status, got.body)
	}
}

func TestCookies(t *testing.T) {
	t.Parallel()
	f := start(t)
	state := f.get(authorizeURL()).location.Query().Get("state")
	got := f.post("/u/login", url.Values{"state": {state}, "pick": {"ada@example.com"}})
	set := got.header.Values("Set-Cookie")
	if len(set) != 1 || !strings.Contains(set[0], "HttpOnly") || !strings.Contains(set[0], "SameSite=Lax") {
		t.Errorf("a login sets %q", set)
	}
	if again := f.post("/u/consent", url.Values{"state": {state}, "session": {f.consentSession(state)}, "action": {"accept"}}); again.location == nil || again.header.Get("Cache-Control") != "no-store" {
		t.Errorf("consent: %d %v", again.status, again.header)
	}
	if got := f.get("/userinfo"); got.header.Get("WWW-Authenticate") != "Bearer" {
		t.Errorf("userinfo without a token: %v", got.header)
	}
	if twice := f.post("/u/login", url.Values{"state": {state}, "pick": {"ada@example.com"}}); twice.status != http.StatusOK || twice.location != nil || !strings.Contains(twice.body, "This login is complete") {
		t.Errorf("the same form again: %d %s", twice.status, twice.body)
	}
	out := f.get("/v2/logout").header.Values("Set-Cookie")
	if len(out) != 1 || !strings.Contains(out[0], "Max-Age=0") {
		t.Errorf("a logout sets %q", out)
	}
	if page := f.get("/"); page.header.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("%v", page.header)
	}
}

// TestConfigurationChangesUnderway takes away what logins and tokens rest on.
func TestConfigurationChangesUnderway(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ before, after string }{
		"the user is blocked": {`// "blocked": true,`, `"blocked": true,`},
		"the API is gone":     {`"audience": "$AUDIENCE"`, `"audience": "https://another"`},
		"the callback is":     {`"$PAGE/callback"`, `"$PAGE/elsewhere"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, local := startLocal(t, outputtest.New())
			refresh := f.offline()
			code := f.get(authorizeURL("scope=openid profile offline_access read:messages")).location.Query().Get("code")
			if code == "" {
				t.Fatal("no code")
			}
			_, tokens := f.tokens(codeForm(f.get(authorizeURL("scope=openid")).location.Query().Get("code")))
			state := f.get(authorizeURL("prompt=consent")).location.Query().Get("state")
			session := f.consentSession(state)
			if err := local.Configure("t.jsonc", []byte(configured(t, tc.before, tc.after))); err != nil {
				t.Fatal(err)
			}
			if next := f.post("/u/consent", url.Values{"state": {state}, "session": {session}, "action": {"accept"}}).location; next != nil && next.Query().Get("code") != "" {
				t.Errorf("a login under way leads to %v", next)
			}
			if name == "the callback is" {
				return
			}
			if status, a := f.renew(refresh); status != http.StatusForbidden {
				t.Errorf("a refresh token: %d %+v", status, a)
			}
			if err := local.Configure("t.jsonc", []byte(configured(t))); err != nil {
				t.Fatal(err)
			}
			if status, a := f.renew(refresh); status != http.StatusOK { // it was left as it was
				t.Errorf("the refresh token, when all is well again: %d %+v", status, a)
			}
			if err := local.Configure("t.jsonc", []byte(configured(t, tc.before, tc.after))); err != nil {
				t.Fatal(err)
			}
			if name == "the user is blocked" {
				if status, a := f.tokens(codeForm(code)); status != http.StatusForbidden {
					t.Errorf("a code: %d %+v", status, a)
				}
				if got := f.get("/userinfo", "Authorization: Bearer "+tokens.Access); got.status != http.StatusUnauthorized || got.header.Get("WWW-Authenticate") != `Bearer error="invalid_token"` {
					t.Errorf("userinfo: %d %v", got.status, got.header)
				}
			}
		})
	}
}

// TestWithdrawnPermission renews a token after its user has lost a permission.
func TestWithdrawnPermission(t *testing.T) {
	t.Parallel()
	f, local := startLocal(t, outputtest.New())
	refresh := f.offline()
	if err := local.Configure("t.jsonc", []byte(configured(t, `"permissions": ["read:messages"],`, ""))); err != nil {
		t.Fatal(err)
	}
	if _, a := f.renew(refresh); a.Scope != "openid profile offline_access" || len(claims(t, a.Access)["permissions"].([]any)) != 0 {
		t.Errorf("%+v", a)
	}
}

// TestTimeGoesBack moves the clock, as tests do by the control.
func TestTimeGoesBack(t *testing.T) {
	t.Parallel()
	f, c, file, restart := startKept(t, outputtest.New())
	c.forward(2 * time.Hour)
	first := f.offline()
	_, next := f.renew(first)
	userinfo := func() int { return f.get("/userinfo", "Authorization: Bearer "+next.Access).status }
	if userinfo() != http.StatusOK {
		t.Errorf("a token of now: %d", userinfo())
	}
	c.forward(3 * time.Hour)
	if userinfo() != http.StatusUnauthorized {
		t.Errorf("a token of three hours ago: %d", userinfo())
	}
	c.forward(-5 * time.Hour)
	restart()
	if status, _ := f.renew(first); status != http.StatusForbidden {
		t.Errorf("a token that was used, in the future: %d", status)
	}
	c.forward(12*time.Hour + time.Minute)
	if got := f.get(authorizeURL("prompt=none")).location.Query().Get("error"); got != "login_required" {
		t.Errorf("a session outlives its time by that: %q", got)
	}

	if err := os.WriteFile(file, []byte(`{"issuer": "http://elsewhere/"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	restart()
	if kept, err := os.ReadFile(filepath.Clean(file + ".bad")); err != nil || !strings.Contains(string(kept), "elsewhere") {
		t.Errorf("%s, %v", kept, err)
	}
}

// TestOldCode waits with a code for longer than it lives.
func TestOldCode(t *testing.T) {
	t.Parallel()
	f, c, _, _ := startKept(t, outputtest.New())
	f.logIn("ada@example.com", "ada-local")
	for wait, want := range map[time.Duration]int{59 * time.Second: http.StatusOK, 61 * time.Second: http.StatusForbidden} {
		code := f.get(authorizeURL()).location.Query().Get("code")
		c.forward(wait)
		if status, a := f.tokens(codeForm(code)); status != want {
			t.Errorf("after %s: %d %+v", wait, status, a)
		}
	}
}

// TestManyRenewals renews more often than tokens are remembered.
func TestManyRenewals(t *testing.T) {
	t.Parallel()
	f, c, _, _ := startKept(t, outputtest.New())
	first := f.offline()
	token := first
	for range 40 {
		c.forward(10 * time.Second)
		_, a := f.renew(token)
		token = a.Refresh
	}
	if status, _ := f.renew(first); status != http.StatusForbidden {
		t.Errorf("the first one: %d", status)
	}
	if status, _ := f.renew(token); status != http.StatusForbidden {
		t.Errorf("the last one, after the first was stolen: %d", status)
	}
}

// TestNothingToConsentTo requests scopes that no user can grant.
func TestNothingToConsentTo(t *testing.T) {
	t.Parallel()
	f := start(t)
	f.logIn("ada@example.com", "ada-local", "scope=foo", "audience=")
	if next := f.get(authorizeURL("scope=foo", "audience=", "prompt=none")).location; next.Query().Get("code") == "" {
		t.Errorf("asked again: %v", next)
	}
}
