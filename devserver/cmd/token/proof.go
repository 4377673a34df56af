package main

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

// proofKey makes DPoP proofs (RFC 9449 §4.2). It lives as long as this command, so a token
// that is bound to it is of no use afterwards.
type proofKey struct{ private *ecdsa.PrivateKey }

func newProofKey() (*proofKey, error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	return &proofKey{private}, err
}

// thumbprint identifies the key (RFC 7638).
func (k *proofKey) thumbprint() (string, error) {
	digest, err := (&jose.JSONWebKey{Key: k.private.Public()}).Thumbprint(crypto.SHA256)
	return base64.RawURLEncoding.EncodeToString(digest), err
}

// proof returns a proof for one request with token. nonce may be "".
func (k *proofKey) proof(method, url, token, nonce string) (string, error) {
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: k.private}, (&jose.SignerOptions{EmbedJWK: true}).WithType("dpop+jwt"))
	if err != nil {
		return "", err
	}
	digest := sha256.Sum256([]byte(token))
	payload, err := json.Marshal(struct {
		ID       string `json:"jti"`
		Method   string `json:"htm"`
		URL      string `json:"htu"`
		IssuedAt int64  `json:"iat"`
		Token    string `json:"ath"`
		Nonce    string `json:"nonce,omitempty"`
	}{rand.Text(), method, url, time.Now().Unix(), base64.RawURLEncoding.EncodeToString(digest[:]), nonce})
	if err != nil {
		return "", err
	}
	signed, err := signer.Sign(payload)
	if err != nil {
		return "", err
	}
	return signed.CompactSerialize()
}
