package main

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"maps"
	"math/big"
	"net"
	"net/http"
	"runtime"
	"strconv"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"golang.org/x/sync/errgroup"
)

const (
	audience = "https://api.bench.test"
	path     = "/api/external"
	kid      = "bench"
)

// issuer publishes a key for each algorithm on loopback.
type issuer struct {
	url   string // with its trailing slash
	key   *rsa.PrivateKey
	ecdsa *ecdsa.PrivateKey
	ed    ed25519.PrivateKey
}

func startIssuer() (*issuer, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, err
	}
	p256, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	iss := &issuer{"http://" + ln.Addr().String() + "/", key, p256, ed}
	srv := &http.Server{Handler: iss, ReadHeaderTimeout: time.Second}
	go func() { _ = srv.Serve(ln) }() // as long as this process lives
	return iss, nil
}

// ServeHTTP answers with the discovery document or the key set.
func (iss *issuer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	var document any = map[string]any{"issuer": iss.url, "jwks_uri": iss.url + ".well-known/jwks.json"}
	if r.URL.Path != "/.well-known/openid-configuration" {
		document = map[string]any{"keys": iss.keys()}
	}
	_ = json.NewEncoder(w).Encode(document) // fails only if the server is gone
}

// keys are the public keys as JSON Web Keys.
func (iss *issuer) keys() []any {
	encode := base64.RawURLEncoding.EncodeToString
	point, err := iss.ecdsa.PublicKey.Bytes()
	if err != nil {
		panic(err) // impossible: the key is valid
	}
	return []any{
		map[string]any{
			"kty": "RSA", "use": "sig", "alg": "RS256", "kid": kid,
			"n": encode(iss.key.N.Bytes()), "e": encode(big.NewInt(int64(iss.key.E)).Bytes()),
		},
		map[string]any{"kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": kid + "-ES256", "x": encode(point[1:33]), "y": encode(point[33:])},
		map[string]any{"kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA", "kid": kid + "-EdDSA", "x": encode(iss.ed.Public().(ed25519.PublicKey))},
	}
}

// signer returns the key for method, and its ID.
func (iss *issuer) signer(method jwt.SigningMethod) (key any, id string) {
	switch method {
	case jwt.SigningMethodES256:
		return iss.ecdsa, kid + "-ES256"
	case jwt.SigningMethodEdDSA:
		return iss.ed, kid + "-EdDSA"
	}
	return iss.key, kid
}

// mint returns n distinct tokens of the size that an Auth0 tenant makes.
func (iss *issuer) mint(method jwt.SigningMethod, n int) ([]string, error) {
	tokens := make([]string, n)
	return tokens, inParallel(n, func(i int) (err error) {
		tokens[i], err = iss.sign(method, i, nil)
		return err
	})
}

// sign returns the nth token, with changes to its claims.
func (iss *issuer) sign(method jwt.SigningMethod, n int, changes map[string]any) (string, error) {
	now := time.Now()
	key, id := iss.signer(method)
	claims := jwt.MapClaims{
		"iss": iss.url, "sub": "auth0|" + strconv.Itoa(1e9+n), "aud": []string{audience, iss.url + "userinfo"},
		"iat": now.Unix(), "exp": now.Add(24 * time.Hour).Unix(), "azp": "AbCdEfGhIjKlMnOpQrStUvWxYz012345",
		"scope": "openid profile email read:messages", "permissions": []string{"read:messages"},
	}
	maps.Copy(claims, changes)
	token := jwt.NewWithClaims(method, claims)
	token.Header["kid"] = id
	return token.SignedString(key)
}

// inParallel calls do with each number below n, on all cores.
func inParallel(n int, do func(i int) error) error {
	var group errgroup.Group
	workers := runtime.NumCPU()
	for worker := range workers {
		group.Go(func() (err error) {
			for i := worker; i < n && err == nil; i += workers {
				err = do(i)
			}
			return err
		})
	}
	return group.Wait()
}
