package gate_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/asn1"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"maps"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"calling-an-api.example/api/gate"
	"calling-an-api.example/api/gate/dpop"
	"calling-an-api.example/api/gate/gatetest"
)

const apiURL = "https://api.test"

// clock is a time that tests move.
type clock struct{ at atomic.Int64 }

func newClock() *clock {
	c := &clock{}
	c.at.Store(time.Now().Unix())
	return c
}

func (c *clock) now() time.Time          { return time.Unix(c.at.Load(), 0) }
func (c *clock) advance(d time.Duration) { c.at.Add(int64(d / time.Second)) }

// bound is an API that accepts DPoP, with an issuer and an application.
type bound struct {
	*gate.Gate
	*gatetest.Prover
	iss   *gatetest.Issuer
	clock *clock
	store *countingStore
	token string // bound to the Prover's key
}

// countingStore counts the proofs that reach it.
type countingStore struct {
	dpop.Store
	used atomic.Int32
	err  atomic.Pointer[error]
}

func (s *countingStore) Use(ctx context.Context, id dpop.ID, until time.Time) (bool, error) {
	s.used.Add(1)
	if err := s.err.Load(); err != nil {
		return false, *err
	}
	return s.Store.Use(ctx, id, until)
}

// newBound returns an API that accepts bearer tokens and bound ones.
func newBound(t *testing.T, changes ...func(*dpop.Options)) *bound {
	t.Helper()
	b := &bound{clock: newClock(), iss: gatetest.Unstarted("https://issuer.test/"), Prover: gatetest.NewProver("ES256")}
	b.iss.Now, b.Now = b.clock.now, b.clock.now
	policy := policy(b.iss.URL, gate.StaticKeys(b.iss.PublicKeys()))
	policy.Now, policy.CacheSize = b.clock.now, 100
	b.store = &countingStore{Store: dpop.NewMemory(0, b.clock.now)}
	options := dpop.Options{URLs: []string{apiURL}, Now: b.clock.now, Store: b.store}
	for _, change := range changes {
		change(&options)
	}
	var err error
	if b.Gate, err = gate.New(policy); err != nil {
		t.Fatal(err)
	}
	if b.DPoP, err = dpop.New(options); err != nil {
		t.Fatal(err)
	}
	b.token = b.iss.Mint(gatetest.Claims{"cnf": b.Confirmation()})
	return b
}

// call sends a request of path with these headers, "Name: value".
func (b *bound) call(path string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, "http://evil.test"+path, nil) // the Host must not matter
	for _, header := range headers {
		name, value, _ := strings.Cut(header, ": ")
		r.Header.Add(name, value)
	}
	w := httptest.NewRecorder()
	b.Protect(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})).ServeHTTP(w, r)
	return w
}

// proof is a proof for GET /messages.
func (b *bound) proof(changes gatetest.Claims) string {
	return b.Proof(http.MethodGet, apiURL+"/messages", b.token, changes)
}

func (b *bound) auth() string { return "Authorization: DPoP " + b.token }

// reason returns the reason in a rejection, "" for another answer.
func reason(t *testing.T, w *httptest.ResponseRecorder) string {
	t.Helper()
	if w.Code == http.StatusOK {
		return ""
	}
	var body struct{ Reason string }
	if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	return body.Reason
}

