package tenant_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

func TestNoOpenRedirect(t *testing.T) {
	t.Parallel()
	f := start(t)
	for name, path := range map[string]string{
		"foreign redirect URI":      authorizeURL("redirect_uri=https://evil.test/"),
		"trailing slash":            authorizeURL("redirect_uri=" + app + "/callback/"),
		"other case":                authorizeURL("redirect_uri=" + app + "/Callback"),
		"other case of the host":    authorizeURL("redirect_uri=http://LOCALHOST:4200/callback"),
		"same address, other name":  authorizeURL("redirect_uri=http://127.0.0.1:4200/callback"),
		"other scheme":              authorizeURL("redirect_uri=https://localhost:4200/callback"),
		"dot segments":              authorizeURL("redirect_uri=" + app + "/x/../callback"),
		"encoded":                   authorizeURL("redirect_uri=" + app + "/%63allback"),
		"subdomain":                 authorizeURL("redirect_uri=http://x.localhost:4200/callback"),
		"script":                    authorizeURL("redirect_uri=javascript:alert(1)"),
		"line break":                authorizeURL("redirect_uri=" + app + "/callback\r\nX: y"),
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
	agree := url.Values{"state": {state}, "session": {f.consentSession(state)}, "action": {"accept"}}
	if got := f.post("/u/consent", agree, "Origin: "+app, "Sec-Fetch-Site: same-site"); got.status != http.StatusForbidden {
		t.Errorf("the app itself agrees: %d", got.status)
	}
	f.browser = newBrowser(t)
	if got := f.post("/u/consent", agree); got.status != http.StatusBadRequest || got.location != nil {
		t.Errorf("another browser agrees: %d to %v", got.status, got.location)
	}
	f.browser = victim
	page := f.get("/u/consent?state=" + state)
	if page.header.Get("X-Frame-Options") != "DENY" || strings.Contains(page.body, "<script") {
		t.Error("the consent page may be framed or has a script")
	}
}

// TestConsentBelongsToTheSession logs another user in, in another tab,
// while the consent page waits.
func TestConsentBelongsToTheSession(t *testing.T) {
	t.Parallel()
	f := start(t)
	begin := func(email string) (state string) {
		state = f.get(authorizeURL("prompt=login")).location.Query().Get("state")
		f.post("/u/login", url.Values{"state": {state}, "pick": {email}})
		return state
	}
	state := begin("ada@example.com")
	ada := f.consentSession(state)
	begin("charles@example.com")
	stale := url.Values{"state": {state}, "session": {ada}, "action": {"accept"}}
	if got := f.post("/u/consent", stale); got.location == nil || got.location.Path != "/u/consent" {
		t.Errorf("Charles agreed by Ada's page: %d to %v", got.status, got.location)
	}
	if page := f.get("/u/consent?state=" + state).body; !strings.Contains(page, "charles@example.com") {
		t.Errorf("whose page is it?\n%s", page)
	}
}

// TestLoginOfAnotherBrowser opens the login page of a login that another browser has started. The event
// says why it is rejected.
func TestLoginOfAnotherBrowser(t *testing.T) {
	t.Parallel()
	f := start(t)
	state := f.get(authorizeURL()).location.Query().Get("state")
	f.browser = newBrowser(t)
	if got := f.get("/u/login?state=" + state); got.status != http.StatusBadRequest {
		t.Errorf("got %d", got.status)
	}
	if events := f.get("/_tenant/events").body; !strings.Contains(events, "has not sent the cookie") {
		t.Errorf("the events are %s", events)
	}
}

func TestSessionCookieIsNewAtEachLogin(t *testing.T) {
	t.Parallel()
	f := start(t)
	u, err := url.Parse(f.url)
	if err != nil {
		t.Fatal(err)
	}
	planted := &http.Cookie{Name: "local_tenant_session_" + u.Port(), Value: "PLANTED"}
	f.browser.Jar.SetCookies(u, []*http.Cookie{planted})
	f.logIn("ada@example.com", "ada-local")
	for _, cookie := range f.browser.Jar.Cookies(u) {
		if cookie.Name == planted.Name && cookie.Value == planted.Value {
			t.Error("the login uses a cookie value that another site chose")
		}
	}
}

// TestForeignHosts sends what a page sends whose own name resolves to this machine.
func TestForeignHosts(t *testing.T) {
	t.Parallel()
	f := start(t)
	for host, want := range map[string]int{"evil.test": 403, "evil.test:4400": 403, "localhost.evil.test": 403, "localhost:1": 200, "127.0.0.1": 200} {
		req := f.request(http.MethodPost, "/_tenant/token", strings.NewReader("{}"), "Content-Type: application/json")
		req.Host = host
		got := f.send(req)
		if got.status != want {
			t.Errorf("for %s: status %d, want %d: %s", host, got.status, want, got.body)
		}
		if want == http.StatusForbidden && strings.Contains(got.body, "access_token") {
			t.Errorf("for %s: got a token", host)
		}
	}
}
