// Package jwks holds the signing keys of an issuer: discovery, refresh, and lookup
// within a fetch budget.
//
// Use it as the keys of package gate, or wherever the public key for a kid is
// needed:
//
//	keys := jwks.New(jwks.Options{Issuer: "https://acme.eu.auth0.com/"})
//	go keys.Run(ctx)
//	key, err := keys.Key(ctx, kid, "RS256")
//
// It is between keyfunc and the network because an API needs what the stock client
// does not do: it starts while the issuer is down, keeps valid keys while the issuer
// fails, makes one request however many callers ask for a key that was just rotated
// in, and cannot be made to flood the issuer with requests for invented key IDs.
package jwks

import (
	"context"
	"crypto"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	"golang.org/x/sync/singleflight"
	"golang.org/x/time/rate"
)

// burst is how many fetches unknown key IDs may cause beyond the per-minute rate.
const burst = 3

// Options are the settings of a Set. Issuer is required; the zero value of every
// other field means its default.
type Options struct {
	Issuer           string        // URL with its trailing slash, if it has one
	Refresh          time.Duration // longest time between scheduled fetches; 0 means 5 minutes
	MinRefresh       time.Duration // shortest, however short the issuer's max-age is; 0 means 10 seconds
	MaxStale         time.Duration // how long keys are used after the last successful fetch; 0 means 24 hours
	FetchesPerMinute int           // limit on the fetches that unknown key IDs cause; 0 means 5
	Log              *slog.Logger  // nil means no log
	Client           *http.Client  // nil means one that follows no redirect to another origin
	Now              func() time.Time
}

// Set is the current signing keys of one issuer. Its methods may be called from
// any goroutine.
type Set struct {
	opts    Options
	budget  *rate.Limiter
	flight  singleflight.Group       // at most one fetch at a time
	wake    chan struct{}            // asks Run for a fetch now; holds at most one request
	current atomic.Pointer[snapshot] // replaced by each successful fetch, never nil

	fetched, failed atomic.Int64 // counts of fetches, for metrics

	fetchState // owned by the one fetch in flight
	reporter
}

// UnavailableError says that no keys can be used now: none were fetched yet, or
// the last ones are older than Options.MaxStale.
type UnavailableError struct{ after time.Duration }

func (e *UnavailableError) Error() string { return "no signing keys of the issuer are available" }

// RetryAfter is how long a caller should wait before trying again.
func (e *UnavailableError) RetryAfter() time.Duration { return e.after }

// New returns a Set without keys. Run fetches them.
func New(opts Options) *Set {
	setDefault(&opts.Refresh, 5*time.Minute)
	setDefault(&opts.MinRefresh, 10*time.Second)
	setDefault(&opts.MaxStale, 24*time.Hour)
	setDefault(&opts.FetchesPerMinute, 5)
	if opts.Log == nil {
		opts.Log = slog.New(slog.DiscardHandler)
	}
	if opts.Client == nil {
		opts.Client = &http.Client{CheckRedirect: sameOrigin}
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	s := &Set{
		opts:   opts,
		budget: rate.NewLimiter(rate.Limit(float64(opts.FetchesPerMinute)/60), burst),
		wake:   make(chan struct{}, 1),
	}
	s.current.Store(s.emptySnapshot())
	return s
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// Ready reports whether there are keys that may be used.
func (s *Set) Ready() bool { return s.usable(s.current.Load()) }

func (s *Set) usable(now *snapshot) bool {
	return now.isLoaded() && s.opts.Now().Sub(now.loaded) <= s.opts.MaxStale
}

// Fetches returns how many fetches succeeded and failed since the start.
func (s *Set) Fetches() (ok, failed int64) { return s.fetched.Load(), s.failed.Load() }

// Age is the time since the last successful fetch. ok is false before the first.
func (s *Set) Age() (age time.Duration, ok bool) {
	now := s.current.Load()
	return s.opts.Now().Sub(now.loaded), now.isLoaded()
}

// Key returns the public key with the ID kid for signatures by alg. If the issuer
// has published keys but not this one, they are fetched first: once for all callers
// that wait, within the budget, and independently of any one caller's ctx.
//
// The error is an *[UnavailableError] if no keys can be used, ctx's error, or an
// error that says that the issuer does not publish the key or the budget is spent.
func (s *Set) Key(ctx context.Context, kid, alg string) (crypto.PublicKey, error) {
	return s.find(ctx, s.current.Load(), kid, alg)
}

// Snapshot returns the current keys as one consistent state (see gate.Snapshotter).
// key is like [Set.Key]. epoch changes whenever a key that was valid no longer is.
// usable is [Set.Ready].
func (s *Set) Snapshot() (key func(ctx context.Context, kid, alg string) (crypto.PublicKey, error), epoch int64, usable bool) {
	now := s.current.Load()
	return now.key, now.epoch, s.usable(now)
}

// find looks a key up in the snapshot now, and then in newer ones.
func (s *Set) find(ctx context.Context, now *snapshot, kid, alg string) (crypto.PublicKey, error) {
	if !s.usable(now) {
		if s.budget.AllowN(s.opts.Now(), 1) {
			select {
			case s.wake <- struct{}{}:
			default: // a fetch is already requested
			}
		}
		return nil, &UnavailableError{after: time.Second}
	}
	// A fetch that was in flight before this call may return what was published before
	// the key. So a caller that joined one without success starts one of its own.
	for attempt, own := 0, false; attempt < 2 && !own; attempt++ {
		key, err := now.lookup(ctx, kid, alg)
		if err == nil {
			return key, nil
		}
		if own, err = s.fetchWithinBudget(ctx, now); err != nil {
			return nil, err
		}
		now = s.current.Load()
	}
	return now.lookup(ctx, kid, alg)
}

// fetchWithinBudget joins the fetch in flight, or starts one if the budget allows it
// and seen is still the current snapshot. own reports that it was not another
// caller's. A failed fetch is no error here: the keys stay what they were.
func (s *Set) fetchWithinBudget(ctx context.Context, seen *snapshot) (own bool, err error) {
	ran := false
	done := s.flight.DoChan("", func() (any, error) {
		ran = true
		if s.current.Load() != seen || !s.budget.AllowN(s.opts.Now(), 1) {
			return nil, nil //nolint:nilnil // the caller only waits for the end
		}
		_, err := s.fetch(context.WithoutCancel(ctx))
		s.report(err)
		return nil, nil //nolint:nilnil // see above
	})
	select {
	case <-ctx.Done():
		return false, ctx.Err()
	case <-done:
		return ran, nil
	}
}