// TestDPoPHeaders has the cases about headers, in the numbers of the design.
func TestDPoPHeaders(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		headers func(b *bound) []string
		path    string
		status  int
		reason  string
		says    string // in the challenge
	}{
		"good":                            {func(b *bound) []string { return []string{b.auth(), "DPoP: " + b.proof(nil)} }, "", 200, "", ""},
		"1 two DPoP headers":              {func(b *bound) []string { return []string{b.auth(), "DPoP: " + b.proof(nil), "DPoP: " + b.proof(nil)} }, "", 401, "proof_form", "invalid_dpop_proof"},
		"2 two proofs by comma":           {func(b *bound) []string { return []string{b.auth(), "DPoP: " + b.proof(nil) + ", " + b.proof(nil)} }, "", 401, "proof_form", "invalid_dpop_proof"},
		"3 empty":                         {func(b *bound) []string { return []string{b.auth(), "DPoP: "} }, "", 401, "proof_form", "invalid_dpop_proof"},
		"4 no proof":                      {func(b *bound) []string { return []string{b.auth()} }, "", 401, "proof_missing", `error="invalid_dpop_proof"`},
		"5 bound as bearer":               {func(b *bound) []string { return []string{"Authorization: Bearer " + b.token} }, "", 401, "binding", "invalid_token"},
		"6 bound as bearer, with a proof": {func(b *bound) []string { return []string{"Authorization: Bearer " + b.token, "DPoP: " + b.proof(nil)} }, "", 400, "request", ""},
		"7 unbound as bearer, with a proof": {func(b *bound) []string {
			return []string{"Authorization: Bearer " + b.iss.Mint(nil), "DPoP: " + b.proof(nil)}
		}, "", 400, "request", ""},
		"8 unbound as DPoP": {func(b *bound) []string {
			return []string{"Authorization: DPoP " + b.iss.Mint(nil), "DPoP: " + b.proof(nil)}
		}, "", 401, "binding", "invalid_token"},
		"9 the scheme in mixed case":  {func(b *bound) []string { return []string{"Authorization: dPoP " + b.token, "DPoP: " + b.proof(nil)} }, "", 200, "", ""},
		"10 two spaces":               {func(b *bound) []string { return []string{"Authorization: DPoP  " + b.token, "DPoP: " + b.proof(nil)} }, "", 400, "request", ""},
		"13 a proof alone":            {func(b *bound) []string { return []string{"DPoP: " + b.proof(nil)} }, "", 401, "missing", ""},
		"14 a token in the query too": {func(b *bound) []string { return []string{b.auth(), "DPoP: " + b.proof(nil)} }, "/messages?access_token=x", 400, "request", ""},
		"an unbound token as bearer":  {func(b *bound) []string { return []string{"Authorization: Bearer " + b.iss.Mint(nil)} }, "", 200, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBound(t)
			b.clock.advance(10 * time.Second)
			path := tc.path
			if path == "" {
				path = "/messages"
			}
			w := b.call(path, tc.headers(b)...)
			challenges := strings.Join(w.Header().Values("Www-Authenticate"), "\n")
			if w.Code != tc.status || reason(t, w) != tc.reason || !strings.Contains(challenges, tc.says) {
				t.Errorf("got %d %s\n%s", w.Code, w.Body, challenges)
			}
			if tc.status == 401 && (!strings.Contains(challenges, "Bearer realm") || !strings.Contains(challenges, `algs="ES256 EdDSA PS256 RS256"`)) {
				t.Errorf("the challenges are %s", challenges)
			}
		})
	}
}

