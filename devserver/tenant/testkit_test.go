package tenant_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"calling-an-api.example/devserver/internal/outputtest"
	"calling-an-api.example/devserver/tenant"
)

// ask sends a control and decodes its answer.
func (f *fixture) ask(path, body string) (int, object) {
	f.Helper()
	got := f.send(f.request(http.MethodPost, "/_tenant/"+path, strings.NewReader(body), "Content-Type: application/json"))
	if got.status != http.StatusOK {
		return got.status, object{"error": got.body}
	}
	return got.status, decode[object](f.T, got.body)
}

// TestSessionWithoutLogin starts a session: the app gets a code without a page of the tenant.
func TestSessionWithoutLogin(t *testing.T) {
	t.Parallel()
	f := start(t)
	if status, _ := f.ask("session", `{"user": "ada@example.com"}`); status != http.StatusOK {
		t.Fatalf("got %d", status)
	}
	code := f.get(authorizeURL("prompt=none", "scope=openid profile read:messages")).location.Query().Get("code")
	_, tokens := f.tokens(codeForm(code))
	if got := claims(t, tokens.Access); got["sub"] != "auth0|ada" || got["scope"] != "openid profile read:messages" {
		t.Errorf("the token is %v", got)
	}
	f.browser = newBrowser(t)
	f.ask("session", `{"user": "charles@example.com", "consent": false}`)
	if got := f.get(authorizeURL("prompt=none")).location.Query(); got.Get("error") != "consent_required" {
		t.Errorf("without consent: %v", got)
	}
	for name, body := range map[string]string{"unknown": `{"user": "x@example.com"}`, "a typo": `{"usr": "ada@example.com"}`} {
		if status, got := f.ask("session", body); status != http.StatusBadRequest {
			t.Errorf("%s: got %d %v", name, status, got)
		}
	}
}

