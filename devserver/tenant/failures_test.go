package tenant_test

import (
	"cmp"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"calling-an-api.example/devserver/internal/outputtest"
	"calling-an-api.example/devserver/tenant"
)

// TestFailureOfOneUser makes requests of one user fail, by what they contain, and none of another.
func TestFailureOfOneUser(t *testing.T) {
	t.Parallel()
	f := start(t)
	ada, charles := &fixture{t, f.url, newBrowser(t)}, &fixture{t, f.url, newBrowser(t)}
	ada.ask("session", `{"user": "ada@example.com"}`)
	charles.ask("session", `{"user": "charles@example.com"}`)
	code := func(f *fixture) string { return f.get(authorizeURL("prompt=none")).location.Query().Get("code") }
	tokens, other := ada.silentTokens("openid offline_access"), charles.silentTokens("openid offline_access")
	revoked, alsoRevoked := ada.silentTokens("openid offline_access").Refresh, charles.silentTokens("openid offline_access").Refresh
	jsonBody := func(code string) answer {
		return f.send(f.request(http.MethodPost, "/oauth/token", strings.NewReader(fmt.Sprintf(`{"grant_type": "authorization_code", "client_id": "spa",
			"code": %q, "code_verifier": %q, "redirect_uri": %q}`, code, verifier, app+"/callback")), "Content-Type: application/json"))
	}
	for name, tc := range map[string]struct {
		path         string
		ada, charles func() answer
		success      int
	}{
		"a code":            {"/oauth/token", func() answer { return f.post("/oauth/token", codeForm(code(ada))) }, func() answer { return f.post("/oauth/token", codeForm(code(charles))) }, 200},
		"a code in JSON":    {"/oauth/token", func() answer { return jsonBody(code(ada)) }, func() answer { return jsonBody(code(charles)) }, 200},
		"a refresh token":   {"/oauth/token", refreshing(f, tokens.Refresh), refreshing(f, other.Refresh), 200},
		"a revocation":      {"/oauth/revoke", revoking(f, revoked), revoking(f, alsoRevoked), 200},
		"a token in a form": {"/userinfo", func() answer { return f.post("/userinfo", url.Values{"access_token": {tokens.Access}}) }, func() answer { return f.post("/userinfo", url.Values{"access_token": {other.Access}}) }, 200},
		"an access token":   {"/userinfo", func() answer { return f.get("/userinfo", "Authorization: Bearer "+tokens.Access) }, func() answer { return f.get("/userinfo", "Authorization: Bearer "+other.Access) }, 200},
		"a session":         {"/authorize", func() answer { return ada.get(authorizeURL("prompt=none")) }, func() answer { return charles.get(authorizeURL("prompt=none")) }, 303},
	} {
		if status, got := f.ask("fail", fmt.Sprintf(`{"path": %q, "user": "ada@example.com", "status": 500, "times": 2}`, tc.path)); status != http.StatusOK {
			t.Fatalf("%s: got %d %v", name, status, got)
		}
		got := []int{tc.charles().status, tc.ada().status, tc.charles().status, tc.ada().status, tc.ada().status}
		if want := fmt.Sprint([]int{tc.success, 500, tc.success, 500, tc.success}); fmt.Sprint(got) != want {
			t.Errorf("%s: got %v, want %s", name, got, want)
		}
	}
	for _, e := range decode[[]tenant.Event](t, f.get("/_tenant/events?user=charles@example.com").body) {
		if e.Rejected {
			t.Errorf("charles has %v", e)
		}
	}
}

// refreshing returns a function that uses a refresh token; the next use is of its successor.
func refreshing(f *fixture, token string) func() answer {
	return func() answer {
		got := f.post("/oauth/token", url.Values{"grant_type": {"refresh_token"}, "client_id": {"spa"}, "refresh_token": {token}})
		if next := decode[tokenAnswer](f.T, got.body).Refresh; next != "" {
			token = next
		}
		return got
	}
}

// revoking returns a function that revokes a token, which works also if it was revoked before.
func revoking(f *fixture, token string) func() answer {
	return func() answer {
		return f.post("/oauth/revoke", url.Values{"client_id": {"spa"}, "token": {token}})
	}
}

// TestFailedLogins has errors of a login by each response mode, as the app gets all others; and a page
// without an error.
func TestFailedLogins(t *testing.T) {
	t.Parallel()
	f := start(t)
	f.ask("session", `{"user": "ada@example.com"}`)
	fail := func(fields string) {
		t.Helper()
		if status, got := f.ask("fail", `{"path": "/authorize", "user": "auth0|ada", `+fields+`}`); status != http.StatusOK {
			t.Fatalf("got %d %v", status, got)
		}
	}
	const denied = `"error": "access_denied", "error_description": "not on weekends"`
	fail(denied)
	if got := f.get(authorizeURL("prompt=none")).location.Query(); got.Get("error") != "access_denied" || got.Get("error_description") != "not on weekends" || got.Get("state") != "st&te" {
		t.Errorf("by query: %v", got)
	}
	fail(denied)
	response, origin := message(t, f.get(authorizeURL("prompt=none", "response_mode=web_message", "redirect_uri="+app)).body)
	if response["error"] != "access_denied" || origin != app {
		t.Errorf("by a message: %v to %s", response, origin)
	}
	fail(`"status": 500`)
	if got := f.get(authorizeURL("prompt=none")); got.status != http.StatusInternalServerError {
		t.Errorf("a page: %d %v", got.status, got.location)
	}
	events := decode[[]tenant.Event](t, f.get("/_tenant/events?user=ada@example.com").body)
	if e := events[2]; e.Type != tenant.EventLogin || e.Error != "access_denied" || e.Client != "spa" || !e.Rejected {
		t.Errorf("the events are %v", events)
	}
	if got := f.get(authorizeURL("prompt=none")).location.Query(); got.Get("code") == "" {
		t.Errorf("afterwards: %v", got)
	}
}

