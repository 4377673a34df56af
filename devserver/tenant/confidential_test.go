package tenant_test

import (
	"html"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"calling-an-api.example/devserver/internal/outputtest"
)

// confidential is a tenant with web applications that have a secret.
const confidential = `{
	"users": [{"user_id": "auth0|ada", "email": "ada@example.com", "password": "ada-local", "nickname": "ada"}],
	"clients": [
		{"client_id": "web", "client_secret": "s", "name": "Web", "callbacks": ["` + app + `/callback"], "grant_types": ["authorization_code", "refresh_token", "implicit"]},
		{"client_id": "strict", "client_secret": "s", "name": "Strict", "require_pkce": true, "callbacks": ["` + app + `/callback"], "grant_types": ["authorization_code"]},
	],
	"apis": [
		{"audience": "` + audience + `", "name": "A", "scopes": {}, "token_lifetime": 60},
		{"audience": "https://other.test", "name": "B", "scopes": {}, "token_lifetime": 60},
	],
}`

func startConfidential(t *testing.T) *fixture {
	t.Helper()
	f, local := startLocal(t, outputtest.New())
	if err := local.Configure("test", []byte(confidential)); err != nil {
		t.Fatal(err)
	}
	f.ask("session", `{"user": "ada@example.com"}`)
	return f
}

const noPKCE = "code_challenge="

// TestConfidentialClient exchanges codes with a secret and without PKCE, as servers do.
func TestConfidentialClient(t *testing.T) {
	t.Parallel()
	f := startConfidential(t)
	code := func(changes ...string) string {
		t.Helper()
		got := f.get(authorizeURL(append([]string{"client_id=web", noPKCE, "code_challenge_method="}, changes...)...))
		if got.location == nil || got.location.Query().Get("code") == "" {
			t.Fatalf("%d to %v: %s", got.status, got.location, got.body)
		}
		return got.location.Query().Get("code")
	}
	form := func(code string, changes ...string) url.Values {
		return codeForm(code, append([]string{"client_id=web", "client_secret=s", "code_verifier="}, changes...)...)
	}
	if status, tokens := f.tokens(form(code())); status != http.StatusOK || claims(t, tokens.Access)["azp"] != "web" {
		t.Errorf("without PKCE: %d", status)
	}
	for name, bad := range map[string]url.Values{
		"a verifier without a challenge": form(code(), "code_verifier="+verifier),
		"the wrong secret":               form(code(), "client_secret=x"),
		"no secret":                      form(code(), "client_secret="),
	} {
		if status, tokens := f.tokens(bad); status < 400 || tokens.Access != "" {
			t.Errorf("%s: %d", name, status)
		}
	}
	if got := f.get(authorizeURL("client_id=strict", noPKCE)).location.Query(); got.Get("error") != "invalid_request" || !strings.Contains(got.Get("error_description"), "PKCE") {
		t.Errorf("a client that requires PKCE: %v", got)
	}

	// One with PKCE still needs the verifier.
	withPKCE := f.get(authorizeURL("client_id=web")).location.Query().Get("code")
	if status, _ := f.tokens(form(withPKCE)); status < 400 {
		t.Errorf("a challenge without a verifier: %d", status)
	}

	// Without a scope, there is no ID token; a refresh token is for one API.
	if _, tokens := f.tokens(form(code("scope="))); tokens.Access == "" || tokens.ID != "" {
		t.Errorf("without a scope: %+v", tokens)
	}
	_, tokens := f.tokens(form(code("scope=openid offline_access")))
	refresh := func(audience string) (int, tokenAnswer) {
		return f.tokens(url.Values{"grant_type": {"refresh_token"}, "client_id": {"web"}, "client_secret": {"s"}, "refresh_token": {tokens.Refresh}, "audience": {audience}})
	}
	if status, got := refresh("https://other.test"); status != http.StatusBadRequest || got.Access != "" {
		t.Errorf("a refresh for another API: %d %+v", status, got)
	}
	if status, got := refresh(audience); status != http.StatusOK || got.Access == "" {
		t.Errorf("a refresh for its API: %d", status)
	}
	if id := claims(t, f.idToken(form(code("max_age=1000")))); id["auth_time"] == nil {
		t.Errorf("with max_age, the ID token is %v", id)
	}
}

func (f *fixture) idToken(form url.Values) string {
	f.Helper()
	_, tokens := f.tokens(form)
	return tokens.ID
}

