package gate

import (
	"context"
	"crypto"
	"errors"
)

// Keys finds the public keys that tokens are verified with. Its methods are called
// from many goroutines at the same time.
type Keys interface {
	// Key returns the public key with the ID kid for a signature by alg ("RS256").
	// It may wait for the network, but must return when ctx ends.
	//
	// If the error has a method RetryAfter() time.Duration (found by errors.As), no
	// key can be used now, and the request is answered with 503 and that delay. Any
	// other error means that the issuer does not publish such a key: 401.
	Key(ctx context.Context, kid, alg string) (crypto.PublicKey, error)
}

// KeyFunc is the signature of [Keys].Key.
type KeyFunc = func(ctx context.Context, kid, alg string) (crypto.PublicKey, error)

// Snapshotter is an optional interface of Keys whose keys change. A [Verifier]
// takes one snapshot for each token, so that a token is never verified with one
// state of the keys and remembered under another.
type Snapshotter interface {
	// Snapshot returns the current state of the keys. key looks keys up in that
	// state first. epoch changes whenever a key stops being valid; tokens that were
	// verified in an earlier epoch are verified again. While usable is false, key
	// fails for every kid, and remembered tokens do not count.
	Snapshot() (key KeyFunc, epoch int64, usable bool)
}

// StaticKeys is a set of public keys, by key ID, that never changes.
type StaticKeys map[string]crypto.PublicKey

// Key implements [Keys].
func (s StaticKeys) Key(_ context.Context, kid, _ string) (crypto.PublicKey, error) {
	key, ok := s[kid]
	if !ok {
		return nil, errors.New("no key has this ID")
	}
	return key, nil
}

// snapshot returns the state of keys; those that never change are always usable
// and in one epoch.
func snapshot(keys Keys) (key KeyFunc, epoch int64, usable bool) {
	if s, ok := keys.(Snapshotter); ok {
		return s.Snapshot()
	}
	return keys.Key, 0, true
}
