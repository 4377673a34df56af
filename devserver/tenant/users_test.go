package tenant_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"calling-an-api.example/devserver/internal/outputtest"
	"calling-an-api.example/devserver/tenant"
)

// text returns a member of an answer.
func text(t *testing.T, o object, name string) string {
	t.Helper()
	s, ok := o[name].(string)
	if !ok {
		t.Fatalf("%v has no text %q", o, name)
	}
	return s
}

// silentTokens returns the tokens of a silent login with more scopes.
func (f *fixture) silentTokens(scope string) tokenAnswer {
	f.Helper()
	location := f.get(authorizeURL("prompt=none", "scope="+scope)).location
	if location == nil || location.Query().Get("code") == "" {
		f.Fatalf("no code, but %v", location)
	}
	status, tokens := f.tokens(codeForm(location.Query().Get("code")))
	if status != http.StatusOK {
		f.Fatalf("got %d %+v", status, tokens)
	}
	return tokens
}

// TestFieldsOfUsers adds a user with all fields and finds them in the tokens.
func TestFieldsOfUsers(t *testing.T) {
	t.Parallel()
	f := start(t)
	status, made := f.ask("users", `{"user_id": "auth0|grace", "email": "grace@example.com", "password": "p", "given_name": "Grace", "family_name": "Hopper",
		"nickname": "amazing", "picture": "https://x.test/p.png", "permissions": ["read:messages"], "email_verified": false, "token_lifetime": 90,
		"claims": {"https://x.test/roles": ["admin"]}}`)
	if status != http.StatusOK {
		t.Fatalf("got %d %v", status, made)
	}
	f.ask("session", `{"user": "auth0|grace"}`)
	tokens := f.silentTokens("openid profile email read:messages")
	id, access := claims(t, tokens.ID), claims(t, tokens.Access)
	for name, want := range map[string]any{
		"sub": "auth0|grace", "email": "grace@example.com", "email_verified": false, "name": "Grace Hopper", "nickname": "amazing", "picture": "https://x.test/p.png",
	} {
		if id[name] != want {
			t.Errorf("the ID token's %s is %v, want %v", name, id[name], want)
		}
	}
	if access["exp"].(float64)-access["iat"].(float64) != 90 || access["https://x.test/roles"] == nil || tokens.Scope != "openid profile email read:messages" {
		t.Errorf("the access token is %v", access)
	}
	_, blocked := f.ask("users", `{"blocked": true}`)
	if status, got := f.ask("session", fmt.Sprintf(`{"user": %q}`, text(t, blocked, "email"))); status != http.StatusBadRequest || !strings.Contains(text(t, got, "error"), "is blocked") {
		t.Errorf("a blocked user: %d %v", status, got)
	}
	for name, tc := range map[string]struct{ body, why string }{
		"the same ID":            {`{"user_id": "auth0|ada"}`, `user_id \"auth0|ada\"`},
		"the same email":         {`{"email": "Ada@example.com"}`, `email address \"Ada@example.com\"`},
		"no email":               {`{"email": "ada"}`, "not an email address"},
		"no namespace":           {`{"claims": {"sub": "x"}}`, "needs a namespace"},
		"control characters":     {`{"user_id": "a\nb"}`, "control characters"},
		"large claims":           {`{"claims": {"https://x.test/a": "` + strings.Repeat("x", 5000) + `"}}`, "at most 4 KiB"},
		"an unknown permission":  {`{"permissions": ["read:mesages"]}`, `no API has the permission \"read:mesages\"`},
		"a negative lifetime":    {`{"token_lifetime": -1}`, "token_lifetime"},
		"a lifetime of too long": {`{"token_lifetime": 2592001}`, "token_lifetime"},
	} {
		if status, got := f.ask("users", tc.body); status != http.StatusBadRequest || !strings.Contains(text(t, got, "error"), tc.why) {
			t.Errorf("%s: got %d %v", name, status, got)
		}
	}
}

