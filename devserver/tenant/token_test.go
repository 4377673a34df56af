package tenant_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"calling-an-api.example/devserver/tenant"
)

func TestCodeFlow(t *testing.T) {
	t.Parallel()
	f := start(t)
	code := f.logIn("ada@example.com", "ada-local")
	resp := f.post("/oauth/token", codeForm(code), "Origin: "+app)
	if resp.status != http.StatusOK || resp.header.Get("Access-Control-Allow-Origin") != app {
		t.Fatalf("got %d %s %v", resp.status, resp.body, resp.header)
	}
	tokens := decode[object](t, resp.body)

	access := claims(t, tokens["access_token"])
	aud, _ := json.Marshal(access["aud"])
	for name, got := range map[string]bool{
		"issuer with its slash": access["iss"] == f.url+"/",
		"audience and userinfo": string(aud) == `["`+audience+`","`+f.url+`/userinfo"]`,
		"azp":                   access["azp"] == "spa",
		"scope":                 access["scope"] == "openid profile email read:messages",
		"permissions":           access["permissions"].([]any)[0] == "read:messages",
		"typ":                   access["header"].(object)["typ"] == "JWT",
		"alg":                   access["header"].(object)["alg"] == "RS256",
		"subject":               access["sub"] == "auth0|ada",
	} {
		if !got {
			t.Errorf("access token: wrong %s in %v", name, access)
		}
	}

	id := claims(t, tokens["id_token"])
	aud, _ = json.Marshal(id["aud"])
	if string(aud) != `"spa"` || id["azp"] != nil || id["auth_time"] != nil || id["nonce"] != "n0nce" || id["email"] != "ada@example.com" || id["name"] != "Ada Lovelace" || id["client_id"] != nil {
		t.Errorf("ID token: %v", id)
	}

	info := f.get("/userinfo", "Authorization: Bearer "+tokens["access_token"].(string))
	if info.status != http.StatusOK || decode[object](t, info.body)["email"] != "ada@example.com" {
		t.Errorf("userinfo: %d %s", info.status, info.body)
	}
	if got := f.get("/userinfo", "Authorization: Bearer "+tokens["id_token"].(string)); got.status != http.StatusUnauthorized {
		t.Errorf("userinfo takes an ID token: %d", got.status)
	}
	if got := f.post("/oauth/token", codeForm(code)); got.status == http.StatusOK {
		t.Error("the code works twice")
	}
}

func TestScopesFollowPermissions(t *testing.T) {
	t.Parallel()
	f := start(t)
	code := f.logIn("charles@example.com", "charles-local")
	access := claims(t, decode[object](t, f.post("/oauth/token", codeForm(code)).body)["access_token"])
	if access["scope"] != "openid profile email" || len(access["permissions"].([]any)) != 0 {
		t.Errorf("got scope %v, permissions %v", access["scope"], access["permissions"])
	}
}

func TestTokenRefusals(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		changes []string
		code    string
	}{
		"wrong verifier":     {[]string{"code_verifier=" + strings.Repeat("x", 43)}, "invalid_grant"},
		"no verifier":        {[]string{"code_verifier="}, "invalid_grant"},
		"other redirect URI": {[]string{"redirect_uri=" + app}, "invalid_grant"},
		"foreign client":     {[]string{"client_id=" + tenant.MachineClientID, "client_secret=" + tenant.MachineClientSecret}, "unauthorized_client"},
		"unknown client":     {[]string{"client_id=other"}, "invalid_client"},
		"made-up code":       {[]string{"code=ABC"}, "invalid_grant"},
		"other grant type":   {[]string{"grant_type=password"}, "unsupported_grant_type"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := start(t)
			got := f.post("/oauth/token", codeForm(f.logIn("ada@example.com", "ada-local"), tc.changes...))
			if got.status < 400 || decode[object](t, got.body)["error"] != tc.code {
				t.Errorf("got %d %s", got.status, got.body)
			}
		})
	}
}

