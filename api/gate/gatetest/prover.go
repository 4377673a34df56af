package gatetest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"math/big"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// Prover makes DPoP proofs (RFC 9449 §4.2), as the application does that an access token was
// issued to. Its methods may be called from any goroutine.
type Prover struct {
	Now func() time.Time // clock for iat; nil means time.Now

	algorithm string
	key       crypto.Signer
	jwk       map[string]any
}

// NewProver returns a Prover with a new key for algorithm: ES256, EdDSA, PS256 or RS256.
func NewProver(algorithm string) *Prover {
	p := &Prover{algorithm: algorithm}
	encode := base64.RawURLEncoding.EncodeToString
	switch algorithm {
	case jwt.SigningMethodES256.Alg():
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			panic(err) // cannot happen for this curve
		}
		point, err := key.PublicKey.Bytes()
		if err != nil {
			panic(err) // impossible: the key is valid
		}
		p.key, p.jwk = key, map[string]any{"kty": "EC", "crv": "P-256", "x": encode(point[1:33]), "y": encode(point[33:])}
	case jwt.SigningMethodEdDSA.Alg():
		public, key, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			panic(err) // the system has no random numbers
		}
		p.key, p.jwk = key, map[string]any{"kty": "OKP", "crv": "Ed25519", "x": encode(public)}
	default:
		key, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			panic(err) // cannot happen for this size
		}
		p.key = key
		p.jwk = map[string]any{"kty": "RSA", "n": encode(key.N.Bytes()), "e": encode(big.NewInt(int64(key.E)).Bytes())}
	}
	return p
}

// JWK is the public key as a JSON Web Key.
func (p *Prover) JWK() map[string]any { return p.jwk }

// Key is the private key.
func (p *Prover) Key() crypto.Signer { return p.key }

// Thumbprint is the JWK thumbprint (RFC 7638) of the key, which bound tokens have as jkt in
// the claim cnf.
func (p *Prover) Thumbprint() string {
	var canonical string
	switch p.jwk["kty"] {
	case "EC":
		canonical = fmt.Sprintf(`{"crv":"P-256","kty":"EC","x":"%s","y":"%s"}`, p.jwk["x"], p.jwk["y"])
	case "OKP":
		canonical = fmt.Sprintf(`{"crv":"Ed25519","kty":"OKP","x":"%s"}`, p.jwk["x"])
	default:
		canonical = fmt.Sprintf(`{"e":"%s","kty":"RSA","n":"%s"}`, p.jwk["e"], p.jwk["n"])
	}
	digest := sha256.Sum256([]byte(canonical))
	return base64.RawURLEncoding.EncodeToString(digest[:])
}

// Confirmation is the claim cnf of tokens that are bound to the key.
func (p *Prover) Confirmation() map[string]any { return map[string]any{"jkt": p.Thumbprint()} }

// Proof returns a proof for one request with token, "" for none. changes replace its
// claims; a nil value removes one.
func (p *Prover) Proof(method, url, token string, changes Claims) string {
	return p.ProofHeader(nil, method, url, token, changes)
}

// ProofHeader is [Prover.Proof] with changes to the header too.
func (p *Prover) ProofHeader(header map[string]any, method, url, token string, changes Claims) string {
	now := time.Now()
	if p.Now != nil {
		now = p.Now()
	}
	claims := Claims{"jti": rand.Text(), "htm": method, "htu": url, "iat": now.Unix()}
	if token != "" {
		digest := sha256.Sum256([]byte(token))
		claims["ath"] = base64.RawURLEncoding.EncodeToString(digest[:])
	}
	apply(claims, changes)
	proof := jwt.NewWithClaims(jwt.GetSigningMethod(p.algorithm), jwt.MapClaims(claims))
	proof.Header["typ"], proof.Header["jwk"] = "dpop+jwt", p.jwk
	apply(proof.Header, header)
	signed, err := proof.SignedString(p.key)
	if err != nil {
		panic(err) // the test has given a value that JSON does not have
	}
	return signed
}
