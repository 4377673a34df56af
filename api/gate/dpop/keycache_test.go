package dpop

import (
	"crypto/rand"
	"maps"
	"net/http"
	"strings"
	"testing"

	"github.com/golang-jwt/jwt/v5"
)

// TestKeyCache has proofs of one client: a key is remembered after the first that is accepted.
func TestKeyCache(t *testing.T) {
	t.Parallel()
	key, jwk, thumbprint := newTestKey(t, jwt.SigningMethodES256)
	other, otherJWK, _ := newTestKey(t, jwt.SigningMethodES256)
	v, err := New(Options{URLs: []string{"https://api.test"}})
	if err != nil {
		t.Fatal(err)
	}
	check := func(proof string) error {
		_, err := v.Check([]string{proof}, Request{Method: http.MethodGet, Path: "/messages", Token: testToken, Thumbprint: thumbprint})
		return err
	}
	slot := v.keys.slot(thumbprint)
	for name, proof := range map[string]string{
		"another method":    testProof(t, jwt.SigningMethodES256, key, jwk, jwt.MapClaims{"htm": "POST"}),
		"another token":     testProof(t, jwt.SigningMethodES256, key, jwk, jwt.MapClaims{"ath": "x"}),
		"another signature": testProof(t, jwt.SigningMethodES256, other, jwk, nil),
		"another key":       testProof(t, jwt.SigningMethodES256, other, otherJWK, nil),
		"more than 1 KiB":   testProof(t, jwt.SigningMethodES256, key, withMember(jwk, "x5c", strings.Repeat("x", 1100)), nil),
	} {
		if err := check(proof); (err == nil) != (name == "more than 1 KiB") || slot.Load() != nil {
			t.Errorf("%s: %v, remembered %t", name, err, slot.Load() != nil)
		}
	}
	if err := check(testProof(t, jwt.SigningMethodES256, key, jwk, nil)); err != nil || slot.Load() == nil {
		t.Fatalf("a good one: %v", err)
	}
	first := slot.Load()
	if err := check(testProof(t, jwt.SigningMethodES256, key, jwk, nil)); err != nil || slot.Load() != first {
		t.Errorf("another one: %v, replaced %t", err, slot.Load() != first)
	}
	if err := check(testProof(t, jwt.SigningMethodES256, key, withMember(jwk, "kid", "1"), nil)); err != nil || slot.Load() == first {
		t.Errorf("another spelling of the key: %v, kept %t", err, slot.Load() == first)
	}

	// A key that is found is not parsed again.
	slot.Load().key.thumbprint = "of the cache"
	if err := check(testProof(t, jwt.SigningMethodES256, key, withMember(jwk, "kid", "1"), nil)); err == nil {
		t.Error("the remembered key is not used")
	}
}

func withMember(jwk map[string]string, name, value string) map[string]string {
	changed := maps.Clone(jwk)
	changed[name] = value
	return changed
}

// TestKeyCacheSlots has many keys: they are spread over all slots.
func TestKeyCacheSlots(t *testing.T) {
	t.Parallel()
	c, used := newKeyCache(), map[any]bool{}
	for range 20 * keyCacheSize {
		used[c.slot(rand.Text())] = true
	}
	if len(used) != keyCacheSize {
		t.Errorf("%d of %d slots are used", len(used), keyCacheSize)
	}
}
