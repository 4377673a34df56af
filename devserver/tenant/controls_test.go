package tenant_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"
)

// control asks for path with the JSON object body.
func (f *fixture) control(path, body string, header ...string) answer {
	f.Helper()
	return f.send(f.request(http.MethodPost, "/_tenant/"+path, strings.NewReader(body), append([]string{"Content-Type: application/json"}, header...)...))
}

func (f *fixture) kids() (kids []string) {
	f.Helper()
	var set struct{ Keys []struct{ Kid string } }
	if err := json.Unmarshal([]byte(f.get("/.well-known/jwks.json").body), &set); err != nil {
		f.Fatal(err)
	}
	for _, key := range set.Keys {
		kids = append(kids, key.Kid)
	}
	return kids
}

func TestKeyRotation(t *testing.T) {
	t.Parallel()
	f := start(t)
	first := f.kids()
	_, before := f.tokens(codeForm(f.logIn("ada@example.com", "ada-local")))
	userinfo := func(token string) int { return f.get("/userinfo", "Authorization: Bearer "+token).status }
	if got := f.control("keys/revoke", `{"kid": "`+first[0]+`"}`); got.status != http.StatusBadRequest {
		t.Errorf("the only key was taken back: %d", got.status)
	}
	if got := f.control("keys/rotate", ""); got.status != http.StatusOK {
		t.Fatalf("%d %s", got.status, got.body)
	}
	kids := f.kids()
	if len(kids) != 2 || kids[0] == first[0] || kids[1] != first[0] {
		t.Fatalf("the keys are %v, were %v", kids, first)
	}
	if status := userinfo(before.Access); status != http.StatusOK {
		t.Errorf("a token of the old key: %d", status)
	}
	if got := f.control("keys/revoke", `{"kid": "`+kids[1]+`"}`); got.status != http.StatusOK || len(f.kids()) != 1 {
		t.Errorf("%d, the keys are %v", got.status, f.kids())
	}
	if status := userinfo(before.Access); status != http.StatusUnauthorized {
		t.Errorf("a token of the key taken back: %d", status)
	}
	for range 8 {
		f.control("keys/rotate", "")
	}
	if n := len(f.kids()); n != 5 {
		t.Errorf("%d keys are published", n)
	}
}

func TestControls(t *testing.T) {
	t.Parallel()
	f := start(t)
	f.logIn("ada@example.com", "ada-local")
	silent := func() string { return f.get(authorizeURL("prompt=none")).location.Query().Get("error") }
	if silent() != "" {
		t.Fatal("not logged in")
	}
	f.control("fail", `{"path": "/.well-known/jwks.json", "times": 2}`)
	for i, want := range []int{503, 503, 200} {
		if got := f.get("/.well-known/jwks.json").status; got != want {
			t.Errorf("request %d: %d, want %d", i, got, want)
		}
	}
	f.control("fail", `{"path": "/oauth/token"}`)
	preflight := f.send(f.request(http.MethodOptions, "/oauth/token", nil, "Origin: "+app, "Access-Control-Request-Method: POST"))
	if preflight.header.Get("Access-Control-Allow-Origin") != app {
		t.Errorf("the preflight fails: %d %v", preflight.status, preflight.header)
	}
	for i, want := range []int{503, 400} { // once, if nothing else is said
		if got := f.post("/oauth/token", nil, "Origin: "+app); got.status != want || got.header.Get("Access-Control-Allow-Origin") != app {
			t.Errorf("request %d: %d %v; can the page see the %d?", i, got.status, got.header, want)
		}
	}
	f.control("clock", `{"ahead": "13h"}`)
	if silent() != "login_required" {
		t.Error("a session outlives its time")
	}
	f.control("clock", `{"ahead": "0s"}`)
	if silent() != "" {
		t.Error("back in its time it is gone")
	}
	f.control("sessions/expire", "")
	if silent() != "login_required" {
		t.Error("an expired session still works")
	}

	for name, got := range map[string]answer{
		"another origin":  f.control("sessions/expire", "", "Origin: "+app, "Sec-Fetch-Site: same-site"),
		"an unknown part": f.control("fail", `{"paht": "/x"}`),
		"no duration":     f.control("clock", `{"ahead": 5}`),
		"of a control":    f.control("fail", `{"path": "/_tenant/fail"}`),
		"no path":         f.control("fail", `{"times": 1}`),
		"an odd status":   f.control("fail", `{"path": "/x", "status": 200}`),
		"an unknown user": f.control("token", `{"user": "nobody@example.com"}`),
		"an unknown flaw": f.control("token", `{"bad": "spelling"}`),
	} {
		if got.status < 400 || got.status > 499 {
			t.Errorf("%s: %d %s", name, got.status, got.body)
		}
	}
}

