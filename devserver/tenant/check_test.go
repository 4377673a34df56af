package tenant_test

import (
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"calling-an-api.example/devserver/internal/outputtest"
)

// manyKinds is a tenant with clients and APIs of all kinds.
const manyKinds = `{
	"users": [{"user_id": "auth0|ada", "email": "ada@example.com", "password": "ada-local", "permissions": ["read:a", "read:b"]}],
	"clients": [
		{"client_id": "spa", "name": "SPA", "callbacks": ["` + app + `/callback", "com.acme.app:/callback", "acme://callback"], "web_origins": ["` + app + `"],
			"grant_types": ["authorization_code", "refresh_token", "implicit"]},
		{"client_id": "machine", "client_secret": "s", "name": "Machine", "callbacks": ["` + app + `/callback"], "grant_types": ["client_credentials"], "scopes": ["read:a", "read:c"]},
	],
	"apis": [
		{"audience": "https://a.test", "name": "A", "scopes": {"read:a": ""}, "token_lifetime": 60, "rbac": true},
		{"audience": "https://b.test", "name": "B", "scopes": {"read:b": ""}, "token_lifetime": 60, "rbac": true},
		{"audience": "https://c.test", "name": "C", "scopes": {"read:c": ""}, "token_lifetime": 60},
	],
}`

func startManyKinds(t *testing.T) *fixture {
	t.Helper()
	f, local := startLocal(t, outputtest.New())
	if err := local.Configure("test", []byte(manyKinds)); err != nil {
		t.Fatal(err)
	}
	f.ask("session", `{"user": "ada@example.com"}`)
	return f
}

// TestTypesOfRequests has response types and parameters that are rejected, each by the reason that
// comes first, where the app expects it.
func TestTypesOfRequests(t *testing.T) {
	t.Parallel()
	f := startManyKinds(t)
	for name, tc := range map[string]struct {
		changes    []string
		code       string
		why        string
		inFragment bool
	}{
		"an access token":       {[]string{"response_type=token", "response_mode="}, "unsupported_response_type", "must be code or", true},
		"both":                  {[]string{"response_type=id_token token", "response_mode="}, "unsupported_response_type", "must be code or", true},
		"both by query":         {[]string{"response_type=id_token token"}, "unsupported_response_type", "must be code or", false},
		"nonsense":              {[]string{"response_type=foo", "audience=x"}, "unsupported_response_type", "must be code or", false},
		"no type":               {[]string{"response_type=", "response_mode="}, "invalid_request", "response_type", false},
		"an ID token by query":  {[]string{"response_type=id_token", "audience="}, "invalid_request", "form_post", false},
		"an ID token":           {[]string{"response_type=id_token", "response_mode="}, "invalid_request", "form_post", true},
		"a client of machines":  {[]string{"client_id=machine"}, "unauthorized_client", "authorization_code", false},
		"a request object":      {[]string{"request=a.b.c", "code_challenge="}, "request_not_supported", "parameters themselves", false},
		"details":               {[]string{"authorization_details=[]"}, "invalid_request", "authorization_details", false},
		"an unknown prompt":     {[]string{"prompt=foo"}, "invalid_request", "prompt must be one of none", false},
		"a malformed challenge": {[]string{"code_challenge=x"}, "invalid_request", "43 characters", false},
		"another resource":      {[]string{"resource=https://b.test"}, "invalid_target", "not the same API", false},
		"no such resource":      {[]string{"audience=", "resource=https://x.test"}, "access_denied", "Service not found", false},
		"a message to an app":   {[]string{"redirect_uri=acme://callback", "response_mode=web_message"}, "invalid_request", "http or https", false},
		"a malformed key":       {[]string{"dpop_jkt=x"}, "invalid_request", "dpop_jkt", false},
	} {
		got := f.get(authorizeURL(append([]string{"audience=https://a.test"}, tc.changes...)...))
		if got.location == nil {
			t.Errorf("%s: got %d %s", name, got.status, got.body)
			continue
		}
		sent := got.location.RawQuery
		if tc.inFragment {
			sent = got.location.EscapedFragment()
		}
		q, err := url.ParseQuery(sent)
		if err != nil || q.Get("error") != tc.code || !strings.Contains(q.Get("error_description"), tc.why) || q.Get("state") != "st&te" {
			t.Errorf("%s: got %v", name, got.location)
		}
	}
	// Without the scope openid, an ID token is not for anybody (OpenID Connect Core §3.1.2.1).
	got := f.get(authorizeURL("response_type=id_token", "response_mode=form_post", "scope=profile", "audience="))
	if !strings.Contains(got.body, `value="invalid_scope"`) {
		t.Errorf("without openid: got %s", got.body)
	}
	// By a pushed request there is no redirect URI.
	got = f.get("/authorize?client_id=spa&request_uri=urn:x")
	if got.status != http.StatusBadRequest || !strings.Contains(got.body, "request_uri is not supported") {
		t.Errorf("a request URI alone: got %d %s", got.status, got.body)
	}
	if got := f.get("/u/login?state=" + f.get(authorizeURL("audience=https://a.test", "prompt=login create")).location.Query().Get("state")); !strings.Contains(got.body, "asks you to sign up") {
		t.Errorf("prompt=create: got %s", got.body)
	}
}