// TestUsersOfTests adds users, who log in as those of the file do, until a reset.
func TestUsersOfTests(t *testing.T) {
	t.Parallel()
	f, local := startLocal(t, outputtest.New())
	_, made := f.ask("users", `{"permissions": ["read:messages"], "given_name": "Grace", "claims": {"https://x.test/roles": ["admin"]}}`)
	email, _ := made["email"].(string)
	f.ask("session", fmt.Sprintf(`{"user": %q}`, email))
	code := f.get(authorizeURL("prompt=none", "scope=openid read:messages")).location.Query().Get("code")
	_, tokens := f.tokens(codeForm(code))
	if got := claims(t, tokens.Access); got["sub"] != made["user_id"] || got["scope"] != "openid read:messages" || got["https://x.test/roles"] == nil {
		t.Errorf("the token is %v", got)
	}
	if err := local.Reload(); err != nil { // as after an edit of the file
		t.Fatal(err)
	}
	if got := f.get(authorizeURL("prompt=none")).location.Query(); got.Get("code") == "" {
		t.Errorf("after an edit of the file: %v", got)
	}
	for name, body := range map[string]string{
		"twice": fmt.Sprintf(`{"email": %q}`, email), "the file's": `{"user_id": "auth0|ada"}`, "a claim without namespace": `{"claims": {"sub": "x"}}`,
	} {
		if status, got := f.ask("users", body); status != http.StatusBadRequest {
			t.Errorf("%s: got %d %v", name, status, got)
		}
	}

	f.control("clock", `{"ahead": "1h"}`)
	f.control("fail", `{"path": "/userinfo"}`)
	if status, got := f.ask("reset", ""); status != http.StatusOK {
		t.Fatalf("got %d %v", status, got)
	}
	if got := f.get(authorizeURL("prompt=none")).location.Query(); got.Get("error") != "login_required" {
		t.Errorf("after a reset: %v", got)
	}
	if status, _ := f.ask("session", fmt.Sprintf(`{"user": %q}`, email)); status != http.StatusBadRequest {
		t.Error("after a reset, the user is still there")
	}
	if got := f.get("/userinfo"); got.status == http.StatusServiceUnavailable {
		t.Error("after a reset, requests fail still")
	}
	for range 1000 {
		if _, err := local.AddUser(tenant.NewUser{}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := local.AddUser(tenant.NewUser{}); err == nil || !strings.Contains(err.Error(), "reset") {
		t.Errorf("one more: %v", err)
	}
}

// TestEvents reads what happened as JSON: all of it, and what concerns one user.
func TestEvents(t *testing.T) {
	t.Parallel()
	f := start(t)
	code := f.logIn("ada@example.com", "ada-local")
	f.tokens(codeForm(code))
	f.tokens(codeForm(code)) // again, which is rejected
	got := f.get("/_tenant/events")
	if strings.Contains(got.body, code) || strings.Contains(got.body, "eyJ") {
		t.Error("the events contain a code or a token")
	}
	events := decode[[]tenant.Event](t, got.body)
	if len(events) < 4 || !events[0].Rejected || events[1].Rejected || len(events[1].Tokens) != 2 || events[1].Tokens[0].Kind != "Access token" || events[1].At.IsZero() {
		t.Errorf("got %s", got.body)
	}

	charles := &fixture{t, f.url, newBrowser(t)}
	charles.ask("session", `{"user": "charles@example.com", "consent": false}`)
	charles.get(authorizeURL("prompt=none"))
	state := charles.get(authorizeURL()).location.Query().Get("state")
	charles.consent(state, "decline")
	state = charles.get(authorizeURL()).location.Query().Get("state")
	charles.consent(state, "accept")
	charles.get("/v2/logout")
	state = charles.get(authorizeURL()).location.Query().Get("state")
	charles.post("/u/login", url.Values{"state": {state}, "username": {"charles@example.com"}, "password": {"wrong"}})
	var kinds []string
	for _, e := range decode[[]tenant.Event](t, f.get("/_tenant/events?user=Charles@example.com").body) {
		kind := strings.TrimSpace(fmt.Sprintf("%s %s %s", e.Type, e.Client, e.Error))
		if e.Rejected {
			kind = "rejected " + kind
		}
		kinds = append(kinds, kind)
	}
	want := []string{ // the first is the wrong password
		"rejected login spa", "logout", "consent spa", "rejected login spa access_denied", "rejected login spa consent_required", "login",
	}
	if !slices.Equal(kinds, want) {
		t.Errorf("of charles: got %q, want %q", kinds, want)
	}
	if got := f.get("/_tenant/events?usr=ada@example.com"); got.status != http.StatusBadRequest || !strings.Contains(got.body, `\"usr\"`) {
		t.Errorf("a typo: got %d %s", got.status, got.body)
	}
	if got := f.get("/_tenant/events?user=nobody@example.com"); got.status != http.StatusBadRequest {
		t.Errorf("of nobody: got %d %s", got.status, got.body)
	}
}

// TestIgnoredParameters sends what the tenant ignores, and finds it among the events.
func TestIgnoredParameters(t *testing.T) {
	t.Parallel()
	f := start(t)
	f.get(authorizeURL("display=page", "claims={}", "ui_locales=de", "connection="))
	if got := f.get("/_tenant/events").body; !strings.Contains(got, "ignores: claims, display, ui_locales") {
		t.Errorf("got %s", got)
	}
}

// TestParallelWorkers has fifty workers, each with a user and a browser of its own, log in at the
// same time. None gets the token of another.
func TestParallelWorkers(t *testing.T) {
	t.Parallel()
	f := start(t)
	var wg sync.WaitGroup
	for range 50 {
		worker := &fixture{t, f.url, newBrowser(t)}
		wg.Go(func() {
			_, made := worker.ask("users", `{}`)
			for range 3 {
				worker.ask("session", fmt.Sprintf(`{"user": %q}`, made["email"]))
				location := worker.get(authorizeURL("prompt=none", "scope=openid")).location
				if location == nil {
					t.Error("no redirect")
					return
				}
				_, tokens := worker.tokens(codeForm(location.Query().Get("code")))
				if got := claims(t, tokens.Access); got["sub"] != made["user_id"] {
					t.Errorf("%v got a token of %v", made["user_id"], got["sub"])
				}
			}
		})
	}
	wg.Wait()
}

// TestControlsAreForThisMachine sends a control from another one.
func TestControlsAreForThisMachine(t *testing.T) {
	t.Parallel()
	_, local := startLocal(t, outputtest.New())
	for addr, want := range map[string]int{"127.0.0.1:1": 200, "[::1]:1": 200, "192.0.2.1:1": 403, "": 403} {
		r := httptest.NewRequest(http.MethodPost, "http://localhost/_tenant/reset", nil)
		r.RemoteAddr = addr
		w := httptest.NewRecorder()
		if local.ServeHTTP(w, r); w.Code != want {
			t.Errorf("from %q: got %d %s, want %d", addr, w.Code, w.Body, want)
		}
	}
}
