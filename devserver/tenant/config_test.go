package tenant_test

import (
	"net/url"
	"os"
	"strings"
	"testing"

	"calling-an-api.example/devserver/internal/outputtest"
	"calling-an-api.example/devserver/tenant"
)

// configured returns the tests' configuration with changes: pairs of old and new text.
func configured(t *testing.T, changes ...string) string {
	t.Helper()
	if len(changes)%2 != 0 {
		t.Fatal("changes come in pairs")
	}
	data, err := os.ReadFile("testdata/tenant.jsonc")
	if err != nil {
		t.Fatal(err)
	}
	content := string(data)
	for i := 0; i < len(changes); i += 2 {
		if !strings.Contains(content, changes[i]) {
			t.Fatalf("the configuration does not contain %q", changes[i])
		}
		content = strings.Replace(content, changes[i], changes[i+1], 1)
	}
	return content
}

func TestConfigProblems(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ content, want string }{
		"no JSON":                  {"{\n  oops", "t.jsonc:2:3: "},
		"nothing":                  {"", "t.jsonc:1:1: "},
		"null":                     {"null", "t.jsonc:1:1: the file must be an object"},
		"a list":                   {" []", "t.jsonc:1:2: the file must be an object"},
		"an empty object":          {"{}", "t.jsonc:1:1: there are no clients"},
		"an unknown field":         {configured(t, `"nickname": "ada"`, `"name": "Ada"`), `t.jsonc:15:7: unknown field "name"; users[0] can have user_id, email`},
		"a name in capitals":       {`{"Users": []}`, `t.jsonc:1:2: unknown field "Users"`},
		"a name twice":             {"{\n  \"users\": [],\n  \"users\": []}", `t.jsonc:3:3: "users" is there twice`},
		"a claim twice":            {configured(t, `// "blocked": true,`, `"claims": {"https://x/a": 1, "https://x/a": 2},`), "is there twice"},
		"a claim twice, in a list": {configured(t, `// "blocked": true,`, `"claims": {"https://x/a": [{"b": 1, "b": 2}]},`), `"b" is there twice`},
		"a number too large":       {configured(t, `// "blocked": true,`, `"claims": {"https://x/a": 1e999},`), "t.jsonc:19:33: https://x/a must be a JSON value"},
		"too deep":                 {`{"users": ` + strings.Repeat("[", 8<<20), "larger than"},
		"deep":                     {`{"users": ` + strings.Repeat("[", 300), "t.jsonc:1:210: lists and objects are nested more than 200 deep"},
		"a wrong type":             {`{"users": [{"email": 1}]}`, "t.jsonc:1:22: email must be text in quotes"},
		"null for a text":          {`{"users": [{"email": null}]}`, "t.jsonc:1:22: email must be text in quotes"},
		"a text for a list":        {`{"users": "ada"}`, "t.jsonc:1:11: users must be a list"},
		"a text for true":          {configured(t, `// "blocked": true,`, `"blocked": "true",`), "blocked must be true or false"},
		"half a second":            {configured(t, `7200`, `0.5`), "token_lifetime must be a whole number"},
		"a number in a list":       {configured(t, `["read:messages"],`, `[7],`), "permissions[0] must be text in quotes"},
		"an unknown permission":    {configured(t, `"permissions": ["read:messages"],`, `"permissions": ["read:mesages"],`), `no API has the permission "read:mesages"`},
		"a script to call":         {configured(t, `"$PAGE/callback"`, `"javascript:alert(1)"`), `t.jsonc:36:40: "javascript:alert(1)" is not an absolute URL`},
		"a fragment to call":       {configured(t, `"$PAGE/callback"`, `"$PAGE/callback#x"`), "is not an absolute URL without a fragment"},
		"an origin's slash":        {configured(t, `"web_origins": ["$PAGE"]`, `"web_origins": ["$PAGE/"]`), "is not an origin"},
		"no name":                  {configured(t, `"name": "Calling an API",`, ""), "a client needs a name"},
		"no user_id":               {configured(t, `"user_id": "auth0|ada",`, ""), "a user needs a user_id"},
		"no email":                 {configured(t, `"ada@example.com"`, `"ada"`), "t.jsonc:11:16: a user needs an email"},
		"two of one email":         {configured(t, `"charles@example.com"`, `"Ada@example.com"`), "t.jsonc:22:5: there is another user"},
		"a reserved claim":         {configured(t, `// "blocked": true,`, `"claims": {"sub": "x"},`), `the claim "sub" needs a namespace`},
		"an unknown grant":         {configured(t, `"refresh_token"],`, `"password"],`), `t.jsonc:39:45: the grant type "password"`},
		"no secret":                {configured(t, `"client_secret": "local-machine-secret",`, ""), "client_credentials needs a client_secret"},
		"two of one client":        {configured(t, `"local-machine"`, `"$CLIENT_ID"`), "another client"},
		"a lifetime of never":      {configured(t, `7200`, `0`), "token_lifetime"},
		"no audience":              {configured(t, `"audience": "$AUDIENCE",`, ""), "an API needs an audience"},
		"an unknown dialect":       {configured(t, `"rbac": true,`, `"token_dialect": "jwt",`), `t.jsonc:57:24: "jwt" is not one of access_token, rfc9068_profile`},
		"a policy for no API":      {configured(t, `"web_origins": ["$PAGE"],`, `"refresh_token": {"policies": [{"audience": "x"}]},`), `t.jsonc:38:51: there is no API with the audience "x"`},
		"a policy for no scope":    {configured(t, `"web_origins": ["$PAGE"],`, `"refresh_token": {"policies": [{"audience": "$AUDIENCE", "scope": ["x"]}]},`), `has no scope "x"`},
		"two policies":             {configured(t, `"web_origins": ["$PAGE"],`, `"refresh_token": {"policies": [{"audience": "$AUDIENCE"}, {"audience": "$AUDIENCE"}]},`), "there is another policy for this audience"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			local, err := tenant.New(tenant.Options{Issuer: "http://t/", ClientID: "spa", AppOrigin: app, Audience: audience})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(local.Close)
			if err := local.Configure("t.jsonc", []byte(tc.content)); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v\nwant %s", err, tc.want)
			}
		})
	}
}

