// Package gatetest provides an issuer for tests of handlers behind package gate. It
// makes keys, publishes them as a JWK Set on loopback, and mints tokens, valid or
// not.
//
//	iss := gatetest.New(t)
//	g, err := gate.New(gate.Policy{
//		Issuers:   []gate.Issuer{{URL: iss.URL, Keys: gate.StaticKeys(iss.PublicKeys())}},
//		Audiences: []string{gatetest.Audience},
//	})
//	…
//	r.Header.Set("Authorization", "Bearer "+iss.Mint(gatetest.Claims{"scope": "read:messages"}))
package gatetest

import (
	"cmp"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
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
)

// Audience is the audience of the tokens that [Issuer.Mint] makes.
const Audience = "https://api.test"

// key returns the nth key of this test binary. All issuers share the keys, because
// generating one is slow: a token of one has a valid signature under the keys of
// another.
func key(n int) *rsa.PrivateKey {
	keysMu.Lock()
	defer keysMu.Unlock()
	for len(keys) <= n {
		k, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			panic(err) // cannot happen for this size
		}
		keys = append(keys, k)
	}
	return keys[n]
}

// curveKeys are the keys of one rotation for ES256 and EdDSA.
type curveKeys struct {
	ecdsa   *ecdsa.PrivateKey
	ed25519 ed25519.PrivateKey
}

// curveKey is like key.
func curveKey(n int) curveKeys {
	keysMu.Lock()
	defer keysMu.Unlock()
	for len(curves) <= n {
		p256, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			panic(err) // cannot happen for this curve
		}
		_, ed, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			panic(err) // the system has no random numbers
		}
		curves = append(curves, curveKeys{p256, ed})
	}
	return curves[n]
}

var (
	keysMu sync.Mutex // protects keys and curves
	keys   []*rsa.PrivateKey
	curves []curveKeys
)

// Claims are the claims of a token, by name.
type Claims map[string]any

// Issuer is an issuer with a discovery document and a key set. All issuers of a test
// binary share their keys, so they differ by URL. Set the fields before the first
// request or call of a method. The methods may be called from any goroutine.
type Issuer struct {
	URL       string           // the issuer, with a trailing slash
	Fetches   atomic.Int32     // number of requests for the key set
	Now       func() time.Time // clock for iat and exp; nil means time.Now
	Algorithm string           // that signs the tokens: RS256, PS256, ES256 or EdDSA; "" means RS256

	current   atomic.Int32
	keys      atomic.Pointer[http.HandlerFunc]
	discovery atomic.Pointer[http.HandlerFunc]
}

// New starts an issuer on loopback and stops it when tb ends.
func New(tb testing.TB) *Issuer {
	tb.Helper()
	iss := &Issuer{}
	srv := httptest.NewUnstartedServer(iss)
	iss.URL = "http://" + srv.Listener.Addr().String() + "/"
	srv.Start()
	tb.Cleanup(srv.Close)
	return iss
}

// Unstarted returns an issuer with the given URL that is only an http.Handler, for
// tests that decide when and where it is served.
func Unstarted(url string) *Issuer { return &Issuer{URL: url} }

// HandleKeys makes h serve the key set; nil restores the default.
func (iss *Issuer) HandleKeys(h http.HandlerFunc) { set(&iss.keys, h) }

// HandleDiscovery makes h serve the discovery document; nil restores the default.
func (iss *Issuer) HandleDiscovery(h http.HandlerFunc) { set(&iss.discovery, h) }

func set(p *atomic.Pointer[http.HandlerFunc], h http.HandlerFunc) {
	if h == nil {
		p.Store(nil)
		return
	}
	p.Store(&h)
}

// Rotate replaces the signing key. The old one is no longer published. A jwks.Set fetches the
// new one for its first token, but only three times at once: after that, tokens with unknown
// keys get 503 for some seconds.
func (iss *Issuer) Rotate() { iss.current.Add(1) }

// KID is the ID of the current key.
func (iss *Issuer) KID() string { return "key-" + string('a'+iss.current.Load()) }

// Key is the current RSA key, which signs tokens by RS256 and PS256.
func (iss *Issuer) Key() *rsa.PrivateKey { return key(int(iss.current.Load())) }

// signer is the current private key for Algorithm.
func (iss *Issuer) signer() crypto.Signer {
	switch n := int(iss.current.Load()); iss.Algorithm {
	case jwt.SigningMethodES256.Alg():
		return curveKey(n).ecdsa
	case jwt.SigningMethodEdDSA.Alg():
		return curveKey(n).ed25519
	}
	return iss.Key()
}

