package tenant

import (
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"slices"
	"sync"

	"github.com/go-jose/go-jose/v4"
	"github.com/zitadel/oidc/v3/pkg/crypto"
)

// maxKeys is how many keys are published at most.
const maxKeys = 5

// signingKeys are the tenant's RSA keys: the current one, and earlier ones that are still
// published for the tokens that they signed. The first one is generated in the
// background. The methods may be called from any goroutine.
type signingKeys struct {
	first func() error // generates the first key, once

	mu  sync.Mutex    // protects all
	all []*signingKey // the current one first
}

// signingKey is a key for RS256.
type signingKey struct {
	id      string
	private *rsa.PrivateKey
}

// newKey generates a key of 2048 bits, with a random ID.
func newKey() (*signingKey, error) {
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	return &signingKey{id: rand.Text(), private: private}, err
}

// newSigningKeys returns the keys known, or starts to generate one if there are none.
func newSigningKeys(known []*signingKey) *signingKeys {
	k := &signingKeys{all: known}
	k.first = sync.OnceValue(func() error {
		if len(known) > 0 {
			return nil
		}
		key, err := newKey()
		if err == nil {
			k.mu.Lock()
			k.all = []*signingKey{key}
			k.mu.Unlock()
		}
		return err
	})
	go func() { _ = k.first() }() // list returns the error
	return k
}

// list returns the keys, the current one first.
func (k *signingKeys) list() ([]*signingKey, error) {
	if err := k.first(); err != nil {
		return nil, err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.Clone(k.all), nil
}

// rotate makes a new key the current one. The others stay published.
func (k *signingKeys) rotate() error {
	err := k.first()
	if err != nil {
		return err
	}
	key, err := newKey()
	if err != nil {
		return err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.all = append([]*signingKey{key}, k.all...)
	k.all = k.all[:min(len(k.all), maxKeys)]
	return nil
}

// revoke removes the key with that ID, or all but the current one if id is "". It
// reports whether it removed any. The current key cannot be removed.
func (k *signingKeys) revoke(id string) bool {
	if k.first() != nil {
		return false
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	before := len(k.all)
	k.all = append(k.all[:1:1], slices.DeleteFunc(k.all[1:], func(key *signingKey) bool { return id == "" || key.id == id })...)
	return len(k.all) < before
}

// sign returns claims as a signed JWT with Auth0's header: alg RS256, typ, kid.
func (k *signingKeys) sign(typ string, claims any) (string, error) {
	keys, err := k.list()
	if err != nil {
		return "", err
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: jose.JSONWebKey{Key: keys[0].private, KeyID: keys[0].id}},
		(&jose.SignerOptions{}).WithType(jose.ContentType(typ)))
	if err != nil {
		return "", err
	}
	return crypto.Sign(claims, signer)
}

// public returns the JWK Set.
func (k *signingKeys) public() (*jose.JSONWebKeySet, error) {
	keys, err := k.list()
	if err != nil {
		return nil, err
	}
	set := &jose.JSONWebKeySet{}
	for _, key := range keys {
		set.Keys = append(set.Keys, jose.JSONWebKey{Key: key.private.Public(), KeyID: key.id, Algorithm: string(jose.RS256), Use: "sig"})
	}
	return set, nil
}

// verify returns the payload of jws if one of the keys has signed it.
func (k *signingKeys) verify(jws *jose.JSONWebSignature) ([]byte, error) {
	keys, err := k.list()
	if err != nil {
		return nil, err
	}
	for _, key := range keys {
		if len(jws.Signatures) == 1 && jws.Signatures[0].Header.KeyID == key.id {
			return jws.Verify(key.private.Public())
		}
	}
	return nil, errors.New("signed with another key")
}
