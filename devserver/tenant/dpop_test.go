package tenant_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"html"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"calling-an-api.example/devserver/internal/outputtest"
	"calling-an-api.example/devserver/internal/prover"
	"calling-an-api.example/devserver/tenant"
)

// proving makes DPoP proofs, as the SDK does.
type proving struct {
	*testing.T
	key   *prover.Key
	nonce string // that proofs have; "" for none
}

func newProver(t *testing.T) *proving {
	t.Helper()
	key, err := prover.New()
	if err != nil {
		t.Fatal(err)
	}
	return &proving{T: t, key: key}
}

func (p *proving) thumbprint() string {
	p.Helper()
	thumbprint, err := p.key.Thumbprint()
	if err != nil {
		p.Fatal(err)
	}
	return thumbprint
}

// proof returns the header with a proof. changes replace claims; nil removes one.
func (p *proving) proof(method, url string, changes object) string {
	p.Helper()
	claims := prover.Claims(method, url, "", p.nonce)
	for name, value := range changes {
		if claims[name] = value; value == nil {
			delete(claims, name)
		}
	}
	proof, err := p.key.Sign(claims)
	if err != nil {
		p.Fatal(err)
	}
	return "DPoP: " + proof
}

// exchange sends a token request with a proof, and a second one with the nonce of the answer.
func (f *fixture) exchange(p *proving, form url.Values) answer {
	f.Helper()
	got := f.post("/oauth/token", form, p.proof("POST", f.url+"/oauth/token", nil))
	if strings.Contains(got.body, "use_dpop_nonce") {
		p.nonce = got.header.Get("DPoP-Nonce")
		got = f.post("/oauth/token", form, p.proof("POST", f.url+"/oauth/token", nil))
	}
	return got
}

// TestBoundTokens is the flow of the SDK with useDpop: a bound code, a nonce, a bound access
// token, /userinfo with a proof, and a bound refresh token.
func TestBoundTokens(t *testing.T) {
	t.Parallel()
	f, p := start(t), newProver(t)
	code := f.logIn("ada@example.com", "ada-local", "dpop_jkt="+p.thumbprint(), "scope=openid profile email offline_access read:messages")
	first := f.post("/oauth/token", codeForm(code), p.proof("POST", f.url+"/oauth/token", nil), "Origin: "+app)
	if first.status != http.StatusBadRequest || !strings.Contains(first.body, `"use_dpop_nonce"`) || first.header.Get("DPoP-Nonce") == "" ||
		!strings.Contains(strings.ToLower(first.header.Get("Access-Control-Expose-Headers")), "dpop-nonce") {
		t.Fatalf("without a nonce: %d %s %v", first.status, first.body, first.header)
	}
	got := f.exchange(p, codeForm(code))
	tokens := decode[object](t, got.body)
	if got.status != http.StatusOK || tokens["token_type"] != "DPoP" {
		t.Fatalf("got %d %s", got.status, got.body)
	}
	access := tokens["access_token"].(string)
	if cnf, _ := claims(t, access)["cnf"].(object); cnf["jkt"] != p.thumbprint() {
		t.Errorf("cnf is %v", cnf)
	}
	if id := claims(t, tokens["id_token"]); id["cnf"] != nil {
		t.Errorf("the ID token is bound: %v", id)
	}

	sum := sha256.Sum256([]byte(access))
	ath := object{"ath": base64.RawURLEncoding.EncodeToString(sum[:])}
	for name, tc := range map[string]struct {
		headers []string
		want    int
	}{
		"with a proof":       {[]string{"Authorization: DPoP " + access, p.proof("GET", f.url+"/userinfo", ath)}, 200},
		"as a bearer token":  {[]string{"Authorization: Bearer " + access}, 401},
		"without a proof":    {[]string{"Authorization: DPoP " + access}, 401},
		"without ath":        {[]string{"Authorization: DPoP " + access, p.proof("GET", f.url+"/userinfo", nil)}, 401},
		"for another method": {[]string{"Authorization: DPoP " + access, p.proof("POST", f.url+"/userinfo", ath)}, 401},
		"for another URL":    {[]string{"Authorization: DPoP " + access, p.proof("GET", f.url+"/oauth/token", ath)}, 401},
		"by another key":     {[]string{"Authorization: DPoP " + access, newProver(t).proof("GET", f.url+"/userinfo", ath)}, 401},
		"not a token at all": {[]string{"Authorization: DPoP x", p.proof("GET", f.url+"/userinfo", ath)}, 401},
		"an ancient proof":   {[]string{"Authorization: DPoP " + access, (&proving{T: t, key: p.key}).proof("GET", f.url+"/userinfo", object{"ath": ath["ath"], "iat": 1})}, 401},
		"an old nonce":       {[]string{"Authorization: DPoP " + access, (&proving{t, p.key, "x"}).proof("GET", f.url+"/userinfo", ath)}, 401},
	} {
		got := f.get("/userinfo", tc.headers...)
		if got.status != tc.want || (got.status == 401) != strings.HasPrefix(got.header.Get("WWW-Authenticate"), "DPoP ") {
			t.Errorf("/userinfo %s: %d %s %q", name, got.status, got.body, got.header.Get("WWW-Authenticate"))
		}
	}

	refresh := url.Values{"grant_type": {"refresh_token"}, "client_id": {"spa"}, "refresh_token": {tokens["refresh_token"].(string)}}
	if got := f.post("/oauth/token", refresh); got.status == http.StatusOK {
		t.Errorf("the refresh token works without a proof: %s", got.body)
	}
	if got := f.exchange(newProver(t), refresh); got.status == http.StatusOK || !strings.Contains(got.body, "invalid refresh token") {
		t.Errorf("the refresh token with another key: %d %s", got.status, got.body)
	}
	renewed := f.exchange(p, refresh)
	if again := decode[object](t, renewed.body); renewed.status != http.StatusOK || again["token_type"] != "DPoP" || claims(t, again["access_token"])["cnf"] == nil {
		t.Errorf("the refresh token: %d %s", renewed.status, renewed.body)
	}
	page := html.UnescapeString(f.get("/").body)
	for _, text := range []string{
		"exchanged an authorization code for ada@example.com's tokens, bound to the key " + p.thumbprint(),
		"exchanged a refresh token for ada@example.com's tokens, bound to the key " + p.thumbprint(),
		"<code>openid profile email offline_access read:messages</code>, bound to the key <code>" + p.thumbprint(),
		"A refresh token was rejected: it is bound to a key", "<dt>Proof of possession (DPoP)</dt><dd>allowed</dd>",
	} {
		if !strings.Contains(page, text) {
			t.Errorf("the dashboard does not say %q", text)
		}
	}
}