// method is golang-jwt's implementation of Algorithm.
func (iss *Issuer) method() jwt.SigningMethod {
	return jwt.GetSigningMethod(cmp.Or(iss.Algorithm, jwt.SigningMethodRS256.Alg()))
}

// PublicKeys returns the current public key by its ID, as gate.StaticKeys has them.
func (iss *Issuer) PublicKeys() map[string]crypto.PublicKey {
	return map[string]crypto.PublicKey{iss.KID(): iss.signer().Public()}
}

// ServeHTTP serves the discovery document at the paths of OpenID Connect Discovery and
// RFC 8414, and the key set at every other path.
func (iss *Issuer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var document any
	override := iss.keys.Load()
	if strings.Contains(r.URL.Path, "/.well-known/openid-configuration") || strings.Contains(r.URL.Path, "/.well-known/oauth-authorization-server") {
		override = iss.discovery.Load()
		document = map[string]any{"issuer": iss.URL, "jwks_uri": strings.TrimSuffix(iss.URL, "/") + "/.well-known/jwks.json"}
	} else {
		iss.Fetches.Add(1)
		document = map[string]any{"keys": []any{iss.JWK()}}
	}
	if override != nil {
		(*override)(w, r)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(document) // fails only if the client is gone
}

// JWK is the current public key as a JSON Web Key (RFC 7518 §6, RFC 8037 §2).
func (iss *Issuer) JWK() map[string]any {
	jwk := map[string]any{"use": "sig", "alg": iss.method().Alg(), "kid": iss.KID()}
	encode := base64.RawURLEncoding.EncodeToString
	switch pub := iss.signer().Public().(type) {
	case *rsa.PublicKey:
		jwk["kty"], jwk["n"], jwk["e"] = "RSA", encode(pub.N.Bytes()), encode(big.NewInt(int64(pub.E)).Bytes())
	case *ecdsa.PublicKey:
		point, err := pub.Bytes()
		if err != nil {
			panic(err) // impossible: the key is valid
		}
		jwk["kty"], jwk["crv"], jwk["x"], jwk["y"] = "EC", "P-256", encode(point[1:33]), encode(point[33:])
	case ed25519.PublicKey:
		jwk["kty"], jwk["crv"], jwk["x"] = "OKP", "Ed25519", encode(pub)
	}
	return jwk
}

// Claims returns the claims of a valid token as Auth0 issues them: iat is Now, and exp
// is an hour later.
func (iss *Issuer) Claims() Claims {
	now := time.Now()
	if iss.Now != nil {
		now = iss.Now()
	}
	return Claims{
		"iss": iss.URL, "sub": "auth0|test", "aud": []string{Audience, iss.URL + "userinfo"},
		"iat": now.Unix(), "exp": now.Add(time.Hour).Unix(), "azp": "client", "scope": "openid profile",
	}
}

// Mint returns a token signed with the current key. changes replace claims of
// [Issuer.Claims]; a nil value removes one.
func (iss *Issuer) Mint(changes Claims) string {
	return iss.MintHeader(map[string]any{}, changes)
}

// MintHeader is [Issuer.Mint] with changes to the header too.
func (iss *Issuer) MintHeader(header map[string]any, changes Claims) string {
	claims := iss.Claims()
	apply(claims, changes)
	token := jwt.NewWithClaims(iss.method(), jwt.MapClaims(claims))
	token.Header["kid"] = iss.KID()
	apply(token.Header, header)
	signed, err := token.SignedString(iss.signer())
	if err != nil {
		panic(err) // the test has given a value that JSON does not have
	}
	return signed
}

// Sign returns a token with exactly this header and payload, JSON or not, and a valid
// signature of the current key.
func (iss *Issuer) Sign(header, payload string) string {
	signed := base64.RawURLEncoding.EncodeToString([]byte(header)) + "." + base64.RawURLEncoding.EncodeToString([]byte(payload))
	signature, err := iss.method().Sign(signed, iss.signer())
	if err != nil {
		panic(err) // impossible: the key is valid
	}
	return signed + "." + base64.RawURLEncoding.EncodeToString(signature)
}

func apply[M ~map[string]any](dst, changes M) {
	maps.Copy(dst, changes)
	maps.DeleteFunc(dst, func(_ string, v any) bool { return v == nil })
}
