// Package gatetest provides an issuer for tests of handlers behind package gate. It
// makes RSA keys, publishes them as a JWK Set on loopback, and mints tokens, valid or
// not.
//
//	iss := gatetest.New(t)
//	g, err := gate.New(gate.StaticKeys(iss.PublicKeys()), gate.Policy{Issuer: iss.URL, Audience: gatetest.Audience})
//	…
//	r.Header.Set("Authorization", "Bearer "+iss.Mint(gatetest.Claims{"scope": "read:messages"}))
package gatetest

import (
	"crypto"
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

var (
	keysMu sync.Mutex // protects keys
	keys   []*rsa.PrivateKey
)

// Claims are the claims of a token, by name.
type Claims map[string]any

// Issuer is an issuer with a discovery document and a key set. All issuers of a test
// binary share their keys, so they differ by URL. Set URL and Now before the first
// request or call of a method. The methods may be called from any goroutine.
type Issuer struct {
	URL     string           // the issuer, with a trailing slash
	Fetches atomic.Int32     // number of requests for the key set
	Now     func() time.Time // clock for iat and exp; nil means time.Now

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

// Rotate replaces the signing key. The old one is no longer published.
func (iss *Issuer) Rotate() { iss.current.Add(1) }

// KID is the ID of the current key.
func (iss *Issuer) KID() string { return "key-" + string('a'+iss.current.Load()) }

// Key is the current private key.
func (iss *Issuer) Key() *rsa.PrivateKey { return key(int(iss.current.Load())) }

// PublicKeys returns the current public key by its ID, as gate.StaticKeys has them.
func (iss *Issuer) PublicKeys() map[string]crypto.PublicKey {
	return map[string]crypto.PublicKey{iss.KID(): iss.Key().Public()}
}

// ServeHTTP serves the discovery document at its path, and the key set at every other path.
func (iss *Issuer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var document any
	override := iss.keys.Load()
	if r.URL.Path == "/.well-known/openid-configuration" {
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

// JWK is the current public key as a JSON Web Key.
func (iss *Issuer) JWK() map[string]any {
	pub := iss.Key().PublicKey
	return map[string]any{
		"kty": "RSA", "use": "sig", "alg": "RS256", "kid": iss.KID(),
		"n": base64.RawURLEncoding.EncodeToString(pub.N.Bytes()),
		"e": base64.RawURLEncoding.EncodeToString(big.NewInt(int64(pub.E)).Bytes()),
	}
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
	token := jwt.NewWithClaims(jwt.SigningMethodRS256, jwt.MapClaims(claims))
	token.Header["kid"] = iss.KID()
	apply(token.Header, header)
	signed, err := token.SignedString(iss.Key())
	if err != nil {
		panic(err) // the test has given a value that JSON does not have
	}
	return signed
}

// Sign returns a token with exactly this header and payload, JSON or not, and a valid
// signature of the current key.
func (iss *Issuer) Sign(header, payload string) string {
	signed := base64.RawURLEncoding.EncodeToString([]byte(header)) + "." + base64.RawURLEncoding.EncodeToString([]byte(payload))
	signature, err := jwt.SigningMethodRS256.Sign(signed, iss.Key())
	if err != nil {
		panic(err) // impossible: the key is valid
	}
	return signed + "." + base64.RawURLEncoding.EncodeToString(signature)
}

func apply[M ~map[string]any](dst, changes M) {
	maps.Copy(dst, changes)
	maps.DeleteFunc(dst, func(_ string, v any) bool { return v == nil })
}