// TestWrongControls sends what authors of tests get wrong: the answer says what to write.
func TestWrongControls(t *testing.T) {
	t.Parallel()
	f := start(t)
	for name, tc := range map[string]struct{ method, path, body, why string }{
		"an unknown field":   {"POST", "session", `{"email": "ada@example.com"}`, `with the fields user, consent: \"email\" is not one of them`},
		"a list":             {"POST", "session", `[]`, "with the fields user, consent: it is array"},
		"another kind":       {"POST", "session", `{"consent": "no"}`, `\"consent\" must be true or false`},
		"text for a list":    {"POST", "users", `{"permissions": "read:messages"}`, `\"permissions\" must be a list`},
		"a list for text":    {"POST", "users", `{"email": []}`, `\"email\" must be text`},
		"text for an object": {"POST", "users", `{"claims": ""}`, `\"claims\" must be an object`},
		"text for a number":  {"POST", "fail", `{"path": "/userinfo", "status": "500"}`, `\"status\" must be a whole number`},
		"a form":             {"POST", "session", `user=ada@example.com`, "with the fields user, consent: invalid character"},
		"more than one":      {"POST", "session", `{"user": "ada@example.com"}{}`, "more after the object"},
		"too much":           {"POST", "session", `{"user": "` + strings.Repeat("x", 70_000) + `"}`, "larger than 64 KiB"},
		"no user":            {"POST", "session", ``, `\"user\" is missing`},
		"nobody":             {"POST", "session", `{"user": "x@example.com"}`, `email address or user_id \"x@example.com\"`},
		"no fields":          {"POST", "reset", `{"x": 1}`, "without fields"},
		"GET":                {"GET", "session", ``, "no method GET, only POST"},
		"POST":               {"POST", "events", ``, "no method POST, only GET"},
		"no clock":           {"POST", "clock", `{}`, `like \"2h\"`},
		"an unknown key":     {"POST", "keys/revoke", `{"kid": "x"}`, "no such key"},
		"no control":         {"POST", "usres", `{}`, "docs/tenant.md"},
	} {
		got := f.send(f.request(tc.method, "/_tenant/"+tc.path, strings.NewReader(tc.body), "Content-Type: application/json"))
		if got.status < 400 || got.status > 499 || !strings.Contains(got.body, tc.why) || strings.Contains(got.body, "json:") || strings.Contains(got.body, "Go ") {
			t.Errorf("%s: got %d %s", name, got.status, got.body)
		}
		if answer := decode[object](t, got.body); answer["error"] == "" || got.header.Get("Content-Type") != "application/json" {
			t.Errorf("%s: got %v", name, got.header)
		}
		if want := map[string]int{"GET": 405, "POST": 405}[name]; want != 0 && (got.status != want || got.header.Get("Allow") == "") {
			t.Errorf("%s: got %d %v", name, got.status, got.header)
		}
	}
	if got := f.control("reset", "", "Origin: "+app, "Sec-Fetch-Site: same-site"); got.status != http.StatusForbidden || !strings.Contains(got.body, "not from the page") {
		t.Errorf("from a page: got %d %s", got.status, got.body)
	}
}

func mustJSON(t *testing.T, v any) string {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestMintedTokens(t *testing.T) {
	t.Parallel()
	f := start(t)
	mint := func(body string) string {
		t.Helper()
		got := f.control("token", body)
		var a tokenAnswer
		if err := json.Unmarshal([]byte(got.body), &a); err != nil || a.Access == "" {
			t.Fatalf("%s: %d %s", body, got.status, got.body)
		}
		return a.Access
	}
	if c := claims(t, mint(`{"user": "ada@example.com"}`)); c["sub"] != "auth0|ada" || !strings.Contains(c["scope"].(string), "read:messages") || c["azp"] != "spa" {
		t.Errorf("a user's: %v", c)
	}
	if c := claims(t, mint(`{"audience": "https://x", "scope": "a b", "claims": {"sub": null, "exp": 5, "https://x/y": [1]}}`)); c["sub"] != nil ||
		c["exp"] != 5.0 || c["scope"] != "a b" || c["aud"] != "https://x" || c["https://x/y"] == nil {
		t.Errorf("with claims of its own: %v", c)
	}
	ago := time.Since(time.Unix(int64(claims(t, mint(`{"expired": true}`))["exp"].(float64)), 0))
	if ago < 59*time.Minute || ago > 61*time.Minute {
		t.Errorf("it expired %s ago", ago)
	}
	if c := claims(t, mint(`{}`)); c["scope"] != "read:messages" || c["gty"] != "client-credentials" || c["permissions"] == nil {
		t.Errorf("the machine's: %v", c)
	}
	if c := claims(t, mint(`{"user": "charles@example.com"}`)); c["scope"] != "openid profile email" || mustJSON(t, c["permissions"]) != "[]" {
		t.Errorf("of one without permissions: %v", c)
	}
	good := mint(`{"claims": {"aud": ["` + f.url + `/userinfo"]}, "user": "ada@example.com"}`)
	if status := f.get("/userinfo", "Authorization: Bearer "+good).status; status != http.StatusOK {
		t.Errorf("a good one: %d", status)
	}
	for _, bad := range []string{"signature", "key", "none"} {
		token := mint(`{"bad": "` + bad + `", "claims": {"aud": ["` + f.url + `/userinfo"]}, "user": "ada@example.com"}`)
		if status := f.get("/userinfo", "Authorization: Bearer "+token).status; status != http.StatusUnauthorized {
			t.Errorf("%s: %d", bad, status)
		}
	}
}