// TestIDTokenByForm has the response type of express-openid-connect.
func TestIDTokenByForm(t *testing.T) {
	t.Parallel()
	f := startConfidential(t)
	ask := func(changes ...string) answer {
		return f.get(authorizeURL(append([]string{"client_id=web", "response_type=id_token", "response_mode=form_post", noPKCE, "code_challenge_method="}, changes...)...))
	}
	page := html.UnescapeString(ask().body)
	m := regexp.MustCompile(`name="id_token" value="([^"]+)"`).FindStringSubmatch(page)
	if m == nil || !strings.Contains(page, app+"/callback") {
		t.Fatalf("the page is %s", page)
	}
	if id := claims(t, m[1]); id["aud"] != "web" || id["nonce"] != "n0nce" || id["sub"] != "auth0|ada" {
		t.Errorf("the ID token is %v", id)
	}
	for change, want := range map[string]string{"response_mode=query": "form_post", "nonce=": "nonce"} {
		got := ask(change)
		text := html.UnescapeString(got.body)
		if got.location != nil {
			text = got.location.Query().Get("error_description")
		}
		if strings.Contains(text, "eyJ") || !strings.Contains(text, want) {
			t.Errorf("%s: %d %s", change, got.status, text)
		}
	}
}

// TestRepeatedParameters has what two readers would understand in two ways.
func TestRepeatedParameters(t *testing.T) {
	t.Parallel()
	f := start(t)
	if got := f.get(authorizeURL() + "&scope=openid"); got.status != http.StatusBadRequest || !strings.Contains(got.body, "scope is included more than once") {
		t.Errorf("/authorize: %d %s", got.status, got.body)
	}
	form := codeForm("x")
	form.Add("code", "y")
	if got := f.post("/oauth/token", form); got.status != http.StatusBadRequest || !strings.Contains(got.body, "code is included more than once") {
		t.Errorf("/oauth/token: %d %s", got.status, got.body)
	}
}

// TestUnsupported has paths of Auth0 that the tenant lacks. Scripts of the page can read why.
func TestUnsupported(t *testing.T) {
	t.Parallel()
	f := start(t)
	for path, method := range map[string]string{
		"/dbconnections/signup": "POST", "/passwordless/start": "POST", "/api/v2/users": "GET", "/oauth/device/code": "POST", "/.well-known/webfinger": "GET",
		"/oidc/register": "POST", "/api/v2/users/1": "PATCH",
	} {
		got := f.send(f.request(method, path, strings.NewReader("{}"), "Origin: "+app, "Sec-Fetch-Site: same-site", "Content-Type: application/json"))
		if got.status != http.StatusNotFound || decode[object](t, got.body)["error"] != "not_supported" || !strings.Contains(got.body, path) || !strings.Contains(got.body, "docs/tenant.md") ||
			got.header.Get("Access-Control-Allow-Origin") != app {
			t.Errorf("%s %s: %d %v %s", method, path, got.status, got.header, got.body)
		}
		preflight := f.send(f.request(http.MethodOptions, path, nil, "Origin: "+app, "Access-Control-Request-Method: "+method, "Access-Control-Request-Headers: content-type"))
		if preflight.header.Get("Access-Control-Allow-Origin") != app {
			t.Errorf("the preflight of %s: %d %v", path, preflight.status, preflight.header)
		}
	}
	if page := f.get("/").body; !strings.Contains(page, "does not support POST /dbconnections/signup") {
		t.Error("the dashboard does not show it")
	}
}

// TestLoginByNickname accepts a user name without @, as suites that were written for Auth0's
// login page send it.
func TestLoginByNickname(t *testing.T) {
	t.Parallel()
	f := start(t)
	state := f.get(authorizeURL()).location.Query().Get("state")
	page := f.get("/u/login?state=" + state).body
	for _, text := range []string{`type="submit" name="action" value="default" data-action-button-primary="true"`, `name="username" type="text"`} {
		if !strings.Contains(page, text) {
			t.Errorf("the page lacks %s", text)
		}
	}
	got := f.post("/u/login", url.Values{"state": {state}, "username": {"Ada"}, "password": {"ada-local"}, "action": {"default"}})
	if got.location == nil || got.location.Path != "/u/consent" {
		t.Fatalf("led to %v: %d", got.location, got.status)
	}
	if page := f.get(got.location.String()).body; !strings.Contains(page, audience) {
		t.Error("the consent page does not name the API's identifier")
	}
}