// TestCallbacksOfApps redirects to callbacks of native apps.
func TestCallbacksOfApps(t *testing.T) {
	t.Parallel()
	f := startManyKinds(t)
	for _, callback := range []string{"com.acme.app:/callback", "acme://callback"} {
		got := f.get(authorizeURL("audience=https://a.test", "redirect_uri="+callback))
		if got.location == nil || !strings.HasPrefix(got.location.String(), callback+"?code=") {
			t.Errorf("%s: got %d to %v: %s", callback, got.status, got.location, got.body)
		}
	}
	form := f.get(authorizeURL("audience=https://a.test", "redirect_uri=com.acme.app:/callback", "response_mode=form_post")).body
	if !strings.Contains(form, `action="com.acme.app:/callback"`) {
		t.Errorf("the form is %s", form)
	}
}

// TestResource names the API by RFC 8707 instead of Auth0's audience.
func TestResource(t *testing.T) {
	t.Parallel()
	f := startManyKinds(t)
	code := f.get(authorizeURL("audience=", "resource=https://a.test", "scope=openid read:a")).location.Query().Get("code")
	_, tokens := f.tokens(codeForm(code, "resource=https://a.test"))
	if got := mustJSON(t, claims(t, tokens.Access)["aud"]); !strings.Contains(got, "https://a.test") {
		t.Errorf("aud is %s", got)
	}
}

// TestTimeOfLogin is in ID tokens if max_age was requested; prompt=login is not enough.
func TestTimeOfLogin(t *testing.T) {
	t.Parallel()
	f := start(t)
	for change, want := range map[string]bool{"prompt=login": false, "max_age=3600": true} {
		f.browser = newBrowser(t)
		_, tokens := f.tokens(codeForm(f.logIn("ada@example.com", "ada-local", change)))
		if _, has := claims(t, tokens.ID)["auth_time"]; has != want {
			t.Errorf("%s: the ID token is %v", change, claims(t, tokens.ID))
		}
	}
}

