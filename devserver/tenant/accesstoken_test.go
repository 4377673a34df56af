package tenant_test

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"calling-an-api.example/devserver/internal/outputtest"
	"calling-an-api.example/devserver/tenant"
)

// TestOpaqueAccessToken logs in without an audience: the access token is for /userinfo alone, and
// clients cannot read it.
func TestOpaqueAccessToken(t *testing.T) {
	t.Parallel()
	f, local := startLocal(t, outputtest.New())
	get := func(form url.Values) string {
		t.Helper()
		status, a := f.tokens(form)
		if status != http.StatusOK {
			t.Fatalf("%d %+v", status, a)
		}
		return a.Access
	}
	userinfo := func(token string) answer { return f.get("/userinfo", "Authorization: Bearer "+token) }
	token := get(codeForm(f.logIn("ada@example.com", "ada-local", "audience=")))
	ofUserinfo := f.get(authorizeURL("prompt=none", "audience="+f.url+"/userinfo")).location.Query().Get("code")
	if got := get(codeForm(ofUserinfo)); strings.Count(got, ".") != 4 {
		t.Errorf("for the audience of /userinfo: %s", got)
	}
	parts := strings.Split(token, ".")
	if len(parts) != 5 || parts[1] != "" {
		t.Fatalf("%q is no JWE with a direct key", token)
	}
	decoded, err := base64.RawURLEncoding.DecodeString(parts[0])
	if err != nil {
		t.Fatal(err)
	}
	if header := decode[object](t, string(decoded)); header["alg"] != "dir" || header["enc"] != "A256GCM" || header["iss"] != f.url+"/" {
		t.Errorf("its header is %v", header)
	}
	if got := userinfo(token); got.status != http.StatusOK || decode[object](t, got.body)["email"] != "ada@example.com" {
		t.Errorf("userinfo: %d %s", got.status, got.body)
	}
	if page := f.get("/").body; !strings.Contains(page, "Access token, which is opaque to clients") || strings.Contains(page, token) {
		t.Error("the dashboard does not show its claims, or shows the token itself")
	}
	if f.control("keys/rotate", "{}"); userinfo(token).status != http.StatusOK {
		t.Error("it ends when the keys are rotated")
	}

	other, _ := startLocal(t, outputtest.New())
	status, foreign := other.tokens(codeForm(other.logIn("ada@example.com", "ada-local", "audience=")))
	if status != http.StatusOK {
		t.Fatalf("another tenant: %d %+v", status, foreign)
	}
	altered := strings.Join(append(append([]string{}, parts[:3]...), "A"+parts[3][1:], parts[4]), ".")
	if altered == token {
		altered = strings.Join(append(append([]string{}, parts[:3]...), "B"+parts[3][1:], parts[4]), ".")
	}
	for name, bad := range map[string]string{
		"altered": altered, "another tenant's": foreign.Access, "cut off": token[:len(token)-8], "no token": "....", "two parts": "a.b",
	} {
		if got := userinfo(bad); got.status != http.StatusUnauthorized {
			t.Errorf("%s: %d %s", name, got.status, got.body)
		}
	}
	if f.control("clock", `{"ahead": "23h59m"}`); userinfo(token).status != http.StatusOK {
		t.Error("it expires within a day")
	}
	if f.control("clock", `{"ahead": "24h1m"}`); userinfo(token).status != http.StatusUnauthorized {
		t.Error("it does not expire after a day")
	}
	f.control("clock", `{"ahead": "0s"}`)
	if f.control("keys/revoke", "{}"); userinfo(token).status != http.StatusUnauthorized {
		t.Error("it outlives its key")
	}

	p := newProver(t)
	f.browser = newBrowser(t)
	bound := decode[object](t, f.exchange(p, codeForm(f.logIn("ada@example.com", "ada-local", "audience="))).body)
	if got := userinfo(bound["access_token"].(string)); bound["token_type"] != "DPoP" || got.status != http.StatusUnauthorized {
		t.Errorf("a bound one as a bearer token: %v, %d", bound["token_type"], got.status)
	}
	local.Close()
}

