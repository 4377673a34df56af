package jwks

import (
	"context"
	"crypto"
	"time"
)

// This file looks keys up, and fetches them if there is none with the ID.

// Key returns the public key with the ID kid for signatures by alg. It waits for the first
// fetch, if that is in flight, for at most 0.5 s. If keys are loaded but none has this ID, it
// fetches them again: once for all waiting callers, within the budget, and independently of
// any one caller's ctx. It waits for at most 1.5 s. The key
// is a *rsa.PublicKey, an *ecdsa.PublicKey or an ed25519.PublicKey.
//
// The error is an *[UnavailableError] if no keys can be used, or if the budget is spent,
// so that nothing can be said of this ID; or ctx's error. Any other error means that no
// loaded key has this ID, also if the fetch has failed or takes too long; or that it is not a
// key for alg.
func (s *Set) Key(ctx context.Context, kid, alg string) (crypto.PublicKey, error) {
	return s.find(ctx, s.current.Load(), kid, alg)
}

// Snapshot returns the current keys as one consistent state (see gate.Snapshotter).
// key is like [Set.Key]. epoch changes whenever a key that was valid no longer is.
// usable is [Set.Ready].
func (s *Set) Snapshot() (key func(ctx context.Context, kid, alg string) (crypto.PublicKey, error), epoch int64, usable bool) {
	snap := s.current.Load()
	return snap.key, snap.epoch, s.usable(snap)
}

// find looks up a key in snap, and then in newer snapshots.
func (s *Set) find(ctx context.Context, snap *snapshot, kid, alg string) (crypto.PublicKey, error) {
	if !s.usable(snap) {
		isWaiting := s.awaitFirst(ctx)
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if isWaiting {
			return nil, &UnavailableError{after: time.Second}
		}
		snap = s.current.Load()
	}
	if !s.usable(snap) {
		if s.budget.AllowN(s.opts.Now(), 1) {
			s.requestFetch()
		}
		return nil, &UnavailableError{after: time.Second}
	}
	key, err := snap.lookup(ctx, kid, alg)
	if err == nil || snap.has(kid) { // another fetch would not make it a key for alg
		return key, err
	}
	return s.findNew(ctx, snap, kid, alg)
}

const (
	maxWait   = 1500 * time.Millisecond // how long a caller waits for a fetch
	firstWait = 500 * time.Millisecond  // and for the first one
)

// awaitFirst waits for the first fetch, which Run is about to begin or has begun, so that a request which arrives
// while the process starts is not rejected. It reports whether the fetch takes longer.
func (s *Set) awaitFirst(ctx context.Context) (takesLonger bool) {
	if s.fetched.Load()+s.failed.Load() > 0 {
		return false
	}
	timeout := time.NewTimer(firstWait)
	defer timeout.Stop()
	select {
	case <-ctx.Done():
		return true
	case <-timeout.C: // nobody has called Run
		return false
	case <-s.begun:
	}
	f, _ := s.fetchOnce(ctx, false, func() bool { return false }) // which starts none
	if f == nil {
		return false
	}
	select {
	case <-ctx.Done():
		return true
	case <-timeout.C:
		return true
	case <-f.done:
		return false
	}
}

// findNew looks up a key that snap does not have, in newer snapshots. A fetch that was in
// flight before this call may return what was published before the key. So a caller that
// joined one without success starts one of its own.
func (s *Set) findNew(ctx context.Context, snap *snapshot, kid, alg string) (crypto.PublicKey, error) {
	timeout := time.NewTimer(maxWait)
	defer timeout.Stop()
	for range 2 {
		result, err := s.fetchWithinBudget(ctx, snap, timeout.C)
		if err != nil {
			return nil, err
		}
		snap = s.current.Load()
		key, err := snap.lookup(ctx, kid, alg)
		switch {
		case err == nil:
			return key, nil
		case result == overBudget:
			return nil, &UnavailableError{after: s.untilFetch(), overBudget: true}
		case result == fetched:
			return nil, err
		}
	}
	return snap.lookup(ctx, kid, alg)
}

// untilFetch returns the time until the budget allows another fetch, and at least 1 s. It
// takes nothing from the budget: a reservation that is canceled is not always given back.
func (s *Set) untilFetch() time.Duration {
	lacking := 1 - s.budget.TokensAt(s.opts.Now())
	return max(time.Second, time.Duration(lacking/float64(s.budget.Limit())*float64(time.Second)))
}

// fetchResult is what fetchWithinBudget did.
type fetchResult int

const (
	fetched    fetchResult = iota // it has started a fetch, which has ended or takes too long
	joined                        // it has waited for the fetch in flight
	outdated                      // the snapshot is no longer the current one
	overBudget                    // no fetch is allowed now
)

// fetchWithinBudget waits for the fetch in flight, until timeout. Without one, it starts
// one if the budget allows it and seen is still the current snapshot. A failed fetch
// returns no error: the keys are unchanged. err is ctx's error.
func (s *Set) fetchWithinBudget(ctx context.Context, seen *snapshot, timeout <-chan time.Time) (result fetchResult, err error) {
	refused := overBudget
	f, own := s.fetchOnce(context.WithoutCancel(ctx), false, func() bool {
		if s.current.Load() != seen {
			refused = outdated
			return false
		}
		return s.budget.AllowN(s.opts.Now(), 1)
	})
	if f == nil {
		return refused, nil
	}
	select {
	case <-ctx.Done():
		return fetched, ctx.Err()
	case <-timeout:
		return fetched, nil
	case <-f.done:
	}
	if own {
		return fetched, nil
	}
	return joined, nil
}
