package main

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
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
	kid      = "bench"
)

// issuer publishes one key on loopback.
type issuer struct {
	url string // with its trailing slash
	key *rsa.PrivateKey
}

func startIssuer() (*issuer, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, err
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	iss := &issuer{url: "http://" + ln.Addr().String() + "/", key: key}
	srv := &http.Server{Handler: iss, ReadHeaderTimeout: time.Second}
	go func() { _ = srv.Serve(ln) }() // as long as this process lives
	return iss, nil
}

// ServeHTTP answers with the discovery document or the key set.
func (iss *issuer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	var document any = map[string]any{"issuer": iss.url, "jwks_uri": iss.url + ".well-known/jwks.json"}
	if r.URL.Path != "/.well-known/openid-configuration" {
		document = map[string]any{"keys": []any{map[string]any{
			"kty": "RSA", "use": "sig", "alg": "RS256", "kid": kid,
			"n": base64.RawURLEncoding.EncodeToString(iss.key.N.Bytes()),
			"e": base64.RawURLEncoding.EncodeToString(big.NewInt(int64(iss.key.E)).Bytes()),
		}}}
	}
	_ = json.NewEncoder(w).Encode(document) // fails only if the server is gone
}

// mint returns n distinct tokens of the size that an Auth0 tenant makes.
func (iss *issuer) mint(n int) ([]string, error) {
	tokens := make([]string, n)
	now := time.Now()
	var group errgroup.Group
	workers := runtime.NumCPU()
	for worker := range workers {
		group.Go(func() (err error) {
			for i := worker; i < n && err == nil; i += workers {
				token := jwt.NewWithClaims(jwt.SigningMethodRS256, jwt.MapClaims{
					"iss": iss.url, "sub": "auth0|" + strconv.Itoa(1e9+i), "aud": []string{audience, iss.url + "userinfo"},
					"iat": now.Unix(), "exp": now.Add(24 * time.Hour).Unix(), "azp": "AbCdEfGhIjKlMnOpQrStUvWxYz012345",
					"scope": "openid profile email read:messages", "permissions": []string{"read:messages"},
				})
				token.Header["kid"] = kid
				tokens[i], err = token.SignedString(iss.key)
			}
			return err
		})
	}
	return tokens, group.Wait()
}