// TestTokenDialect configures an API for the profile of RFC 9068.
func TestTokenDialect(t *testing.T) {
	t.Parallel()
	f, local := startLocal(t, outputtest.New())
	if err := local.Configure("t.jsonc", []byte(configured(t, `"rbac": true,`, `"rbac": true, "token_dialect": "rfc9068_profile",`))); err != nil {
		t.Fatal(err)
	}
	_, user := f.tokens(codeForm(f.logIn("ada@example.com", "ada-local")))
	_, machine := f.tokens(url.Values{
		"grant_type": {"client_credentials"}, "client_id": {tenant.MachineClientID}, "client_secret": {tenant.MachineClientSecret}, "audience": {audience},
	})
	minted, err := local.Mint(tenant.MintOptions{User: "ada@example.com"})
	if err != nil {
		t.Fatal(err)
	}
	seen := map[any]bool{}
	for name, tc := range map[string]struct{ token, client string }{
		"a user's": {user.Access, "spa"}, "a machine's": {machine.Access, tenant.MachineClientID}, "a minted one": {minted, "spa"},
	} {
		got := claims(t, tc.token)
		id, _ := got["jti"].(string)
		if header := got["header"].(object); header["typ"] != "at+jwt" || got["client_id"] != tc.client || id == "" || seen[id] ||
			got["azp"] != nil || got["gty"] != nil || got["scope"] == nil || got["permissions"] == nil {
			t.Errorf("%s: %v", name, got)
		}
		seen[id] = true
	}
	if id := claims(t, user.ID); id["header"].(object)["typ"] != "JWT" || id["jti"] != nil {
		t.Errorf("the ID token: %v", id)
	}
	if got := f.get("/userinfo", "Authorization: Bearer "+user.Access); got.status != http.StatusOK {
		t.Errorf("userinfo: %d %s", got.status, got.body)
	}
}

// several is a tenant whose app's refresh tokens are valid for three more APIs than it logs in
// for: one by a policy, one by a policy that names it too, one without scopes.
const several = `{
	"users": [{"user_id": "auth0|ada", "email": "ada@example.com", "password": "ada-local", "permissions": ["read:messages", "write:bills"]}],
	"clients": [{
		"client_id": "$CLIENT_ID", "name": "App", "callbacks": ["$PAGE/callback"], "grant_types": ["authorization_code", "refresh_token"],
		"refresh_token": {"policies": [
			{"audience": "https://bills", "scope": ["read:bills", "write:bills", "delete:bills"]},
			{"audience": "$AUDIENCE", "scope": ["send:messages"]},
			{"audience": "https://plain"},
		]},
	}],
	"apis": [
		{"audience": "$AUDIENCE", "name": "API", "scopes": {"read:messages": "", "send:messages": ""}, "token_lifetime": 60},
		{"audience": "https://bills", "name": "Bills", "scopes": {"read:bills": "", "write:bills": "", "delete:bills": "", "read:messages": ""}, "rbac": true, "token_lifetime": 30},
		{"audience": "https://plain", "name": "Plain", "scopes": {"read:messages": ""}, "token_lifetime": 60},
		{"audience": "https://other", "name": "Other", "scopes": {}, "token_lifetime": 60},
	],
}`

// TestRefreshForSeveralAPIs exchanges one refresh token for tokens of several APIs (MRRT).
func TestRefreshForSeveralAPIs(t *testing.T) {
	t.Parallel()
	f, local := startLocal(t, outputtest.New())
	if err := local.Configure("t.jsonc", []byte(several)); err != nil {
		t.Fatal(err)
	}
	token := f.offline()
	for _, tc := range []struct {
		name      string
		changes   []string
		aud, want string // want is the scope
	}{
		{"the one of the login", nil, audience, "openid profile offline_access read:messages send:messages"},
		{"the same, named", []string{"audience=" + audience}, audience, "openid profile offline_access read:messages send:messages"},
		{"another, with the user's permission", []string{"audience=https://bills"}, "https://bills", "openid profile offline_access write:bills"},
		{"another, and fewer scopes", []string{"audience=https://bills", "scope=write:bills read:bills"}, "https://bills", "write:bills"},
		{"without scopes of its own", []string{"audience=https://plain"}, "https://plain", "openid profile offline_access"},
		{"the first again", nil, audience, "openid profile offline_access read:messages send:messages"},
	} {
		status, got := f.renew(token, tc.changes...)
		if status != http.StatusOK || got.Scope != tc.want {
			t.Fatalf("%s: %d %+v", tc.name, status, got)
		}
		token = got.Refresh
		if aud, ok := claims(t, got.Access)["aud"].([]any); !ok || aud[0] != tc.aud || len(aud) != 2 {
			t.Errorf("%s: aud is %v", tc.name, aud)
		}
	}
	for _, other := range []string{"https://other", "https://unknown"} {
		if status, got := f.renew(token, "audience="+other); status != http.StatusBadRequest || got.Error != "invalid_request" || got.Access != "" {
			t.Errorf("%s: %d %+v", other, status, got)
		}
	}
	// The refused requests have not used the token; a policy that is removed ends what it allowed.
	if err := local.Configure("t.jsonc", []byte(strings.Replace(several, `{"audience": "https://plain"},`, "", 1))); err != nil {
		t.Fatal(err)
	}
	if status, got := f.renew(token, "audience=https://plain"); status != http.StatusBadRequest {
		t.Errorf("after its policy: %d %+v", status, got)
	}
	if status, got := f.renew(token); status != http.StatusOK {
		t.Errorf("afterwards: %d %+v", status, got)
	}
}