// TestDPoPModes has the cases 11 and 12: an API without DPoP, and one that requires it.
func TestDPoPModes(t *testing.T) {
	t.Parallel()
	b := newBound(t)
	b.clock.advance(10 * time.Second)
	good := func() []string { return []string{b.auth(), "DPoP: " + b.proof(nil)} }
	off := *b
	off.Gate = &gate.Gate{Verifier: b.Verifier}
	required := *b
	required.Gate = &gate.Gate{Verifier: b.Verifier, DPoP: b.DPoP, RequireDPoP: true}
	for name, tc := range map[string]struct {
		api        *bound
		headers    []string
		status     int
		challenges int
	}{
		"11 off, the scheme DPoP":    {&off, good(), 401, 1},
		"11 off, bound as bearer":    {&off, []string{"Authorization: Bearer " + b.token}, 401, 1},
		"11 off, a proof is ignored": {&off, []string{"Authorization: Bearer " + b.iss.Mint(nil), "DPoP: x"}, 200, 0},
		"12 required, bearer":        {&required, []string{"Authorization: Bearer " + b.iss.Mint(nil)}, 401, 1},
		"12 required, no token":      {&required, nil, 401, 1},
		"12 required, bound":         {&required, good(), 200, 0},
	} {
		w := tc.api.call("/messages", tc.headers...)
		challenges := w.Header().Values("Www-Authenticate")
		if w.Code != tc.status || len(challenges) != tc.challenges {
			t.Errorf("%s: got %d %s, challenges %q", name, w.Code, w.Body, challenges)
		}
		if tc.api == &required && tc.status == 401 && !strings.HasPrefix(challenges[0], "DPoP ") {
			t.Errorf("%s: the challenge is %q", name, challenges)
		}
	}
	// A route of an API that accepts both.
	h := b.Require(gate.Bound())(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	if got := send(h, b.iss.Mint(nil)); got.Code != http.StatusUnauthorized || !strings.Contains(strings.Join(got.Header().Values("Www-Authenticate"), ""), `DPoP realm="api", error="invalid_token"`) {
		t.Errorf("a bearer token for a route that requires a bound one: %d %v", got.Code, got.Header())
	}
}

// signRaw returns a proof with exactly this header and payload, signed by key as ES256.
func signRaw(t *testing.T, key *ecdsa.PrivateKey, header, payload string) string {
	t.Helper()
	signed := base64.RawURLEncoding.EncodeToString([]byte(header)) + "." + base64.RawURLEncoding.EncodeToString([]byte(payload))
	signature, err := jwt.SigningMethodES256.Sign(signed, key)
	if err != nil {
		t.Fatal(err)
	}
	return signed + "." + base64.RawURLEncoding.EncodeToString(signature)
}

// TestDPoPProofs has the cases about a proof's form, key and claims.
func TestDPoPProofs(t *testing.T) {
	t.Parallel()
	b := newBound(t)
	b.clock.advance(10 * time.Second)
	key := b.Key().(*ecdsa.PrivateKey)
	raw := func(header, payload string) string { return signRaw(t, key, header, payload) }
	digest := sha256.Sum256([]byte(b.token))
	ath := base64.RawURLEncoding.EncodeToString(digest[:])
	jwk, err := json.Marshal(b.JWK())
	if err != nil {
		t.Fatal(err)
	}
	header := `{"typ":"dpop+jwt","alg":"ES256","jwk":` + string(jwk) + `}`
	payload := func(members string) string {
		text, _ := json.Marshal(b.clock.now().Unix()) // an integer
		return `{"htm":"GET","htu":"` + apiURL + `/messages","iat":` + string(text) + `,"ath":"` + ath + `",` + members + `}`
	}
	withJWK := func(change func(jwk map[string]any)) string {
		changed := maps.Clone(b.JWK())
		change(changed)
		return b.ProofHeader(map[string]any{"jwk": changed}, http.MethodGet, apiURL+"/messages", b.token, nil)
	}
	headerOf := func(name string, value any) string {
		return b.ProofHeader(map[string]any{name: value}, http.MethodGet, apiURL+"/messages", b.token, nil)
	}
	good := b.proof(nil)
	signature := good[strings.LastIndex(good, ".")+1:]
	decoded, err := base64.RawURLEncoding.DecodeString(signature)
	if err != nil {
		t.Fatal(err)
	}
	der, err := asn1.Marshal(struct{ R, S *big.Int }{new(big.Int).SetBytes(decoded[:32]), new(big.Int).SetBytes(decoded[32:])})
	if err != nil {
		t.Fatal(err)
	}
	withSignature := func(signature []byte) string {
		return good[:strings.LastIndex(good, ".")+1] + base64.RawURLEncoding.EncodeToString(signature)
	}
	now := b.clock.now().Unix()
	claim := func(name string, value any) string { return b.proof(gatetest.Claims{name: value}) }
	otherKey := gatetest.NewProver("ES256")
	otherKey.Now = b.clock.now
	otherToken := b.iss.Mint(gatetest.Claims{"cnf": b.Confirmation(), "sub": "other"})
	hmacProof := func() string {
		x, err := base64.RawURLEncoding.DecodeString(b.JWK()["x"].(string))
		if err != nil {
			t.Fatal(err)
		}
		token := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{"jti": "1", "htm": "GET", "htu": apiURL + "/messages", "iat": now, "ath": ath})
		token.Header["typ"], token.Header["jwk"] = "dpop+jwt", b.JWK()
		signed, err := token.SignedString(x)
		if err != nil {
			t.Fatal(err)
		}
		return signed
	}
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	encode := base64.RawURLEncoding.EncodeToString

	for name, tc := range map[string]struct{ proof, reason string }{
		"15 two parts":                  {good[:strings.LastIndex(good, ".")], "proof_form"},
		"15 four parts":                 {good + ".AAAA", "proof_form"},
		"15 a word":                     {"proof", "proof_form"},
		"16 padding":                    {withSignature(decoded) + "==", "proof_form"},
		"16 not canonical":              {good[:len(good)-1] + map[byte]string{'A': "B", 'Q': "R", 'g': "h", 'w': "x"}[good[len(good)-1]], "proof_form"},
		"17 more than 4 KiB":            {claim("x", strings.Repeat("x", 4000)), "proof_form"},
		"18 htu twice":                  {raw(header, payload(`"jti":"18","htu":"`+apiURL+`/messages"`)), "proof_form"},
		"19 jwk twice":                  {raw(strings.TrimSuffix(header, "}")+`,"jwk":`+string(jwk)+`}`, payload(`"jti":"19"`)), "proof_form"},
		"19 x of jwk twice":             {raw(strings.Replace(header, `"x":`, `"x":"AA","x":`, 1), payload(`"jti":"19b"`)), "proof_form"},
		"20 invalid UTF-8":              {raw(header, payload("\"jti\":\"20\",\"x\":\"\xff\"")), "proof_form"},
		"21 a signature in DER":         {withSignature(der), "proof_key"},
		"21 a short signature":          {withSignature(decoded[:63]), "proof_key"},
		"22 unknown header members":     {headerOf("x", map[string]any{"y": 1}), ""},
		"22 unknown claims":             {claim("x", []int{1}), ""},
		"23 crit":                       {headerOf("crit", []string{"jwk"}), "proof_form"},
		"24 b64 false":                  {headerOf("b64", false), "proof_form"},
		"25 typ missing":                {headerOf("typ", nil), "proof_form"},
		"25 typ JWT":                    {headerOf("typ", "JWT"), "proof_form"},
		"25 typ at+jwt":                 {headerOf("typ", "at+jwt"), "proof_form"},
		"26 alg none":                   {headerOf("alg", "none"), "proof_key"},
		"27 HS256 with x as the secret": {hmacProof(), "proof_key"},
		"28 alg of another key type":    {headerOf("alg", "RS256"), "proof_key"},
		"28 alg EdDSA":                  {headerOf("alg", "EdDSA"), "proof_key"},
		"29 jwk missing":                {headerOf("jwk", nil), "proof_key"},
		"29 jwk a string":               {headerOf("jwk", "x"), "proof_key"},
		"30 jwk with d":                 {withJWK(func(jwk map[string]any) { jwk["d"] = "AQ" }), "proof_key"},
		"31 oct":                        {withJWK(func(jwk map[string]any) { clear(jwk); jwk["kty"], jwk["k"] = "oct", "AQAB" }), "proof_key"},
		"32 off the curve":              {withJWK(func(jwk map[string]any) { jwk["y"] = jwk["x"] }), "proof_key"},
		"32 x of 31 bytes":              {withJWK(func(jwk map[string]any) { jwk["x"] = encode(make([]byte, 31)) }), "proof_key"},
		"33 RSA 1024": {withJWK(func(jwk map[string]any) {
			clear(jwk)
			jwk["kty"], jwk["n"], jwk["e"] = "RSA", encode(small.N.Bytes()), "AQAB"
		}), "proof_key"},
		"33 e of 1": {withJWK(func(jwk map[string]any) {
			clear(jwk)
			jwk["kty"], jwk["n"], jwk["e"] = "RSA", encode(gatetest.Unstarted("").Key().N.Bytes()), "AQ"
		}), "proof_key"},
		"34 x5c and kid in jwk": {withJWK(func(jwk map[string]any) { jwk["x5c"], jwk["kid"] = []string{"MIIB"}, "1" }), ""},
		"35 jku":                {headerOf("jku", "https://evil.test/jwks.json"), "proof_form"},
		"35 x5u":                {headerOf("x5u", "https://evil.test/cert"), "proof_form"},
		"36 secp256k1":          {withJWK(func(jwk map[string]any) { jwk["crv"] = "secp256k1" }), "proof_key"},
		"36 P-384": {withJWK(func(jwk map[string]any) {
			jwk["crv"], jwk["x"], jwk["y"] = "P-384", encode(p384.X.Bytes()), encode(p384.Y.Bytes())
		}), "proof_key"},
		"small-order Ed25519": {withJWK(func(jwk map[string]any) {
			clear(jwk)
			jwk["kty"], jwk["crv"], jwk["x"] = "OKP", "Ed25519", encode(append([]byte{1}, make([]byte, 31)...))
		}), "proof_key"},
		"JWK in capitals":              {raw(`{"typ":"dpop+jwt","alg":"ES256","JWK":`+string(jwk)+`}`, payload(`"jti":"c"`)), "proof_key"},
		"37 jti missing":               {claim("jti", nil), "proof_form"},
		"37 jti a number":              {claim("jti", 1), "proof_form"},
		"37 jti empty":                 {claim("jti", ""), "proof_form"},
		"37 jti of 300 bytes":          {claim("jti", strings.Repeat("x", 300)), "proof_form"},
		"38 htm missing":               {claim("htm", nil), "proof_form"},
		"38 htm another":               {claim("htm", "POST"), "proof_method"},
		"38 htm in lower case":         {claim("htm", "get"), "proof_method"},
		"39 htu missing":               {claim("htu", nil), "proof_form"},
		"39 htu relative":              {claim("htu", "/messages"), "proof_url"},
		"39 htu another path":          {claim("htu", apiURL+"/other"), "proof_url"},
		"39 htu another host":          {claim("htu", "https://evil.test/messages"), "proof_url"},
		"39 htu another port":          {claim("htu", apiURL+":8443/messages"), "proof_url"},
		"40 htu http":                  {claim("htu", "http://api.test/messages"), "proof_url"},
		"41 htu with a query":          {claim("htu", apiURL+"/messages?a=b"), ""},
		"41 htu with a fragment":       {claim("htu", apiURL+"/messages#a"), ""},
		"42 htu in upper case":         {claim("htu", "HTTPS://API.test/messages"), ""},
		"42 htu with the default port": {claim("htu", apiURL+":443/messages"), ""},
		"42 htu percent-encoded":       {claim("htu", apiURL+"/%6Dessages"), ""},
		"43 htu with a trailing slash": {claim("htu", apiURL+"/messages/"), "proof_url"},
		"43 htu with two slashes":      {claim("htu", apiURL+"//messages"), "proof_url"},
		"43 htu with %2F":              {claim("htu", apiURL+"%2Fmessages"), "proof_url"},
		"44 htu with userinfo":         {claim("htu", "https://a@api.test/messages"), "proof_url"},
		"45 htu with a dot at the end": {claim("htu", "https://api.test./messages"), "proof_url"},
		"46 iat missing":               {claim("iat", nil), "proof_form"},
		"46 iat a string":              {claim("iat", "1"), "proof_form"},
		"46 iat of 1e300":              {claim("iat", json.Number("1e300")), "proof_form"},
		"46 iat in milliseconds":       {claim("iat", now*1000), "proof_form"},
		"47 iat 60 s ago":              {claim("iat", now-60), ""},
		"47 iat 61 s ago":              {claim("iat", now-61), "proof_time"},
		"47 iat 5 s ahead":             {claim("iat", now+5), ""},
		"47 iat 6 s ahead":             {claim("iat", now+6), "proof_time"},
		"48 ath missing":               {claim("ath", nil), "proof_token"},
		"48 ath of another token":      {b.Proof("GET", apiURL+"/messages", otherToken, nil), "proof_token"},
		"48 ath in hexadecimal":        {claim("ath", hex.EncodeToString(digest[:])), "proof_token"},
		"48 ath padded":                {claim("ath", ath+"="), "proof_token"},
		"49 another key":               {otherKey.Proof("GET", apiURL+"/messages", b.token, nil), "binding"},
		"58 a nonce of somebody else":  {claim("nonce", "abc"), "proof_nonce"},
		"signed by another key":        {raw(strings.Replace(header, string(jwk), mustJSON(t, otherKey.JWK()), 1), payload(`"jti":"s"`)), "binding"},
		"another key with a good jkt":  {signRaw(t, otherKey.Key().(*ecdsa.PrivateKey), header, payload(`"jti":"k"`)), "proof_key"},
		"white space in the header":    {raw(" "+header+" ", payload(`"jti":"w"`)), ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := b.call("/messages", b.auth(), "DPoP: "+tc.proof)
			if got := reason(t, w); got != tc.reason {
				t.Errorf("got %d %s, want %q", w.Code, w.Body, tc.reason)
			}
			if w.Code != http.StatusOK && w.Code != http.StatusUnauthorized {
				t.Errorf("status %d, want 401 for all that is wrong with a proof", w.Code)
			}
		})
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

// TestDPoPBindings has the case 50: what cnf may be.
func TestDPoPBindings(t *testing.T) {
	t.Parallel()
	b := newBound(t)
	b.clock.advance(10 * time.Second)
	for name, tc := range map[string]struct {
		cnf    any
		reason string
	}{
		"50 extra members":   {map[string]any{"jkt": b.Thumbprint(), "kid": "1", "x5t#S256": "x"}, ""},
		"50 without jkt":     {map[string]any{"kid": "1"}, "binding"},
		"50 a number":        {1, "binding"},
		"50 null":            {json.RawMessage("null"), "binding"},
		"50 a certificate":   {map[string]any{"x5t#S256": b.Thumbprint()}, "binding"},
		"50 jkt a number":    {map[string]any{"jkt": 1}, "binding"},
		"50 jkt in capitals": {map[string]any{"JKT": b.Thumbprint()}, "binding"},
		"50 jkt padded":      {map[string]any{"jkt": b.Thumbprint() + "="}, "binding"},
	} {
		token := b.iss.Mint(gatetest.Claims{"cnf": tc.cnf})
		proof := b.Proof(http.MethodGet, apiURL+"/messages", token, nil)
		if w := b.call("/messages", "Authorization: DPoP "+token, "DPoP: "+proof); reason(t, w) != tc.reason {
			t.Errorf("%s: got %d %s, want %q", name, w.Code, w.Body, tc.reason)
		}
		if w := b.call("/messages", "Authorization: Bearer "+token); reason(t, w) != "binding" {
			t.Errorf("%s, as bearer: got %d %s", name, w.Code, w.Body)
		}
	}
}

// TestDPoPWindow has the edges of case 47, long after the start.
func TestDPoPWindow(t *testing.T) {
	t.Parallel()
	b := newBound(t)
	b.clock.advance(10 * time.Minute)
	now := b.clock.now().Unix()
	for iat, want := range map[int64]string{now - 60: "", now - 61: "proof_time", now + 5: "", now + 6: "proof_time"} {
		if w := b.call("/messages", b.auth(), "DPoP: "+b.proof(gatetest.Claims{"iat": iat})); reason(t, w) != want {
			t.Errorf("iat %d from now: got %d %s, want %q", iat-now, w.Code, w.Body, want)
		}
	}
}

// TestDPoPReplay has the cases 51 to 54, 56, 57 and 59.
func TestDPoPReplay(t *testing.T) {
	t.Parallel()
	b := newBound(t)
	b.clock.advance(10 * time.Second)
	proof := b.proof(gatetest.Claims{"jti": "one"})
	if w := b.call("/messages", b.auth(), "DPoP: "+proof); w.Code != http.StatusOK {
		t.Fatalf("got %d %s", w.Code, w.Body)
	}
	again := func(name, path, proof string) {
		t.Helper()
		w := b.call(path, b.auth(), "DPoP: "+proof)
		if reason(t, w) != "proof_replayed" || w.Header().Get("DPoP-Nonce") == "" || !strings.Contains(strings.Join(w.Header().Values("Www-Authenticate"), ""), "use_dpop_nonce") {
			t.Errorf("%s: got %d %s %v", name, w.Code, w.Body, w.Header())
		}
	}
	again("51 the same proof", "/messages", proof)
	again("52 the same jti, signed again", "/messages", b.proof(gatetest.Claims{"jti": "one"}))
	signature, err := base64.RawURLEncoding.DecodeString(proof[strings.LastIndex(proof, ".")+1:])
	if err != nil {
		t.Fatal(err)
	}
	s := new(big.Int).Sub(elliptic.P256().Params().N, new(big.Int).SetBytes(signature[32:]))
	s.FillBytes(signature[32:])
	again("52 n - s", "/messages", proof[:strings.LastIndex(proof, ".")+1]+base64.RawURLEncoding.EncodeToString(signature))
	again("53 the same jti at another URL", "/other", b.Proof(http.MethodGet, apiURL+"/other", b.token, gatetest.Claims{"jti": "one"}))

	// 54: one of a thousand concurrent copies.
	proof = b.proof(nil)
	var good atomic.Int32
	var wg sync.WaitGroup
	for range 1000 {
		wg.Go(func() {
			if b.call("/messages", b.auth(), "DPoP: "+proof).Code == http.StatusOK {
				good.Add(1)
			}
		})
	}
	wg.Wait()
	if n := good.Load(); n != 1 {
		t.Errorf("54: %d of 1000 copies are accepted", n)
	}

	// 57: what is wrong in another way does not reach the store.
	used := b.store.used.Load()
	for _, headers := range [][]string{
		{"Authorization: DPoP garbage", "DPoP: " + b.proof(nil)}, {b.auth(), "DPoP: " + b.proof(gatetest.Claims{"htm": "POST"})},
		{b.auth(), "DPoP: " + b.proof(nil)[:200]}, {b.auth(), "DPoP: " + gatetest.NewProver("ES256").Proof("GET", apiURL+"/messages", b.token, nil)},
	} {
		if w := b.call("/messages", headers...); w.Code != http.StatusUnauthorized {
			t.Errorf("57: got %d %s", w.Code, w.Body)
		}
	}
	if b.store.used.Load() != used {
		t.Error("57: a rejected proof reached the store")
	}

	// 59: a 403 does not use up the proof.
	scoped := b.Require(gate.AllOf("read:messages"))(http.NotFoundHandler())
	proof = b.proof(nil)
	r := httptest.NewRequest(http.MethodGet, "/messages", nil)
	r.Header.Set("Authorization", "DPoP "+b.token)
	r.Header.Set("Dpop", proof)
	w := httptest.NewRecorder()
	scoped.ServeHTTP(w, r)
	if w.Code != http.StatusForbidden || !strings.Contains(strings.Join(w.Header().Values("Www-Authenticate"), ""), `DPoP realm="api", error="insufficient_scope"`) {
		t.Errorf("59: got %d %v", w.Code, w.Header())
	}
	if w := b.call("/messages", b.auth(), "DPoP: "+proof); w.Code != http.StatusOK {
		t.Errorf("59, afterwards: got %d %s", w.Code, w.Body)
	}

	// 56: the store is down.
	down := errors.New("connection refused")
	b.store.err.Store(&down)
	if w := b.call("/messages", b.auth(), "DPoP: "+b.proof(nil)); w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" || strings.Contains(w.Body.String(), "refused") {
		t.Errorf("56: got %d %s", w.Code, w.Body)
	}
}