// TestBadProofs has token requests with proofs that are wrong in one way. The code is not used
// up by them.
func TestBadProofs(t *testing.T) {
	t.Parallel()
	f, p := start(t), newProver(t)
	code := f.logIn("ada@example.com", "ada-local", "dpop_jkt="+p.thumbprint())
	endpoint := f.url + "/oauth/token"
	p.nonce = f.post("/oauth/token", codeForm(code), p.proof("POST", endpoint, nil)).header.Get("DPoP-Nonce")
	used := p.proof("POST", endpoint, object{"jti": "used"})
	f.post("/oauth/token", codeForm("unknown"), used)
	for name, proof := range map[string]string{
		"no JWT": "DPoP: x", "htm": p.proof("GET", endpoint, nil), "htu": p.proof("POST", f.url+"/other", nil), "no jti": p.proof("POST", endpoint, object{"jti": nil}),
		"no iat": p.proof("POST", endpoint, object{"iat": nil}), "iat as text": p.proof("POST", endpoint, object{"iat": "1"}), "used": used,
		"htu with a user": p.proof("POST", strings.Replace(endpoint, "//", "//a@", 1), nil), "too large": p.proof("POST", endpoint, object{"x": strings.Repeat("x", 5000)}),
	} {
		if got := f.post("/oauth/token", codeForm(code), proof); got.status != http.StatusBadRequest || !strings.Contains(got.body, `"invalid_dpop_proof"`) {
			t.Errorf("%s: %d %s", name, got.status, got.body)
		}
	}
	if got := f.exchange(p, codeForm(code)); got.status != http.StatusOK {
		t.Errorf("afterwards: %d %s", got.status, got.body)
	}
	if page := f.get("/").body; !strings.Contains(page, "A DPoP proof of") {
		t.Error("the dashboard does not show the rejected proofs")
	}
}

