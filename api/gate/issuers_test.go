package gate_test

import (
	"context"
	"crypto"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"

	"calling-an-api.example/api/gate"
	"calling-an-api.example/api/gate/gatetest"
)

// source is the keys of one issuer, in a state that a test sets.
type source struct {
	mu    sync.Mutex // protects all fields below
	name  string
	keys  map[string]crypto.PublicKey
	epoch int64
	down  bool
	asked int
}

func (s *source) Issuer() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.name
}

func (s *source) Key(_ context.Context, kid, _ string) (crypto.PublicKey, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked++
	if s.down {
		return nil, retryLaterError{}
	}
	if key, ok := s.keys[kid]; ok {
		return key, nil
	}
	return nil, errors.New("unknown")
}

func (s *source) Snapshot() (gate.KeyFunc, int64, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.Key, s.epoch, !s.down
}

func (s *source) set(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
}

// TestSeveralIssuers has two issuers, whose keys have the same IDs.
func TestSeveralIssuers(t *testing.T) {
	t.Parallel()
	one, two := gatetest.Unstarted("https://one.test/"), gatetest.Unstarted("https://two.test/realms/acme")
	two.Rotate() // to a key of its own
	keysOf := func(iss *gatetest.Issuer) map[string]crypto.PublicKey {
		return map[string]crypto.PublicKey{"k": iss.Key().Public()}
	}
	a, b := &source{name: one.URL, keys: keysOf(one)}, &source{name: two.URL, keys: keysOf(two)}
	g, err := gate.New(gate.Policy{
		Issuers:   []gate.Issuer{{URL: one.URL, Keys: a}, {URL: two.URL + "/", Keys: b}},
		Audiences: []string{gatetest.Audience, "https://second.test"}, CacheSize: 100,
	})
	if err != nil {
		t.Fatal(err)
	}
	mint := func(iss *gatetest.Issuer, claims gatetest.Claims) string {
		return iss.MintHeader(map[string]any{"kid": "k"}, claims)
	}
	check := func(name, token string, want int, issuer string) {
		t.Helper()
		got, err := g.Verifier.Verify(t.Context(), token)
		var p *gate.Problem
		switch {
		case want == 200 && (err != nil || got.Issuer() != issuer || got.KeyID() != "k"):
			t.Errorf("%s: %v, issuer %q, key %q", name, err, got.Issuer(), got.KeyID())
		case want != 200 && (!errors.As(err, &p) || p.Status != want || p.Issuer != issuer):
			t.Errorf("%s: got %+v, want %d and the issuer %q", name, p, want, issuer)
		}
	}
	fromOne, fromTwo := mint(one, nil), mint(two, nil)
	check("of the first", fromOne, 200, one.URL)
	check("of the second, by the name that it has", fromTwo, 200, two.URL+"/")
	check("the second audience", mint(one, gatetest.Claims{"aud": "https://second.test"}), 200, one.URL)
	check("a third audience", mint(one, gatetest.Claims{"aud": "https://third.test"}), 401, one.URL)
	check("a key of the first for the second", mint(one, gatetest.Claims{"iss": two.URL}), 401, two.URL+"/")
	check("a key of the second for the first", mint(two, gatetest.Claims{"iss": one.URL}), 401, one.URL)
	check("in another spelling", mint(two, gatetest.Claims{"iss": two.URL + "/"}), 401, two.URL+"/")

	asked := a.asked + b.asked
	check("of another issuer", mint(one, gatetest.Claims{"iss": "https://three.test/"}), 401, "")
	check("of an issuer that begins like it", mint(one, gatetest.Claims{"iss": "https://one.test.evil.test/"}), 401, "")
	check("without an issuer", mint(one, gatetest.Claims{"iss": nil}), 401, "")
	check("with an empty issuer", mint(one, gatetest.Claims{"iss": ""}), 401, "")
	if a.asked+b.asked != asked {
		t.Error("keys are looked up for a token of an unknown issuer")
	}

	b.set(func() { b.down = true })
	check("the first, while the second is down", fromOne, 200, one.URL)
	check("the second, cached, while it is down", fromTwo, 503, two.URL+"/")
	check("the second, new, while it is down", mint(two, gatetest.Claims{"sub": "new"}), 503, two.URL+"/")
	check("the second, in another spelling, while it is down", mint(two, gatetest.Claims{"iss": two.URL + "/"}), 503, two.URL+"/")
	check("of another issuer, while the second is down", mint(one, gatetest.Claims{"iss": "https://three.test/"}), 401, "")

	b.set(func() { b.down, b.keys, b.epoch = false, map[string]crypto.PublicKey{}, 1 })
	check("the second, whose key is gone", fromTwo, 401, two.URL+"/")
	check("the first, afterwards", fromOne, 200, one.URL)
}

