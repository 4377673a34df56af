package jwks

import (
	"context"
	"crypto"
	"fmt"
	"time"

	"github.com/MicahParks/jwkset"
	"github.com/MicahParks/keyfunc/v3"
	"github.com/golang-jwt/jwt/v5"

	"calling-an-api.example/api/gate/internal/alg"
)

// snapshot is the result of one fetch. It never changes.
type snapshot struct {
	issuer  string                // exact value of iss, as far as it is known
	keys    keyfunc.Keyfunc       // nil in the snapshot before the first fetch
	byKID   map[string]*publicKey // to compare with the next snapshot
	epoch   int64                 // increases when a token that was valid may no longer be
	loaded  time.Time             // when the keys were fetched
	keyFunc                       // Set.find, starting with this snapshot
}

// keyFunc is made once for each snapshot, because Snapshot is called for each request.
type keyFunc struct {
	key func(ctx context.Context, kid, alg string) (crypto.PublicKey, error)
}

func (s *Set) emptySnapshot() *snapshot { return s.bind(&snapshot{issuer: s.opts.Issuer}) }

// bind sets snap.key.
func (s *Set) bind(snap *snapshot) *snapshot {
	snap.key = func(ctx context.Context, kid, alg string) (crypto.PublicKey, error) {
		return s.find(ctx, snap, kid, alg)
	}
	return snap
}

func (snap *snapshot) isLoaded() bool { return snap.keys != nil }

// newSnapshot returns the snapshot of keys of the issuer with this name, that follows
// before.
func (s *Set) newSnapshot(ctx context.Context, before *snapshot, issuer string, keys map[string]*publicKey) (*snapshot, error) {
	storage := jwkset.NewMemoryStorage()
	for kid, key := range keys {
		jwk, err := jwkset.NewJWKFromKey(key.key, jwkset.JWKOptions{
			Metadata: jwkset.JWKMetadataOptions{ALG: jwkset.ALG(key.alg), KID: kid, USE: jwkset.UseSig},
		})
		if err != nil {
			return nil, fmt.Errorf("store the key %.64q: %w", kid, err)
		}
		if err := storage.KeyWrite(ctx, jwk); err != nil {
			return nil, fmt.Errorf("store the key %.64q: %w", kid, err)
		}
	}
	kf, err := keyfunc.New(keyfunc.Options{Storage: storage})
	if err != nil {
		return nil, err
	}
	snap := &snapshot{issuer: issuer, keys: kf, byKID: keys, epoch: before.epoch, loaded: s.opts.Now()}
	if before.isLoaded() && !snap.includes(before) {
		snap.epoch++
	}
	return s.bind(snap), nil
}

// renewed returns a snapshot with the keys of snap, for a response that says that they
// have not changed.
func (s *Set) renewed(snap *snapshot) *snapshot {
	same := *snap
	same.loaded = s.opts.Now()
	return s.bind(&same)
}

// includes reports whether every token that was valid by before is valid by snap.
func (snap *snapshot) includes(before *snapshot) bool {
	for kid, key := range before.byKID {
		if still := snap.byKID[kid]; still == nil || !still.equal(key) {
			return false
		}
	}
	return snap.issuer == before.issuer
}

// has reports whether there is a key with the ID kid, for whatever algorithm.
func (snap *snapshot) has(kid string) bool { return snap.byKID[kid] != nil }

// lookup returns the key of this snapshot, without any fetch. It returns an error if the
// key is not for the algorithm name.
func (snap *snapshot) lookup(ctx context.Context, kid, name string) (crypto.PublicKey, error) {
	key, err := snap.keys.KeyfuncCtx(ctx)(&jwt.Token{Header: map[string]any{"alg": name, "kid": kid}})
	switch {
	case !snap.has(kid):
		return nil, &unknownKeyError{err}
	case err != nil || !alg.Fits(name, key):
		return nil, fmt.Errorf("the key with this ID is not one for %s", name)
	}
	return key, nil
}

// unknownKeyError says that no loaded key has an ID.
type unknownKeyError struct{ err error }

func (e *unknownKeyError) Error() string { return "none of the issuer's keys has this ID" }

// Unwrap returns keyfunc's error.
func (e *unknownKeyError) Unwrap() error { return e.err }