// TestConfigure gives a running tenant other users.
func TestConfigure(t *testing.T) {
	t.Parallel()
	f, local := startLocal(t, outputtest.New())
	if err := local.Configure("t.jsonc", []byte(configured(t,
		`// "blocked": true,`, `"claims": {"https://example.com/roles": ["admin"]},`,
		`"nickname": "charles",`, `"nickname": "charles", "blocked": true,`,
		`"rbac": true`, `"rbac": false`, `7200`, `60`))); err != nil {
		t.Fatal(err)
	}
	_, tokens := f.tokens(codeForm(f.logIn("ada@example.com", "ada-local")))
	for name, token := range map[string]string{"access": tokens.Access, "ID": tokens.ID} {
		c := claims(t, token)
		roles, _ := c["https://example.com/roles"].([]any)
		if len(roles) != 1 || roles[0] != "admin" {
			t.Errorf("the %s token's roles: %v", name, c["https://example.com/roles"])
		}
	}
	c := claims(t, tokens.Access)
	if c["permissions"] != nil || c["exp"].(float64)-c["iat"].(float64) != 60 {
		t.Errorf("without RBAC, for a minute: %v", c)
	}

	f.browser = newBrowser(t)
	page := f.get(authorizeURL()).location
	got := f.post("/u/login", url.Values{"state": {page.Query().Get("state")}, "pick": {"charles@example.com"}}).location
	if got == nil || got.Query().Get("error") != "unauthorized" || got.Query().Get("error_description") != "user is blocked" {
		t.Errorf("a blocked user is led to %v", got)
	}

	// Whoever is logged in and is blocked then is logged out.
	f.browser = newBrowser(t)
	f.logIn("ada@example.com", "ada-local")
	if err := local.Configure("t.jsonc", []byte(configured(t, `// "blocked": true,`, `"blocked": true,`))); err != nil {
		t.Fatal(err)
	}
	if got := f.get(authorizeURL("prompt=none")).location; got.Query().Get("error") != "login_required" {
		t.Errorf("blocked meanwhile: %v", got)
	}

	if err := local.Configure("t.jsonc", []byte("{")); err == nil {
		t.Error("half a file is taken")
	}
	if got := f.get(authorizeURL("client_id=spa")).location; got == nil || got.Path != "/u/login" {
		t.Errorf("after half a file: %v", got)
	}
}
