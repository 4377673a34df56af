package dpop

import (
	"bytes"
	"hash/maphash"
	"sync/atomic"

	"calling-an-api.example/api/gate/internal/jws"
)

const (
	keyCacheSize = 1 << 10 // keys that a [Verifier] remembers at most; those that share a slot replace each other
	maxCachedJWK = 1 << 10 // bytes; larger than any key of 4096 bits without additions
)

// keyCache remembers parsed keys of accepted proofs, because a client sends the same key
// with each proof. Only owners of a valid access token can put something into it. Its
// methods may be called from any goroutine. Create it with newKeyCache.
type keyCache struct {
	seed  maphash.Seed
	slots [keyCacheSize]atomic.Pointer[cachedKey]
}

type cachedKey struct {
	jwk []byte // as it was sent
	key publicKey
}

func newKeyCache() *keyCache { return &keyCache{seed: maphash.MakeSeed()} }

// slot returns the place for the key with a thumbprint.
func (c *keyCache) slot(thumbprint string) *atomic.Pointer[cachedKey] {
	return &c.slots[maphash.String(c.seed, thumbprint)%keyCacheSize]
}

// parse is [parseKey]. thumbprint says where to look first; jwk may be of another key.
func (c *keyCache) parse(jwk jws.Value, thumbprint string) (publicKey, error) {
	if known := c.slot(thumbprint).Load(); known != nil && bytes.Equal(known.jwk, jwk.Raw) {
		return known.key, nil
	}
	return parseKey(jwk)
}

// add remembers key, which was sent as jwk.
func (c *keyCache) add(jwk []byte, key publicKey) {
	slot := c.slot(key.thumbprint)
	if known := slot.Load(); len(jwk) <= maxCachedJWK && (known == nil || !bytes.Equal(known.jwk, jwk)) {
		slot.Store(&cachedKey{bytes.Clone(jwk), key})
	}
}