// TestTokensOfOtherAPIs asks the token endpoint for another API than that of the login. It gets none,
// instead of one of the login's API.
func TestTokensOfOtherAPIs(t *testing.T) {
	t.Parallel()
	f := startManyKinds(t)
	code := func() string {
		t.Helper()
		return f.get(authorizeURL("audience=https://a.test", "scope=openid offline_access read:a read:b")).location.Query().Get("code")
	}
	_, tokens := f.tokens(codeForm(code()))
	if got := mustJSON(t, claims(t, tokens.Access)["permissions"]); got != `["read:a"]` {
		t.Errorf("the permissions are %s", got)
	}
	refresh := url.Values{"grant_type": {"refresh_token"}, "client_id": {"spa"}}
	machine := url.Values{"grant_type": {"client_credentials"}, "client_id": {"machine"}, "client_secret": {"s"}, "audience": {"https://a.test"}}
	for name, tc := range map[string]struct {
		form    url.Values
		change  string
		success bool
	}{
		"a code, its audience":           {codeForm(code()), "audience=https://a.test", true},
		"a code, another audience":       {codeForm(code()), "audience=https://b.test", false},
		"a code, an empty audience":      {codeForm(code()), "audience=", true},
		"a code, an empty resource":      {codeForm(code()), "resource=", true},
		"a code, its resource":           {codeForm(code()), "resource=https://a.test", true},
		"a code, another resource":       {codeForm(code()), "resource=https://b.test", false},
		"a refresh, another audience":    {refresh, "audience=https://b.test", false},
		"a refresh, another resource":    {refresh, "resource=https://b.test", false},
		"a machine":                      {machine, "", true},
		"a machine, another resource":    {machine, "resource=https://b.test", false},
		"a machine, an organization":     {machine, "organization=org_x", false},
		"a machine, no audience":         {machine, "audience=", false},
		"a machine, the Management API":  {machine, "audience=" + f.url + "/api/v2/", false},
		"a machine, an unknown audience": {machine, "audience=https://x.test", false},
	} {
		form := maps.Clone(tc.form)
		if form.Get("grant_type") == "refresh_token" {
			form.Set("refresh_token", tokens.Refresh)
		}
		if key, value, ok := strings.Cut(tc.change, "="); ok {
			form.Set(key, value)
		}
		status, got := f.tokens(form)
		if (status == http.StatusOK) != tc.success || !tc.success && (got.Access != "" || got.Description == "") {
			t.Errorf("%s: got %d %+v", name, status, got)
		}
		if name == "a machine, the Management API" && !strings.Contains(got.Description, "docs/tenant.md") {
			t.Errorf("%s: got %+v", name, got)
		}
	}
	machine.Set("audience", "https://c.test") // which has no RBAC
	if _, got := f.tokens(machine); claims(t, got.Access)["permissions"] != nil || claims(t, got.Access)["scope"] != "read:c" {
		t.Errorf("without RBAC: %v", claims(t, got.Access))
	}
}

// TestBodies has bodies of the token endpoint that are no forms.
func TestBodies(t *testing.T) {
	t.Parallel()
	f := start(t)
	for name, tc := range map[string]struct {
		kind, body string
		status     int
		why        string
	}{
		"an unknown type":  {"text/plain", "grant_type=x", 400, "Content-Type"},
		"no form":          {"application/x-www-form-urlencoded", "%zz", 400, "not a form"},
		"a list":           {"application/json", `["grant_type"]`, 400, "object of strings"},
		"a list within":    {"application/json", `{"grant_type": ["x"]}`, 400, `\"grant_type\" is neither text`},
		"an odd parameter": {"application/x-www-form-urlencoded; charset", "grant_type=refresh_token&client_id=spa&refresh_token=x", 403, "refresh token"},
		"what SDKs add":    {"application/json", `{"grant_type": "refresh_token", "client_id": "spa", "refresh_token": "x", "audience": null, "max_age": 60, "x": true}`, 403, "refresh token"},
		"an open object":   {"application/json", `{"grant_type": "x"`, 400, "object of strings"},
		"an open text":     {"application/json", `{"grant_type": "x`, 400, "object of strings"},
		"more than one":    {"application/json", `{"grant_type": "x"}{}`, 400, "object of strings"},
		"a name twice":     {"application/json", `{"grant_type": "x", "grant_type": "y"}`, 400, "grant_type is included more than once"},
		"nothing":          {"application/json", ``, 400, "object of strings"},
		"a large form":     {"application/x-www-form-urlencoded", "code=" + strings.Repeat("x", 70_000), 413, "larger than 64 KiB"},
		"a large object":   {"application/json", `{"code": "` + strings.Repeat("x", 70_000) + `"}`, 413, "larger than 64 KiB"},
		"a complete one":   {"application/json", ` {"grant_type": "refresh_token", "client_id": "spa", "refresh_token": "x"} `, 403, "refresh token"},
		"without any type": {"", "grant_type=refresh_token&client_id=spa&refresh_token=x", 403, "refresh token"},
	} {
		r := f.request(http.MethodPost, "/oauth/token", strings.NewReader(tc.body))
		if r.Header.Del("Content-Type"); tc.kind != "" {
			r.Header.Set("Content-Type", tc.kind)
		}
		if got := f.send(r); got.status != tc.status || !strings.Contains(got.body, tc.why) {
			t.Errorf("%s: got %d %s", name, got.status, got.body)
		}
	}
}

