package tenant

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"sync"

	"github.com/go-jose/go-jose/v4"
	"github.com/zitadel/oidc/v3/pkg/crypto"
	"github.com/zitadel/oidc/v3/pkg/op"
)

// signingKeys is the tenant's RSA key, made once in the background.
type signingKeys struct {
	once func() (*signingKey, error)
}

type signingKey struct {
	id      string
	private *rsa.PrivateKey
}

// newSigningKeys returns the tenant's keys: known, or one to be made if that is nil.
func newSigningKeys(known *signingKey) *signingKeys {
	k := &signingKeys{once: sync.OnceValues(func() (*signingKey, error) {
		if known != nil {
			return known, nil
		}
		private, err := rsa.GenerateKey(rand.Reader, 2048)
		return &signingKey{id: randomID(), private: private}, err
	})}
	go func() { _, _ = k.once() }() // whoever needs the key sees the error
	return k
}

// sign returns claims as a signed JWT with the header Auth0 gives it: alg
// RS256, typ JWT, kid.
func (k *signingKeys) sign(claims any) (string, error) {
	key, err := k.once()
	if err != nil {
		return "", err
	}
	signer, err := op.SignerFromKey(key)
	if err != nil {
		return "", err
	}
	return crypto.Sign(claims, signer)
}

// public returns the key set to publish.
func (k *signingKeys) public() (*jose.JSONWebKeySet, error) {
	key, err := k.once()
	if err != nil {
		return nil, err
	}
	return &jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{
		Key: key.private.Public(), KeyID: key.id, Algorithm: string(jose.RS256), Use: "sig",
	}}}, nil
}

// VerifySignature implements oidc.KeySet.
func (k *signingKeys) VerifySignature(_ context.Context, jws *jose.JSONWebSignature) ([]byte, error) {
	key, err := k.once()
	if err != nil {
		return nil, err
	}
	if len(jws.Signatures) != 1 || jws.Signatures[0].Header.KeyID != key.id {
		return nil, errors.New("signed with another key")
	}
	return jws.Verify(key.private.Public())
}

// ID, Key and SignatureAlgorithm implement op.SigningKey.

func (k *signingKey) ID() string                                  { return k.id }
func (k *signingKey) Key() any                                    { return k.private }
func (k *signingKey) SignatureAlgorithm() jose.SignatureAlgorithm { return jose.RS256 }
