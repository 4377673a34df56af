// Package keyset holds the signing keys of one issuer.
//
// It stands between keyfunc and the network, because what a gate needs there is
// not what the stock client does: start while the issuer is down, keep good keys
// through its faults, fetch once however many requests ask at the same time for
// a key that was just rotated in, and never be talked into a flood of fetches.
package keyset

import (
	"context"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/MicahParks/jwkset"
	"golang.org/x/sync/singleflight"
	"golang.org/x/time/rate"
)

// burst is how many fetches unknown key IDs may cause beyond the per-minute rate.
const burst = 3

// Options are the settings of a Set. All are required, save the last four.
type Options struct {
	Issuer           string        // with its trailing slash
	Refresh          time.Duration // time between scheduled fetches, at the most
	MaxStale         time.Duration // how long keys are used after the last good fetch
	FetchesPerMinute int           // limit on fetches that unknown key IDs cause
	Log              *slog.Logger
	MinRefresh       time.Duration    // however short the issuer's max-age is; 0 means 10 s
	Client           *http.Client     // nil means one that follows no redirect to another host
	Now              func() time.Time // nil means time.Now
	Fetched          func(err error)  // told how each fetch went
}

// Set is the issuer's current signing keys. It is a jwkset.Storage, so that
// keyfunc reads from it; only Run and requests for unknown keys change it.
// Its methods may be called from any goroutine.
type Set struct {
	*jwkset.MemoryJWKSet
	opts   Options
	loaded atomic.Int64           // time of the last good fetch in Unix nanoseconds, 0 before the first
	epoch  atomic.Int64           // counts the fetches that took a key away
	fault  atomic.Pointer[string] // what the last fetch failed with, "" for nothing
	budget *rate.Limiter
	flight singleflight.Group
	wake   chan struct{} // asks Run for a fetch now, holds at most one wish

	// Of the one fetch that is under way.
	uri     string // where the keys are, by discovery; "" if that is not known
	skipped string // keys that the last fetch passed over, for the log
}

// UnavailableError says that no keys can be used now: none were fetched yet, or
// the last good ones are older than Options.MaxStale.
type UnavailableError struct{ after time.Duration }

func (e *UnavailableError) Error() string { return "no signing keys of the issuer are available" }

// RetryAfter is how long a caller should wait before it asks again.
func (e *UnavailableError) RetryAfter() time.Duration { return e.after }

// New returns an empty Set. Run fills it.
func New(opts Options) *Set {
	if opts.MinRefresh == 0 {
		opts.MinRefresh = 10 * time.Second
	}
	if opts.Client == nil {
		opts.Client = &http.Client{CheckRedirect: sameHost}
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.Fetched == nil {
		opts.Fetched = func(error) {}
	}
	return &Set{
		MemoryJWKSet: jwkset.NewMemoryStorage(),
		opts:         opts,
		budget:       rate.NewLimiter(rate.Limit(float64(opts.FetchesPerMinute)/60), burst),
		wake:         make(chan struct{}, 1),
	}
}

// Ready reports whether there are keys that may be used.
func (s *Set) Ready() bool {
	loaded := s.loaded.Load()
	return loaded != 0 && s.opts.Now().Sub(time.Unix(0, loaded)) <= s.opts.MaxStale
}

// Age is the time since the last good fetch; ok is false before the first.
func (s *Set) Age() (age time.Duration, ok bool) {
	loaded := s.loaded.Load()
	return s.opts.Now().Sub(time.Unix(0, loaded)), loaded != 0
}

// Epoch returns a number that changes whenever a key that was good is not any
// more, and whether there are keys that may be used. What was verified in one
// epoch need not be verified again in the same.
func (s *Set) Epoch() (n int64, usable bool) { return s.epoch.Load(), s.Ready() }

// KeyRead returns the key with the ID kid. If the Set has keys but not this one,
// it is fetched for first: by one request for all callers that wait, within the
// budget, and not ended by any one caller's ctx. The error is jwkset.ErrKeyNotFound
// if the issuer doesn't have the key or the budget is spent, *UnavailableError if
// no keys can be used, or ctx's.
func (s *Set) KeyRead(ctx context.Context, kid string) (jwkset.JWK, error) {
	if !s.Ready() {
		if s.budget.Allow() {
			select {
			case s.wake <- struct{}{}:
			default: // somebody asked already
			}
		}
		return jwkset.JWK{}, &UnavailableError{after: time.Second}
	}
	// A fetch that was under way may bring what was published before the key. Whoever
	// joined one in vain therefore asks once more, for one that begins after this call.
	for attempt, own := 0, false; attempt < 2 && !own; attempt++ {
		seen := s.loaded.Load()
		jwk, err := s.MemoryJWKSet.KeyRead(ctx, kid)
		if err == nil {
			return jwk, nil
		}
		if own, err = s.fetchWithinBudget(ctx, seen); err != nil {
			return jwkset.JWK{}, err
		}
	}
	return s.MemoryJWKSet.KeyRead(ctx, kid)
}

// fetchWithinBudget joins the fetch that is under way, or begins one if the
// budget has one left and the keys are still those that were loaded at the time
// seen. own says that it was not another's. That the issuer could not be reached
// is no error here: the keys stay what they were, and the caller's lookup says the rest.
func (s *Set) fetchWithinBudget(ctx context.Context, seen int64) (own bool, err error) {
	ran := false
	done := s.flight.DoChan("", func() (any, error) {
		ran = true
		if s.loaded.Load() != seen || !s.budget.Allow() {
			return nil, nil
		}
		_, err := s.fetch(context.WithoutCancel(ctx))
		s.report(err)
		return nil, nil
	})
	select {
	case <-ctx.Done():
		return false, ctx.Err()
	case <-done:
		return ran, nil
	}
}