// TestChangedUsers changes a user of the file and one of a test, until the reset.
func TestChangedUsers(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"of the file", "of a test"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			f, local := startLocal(t, outputtest.New())
			user := "ada@example.com"
			if kind == "of a test" {
				_, made := f.ask("users", `{"permissions": ["read:messages"]}`)
				user = text(t, made, "email")
			}
			change := func(fields string) {
				t.Helper()
				if status, got := f.ask("users/change", fmt.Sprintf(`{"user": %q, %s}`, user, fields)); status != http.StatusOK {
					t.Fatalf("%s: got %d %v", fields, status, got)
				}
			}
			f.ask("session", fmt.Sprintf(`{"user": %q}`, user))
			refresh := f.silentTokens("openid offline_access read:messages").Refresh

			change(`"permissions": [], "email_verified": false, "token_lifetime": 5, "claims": {"https://x.test/plan": "free"}`)
			tokens := f.silentTokens("openid email read:messages")
			id, access := claims(t, tokens.ID), claims(t, tokens.Access)
			if id["email_verified"] != false || tokens.Scope != "openid email" || access["exp"].(float64)-access["iat"].(float64) != 5 || access["https://x.test/plan"] != "free" {
				t.Errorf("changed: %v, %v", id, access)
			}
			change(`"permissions": ["read:messages"], "token_lifetime": 0`) // the others stay changed
			if err := local.Reload(); err != nil {                          // as after an edit of the file
				t.Fatal(err)
			}
			tokens = f.silentTokens("openid email read:messages")
			if access = claims(t, tokens.Access); tokens.Scope != "openid email read:messages" || access["exp"].(float64)-access["iat"].(float64) != 7200 || claims(t, tokens.ID)["email_verified"] != false {
				t.Errorf("changed again: %v", access)
			}
			change(`"blocked": true`)
			if got := f.get(authorizeURL("prompt=none")).location.Query().Get("error"); got != "login_required" {
				t.Errorf("blocked: %q", got)
			}
			if status, _ := f.renew(refresh); status != http.StatusForbidden {
				t.Errorf("blocked, a refresh token: %d", status)
			}
			change(`"blocked": false`)
			if got := f.get(authorizeURL("prompt=none")).location.Query().Get("error"); got != "" {
				t.Errorf("unblocked: %q", got)
			}
		})
	}
	f := start(t)
	f.ask("users/change", `{"user": "auth0|ada", "blocked": true}`)
	f.ask("reset", "")
	if status, _ := f.ask("session", `{"user": "ada@example.com"}`); status != http.StatusOK {
		t.Errorf("after a reset: %d", status)
	}
	for name, tc := range map[string]struct{ body, why string }{
		"nobody":                {`{"user": "x@example.com", "blocked": true}`, "no user"},
		"no user":               {`{"blocked": true}`, `\"user\" is missing`},
		"an unknown permission": {`{"user": "auth0|ada", "permissions": ["x"]}`, "no API has the permission"},
		"a reserved claim":      {`{"user": "auth0|ada", "claims": {"sub": "x"}}`, "namespace"},
		"a lifetime":            {`{"user": "auth0|ada", "token_lifetime": -5}`, "token_lifetime"},
	} {
		if status, got := f.ask("users/change", tc.body); status != http.StatusBadRequest || !strings.Contains(text(t, got, "error"), tc.why) {
			t.Errorf("%s: got %d %v", name, status, got)
		}
	}
}

// TestChangeAfterTheCode changes a user between the code and its exchange: the tokens are those of the
// changed user. A code of a session that was ended is worth nothing.
func TestChangeAfterTheCode(t *testing.T) {
	t.Parallel()
	f := start(t)
	f.ask("session", `{"user": "ada@example.com"}`)
	code := func() string {
		t.Helper()
		return f.get(authorizeURL("prompt=none", "scope=openid email offline_access read:messages")).location.Query().Get("code")
	}
	first, second := code(), code()
	f.ask("users/change", `{"user": "auth0|ada", "permissions": [], "email_verified": false, "token_lifetime": 5}`)
	_, tokens := f.tokens(codeForm(first))
	access := claims(t, tokens.Access)
	if mustJSON(t, access["permissions"]) != "[]" || tokens.Scope != "openid email offline_access" || claims(t, tokens.ID)["email_verified"] != false || access["exp"].(float64)-access["iat"].(float64) != 5 {
		t.Errorf("the tokens are %v, %v", access, claims(t, tokens.ID))
	}
	minted := f.control("token", `{"user": "auth0|ada"}`)
	if got := claims(t, decode[tokenAnswer](t, minted.body).Access); got["exp"].(float64)-got["iat"].(float64) != 5 {
		t.Errorf("a minted token: %v", got)
	}
	f.ask("sessions/expire", `{"user": "auth0|ada"}`)
	if status, got := f.tokens(codeForm(second)); status != http.StatusForbidden || got.Refresh != "" {
		t.Errorf("a code of an ended session: %d %+v", status, got)
	}
}

