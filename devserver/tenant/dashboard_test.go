package tenant_test

import (
	"html"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

func TestDashboard(t *testing.T) {
	t.Parallel()
	f := start(t)
	page := func() string {
		t.Helper()
		got := f.get("/")
		if csp := got.header.Get("Content-Security-Policy"); got.status != http.StatusOK || !strings.Contains(csp, "default-src 'none'") || !strings.Contains(csp, "frame-ancestors 'none'") {
			t.Fatalf("%d, %s", got.status, csp)
		}
		return html.UnescapeString(got.body)
	}
	expect := func(when string, texts ...string) {
		t.Helper()
		for _, text := range texts {
			if !strings.Contains(page(), text) {
				t.Errorf("%s, the dashboard does not say %q", when, text)
			}
		}
	}
	expect("at first", "ada-local", "External API", audience, app+"/callback", "No user is logged in", "None yet", f.kids()[0])

	if once, follow := f.get("/").header.Get("Refresh"), f.get("/?follow").header.Get("Refresh"); once != "" || follow != "3" {
		t.Errorf("loaded again: %q, and followed %q", once, follow)
	}

	code := f.logIn("ada@example.com", "ada-local", "scope=openid profile offline_access read:messages")
	_, tokens := f.tokens(codeForm(code))
	expect("after a login", "ada@example.com logged in to Calling an API", "agreed to the scopes", "exchanged an authorization code",
		`"azp": "spa"`, `"nonce": "n0nce"`, "Refresh tokens", "openid profile offline_access read:messages")
	for name, secret := range map[string]string{"code": code, "access": tokens.Access, "ID": tokens.ID, "refresh": tokens.Refresh} {
		if strings.Contains(page(), secret) {
			t.Errorf("the %s token is on the dashboard", name)
		}
	}

	f.renew(tokens.Refresh)
	f.tokens(codeForm(code))
	f.post("/oauth/token", url.Values{"grant_type": {"client_credentials"}, "client_id": {"local-machine"}, "client_secret": {"wrong"}})
	f.control("token", `{"user": "charles@example.com"}`)
	f.get(authorizeURL("redirect_uri=https://evil.test"))
	f.get("/v2/logout?client_id=spa&returnTo=" + url.QueryEscape(app))
	expect("after more", "Invalid authorization code", "exchanged a refresh token", "or the secret is wrong", "minted a token for charles@example.com", `"sub": "auth0|charles"`, "A login was rejected: Callback URL mismatch", "ada@example.com logged out", "No user is logged in")
	if strings.Contains(page(), "last used") {
		t.Error("a code that was used twice has a refresh token still")
	}
	f.post("/u/login", url.Values{"state": {f.get(authorizeURL()).location.Query().Get("state")}, "pick": {"ada@example.com"}})
	f.post("/u/login", url.Values{"state": {f.get(authorizeURL("prompt=login")).location.Query().Get("state")}, "pick": {"ada@example.com"}})
	if n := strings.Count(page(), "until "); n != 1 {
		t.Errorf("%d sessions after two logins of one browser", n)
	}
	f.browser = newBrowser(t)
	for range 60 {
		f.get(authorizeURL("prompt=none"))
	}
	if text := page(); strings.Count(text, "asked whether a user is logged in") != 50 {
		t.Error("more than the last events are kept")
	}
}