// TestSameKeysUnderTwoNames is a custom domain.
func TestSameKeysUnderTwoNames(t *testing.T) {
	t.Parallel()
	custom, own := gatetest.Unstarted("https://login.acme.test/"), gatetest.Unstarted("https://acme.eu.auth0.test/")
	keys := gate.StaticKeys(own.PublicKeys())
	g, err := gate.New(gate.Policy{
		Issuers:   []gate.Issuer{{URL: custom.URL, Keys: keys}, {URL: own.URL, Keys: keys}},
		Audiences: []string{gatetest.Audience},
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, iss := range []*gatetest.Issuer{custom, own} {
		if got := send(g.Protect(http.NotFoundHandler()), iss.Mint(nil)).Code; got != http.StatusNotFound {
			t.Errorf("%s: status %d", iss.URL, got)
		}
	}
}

// TestAlgorithms has a token of each algorithm under each policy: one that is not listed is
// rejected, also with a good signature.
func TestAlgorithms(t *testing.T) {
	t.Parallel()
	names := []string{"RS256", "PS256", "ES256", "EdDSA"}
	for _, signed := range names {
		iss := gatetest.Unstarted("https://issuer.test/")
		iss.Algorithm = signed
		token := iss.Mint(nil)
		for _, accepted := range [][]string{nil, {"RS256"}, {"PS256"}, {"ES256"}, {"EdDSA"}, names} {
			p := policy(iss.URL, onlyKeys{gate.StaticKeys(iss.PublicKeys())}) // which New does not look into
			p.Algorithms = accepted
			g, err := gate.New(p)
			if err != nil {
				t.Fatal(err)
			}
			want := http.StatusUnauthorized
			if strings.Contains(strings.Join(accepted, " "), signed) || accepted == nil && signed == "RS256" {
				want = http.StatusNotFound // of the handler
			}
			if got := send(g.Protect(http.NotFoundHandler()), token); got.Code != want {
				t.Errorf("%s under %v: status %d, want %d", signed, accepted, got.Code, want)
			}
		}
		// The header names another algorithm than the one that has signed.
		for _, other := range names {
			p := policy(iss.URL, gate.StaticKeys(iss.PublicKeys()))
			p.Algorithms = names
			g, err := gate.New(p)
			if err != nil {
				t.Fatal(err)
			}
			if got := send(g.Protect(http.NotFoundHandler()), iss.MintHeader(map[string]any{"alg": other}, nil)).Code; (got == http.StatusNotFound) != (other == signed) {
				t.Errorf("signed with %s, says %s: status %d", signed, other, got)
			}
		}
	}
}

// rotating are keys of which one is removed while it is looked up.
type rotating struct{ *source }

func (k rotating) Snapshot() (gate.KeyFunc, int64, bool) {
	_, epoch, usable := k.source.Snapshot()
	return func(ctx context.Context, kid, alg string) (crypto.PublicKey, error) {
		key, err := k.Key(ctx, kid, alg)
		k.set(func() { k.epoch++ })
		return key, err
	}, epoch, usable
}

// TestKeyIsRemovedDuringVerification has a token whose key is removed after it was looked up.
// It is not cached as one of the time afterwards.
func TestKeyIsRemovedDuringVerification(t *testing.T) {
	t.Parallel()
	iss := gatetest.Unstarted("https://issuer.test/")
	keys := rotating{&source{name: iss.URL, keys: iss.PublicKeys()}}
	p := policy(iss.URL, keys)
	p.CacheSize = 10
	g, err := gate.New(p)
	if err != nil {
		t.Fatal(err)
	}
	token := iss.Mint(nil)
	for range 2 {
		got, err := g.Verifier.Verify(t.Context(), token)
		if err != nil || got.Cached() {
			t.Errorf("got %v, cached %t", err, got.Cached())
		}
	}
}

// TestPolicyIsCopied changes the lists of a policy after it is in use.
func TestPolicyIsCopied(t *testing.T) {
	t.Parallel()
	iss := gatetest.Unstarted("https://issuer.test/")
	p := policy(iss.URL, gate.StaticKeys(iss.PublicKeys()))
	p.Algorithms = []string{"RS256"}
	g, err := gate.New(p)
	if err != nil {
		t.Fatal(err)
	}
	p.Audiences[0], p.Algorithms[0] = "https://evil.test", "ES256"
	if got := send(g.Protect(http.NotFoundHandler()), iss.Mint(gatetest.Claims{"aud": "https://evil.test"})).Code; got != http.StatusUnauthorized {
		t.Errorf("a token for the audience that was written later: status %d", got)
	}
}

// TestClientNames has the claims that name the client, in their order of precedence.
func TestClientNames(t *testing.T) {
	t.Parallel()
	iss := gatetest.New(t)
	g := newGate(t, iss)
	for _, tc := range []struct {
		claims gatetest.Claims
		want   string
	}{
		{gatetest.Claims{"client_id": "a", "azp": "b", "cid": "c", "appid": "d"}, "a"}, {gatetest.Claims{"azp": "b", "cid": "c", "appid": "d"}, "b"},
		{gatetest.Claims{"azp": nil, "cid": "c"}, "c"}, {gatetest.Claims{"azp": nil, "appid": "d"}, "d"}, {gatetest.Claims{"azp": nil}, ""},
	} {
		token, err := g.Verifier.Verify(t.Context(), iss.Mint(tc.claims))
		if err != nil || token.Client() != tc.want {
			t.Errorf("%v: got %q, %v", tc.claims, token.Client(), err)
		}
	}
}