// TestUserOfLongAgo blocks a user who then leaves the configuration. Another one with the ID is not
// blocked.
func TestUserOfLongAgo(t *testing.T) {
	t.Parallel()
	f, local := startLocal(t, outputtest.New())
	f.ask("users/change", `{"user": "auth0|charles", "blocked": true}`)
	if err := local.Configure("t.jsonc", []byte(manyKinds)); err != nil {
		t.Fatal(err)
	}
	f.ask("users", `{"user_id": "auth0|charles", "email": "charles@other.test"}`)
	f.ask("users/change", `{"user": "auth0|ada", "email_verified": false}`)
	if status, got := f.ask("session", `{"user": "auth0|charles"}`); status != http.StatusOK {
		t.Errorf("got %d %v", status, got)
	}
	if err := local.Configure("t.jsonc", []byte(configured(t, `charles@example.com`, `charles@other.test`))); err != nil {
		t.Fatal(err)
	}
	if n := len(local.Users()); n != 2 { // the configuration has him now
		t.Errorf("there are %d users", n)
	}
}

// TestValuesAreCopied changes what was given to the tenant, and what it has returned.
func TestValuesAreCopied(t *testing.T) {
	t.Parallel()
	_, local := startLocal(t, outputtest.New())
	permissions, roles := []string{"read:messages"}, []any{"admin"}
	u, err := local.AddUser(tenant.NewUser{Permissions: permissions, Claims: map[string]any{"https://x.test/roles": roles}})
	if err != nil {
		t.Fatal(err)
	}
	permissions[0], roles[0] = "changed", "changed"
	for range 2 {
		if _, err := local.Mint(tenant.MintOptions{User: u.ID}); err != nil {
			t.Fatal(err)
		}
		got := local.Events(u.Email)[0].Tokens[0].Claims
		if text := mustJSON(t, got); strings.Contains(text, "changed") {
			t.Errorf("the claims are %s", text)
		}
		got["https://x.test/roles"].([]any)[0] = "changed"
	}
	if _, err := local.Mint(tenant.MintOptions{Claims: map[string]any{"x": strings.Repeat("x", 9000)}}); err != nil {
		t.Fatal(err)
	}
	if got := local.Events("")[0].Tokens[0].Claims; len(got) != 1 || got["too_large"] == nil {
		t.Error("an event has large claims")
	}
	if len(local.Events("nobody@example.com")) != 0 || len(local.Events("")) != 3 {
		t.Error("the events are not filtered")
	}
}

// TestTokensOfOwnConfiguration makes a token where the file has other clients and APIs than the default.
func TestTokensOfOwnConfiguration(t *testing.T) {
	t.Parallel()
	f, local := startLocal(t, outputtest.New())
	config := `{"users": [{"user_id": "a", "email": "a@b.c", "password": "p"}], "clients": [{"client_id": "mine", "name": "M", "grant_types": ["authorization_code"]}],
		"apis": [{"audience": "https://mine.test", "name": "A", "scopes": {}, "token_lifetime": 60}]}`
	if err := local.Configure("t.jsonc", []byte(config)); err != nil {
		t.Fatal(err)
	}
	got := claims(t, decode[tokenAnswer](t, f.control("token", `{"user": "a"}`).body).Access)
	if got["azp"] != "mine" || !strings.Contains(mustJSON(t, got["aud"]), "https://mine.test") || got["exp"].(float64)-got["iat"].(float64) != 60 {
		t.Errorf("got %v", got)
	}
}