// TestDPoPAfterRestart has proofs that may have been used before the API was restarted. A
// browser sends another one with the nonce, and is accepted.
func TestDPoPAfterRestart(t *testing.T) {
	t.Parallel()
	b := newBound(t, func(o *dpop.Options) { o.Store = nil }) // in memory
	w := b.call("/messages", b.auth(), "DPoP: "+b.proof(nil))
	nonce := w.Header().Get("DPoP-Nonce")
	if reason(t, w) != "proof_replayed" || nonce == "" {
		t.Fatalf("61: right after the start: got %d %s", w.Code, w.Body)
	}
	if w := b.call("/messages", b.auth(), "DPoP: "+b.proof(gatetest.Claims{"nonce": nonce})); w.Code != http.StatusOK {
		t.Errorf("61: with the nonce: got %d %s", w.Code, w.Body)
	}
	b.clock.advance(5 * time.Second)
	if w := b.call("/messages", b.auth(), "DPoP: "+b.proof(nil)); w.Code != http.StatusOK {
		t.Errorf("5 s later: got %d %s", w.Code, w.Body)
	}
}

// TestDPoPNonces has the case 58, with nonces required.
func TestDPoPNonces(t *testing.T) {
	t.Parallel()
	b := newBound(t, func(o *dpop.Options) { o.RequireNonce = true })
	// The middle of a window, so that the test knows when the next begins.
	b.clock.at.Store(b.clock.at.Load()/300*300 + 450)
	call := func(changes gatetest.Claims) *httptest.ResponseRecorder {
		return b.call("/messages", b.auth(), "DPoP: "+b.proof(changes))
	}
	w := call(nil)
	nonce := w.Header().Get("DPoP-Nonce")
	if w.Code != http.StatusUnauthorized || reason(t, w) != "proof_nonce" || nonce == "" ||
		!strings.Contains(strings.Join(w.Header().Values("Www-Authenticate"), ""), `DPoP realm="api", error="use_dpop_nonce"`) {
		t.Fatalf("without: got %d %s %v", w.Code, w.Body, w.Header())
	}
	for name, tc := range map[string]struct {
		claims gatetest.Claims
		want   string
	}{
		"good":                 {gatetest.Claims{"nonce": nonce}, ""},
		"good again":           {gatetest.Claims{"nonce": nonce}, ""}, // another jti
		"iat an hour off":      {gatetest.Claims{"nonce": nonce, "iat": b.clock.now().Unix() - 3600}, ""},
		"iat an hour ahead":    {gatetest.Claims{"nonce": nonce, "iat": b.clock.now().Unix() + 3600}, ""},
		"tampered":             {gatetest.Claims{"nonce": nonce[:len(nonce)-1] + "_"}, "proof_nonce"},
		"a number":             {gatetest.Claims{"nonce": 1}, "proof_form"},
		"of another API":       {gatetest.Claims{"nonce": newBound(t).DPoP.Nonce()}, "proof_nonce"},
		"empty":                {gatetest.Claims{"nonce": ""}, "proof_nonce"},
		"iat missing, a nonce": {gatetest.Claims{"nonce": nonce, "iat": nil}, "proof_form"},
	} {
		if w := call(tc.claims); reason(t, w) != tc.want {
			t.Errorf("%s: got %d %s, want %q", name, w.Code, w.Body, tc.want)
		} else if w.Header().Get("DPoP-Nonce") != "" != (tc.want == "proof_nonce") {
			t.Errorf("%s: the nonce for next time is %q", name, w.Header().Get("DPoP-Nonce"))
		}
	}
	used := gatetest.Claims{"nonce": nonce, "jti": "used"}
	if w := call(used); w.Code != http.StatusOK {
		t.Fatalf("got %d %s", w.Code, w.Body)
	}
	b.clock.advance(5 * time.Minute) // into the next window: still valid, and the next one is announced
	w = call(gatetest.Claims{"nonce": nonce})
	if next := w.Header().Get("DPoP-Nonce"); w.Code != http.StatusOK || next == "" || next == nonce {
		t.Errorf("in the next window: got %d, DPoP-Nonce %q", w.Code, next)
	}
	if w := call(used); reason(t, w) != "proof_replayed" {
		t.Errorf("a replay in the next window: got %d %s", w.Code, w.Body)
	}
	b.clock.advance(5 * time.Minute)
	if w := call(gatetest.Claims{"nonce": nonce}); reason(t, w) != "proof_nonce" {
		t.Errorf("two windows later: got %d %s", w.Code, w.Body)
	}
}

// TestDPoPAlgorithms has applications with keys of all kinds.
func TestDPoPAlgorithms(t *testing.T) {
	t.Parallel()
	for _, algorithm := range []string{"ES256", "EdDSA", "PS256", "RS256"} {
		b := newBound(t)
		b.clock.advance(10 * time.Second)
		b.Prover = gatetest.NewProver(algorithm)
		b.Now = b.clock.now
		b.token = b.iss.Mint(gatetest.Claims{"cnf": b.Confirmation()})
		for range 2 { // the second time, the token is cached
			if w := b.call("/messages", b.auth(), "DPoP: "+b.proof(nil)); w.Code != http.StatusOK {
				t.Errorf("%s: got %d %s", algorithm, w.Code, w.Body)
			}
		}
	}
}