// TestFailures has the answers, which are like the path's, and the events.
func TestFailures(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		asked  string
		method string
		status int
		code   string
		header string
	}{
		"the default":         {`{"path": "/oauth/token"}`, "POST", 503, "temporarily_unavailable", "1"},
		"too many requests":   {`{"path": "/oauth/token", "status": 429}`, "POST", 429, "too_many_requests", "1"},
		"an error of its own": {`{"path": "/oauth/token", "status": 403, "error": "invalid_grant", "error_description": "Gone."}`, "POST", 403, "invalid_grant", ""},
		"forbidden":           {`{"path": "/oauth/revoke", "status": 403}`, "POST", 403, "access_denied", ""},
		"unauthorized":        {`{"path": "/oauth/token", "status": 401}`, "POST", 401, "invalid_client", ""},
		"a bad gateway":       {`{"path": "/userinfo", "status": 502}`, "GET", 502, "server_error", ""},
		"of a document":       {`{"path": "/.well-known/jwks.json", "status": 404}`, "GET", 404, "invalid_request", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := start(t)
			if status, got := f.ask("fail", tc.asked); status != http.StatusOK {
				t.Fatalf("got %d %v", status, got)
			}
			path := text(t, decode[object](t, tc.asked), "path")
			got := f.send(f.request(tc.method, path, nil, "Origin: "+app))
			answer := decode[object](t, got.body)
			if got.status != tc.status || answer["error"] != tc.code || answer["error_description"] == "" || got.header.Get("Retry-After") != tc.header || got.header.Get("Access-Control-Allow-Origin") != app {
				t.Errorf("got %d %v %s", got.status, got.header, got.body)
			}
			events := decode[[]tenant.Event](t, f.get("/_tenant/events").body)
			kind := map[string]string{"/userinfo": tenant.EventUserinfo, "/.well-known/jwks.json": tenant.EventControl}[path]
			if len(events) != 2 || !events[0].Rejected || events[0].Error != tc.code || events[0].Type != cmp.Or(kind, tenant.EventTokens) {
				t.Errorf("the events are %v", events)
			}
			if got := f.send(f.request(tc.method, path, nil)); got.status == tc.status {
				t.Errorf("it fails again: %s", got.body)
			}
		})
	}
	f := start(t)
	f.ask("fail", `{"path": "/authorize", "error_description": "Come back <later>."}`)
	if got := f.get(authorizeURL()); got.status != http.StatusServiceUnavailable || !strings.Contains(got.body, "Come back &lt;later&gt;.") || !strings.Contains(got.header.Get("Content-Type"), "html") {
		t.Errorf("a page: %d %s", got.status, got.body)
	}
	f.ask("fail", `{"path": "/userinfo", "times": 5}`)
	f.ask("fail", `{"path": "/userinfo", "times": 0}`)
	if got := f.get("/userinfo").status; got != http.StatusUnauthorized && got != http.StatusBadRequest {
		t.Errorf("a removed failure: %d", got)
	}
	for name, tc := range map[string]struct{ body, why string }{
		"no path":         {`{}`, "docs/tenant.md"},
		"an unclean path": {`{"path": "//oauth/token"}`, "docs/tenant.md"},
		"a typo":          {`{"path": "/oauth/tokn"}`, "docs/tenant.md"},
		"a control":       {`{"path": "/_tenant/users"}`, "docs/tenant.md"},
		"another's path":  {`{"path": "/passwordless/start"}`, "docs/tenant.md"},
		"negative times":  {`{"path": "/userinfo", "times": -1}`, "negative"},
		"no code":         {`{"path": "/userinfo", "error": "not a code"}`, "like \\\"invalid_grant"},
		"a long text":     {`{"path": "/userinfo", "error_description": "` + strings.Repeat("x", 500) + `"}`, "at most 400 bytes"},
		"success":         {`{"path": "/userinfo", "status": 200}`, "from 400 to 599"},
		"an unknown user": {`{"path": "/userinfo", "user": "x@example.com"}`, "no user"},
	} {
		if status, got := f.ask("fail", tc.body); status != http.StatusBadRequest || !strings.Contains(text(t, got, "error"), tc.why) {
			t.Errorf("%s: got %d %v", name, status, got)
		}
	}
}

// TestManyFailures adds more failures than may wait.
func TestManyFailures(t *testing.T) {
	t.Parallel()
	_, local := startLocal(t, outputtest.New())
	fail := func(user, path string) error { return local.Fail(tenant.Failure{Path: path, User: user}) }
	paths := []string{"/oauth/token", "/userinfo", "/authorize"}
	for range 700 {
		u, err := local.AddUser(tenant.NewUser{})
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range paths {
			if err = fail(u.ID, path); err != nil {
				if !strings.Contains(err.Error(), "reset") {
					t.Error(err)
				}
				local.Reset()
				if err := fail("auth0|ada", path); err != nil {
					t.Errorf("after a reset: %v", err)
				}
				return
			}
		}
	}
	t.Error("2100 failures wait")
}
