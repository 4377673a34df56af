// Package prover makes DPoP proofs (RFC 9449 §4.2), for commands and tests that call the API
// and the tenant.
package prover

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// Key signs proofs, as ES256. It lives as long as the process, so that a token which is bound
// to it is of no use afterwards.
type Key struct{ private *ecdsa.PrivateKey }

// New returns a new Key.
func New() (*Key, error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	return &Key{private}, err
}

// Thumbprint identifies the key (RFC 7638).
func (k *Key) Thumbprint() (string, error) {
	digest, err := (&jose.JSONWebKey{Key: k.private.Public()}).Thumbprint(crypto.SHA256)
	return base64.RawURLEncoding.EncodeToString(digest), err
}

// Proof returns a proof for one request, with the access token and the nonce unless they are
// "".
func (k *Key) Proof(method, url, token, nonce string) (string, error) {
	return k.Sign(Claims(method, url, token, nonce))
}

// Claims returns the claims of a new proof.
func Claims(method, url, token, nonce string) map[string]any {
	claims := map[string]any{"jti": rand.Text(), "htm": method, "htu": url, "iat": time.Now().Unix()}
	if token != "" {
		digest := sha256.Sum256([]byte(token))
		claims["ath"] = base64.RawURLEncoding.EncodeToString(digest[:])
	}
	if nonce != "" {
		claims["nonce"] = nonce
	}
	return claims
}

// Sign returns a proof with these claims, whatever they are.
func (k *Key) Sign(claims map[string]any) (string, error) {
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: k.private}, (&jose.SignerOptions{EmbedJWK: true}).WithType("dpop+jwt"))
	if err != nil {
		return "", err
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", err
	}
	signed, err := signer.Sign(payload)
	if err != nil {
		return "", err
	}
	return signed.CompactSerialize()
}
