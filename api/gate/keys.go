package gate

import (
	"context"
	"crypto"
	"errors"
)

// Keys finds the public keys that tokens are verified with. Its methods are called
// from many goroutines at the same time.
type Keys interface {
	// Key returns the public key with the ID kid for a signature by alg: a
	// *rsa.PublicKey for "RS256". It may wait for the network, but must return when ctx
	// ends.
	//
	// If the error has a method RetryAfter() time.Duration (found by errors.As), no
	// key can be used now, and the request gets 503 with that delay. If ctx has ended,
	// it gets 503 too. Any other error means that the issuer does not publish such a
	// key: 401.
	Key(ctx context.Context, kid, alg string) (crypto.PublicKey, error)
}

// KeyFunc is the type of the method Key of [Keys].
type KeyFunc = func(ctx context.Context, kid, alg string) (crypto.PublicKey, error)

// Snapshotter is an optional interface of Keys. A [Verifier] takes one snapshot for
// each token, so that a cached token is not accepted after its key was removed. Other
// Keys than [StaticKeys] must implement it if [Policy].CacheSize is not 0.
type Snapshotter interface {
	// Snapshot returns the current state of the keys. key is [Keys].Key, but looks in
	// that state before it fetches. epoch changes whenever a key stops being valid;
	// tokens that were verified in an earlier epoch are verified again. While usable is
	// false, key fails for every kid, and cached tokens are not accepted.
	Snapshot() (key KeyFunc, epoch int64, usable bool)
}

// StaticKeys is a fixed set of public keys, by key ID. The values must be
// *rsa.PublicKey. It must not be modified once it is in use.
type StaticKeys map[string]crypto.PublicKey

// Key implements [Keys].
func (s StaticKeys) Key(_ context.Context, kid, _ string) (crypto.PublicKey, error) {
	key, ok := s[kid]
	if !ok {
		return nil, errors.New("no key has this ID")
	}
	return key, nil
}

// isCacheable reports whether tokens that are verified with keys can be cached: a cached
// token must not outlive its key.
func isCacheable(keys Keys) bool {
	_, isSnapshotter := keys.(Snapshotter)
	_, isStatic := keys.(StaticKeys)
	return isSnapshotter || isStatic
}

// snapshot returns the snapshot of keys. Keys without the interface Snapshotter are always
// usable, and in epoch 0.
func snapshot(keys Keys) (key KeyFunc, epoch int64, usable bool) {
	if s, ok := keys.(Snapshotter); ok {
		return s.Snapshot()
	}
	return keys.Key, 0, true
}
