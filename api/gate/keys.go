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
	// *rsa.PublicKey for RS256 and PS256, an *ecdsa.PublicKey for ES256, and an
	// ed25519.PublicKey for EdDSA. It may wait for the network, but must return when ctx
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

// StaticKeys is a fixed set of public keys, by key ID. The values have the types that
// [Keys] names. It must not be modified once it is in use.
type StaticKeys map[string]crypto.PublicKey

// Key implements [Keys].
func (s StaticKeys) Key(_ context.Context, kid, _ string) (crypto.PublicKey, error) {
	key, ok := s[kid]
	if !ok {
		return nil, errors.New("no key has this ID")
	}
	return key, nil
}

// Discoverer is an optional interface of Keys for issuers whose exact name is found by
// discovery: whether it ends with a slash, for example.
type Discoverer interface {
	// Issuer returns the exact value of the claim iss, as far as it is known now. It must
	// not wait.
	Issuer() string
}
