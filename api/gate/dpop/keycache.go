package dpop

import (
	"bytes"
	"sync/atomic"

	"calling-an-api.example/api/gate/internal/jws"
)

// keyCacheSize is how many keys a [Verifier] remembers, about 500 bytes each.
const keyCacheSize = 1 << 10

// keyCache remembers parsed keys of accepted proofs, because a client sends the same key
// with each proof. Only owners of a valid access token can put something into it. Its
// methods may be called from any goroutine; the zero value is empty.
type keyCache [keyCacheSize]atomic.Pointer[cachedKey]

type cachedKey struct {
	jwk []byte // as it was sent
	key publicKey
}

// slot returns the place for the key with a thumbprint, which keys may have to share.
func (c *keyCache) slot(thumbprint string) *atomic.Pointer[cachedKey] {
	var n uint32
	for i := range min(len(thumbprint), 4) {
		n = n<<6 ^ uint32(thumbprint[i])
	}
	return &c[n%keyCacheSize]
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
	if known := slot.Load(); known == nil || !bytes.Equal(known.jwk, jwk) {
		slot.Store(&cachedKey{bytes.Clone(jwk), key})
	}
}