func TestClientCredentials(t *testing.T) {
	t.Parallel()
	f := start(t)
	form := func(changes ...string) url.Values {
		v := url.Values{
			"grant_type": {"client_credentials"}, "client_id": {tenant.MachineClientID},
			"client_secret": {tenant.MachineClientSecret}, "audience": {audience},
		}
		for _, change := range changes {
			name, value, _ := strings.Cut(change, "=")
			v.Set(name, value)
		}
		return v
	}
	fields := map[string]string{}
	for name := range form() {
		fields[name] = form().Get(name)
	}
	body, err := json.Marshal(fields)
	if err != nil {
		t.Fatal(err)
	}
	for name, got := range map[string]answer{
		"form": f.post("/oauth/token", form()),
		"JSON": f.send(f.request(http.MethodPost, "/oauth/token", strings.NewReader(string(body)), "Content-Type: application/json")),
	} {
		if got.status != http.StatusOK {
			t.Errorf("%s: %d %s", name, got.status, got.body)
			continue
		}
		access := claims(t, decode[object](t, got.body)["access_token"])
		if access["sub"] != tenant.MachineClientID+"@clients" || access["azp"] != tenant.MachineClientID || access["scope"] != "read:messages" {
			t.Errorf("%s: %v", name, access)
		}
	}
	for name, change := range map[string]string{
		"wrong secret": "client_secret=x", "no secret": "client_secret=", "unknown audience": "audience=x",
		"no audience": "audience=", "public client": "client_id=spa",
	} {
		if got := f.post("/oauth/token", form(change)); got.status < 400 {
			t.Errorf("%s: %d", name, got.status)
		}
	}
}

func TestDiscoveryAndKeys(t *testing.T) {
	t.Parallel()
	f := start(t)
	conf := decode[object](t, f.get("/.well-known/openid-configuration").body)
	if conf["issuer"] != f.url+"/" {
		t.Errorf("issuer %v", conf["issuer"])
	}
	for _, name := range []string{
		"authorization_endpoint", "token_endpoint", "userinfo_endpoint", "jwks_uri", "revocation_endpoint", "end_session_endpoint",
	} {
		endpoint, _ := conf[name].(string)
		if got := f.get(endpoint); !strings.HasPrefix(endpoint, f.url+"/") || got.status == http.StatusNotFound {
			t.Errorf("%s: %q answers %d", name, endpoint, got.status)
		}
	}
	f.logIn("ada@example.com", "ada-local")
	for _, mode := range conf["response_modes_supported"].([]any) {
		got := f.get(authorizeURL("response_mode=" + mode.(string)))
		if got.status >= 400 || got.location != nil && got.location.Query().Get("error") != "" || strings.Contains(got.body, "invalid_request") {
			t.Errorf("the response mode %s: %d to %v", mode, got.status, got.location)
		}
	}
	for _, grant := range conf["grant_types_supported"].([]any) {
		if grant == "implicit" { // not one of the token endpoint
			continue
		}
		got := f.post("/oauth/token", url.Values{"grant_type": {grant.(string)}, "client_id": {"spa"}})
		if decode[object](t, got.body)["error"] == "unsupported_grant_type" {
			t.Errorf("the grant %s: %s", grant, got.body)
		}
	}
	credentials := url.Values{"grant_type": {"client_credentials"}, "audience": {audience}}
	request := f.request(http.MethodPost, "/oauth/token", strings.NewReader(credentials.Encode()), "Content-Type: application/x-www-form-urlencoded")
	request.SetBasicAuth(tenant.MachineClientID, tenant.MachineClientSecret)
	if methods, _ := json.Marshal(conf["token_endpoint_auth_methods_supported"]); string(methods) != `["none","client_secret_post","client_secret_basic","private_key_jwt"]` || f.send(request).status != http.StatusOK {
		t.Errorf("authentication methods: %s", methods)
	}
	if other := f.get("/.well-known/oauth-authorization-server"); other.status != http.StatusOK || decode[object](t, other.body)["issuer"] != conf["issuer"] {
		t.Errorf("RFC 8414: %d %s", other.status, other.body)
	}
	keys := decode[object](t, f.get(conf["jwks_uri"].(string)).body)["keys"].([]any)
	key := keys[0].(object)
	if len(keys) != 1 || key["kty"] != "RSA" || key["alg"] != "RS256" || key["use"] != "sig" || key["kid"] == "" || key["d"] != nil {
		t.Errorf("keys %v", keys)
	}
}

func TestCORS(t *testing.T) {
	t.Parallel()
	f := start(t)
	preflight := func(origin string) answer {
		return f.send(f.request(http.MethodOptions, "/oauth/token", nil, "Origin: "+origin,
			"Access-Control-Request-Method: POST", "Access-Control-Request-Headers: auth0-client,content-type"))
	}
	if got := preflight(app); got.header.Get("Access-Control-Allow-Origin") != app || got.header.Get("Access-Control-Allow-Headers") == "" || got.header.Get("Access-Control-Allow-Credentials") != "" {
		t.Errorf("the app: %v", got.header)
	}
	if got := preflight("https://evil.test"); got.header.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("another origin: %v", got.header)
	}
}
