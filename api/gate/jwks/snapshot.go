package jwks

import (
	"context"
	"crypto"
	"crypto/rsa"
	"fmt"
	"time"

	"github.com/MicahParks/jwkset"
	"github.com/MicahParks/keyfunc/v3"
	"github.com/golang-jwt/jwt/v5"
)

// snapshot is the result of one fetch. It never changes.
type snapshot struct {
	keys    keyfunc.Keyfunc           // nil in the snapshot before the first fetch
	byKID   map[string]*rsa.PublicKey // to compare with the next snapshot
	epoch   int64                     // increases when a key is removed or replaced
	loaded  time.Time                 // when the keys were fetched
	keyFunc                           // Set.find, starting with this snapshot
}

// keyFunc is made once for each snapshot, because Snapshot is called for each request.
type keyFunc struct {
	key func(ctx context.Context, kid, alg string) (crypto.PublicKey, error)
}

func (s *Set) emptySnapshot() *snapshot { return s.bind(&snapshot{}) }

// bind sets snap.key.
func (s *Set) bind(snap *snapshot) *snapshot {
	snap.key = func(ctx context.Context, kid, alg string) (crypto.PublicKey, error) {
		return s.find(ctx, snap, kid, alg)
	}
	return snap
}

func (snap *snapshot) isLoaded() bool { return snap.keys != nil }

// newSnapshot returns the snapshot of keys that follows before.
func (s *Set) newSnapshot(ctx context.Context, before *snapshot, keys []jwkset.JWK) (*snapshot, error) {
	storage := jwkset.NewMemoryStorage()
	if err := storage.KeyReplaceAll(ctx, keys); err != nil {
		return nil, fmt.Errorf("store the keys: %w", err)
	}
	kf, err := keyfunc.New(keyfunc.Options{Storage: storage})
	if err != nil {
		return nil, err
	}
	snap := &snapshot{keys: kf, byKID: map[string]*rsa.PublicKey{}, epoch: before.epoch, loaded: s.opts.Now()}
	for _, jwk := range keys {
		if public, ok := jwk.Key().(*rsa.PublicKey); ok { // parse makes no others
			snap.byKID[jwk.Marshal().KID] = public
		}
	}
	for kid, key := range before.byKID {
		if still := snap.byKID[kid]; still == nil || !still.Equal(key) {
			snap.epoch++
			break
		}
	}
	return s.bind(snap), nil
}

// lookup returns the key of this snapshot, without any fetch. keyfunc returns an error
// if the key has another alg.
func (snap *snapshot) lookup(ctx context.Context, kid, alg string) (crypto.PublicKey, error) {
	return snap.keys.KeyfuncCtx(ctx)(&jwt.Token{Header: map[string]any{"alg": alg, "kid": kid}})
}
