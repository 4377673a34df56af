package dpop

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"maps"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"calling-an-api.example/api/gate/internal/jws"
)

// benchmarkCheck verifies one proof, again and again.
func benchmarkCheck(b *testing.B, method jwt.SigningMethod) {
	b.Helper()
	key, jwk, thumbprint := newTestKey(b, method)
	signed := testProof(b, method, key, jwk, nil)
	now := time.Now()
	v, err := New(Options{URLs: []string{"https://api.test"}, Now: func() time.Time { return now }})
	if err != nil {
		b.Fatal(err)
	}
	headers, request := []string{signed}, Request{Method: "GET", Path: "/messages", Token: testToken, Thumbprint: thumbprint}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := v.Check(headers, request); err != nil {
			b.Fatal(err)
		}
	}
}

// testToken is the access token of the tests' proofs.
const testToken = "the access token"

// testProof returns a proof for GET /messages, with changes to its claims.
func testProof(tb testing.TB, method jwt.SigningMethod, key crypto.Signer, jwk map[string]string, changes jwt.MapClaims) string {
	tb.Helper()
	digest := sha256.Sum256([]byte(testToken))
	claims := jwt.MapClaims{
		"jti": rand.Text(), "htm": "GET", "htu": "https://api.test/messages", "iat": time.Now().Unix(), "ath": jws.Encoding.EncodeToString(digest[:]),
	}
	maps.Copy(claims, changes)
	proof := jwt.NewWithClaims(method, claims)
	proof.Header["typ"], proof.Header["jwk"] = "dpop+jwt", jwk
	signed, err := proof.SignedString(key)
	if err != nil {
		tb.Fatal(err)
	}
	return signed
}

func newTestKey(tb testing.TB, method jwt.SigningMethod) (key crypto.Signer, jwk map[string]string, thumbprint string) {
	tb.Helper()
	encode := jws.Encoding.EncodeToString
	var canonical string
	if method == jwt.SigningMethodEdDSA {
		public, private, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			tb.Fatal(err)
		}
		key, jwk = private, map[string]string{"kty": "OKP", "crv": "Ed25519", "x": encode(public)}
		canonical = `{"crv":"Ed25519","kty":"OKP","x":"` + jwk["x"] + `"}`
	} else {
		private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			tb.Fatal(err)
		}
		point, err := private.PublicKey.Bytes()
		if err != nil {
			tb.Fatal(err)
		}
		key, jwk = private, map[string]string{"kty": "EC", "crv": "P-256", "x": encode(point[1:33]), "y": encode(point[33:])}
		canonical = `{"crv":"P-256","kty":"EC","x":"` + jwk["x"] + `","y":"` + jwk["y"] + `"}`
	}
	digest := sha256.Sum256([]byte(canonical))
	return key, jwk, encode(digest[:])
}
