// Package authtest is an issuer for tests: it makes RSA keys, publishes them as
// a JWK Set, and mints tokens, good ones and bad ones. Only tests import it.
package authtest

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"maps"
	"math/big"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// Audience is the API identifier that Issuer's tokens are for.
const Audience = "https://api.test"

// key returns the nth key of this test binary. Making one takes a while, so all
// issuers share them.
func key(n int) *rsa.PrivateKey {
	keysMu.Lock()
	defer keysMu.Unlock()
	for len(keys) <= n {
		k, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			panic(err) // the system's randomness failed
		}
		keys = append(keys, k)
	}
	return keys[n]
}

var (
	keysMu sync.Mutex
	keys   []*rsa.PrivateKey
)

// Issuer publishes its current key, and where that is, on a loopback server.
type Issuer struct {
	URL     string       // with its trailing slash
	Fetches atomic.Int32 // how often the key set was asked for

	current   atomic.Int32
	answer    atomic.Pointer[http.HandlerFunc]
	discovery atomic.Pointer[http.HandlerFunc]
}

// New starts an issuer that t's end stops.
func New(t testing.TB) *Issuer {
	t.Helper()
	iss := &Issuer{}
	srv := httptest.NewUnstartedServer(iss)
	iss.URL = "http://" + srv.Listener.Addr().String() + "/"
	srv.Start()
	t.Cleanup(srv.Close)
	return iss
}

// Unstarted returns an issuer that serves nothing by itself: it is a handler,
// known as url, for tests that decide when and where it comes up.
func Unstarted(url string) *Issuer { return &Issuer{URL: url} }

// Answer makes h answer for the key set from now on; nil restores the truth.
func (iss *Issuer) Answer(h http.HandlerFunc) { set(&iss.answer, h) }

// Discovery makes h answer for the discovery document; nil restores the truth.
func (iss *Issuer) Discovery(h http.HandlerFunc) { set(&iss.discovery, h) }

func set(p *atomic.Pointer[http.HandlerFunc], h http.HandlerFunc) {
	if h == nil {
		p.Store(nil)
		return
	}
	p.Store(&h)
}

// Rotate replaces the signing key by another.
func (iss *Issuer) Rotate() { iss.current.Add(1) }

// KID is the current key's ID.
func (iss *Issuer) KID() string { return "key-" + string(rune('a'+iss.current.Load())) }

// Key is the current private key.
func (iss *Issuer) Key() *rsa.PrivateKey { return key(int(iss.current.Load())) }

// ServeHTTP answers with the discovery document at its path, and with the key set
// at every other.
func (iss *Issuer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var document any
	override := iss.answer.Load()
	if r.URL.Path == "/.well-known/openid-configuration" {
		override = iss.discovery.Load()
		document = map[string]any{"issuer": iss.URL, "jwks_uri": iss.URL + ".well-known/jwks.json"}
	} else {
		iss.Fetches.Add(1)
		document = map[string]any{"keys": []any{iss.JWK()}}
	}
	if override != nil {
		(*override)(w, r)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(document) // a gone client is the test's affair
}

// JWK is the current public key as it is published.
func (iss *Issuer) JWK() map[string]any {
	pub := iss.Key().PublicKey
	return map[string]any{
		"kty": "RSA", "use": "sig", "alg": "RS256", "kid": iss.KID(),
		"n": base64.RawURLEncoding.EncodeToString(pub.N.Bytes()),
		"e": base64.RawURLEncoding.EncodeToString(big.NewInt(int64(pub.E)).Bytes()),
	}
}

// Claims are those of a good token, as an Auth0 tenant would make it.
func (iss *Issuer) Claims() jwt.MapClaims {
	now := time.Now()
	return jwt.MapClaims{
		"iss": iss.URL, "sub": "auth0|test", "aud": []string{Audience, iss.URL + "userinfo"},
		"iat": now.Unix(), "exp": now.Add(time.Hour).Unix(), "azp": "client", "scope": "openid profile",
	}
}

// Mint signs a token with the current key. The claims in changes replace those
// of Claims; a nil value removes one.
func (iss *Issuer) Mint(changes jwt.MapClaims) string {
	return iss.MintHeader(map[string]any{}, changes)
}

// MintHeader is Mint with changes to the header too.
func (iss *Issuer) MintHeader(header map[string]any, changes jwt.MapClaims) string {
	claims := iss.Claims()
	apply(claims, changes)
	token := jwt.NewWithClaims(jwt.SigningMethodRS256, claims)
	token.Header["kid"] = iss.KID()
	apply(token.Header, header)
	signed, err := token.SignedString(iss.Key())
	if err != nil {
		panic(err) // claims that JSON can't say: a fault of the test
	}
	return signed
}

// Sign returns a token of exactly this header and payload, JSON or not, with a
// good signature of the current key.
func (iss *Issuer) Sign(header, payload string) string {
	signed := base64.RawURLEncoding.EncodeToString([]byte(header)) + "." + base64.RawURLEncoding.EncodeToString([]byte(payload))
	signature, err := jwt.SigningMethodRS256.Sign(signed, iss.Key())
	if err != nil {
		panic(err) // the key is good
	}
	return signed + "." + base64.RawURLEncoding.EncodeToString(signature)
}

func apply[M ~map[string]any](dst, changes M) {
	maps.Copy(dst, changes)
	maps.DeleteFunc(dst, func(_ string, v any) bool { return v == nil })
}