// TestForgedProofs sends proofs whose header or signature is wrong.
func TestForgedProofs(t *testing.T) {
	t.Parallel()
	f := start(t)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	weak, err := rsa.GenerateKey(rand.Reader, 1024) // the tenant must reject it
	if err != nil {
		t.Fatal(err)
	}
	sign := func(algorithm jose.SignatureAlgorithm, by any, jwk *jose.JSONWebKey, typ string) string {
		t.Helper()
		options := (&jose.SignerOptions{}).WithType(jose.ContentType(typ))
		if jwk != nil {
			options = options.WithHeader("jwk", jwk)
		}
		signer, err := jose.NewSigner(jose.SigningKey{Algorithm: algorithm, Key: by}, options)
		if err != nil {
			t.Fatal(err)
		}
		payload := fmt.Sprintf(`{"jti": %q, "htm": "POST", "htu": %q, "iat": %d}`, rand.Text(), f.url+"/oauth/token", time.Now().Unix())
		jws, err := signer.Sign([]byte(payload))
		if err != nil {
			t.Fatal(err)
		}
		proof, err := jws.CompactSerialize()
		if err != nil {
			t.Fatal(err)
		}
		return "DPoP: " + proof
	}
	public := &jose.JSONWebKey{Key: key.Public()}
	good := sign(jose.ES256, key, public, "dpop+jwt")
	for name, tc := range map[string]struct {
		headers []string
		why     string
	}{
		"a complete one":    {[]string{good}, "nonce"}, // it lacks a nonce alone
		"two":               {[]string{good, good}, "more than one"},
		"no JWT":            {[]string{"DPoP: x"}, "not a JWT"},
		"another typ":       {[]string{sign(jose.ES256, key, public, "JWT")}, "typ"},
		"another algorithm": {[]string{sign(jose.HS256, make([]byte, 32), nil, "dpop+jwt")}, "not a JWT that is signed with"},
		"no key":            {[]string{sign(jose.ES256, key, nil, "dpop+jwt")}, "public key"},
		"a private key":     {[]string{sign(jose.ES256, key, &jose.JSONWebKey{Key: key}, "dpop+jwt")}, "not a JWT"},
		"a weak key":        {[]string{sign(jose.PS256, weak, &jose.JSONWebKey{Key: weak.Public()}, "dpop+jwt")}, "public key"},
		"another signature": {[]string{good[:len(good)-8] + "AAAAAAAA"}, "signature"},
		"a large one":       {[]string{"DPoP: " + strings.Repeat("x", 5000)}, "4 KiB"},
	} {
		got := f.post("/oauth/token", codeForm("x"), tc.headers...)
		if got.status != http.StatusBadRequest || !strings.Contains(got.body, tc.why) {
			t.Errorf("%s: got %d %s", name, got.status, got.body)
		}
	}
}

// TestCodeIsBoundToTheKey exchanges a code with another key, and without one.
func TestCodeIsBoundToTheKey(t *testing.T) {
	t.Parallel()
	f, p := start(t), newProver(t)
	for name, exchange := range map[string]func(code string) answer{
		"another key": func(code string) answer { return f.exchange(newProver(t), codeForm(code)) },
		"no proof":    func(code string) answer { return f.post("/oauth/token", codeForm(code)) },
	} {
		f.browser = newBrowser(t)
		code := f.logIn("ada@example.com", "ada-local", "dpop_jkt="+p.thumbprint())
		if got := exchange(code); got.status == http.StatusOK {
			t.Errorf("%s: %s", name, got.body)
		}
	}
}

// TestNonceIsForced makes the nonce of a client invalid, which then gets a new one.
func TestNonceIsForced(t *testing.T) {
	t.Parallel()
	f, p := start(t), newProver(t)
	code := f.logIn("ada@example.com", "ada-local")
	p.nonce = f.post("/oauth/token", codeForm(code), p.proof("POST", f.url+"/oauth/token", nil)).header.Get("DPoP-Nonce")
	before := p.nonce
	f.post("/_tenant/dpop/nonce", nil, "Content-Type: application/json")
	if got := f.exchange(p, codeForm(code)); got.status != http.StatusOK || p.nonce == before {
		t.Errorf("got %d %s, nonce %q", got.status, got.body, p.nonce)
	}
}