// TestMethods has requests with methods that a path does not have, and HEAD where it would act.
func TestMethods(t *testing.T) {
	t.Parallel()
	f := startManyKinds(t)
	for _, request := range []string{"GET /oauth/token", "PUT /authorize", "DELETE /_tenant/users", "HEAD /authorize", "HEAD /v2/logout", "HEAD /oidc/logout", "POST /v2/logout"} {
		method, path, _ := strings.Cut(request, " ")
		got := f.send(f.request(method, path, nil))
		if got.status != http.StatusMethodNotAllowed || got.header.Get("Allow") == "" || method != http.MethodHead && decode[object](t, got.body)["error"] != "invalid_request" {
			t.Errorf("%s: got %d %v %s", request, got.status, got.header, got.body)
		}
	}
	if got := f.get(authorizeURL("prompt=none", "audience=")).location.Query(); got.Get("code") == "" {
		t.Errorf("HEAD has logged the user out: %v", got)
	}
}

// TestLogoutRejections leave the user logged in, and are events.
func TestLogoutRejections(t *testing.T) {
	t.Parallel()
	f := startManyKinds(t)
	for path, why := range map[string]string{
		"/v2/logout?client_id=x":                                             "Unknown client",
		"/v2/logout?client_id=spa&returnTo=https://evil.test":                "Logout URL mismatch",
		"/v2/logout?returnTo=" + app + "&returnTo=" + app:                    "returnTo is included more than once",
		"/oidc/logout?client_id=spa&client_id=spa":                           "client_id is included more than once",
		"/oidc/logout?post_logout_redirect_uri=" + app + "&client_id=nobody": "Unknown client",
		"/oidc/logout?id_token_hint=x":                                       "id_token_hint",
	} {
		if got := f.get(path); got.status != http.StatusBadRequest || !strings.Contains(got.body, why) {
			t.Errorf("%s: got %d %s", path, got.status, got.body)
		}
		if events := f.get("/_tenant/events").body; !strings.Contains(events, "A logout was rejected: ") || !strings.Contains(events, why) {
			t.Errorf("%s: no event", path)
		}
	}
	if got := f.get(authorizeURL("prompt=none", "audience=")).location.Query(); got.Get("code") == "" {
		t.Errorf("the user was logged out: %v", got)
	}
}

// TestUnsupportedFromPages calls what the tenant does not have as Auth0's SDKs do: with credentials
// and headers of their own.
func TestUnsupportedFromPages(t *testing.T) {
	t.Parallel()
	f := start(t)
	preflight := f.send(f.request(http.MethodOptions, "/co/authenticate", nil, "Origin: "+app, "Access-Control-Request-Method: POST", "Access-Control-Request-Headers: x-request-language"))
	if h := preflight.header; h.Get("Access-Control-Allow-Origin") != app || h.Get("Access-Control-Allow-Credentials") != "true" || h.Get("Access-Control-Allow-Headers") == "" {
		t.Errorf("the preflight: %v", h)
	}
	if got := f.get("/avatars/xx.png"); got.status != http.StatusNotFound || decode[object](t, got.body)["error"] != "not_supported" {
		t.Errorf("a picture: got %d %s", got.status, got.body)
	}
	for _, path := range []string{"/co/authenticate", "/.well-known/openid-configuration", "/oauth/token/"} {
		got := f.send(f.request(http.MethodPost, path, strings.NewReader("{}"), "Origin: "+app, "Sec-Fetch-Site: same-site"))
		if got.status < 400 || decode[object](t, got.body)["error"] == "" || got.header.Get("Access-Control-Allow-Origin") != app {
			t.Errorf("%s: got %d %v %s", path, got.status, got.header, got.body)
		}
	}
}
