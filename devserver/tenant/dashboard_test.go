package tenant_test

import (
	"fmt"
	"html"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"calling-an-api.example/devserver/internal/outputtest"
	"calling-an-api.example/devserver/tenant"
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

// TestDashboardActs presses the dashboard's buttons.
func TestDashboardActs(t *testing.T) {
	t.Parallel()
	f := start(t)
	act := func(fields ...string) answer {
		t.Helper()
		form := url.Values{}
		for i := 0; i < len(fields); i += 2 {
			form.Set(fields[i], fields[i+1])
		}
		return f.post("/u/act", form, "Origin: "+f.url, "Sec-Fetch-Site: same-origin")
	}
	done := func(fields ...string) {
		t.Helper()
		if got := act(fields...); got.status != http.StatusSeeOther || got.location.Path != "/" {
			t.Errorf("%q: %d %s", fields, got.status, got.body)
		}
	}
	page := func() string { return html.UnescapeString(f.get("/").body) }
	silent := func() string { return f.get(authorizeURL("prompt=none")).location.Query().Get("error") }

	f.ask("session", `{"user": "ada@example.com"}`)
	if text := page(); !strings.Contains(text, "in this browser") || silent() != "" {
		t.Errorf("a session: %s", text)
	}
	sid := regexp.MustCompile(`name="sid" value="([^"]+)"`).FindStringSubmatch(page())[1]
	_, tokens := f.tokens(codeForm(f.get(authorizeURL("scope=openid offline_access")).location.Query().Get("code")))
	done("action", "end", "sid", sid)
	if status, _ := f.renew(tokens.Refresh); silent() != "login_required" || status == http.StatusOK {
		t.Errorf("an ended session: %q, its refresh token %d", silent(), status)
	}

	f.ask("session", `{"user": "ada@example.com"}`)
	done("action", "block", "user", "ada@example.com")
	if silent() != "login_required" || !strings.Contains(page(), "Unblock") {
		t.Errorf("a blocked user: %q", silent())
	}
	done("action", "unblock", "user", "ada@example.com")
	if silent() != "" {
		t.Errorf("unblocked: %q", silent())
	}

	before := f.kids()[0]
	done("action", "rotate")
	if kids := f.kids(); len(kids) != 2 || kids[0] == before {
		t.Errorf("keys after a rotation: %q", kids)
	}
	if got := act("action", "revoke", "kid", f.kids()[0]); got.status != http.StatusBadRequest {
		t.Errorf("the current key was revoked: %d", got.status)
	}
	if got := act("action", "revoke"); got.status != http.StatusBadRequest || len(f.kids()) != 2 {
		t.Errorf("no key was revoked: %d", got.status)
	}
	done("action", "revoke", "kid", before)
	if kids := f.kids(); len(kids) != 1 {
		t.Errorf("keys after a revocation: %q", kids)
	}

	done("action", "fail", "path", "/userinfo", "times", "1", "status", "502")
	if got := f.get("/userinfo"); got.status != http.StatusBadGateway {
		t.Errorf("a failure: %d", got.status)
	}
	done("action", "clock", "ahead", "2h")
	if !strings.Contains(page(), `value="2h"`) {
		t.Error("the clock is not shown")
	}
	if got := act("action", "mint", "user", "ada@example.com"); got.status != http.StatusOK || !strings.Contains(got.body, "<code>eyJ") || strings.Contains(page(), "eyJ") {
		t.Errorf("a token: %d %s", got.status, got.body)
	}
	done("action", "reset")
	if silent() != "login_required" || strings.Contains(page(), `value="2h"`) {
		t.Error("after a reset, something stays")
	}
	for _, fields := range [][]string{{"action", "x"}, {"action", "clock", "ahead", "soon"}, {"action", "fail", "path", "x"}, {"action", "fail", "path", "/userinfo", "times", "many", "status", "503"}, {"action", "mint", "user", "nobody@example.com"}} {
		if got := act(fields...); got.status != http.StatusBadRequest || strings.Contains(got.body, "strconv") || strings.Contains(got.body, "time:") {
			t.Errorf("%q: %d", fields, got.status)
		}
	}
	if got := f.post("/u/act", url.Values{"action": {"reset"}}, "Origin: "+app, "Sec-Fetch-Site: same-site"); got.status != http.StatusForbidden {
		t.Errorf("from the app's page: %d", got.status)
	}
}

// TestDashboardOfOthers is without forms for browsers of other machines, which cannot act either.
func TestDashboardOfOthers(t *testing.T) {
	t.Parallel()
	_, local := startLocal(t, outputtest.New())
	for addr, canAct := range map[string]bool{"127.0.0.1:1": true, "192.0.2.1:1": false} {
		r := httptest.NewRequest(http.MethodGet, "http://localhost/", nil)
		r.RemoteAddr = addr
		w := httptest.NewRecorder()
		if local.ServeHTTP(w, r); strings.Contains(w.Body.String(), "<form") != canAct {
			t.Errorf("from %s: %s", addr, w.Body)
		}
		r = httptest.NewRequest(http.MethodPost, "http://localhost/u/act", strings.NewReader("action=reset"))
		r.RemoteAddr = addr
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		w = httptest.NewRecorder()
		if local.ServeHTTP(w, r); (w.Code == http.StatusSeeOther) != canAct {
			t.Errorf("from %s: %d %s", addr, w.Code, w.Body)
		}
	}
}

// TestDashboardOfManyUsers shows some of the users that tests have added.
func TestDashboardOfManyUsers(t *testing.T) {
	t.Parallel()
	f, local := startLocal(t, outputtest.New())
	for i := range 60 {
		if _, err := local.AddUser(tenant.NewUser{Email: fmt.Sprintf("user%d@example.com", i)}); err != nil {
			t.Fatal(err)
		}
	}
	page := f.get("/").body
	if !strings.Contains(page, "user59@") || !strings.Contains(page, "user10@") || strings.Contains(page, "user9@") || !strings.Contains(page, "And 10 more.") {
		t.Errorf("the page is %s", page)
	}
}

// TestDashboardFollows asks for changes: at once if there were some, or when there is one.
func TestDashboardFollows(t *testing.T) {
	t.Parallel()
	f, local := startLocal(t, outputtest.New())
	version := func(since string) string { return f.get("/u/changes?since=" + since).body }
	first := version("x")
	since := regexp.MustCompile(`\d+`).FindString(first)
	changed := make(chan string, 1)
	go func() { changed <- version(since) }()
	for next := ""; next == ""; {
		f.control("dpop/nonce", "{}") // an event
		select {
		case next = <-changed:
			if next == first {
				t.Errorf("got %s again", next)
			}
		case <-time.After(10 * time.Millisecond):
		}
	}
	go func() { changed <- version(regexp.MustCompile(`\d+`).FindString(version("x"))) }()
	local.EndWaiting()
	<-changed
}