// TestProofOfPossession has Auth0's table: what a client and an API require, and whether there
// is a proof.
func TestProofOfPossession(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		client bool
		api    string
		proof  bool
		want   string // token_type, "" for none
	}{
		{false, "none", false, "Bearer"}, {false, "allowed", false, "Bearer"}, {false, "required", false, ""},
		{false, "none", true, "Bearer"}, {false, "allowed", true, "DPoP"}, {false, "required", true, "DPoP"},
		{true, "none", false, ""}, {true, "allowed", false, ""}, {true, "required", false, ""},
		{true, "none", true, ""}, {true, "allowed", true, "DPoP"}, {true, "required", true, "DPoP"},
	} {
		config := `{"users": [], "clients": [{"client_id": "m", "client_secret": "s", "name": "M", "grant_types": ["client_credentials"], "scopes": []` +
			map[bool]string{true: `, "require_proof_of_possession": true`}[tc.client] + `}],
			"apis": [{"audience": "https://api.test", "name": "A", "scopes": {}, "token_lifetime": 60, "proof_of_possession": "` + tc.api + `"}]}`
		srv := httptest.NewUnstartedServer(nil)
		issuer := "http://" + srv.Listener.Addr().String() + "/"
		local, err := tenant.New(tenant.Options{Issuer: issuer})
		if err != nil {
			t.Fatal(err)
		}
		if err := local.Configure("test", []byte(config)); err != nil {
			t.Fatal(err)
		}
		srv.Config.Handler = local
		srv.Start()
		f, p := &fixture{t, strings.TrimSuffix(issuer, "/"), newBrowser(t)}, newProver(t)
		form := url.Values{"grant_type": {"client_credentials"}, "client_id": {"m"}, "client_secret": {"s"}, "audience": {"https://api.test"}}
		var header []string
		if tc.proof {
			header = append(header, p.proof("POST", f.url+"/oauth/token", nil))
		}
		got := f.post("/oauth/token", form, header...)
		page := html.UnescapeString(f.get("/").body)
		if n := strings.Count(page, "<dt>Proof of possession (DPoP)</dt>"); (n == 2) != tc.client || n == 0 { // the API has a row, too
			t.Errorf("client %t: the dashboard has %d rows", tc.client, n)
		}
		if says := strings.Contains(page, "client credentials for a token, bound to the key "+p.thumbprint()); says != (tc.want == "DPoP") {
			t.Errorf("client %t, API %s, proof %t: the event says that it is bound: %t", tc.client, tc.api, tc.proof, says)
		}
		srv.Close()
		local.Close()
		tokens := decode[object](t, got.body)
		if kind, _ := tokens["token_type"].(string); kind != tc.want {
			t.Errorf("client %t, API %s, proof %t: got %d %s, want %q", tc.client, tc.api, tc.proof, got.status, got.body, tc.want)
		} else if kind != "" && (claims(t, tokens["access_token"])["cnf"] != nil) != (kind == "DPoP") {
			t.Errorf("client %t, API %s, proof %t: %v", tc.client, tc.api, tc.proof, claims(t, tokens["access_token"]))
		}
	}
}

// TestDiscoveryNamesProofAlgorithms also has a minted token that is bound.
func TestDiscoveryNamesProofAlgorithms(t *testing.T) {
	t.Parallel()
	f, local := startLocal(t, outputtest.New())
	if got := f.get("/.well-known/openid-configuration").body; !strings.Contains(got, `"dpop_signing_alg_values_supported":["ES256","EdDSA","PS256","RS256"]`) || !strings.Contains(got, `"token_endpoint"`) {
		t.Errorf("discovery: %s", got)
	}
	token, err := local.Mint(tenant.MintOptions{JKT: "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"})
	if err != nil || claims(t, token)["cnf"].(object)["jkt"] != "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I" {
		t.Errorf("minted %v, %v", token, err)
	}
	if page := f.get("/").body; !strings.Contains(page, "bound to the key 0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I") {
		t.Error("the dashboard does not show what the minted token is bound to")
	}
	for _, jkt := range []string{"abc", "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4=", "not a thumbprint"} {
		if token, err := local.Mint(tenant.MintOptions{JKT: jkt}); err == nil || !strings.Contains(err.Error(), "thumbprint") {
			t.Errorf("minted %v for %q, %v", token, jkt, err)
		}
	}
}