// TestLoginOfManyUsers logs in by the page: it lists the configuration's users, accepts those of
// tests, and tells two with one nickname apart.
func TestLoginOfManyUsers(t *testing.T) {
	t.Parallel()
	f := start(t)
	f.ask("users", `{"email": "ada@other.test", "password": "another"}`)
	login := func(name, password string) answer {
		t.Helper()
		f.browser = newBrowser(t)
		state := f.get(authorizeURL()).location.Query().Get("state")
		if page := f.get("/u/login?state=" + state).body; strings.Contains(page, "other.test") || !strings.Contains(page, "charles@example.com") {
			t.Errorf("the page is %s", page)
		}
		return f.post("/u/login", url.Values{"state": {state}, "username": {name}, "password": {password}})
	}
	for _, password := range []string{"ada-local", "another"} {
		if got := login("ada", password); got.location == nil || got.location.Path != "/u/consent" {
			t.Errorf("%s: %d to %v", password, got.status, got.location)
		}
	}
	for name, focused := range map[string]string{"nobody": "username", "ada": "password"} {
		got := login(name, "wrong")
		field := got.body[strings.Index(got.body, `id="`+focused):]
		field, _, _ = strings.Cut(field, ">")
		if got.status != http.StatusUnauthorized || !strings.Contains(field, "autofocus") || strings.Count(got.body, "autofocus") != 1 {
			t.Errorf("%s: got %d, and %s", name, got.status, field)
		}
	}
}

// TestAllConsent starts a session with consent to everything, and one without.
func TestAllConsent(t *testing.T) {
	t.Parallel()
	f := start(t)
	silent := func(scope string) string {
		t.Helper()
		return f.get(authorizeURL("prompt=none", "scope="+scope)).location.Query().Get("error")
	}
	f.ask("session", `{"user": "ada@example.com"}`)
	if got := silent("openid read:messages offline_access"); got != "" {
		t.Errorf("with consent: %q", got)
	}
	status, answer := f.ask("session", `{"user": "ada@example.com", "consent": false}`)
	if got := silent("openid"); got != "consent_required" {
		t.Errorf("without: %q", got)
	}
	cookie, ok := answer["cookie"].(object)
	if !ok || status != http.StatusOK || !strings.HasPrefix(text(t, cookie, "name"), "local_tenant_session_") || cookie["sameSite"] != "Lax" || cookie["secure"] != false || cookie["httpOnly"] != true || cookie["url"] != f.url+"/" {
		t.Fatalf("the answer is %d %v", status, answer)
	}
	f.ask("session", `{"user": "ada@example.com"}`) // which replaces the other one
	f.browser = newBrowser(t)
	header := "Cookie: " + text(t, cookie, "name") + "=" + text(t, cookie, "value")
	if got := f.get(authorizeURL("prompt=none"), header).location.Query().Get("error"); got != "login_required" {
		t.Errorf("the session that was replaced: %q", got)
	}
	_, answer = f.ask("session", `{"user": "ada@example.com"}`)
	cookie, _ = answer["cookie"].(object)
	f.browser = newBrowser(t)
	if got := f.get(authorizeURL("prompt=none"), "Cookie: "+text(t, cookie, "name")+"="+text(t, cookie, "value")).location.Query().Get("code"); got == "" {
		t.Error("the cookie in the answer does not work")
	}
}

// TestEndedSessions ends those of one user.
func TestEndedSessions(t *testing.T) {
	t.Parallel()
	f, local := startLocal(t, outputtest.New())
	ada, charles := &fixture{t, f.url, newBrowser(t)}, &fixture{t, f.url, newBrowser(t)}
	ada.ask("session", `{"user": "ada@example.com"}`)
	charles.ask("session", `{"user": "charles@example.com"}`)
	refresh := ada.silentTokens("openid offline_access").Refresh
	if err := local.EndSessions("auth0|ada"); err != nil {
		t.Fatal(err)
	}
	if got := ada.get(authorizeURL("prompt=none")).location.Query().Get("error"); got != "login_required" {
		t.Errorf("ada's: %q", got)
	}
	if status, _ := ada.renew(refresh); status != http.StatusForbidden {
		t.Errorf("ada's refresh token: %d", status)
	}
	if got := charles.get(authorizeURL("prompt=none")).location.Query().Get("error"); got != "" {
		t.Errorf("charles': %q", got)
	}
	if status, _ := f.ask("sessions/expire", `{"user": "nobody"}`); status != http.StatusBadRequest {
		t.Errorf("nobody's: %d", status)
	}
}
