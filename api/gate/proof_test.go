package gate_test

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"calling-an-api.example/api/gate"
	"calling-an-api.example/api/gate/dpop"
	"calling-an-api.example/api/gate/gatetest"
	"calling-an-api.example/api/internal/proofcases"
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

func (s *countingStore) Use(ctx context.Context, id dpop.ID, until time.Time) (bool, dpop.Epoch, error) {
	s.used.Add(1)
	if err := s.err.Load(); err != nil {
		return false, dpop.Epoch{}, *err
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
	b.clock.advance(-time.Hour) // when the memory's epoch begins
	b.store = &countingStore{Store: dpop.NewMemory(0, b.clock.now)}
	b.clock.advance(time.Hour)
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

// oneChallenge returns WWW-Authenticate, which must be one header field: scripts in Firefox
// cannot read two.
func oneChallenge(t *testing.T, w *httptest.ResponseRecorder) string {
	t.Helper()
	all := w.Header().Values("Www-Authenticate")
	if len(all) > 1 {
		t.Errorf("%d header fields: %q", len(all), all)
	}
	value := strings.Join(all, "\n")
	parameter := `[a-z_]+="(?:[^"\\\x00-\x1f]|\\.)*"`
	challenge := `[A-Za-z]+ ` + parameter + `(?:, ` + parameter + `)*`
	if value != "" && !regexp.MustCompile(`^`+challenge+`(?:, `+challenge+`)*$`).MatchString(value) { // RFC 9110 §11.6.1
		t.Errorf("this is not a list of challenges: %q", value)
	}
	return value
}

// TestDPoPCases has the cases about single requests, in the numbers of the design: headers, and
// a proof's form, key and claims.
func TestDPoPCases(t *testing.T) {
	t.Parallel()
	codes := map[string]string{"missing": "", "request": "", "binding": "invalid_token", "proof_nonce": "use_dpop_nonce", "proof_replayed": "use_dpop_nonce"}
	for _, tc := range proofcases.All() {
		t.Run(tc.Name, func(t *testing.T) {
			t.Parallel()
			b := newBound(t)
			b.clock.advance(10 * time.Second) // nothing from before the start
			run := proofcases.NewRun("https", "api.test", "/messages", b.clock.now, b.iss.Mint)
			var w *httptest.ResponseRecorder
			for _, headers := range tc.Requests(run) {
				w = b.call("/messages"+tc.Query, headers...)
			}
			challenges := oneChallenge(t, w)
			if w.Code != tc.Status || reason(t, w) != tc.Reason {
				t.Errorf("got %d %s, want %d %q\n%s", w.Code, w.Body, tc.Status, tc.Reason, challenges)
			}
			if tc.Status != http.StatusUnauthorized {
				return
			}
			code, known := codes[tc.Reason]
			if !known {
				code = "invalid_dpop_proof"
			}
			if code == "use_dpop_nonce" && w.Header().Get("Dpop-Nonce") == "" {
				t.Error("the nonce is missing")
			}
			if code != "" && !strings.Contains(challenges, `error="`+code+`"`) {
				t.Errorf("no challenge has the error %s: %s", code, challenges)
			}
			if !strings.Contains(challenges, "Bearer realm") || !strings.Contains(challenges, `algs="ES256 EdDSA Ed25519 PS256 RS256"`) {
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
		api     *bound
		headers []string
		status  int
		schemes string // of the challenges
	}{
		"11 off, the scheme DPoP":    {&off, good(), 401, "Bearer"},
		"11 off, bound as bearer":    {&off, []string{"Authorization: Bearer " + b.token}, 401, "Bearer"},
		"11 off, a proof is ignored": {&off, []string{"Authorization: Bearer " + b.iss.Mint(nil), "DPoP: x"}, 200, ""},
		"12 required, bearer":        {&required, []string{"Authorization: Bearer " + b.iss.Mint(nil)}, 401, "DPoP"},
		"12 required, no token":      {&required, nil, 401, "DPoP"},
		"12 required, bound":         {&required, good(), 200, ""},
		"allowed, no token":          {b, nil, 401, "Bearer DPoP"},
	} {
		w := tc.api.call("/messages", tc.headers...)
		var schemes []string
		for _, m := range regexp.MustCompile(`(\w+) realm=`).FindAllStringSubmatch(oneChallenge(t, w), -1) {
			schemes = append(schemes, m[1])
		}
		if w.Code != tc.status || strings.Join(schemes, " ") != tc.schemes {
			t.Errorf("%s: got %d %s, challenges for %q", name, w.Code, w.Body, schemes)
		}
	}
	// A route of an API that accepts both.
	h := b.Require(gate.Bound())(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	if got := send(h, b.iss.Mint(nil)); got.Code != http.StatusUnauthorized || !strings.Contains(got.Header().Get("Www-Authenticate"), `DPoP realm="api", error="invalid_token"`) {
		t.Errorf("a bearer token for a route that requires a bound one: %d %v", got.Code, got.Header())
	}
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

// TestDPoPReplay has the cases 53, 54, 56, 57 and 59.
func TestDPoPReplay(t *testing.T) {
	t.Parallel()
	b := newBound(t)
	b.clock.advance(10 * time.Second)
	if w := b.call("/messages", b.auth(), "DPoP: "+b.proof(gatetest.Claims{"jti": "one"})); w.Code != http.StatusOK {
		t.Fatalf("got %d %s", w.Code, w.Body)
	}
	other := b.Proof(http.MethodGet, apiURL+"/other", b.token, gatetest.Claims{"jti": "one"})
	if w := b.call("/other", b.auth(), "DPoP: "+other); reason(t, w) != "proof_replayed" {
		t.Errorf("53: the same jti at another URL: got %d %s", w.Code, w.Body)
	}

	// 54: one of a thousand concurrent copies.
	proof := b.proof(nil)
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
	if w.Code != http.StatusForbidden || !strings.Contains(w.Header().Get("Www-Authenticate"), `DPoP realm="api", error="insufficient_scope"`) {
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
		!strings.Contains(w.Header().Get("Www-Authenticate"), `DPoP realm="api", error="use_dpop_nonce"`) {
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
	for algorithm, other := range map[string]string{"ES256": "ES256", "EdDSA": "Ed25519", "PS256": "PS256", "RS256": "RS256"} {
		b := newBound(t)
		b.clock.advance(10 * time.Second)
		b.Prover = gatetest.NewProver(algorithm)
		b.Now = b.clock.now
		b.token = b.iss.Mint(gatetest.Claims{"cnf": b.Confirmation()})
		named := b.ProofHeader(map[string]any{"alg": other}, http.MethodGet, apiURL+"/messages", b.token, nil)
		for _, proof := range []string{b.proof(nil), named} { // the second time, token and key are remembered
			if w := b.call("/messages", b.auth(), "DPoP: "+proof); w.Code != http.StatusOK {
				t.Errorf("%s: got %d %s", algorithm, w.Code, w.Body)
			}
		}
	}
}

// TestDPoPKeysAreKept has proofs by several keys after one by the owner, whose key is
// remembered.
func TestDPoPKeysAreKept(t *testing.T) {
	t.Parallel()
	b := newBound(t)
	b.clock.advance(10 * time.Second)
	other := gatetest.NewProver("ES256")
	other.Now = b.clock.now
	withD := maps.Clone(b.JWK())
	withD["d"] = "AQ"
	send := func(proof, want string) {
		t.Helper()
		if w := b.call("/messages", b.auth(), "DPoP: "+proof); reason(t, w) != want {
			t.Errorf("got %d %s, want %q", w.Code, w.Body, want)
		}
	}
	for range 2 {
		send(b.proof(nil), "")
		send(other.Proof(http.MethodGet, apiURL+"/messages", b.token, nil), "binding")
		send(other.ProofHeader(map[string]any{"jwk": b.JWK()}, http.MethodGet, apiURL+"/messages", b.token, nil), "proof_key")
		send(b.ProofHeader(map[string]any{"jwk": withD}, http.MethodGet, apiURL+"/messages", b.token, nil), "proof_key")
	}
}
