// Package keyset holds the signing keys of one issuer.
//
// It stands between keyfunc and the network, because what a gate needs there is
// not what the stock client does: start while the issuer is down, keep good keys
// through its faults, fetch once however many requests ask at the same time for
// a key that was just rotated in, and never be talked into a flood of fetches.
package keyset

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/MicahParks/jwkset"
	"golang.org/x/sync/singleflight"
	"golang.org/x/time/rate"
)

const (
	fetchTimeout = 5 * time.Second // for one fetch, body included
	firstRetry   = 200 * time.Millisecond
	lastRetry    = 5 * time.Second
	burst        = 3 // fetches on unknown key IDs beyond the per-minute rate
)

// Options are the settings of a Set. All are required, save Client and Now.
type Options struct {
	Issuer           string        // with its trailing slash
	Refresh          time.Duration // time between scheduled fetches
	MaxStale         time.Duration // how long keys are used after the last good fetch
	FetchesPerMinute int           // limit on fetches that unknown key IDs cause
	Log              *slog.Logger
	Client           *http.Client     // nil means one that follows no redirect to another host
	Now              func() time.Time // nil means time.Now
}

// Set is the issuer's current signing keys. It is a jwkset.Storage, so that
// keyfunc reads from it; only Run and requests for unknown keys change it.
// Its methods may be called from any goroutine.
type Set struct {
	*jwkset.MemoryJWKSet
	opts   Options
	url    string
	loaded atomic.Int64           // time of the last good fetch in Unix nanoseconds, 0 before the first
	fault  atomic.Pointer[string] // what the last fetch failed with, "" for nothing
	budget *rate.Limiter
	flight singleflight.Group
	wake   chan struct{} // asks Run for a fetch now, holds at most one wish
}

// UnavailableError says that no keys can be used now: none were fetched yet, or
// the last good ones are older than Options.MaxStale.
type UnavailableError struct{ after time.Duration }

func (e *UnavailableError) Error() string { return "no signing keys of the issuer are available" }

// RetryAfter is how long a caller should wait before it asks again.
func (e *UnavailableError) RetryAfter() time.Duration { return e.after }

// New returns an empty Set. Run fills it.
func New(opts Options) *Set {
	if opts.Client == nil {
		opts.Client = &http.Client{CheckRedirect: sameHost}
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	return &Set{
		MemoryJWKSet: jwkset.NewMemoryStorage(),
		opts:         opts,
		url:          opts.Issuer + ".well-known/jwks.json",
		budget:       rate.NewLimiter(rate.Limit(float64(opts.FetchesPerMinute)/60), burst),
		wake:         make(chan struct{}, 1),
	}
}

// Run fetches the keys now and then once per Options.Refresh, until ctx ends.
// While there are none it tries again sooner, ever more slowly, and at once when
// a request asks for one.
func (s *Set) Run(ctx context.Context) {
	retry := firstRetry
	for attempt := 1; ; attempt++ {
		err := s.fetchShared(ctx)
		if ctx.Err() != nil {
			return
		}
		if err == nil || attempt > 1 { // an issuer that starts at the same moment as this process is no fault
			s.report(err)
		}
		wait := s.opts.Refresh
		if err != nil && !s.Ready() {
			wait = retry
			retry = min(2*retry, lastRetry)
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-s.wake:
			timer.Stop()
		case <-timer.C:
		}
	}
}

// report logs how a fetch went: a fault when it is new or has changed, not each
// time that it is still there.
func (s *Set) report(err error) {
	fault := ""
	if err != nil {
		fault = err.Error()
	}
	last := s.fault.Swap(&fault)
	switch {
	case last != nil && *last == fault:
	case err == nil:
		s.opts.Log.Info("the issuer's keys are loaded", "issuer", s.opts.Issuer)
	case s.Ready():
		s.opts.Log.Warn("cannot reach the issuer; its last good keys stay in use", "issuer", s.opts.Issuer, "err", fault)
	default:
		s.opts.Log.Warn("cannot reach the issuer; requests with a token get 503 until its keys are loaded",
			"issuer", s.opts.Issuer, "err", fault)
	}
}

// Ready reports whether there are keys that may be used.
func (s *Set) Ready() bool {
	loaded := s.loaded.Load()
	return loaded != 0 && s.opts.Now().Sub(time.Unix(0, loaded)) <= s.opts.MaxStale
}

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
		s.report(s.fetch(context.WithoutCancel(ctx)))
		return nil, nil
	})
	select {
	case <-ctx.Done():
		return false, ctx.Err()
	case <-done:
		return ran, nil
	}
}

// fetchShared is a scheduled fetch: outside the budget, but never two at a time.
func (s *Set) fetchShared(ctx context.Context) error {
	_, err, _ := s.flight.Do("", func() (any, error) { return nil, s.fetch(ctx) })
	return err
}

// fetch replaces the keys by what the issuer publishes now. On an error they
// stay as they were.
func (s *Set) fetch(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	body, err := download(ctx, s.opts.Client, s.url)
	if err != nil {
		return err
	}
	keys, skipped, err := parse(body)
	for _, why := range skipped {
		s.opts.Log.Warn("skipped a published key", "url", s.url, "why", why)
	}
	if err != nil {
		return err
	}
	if err := s.KeyReplaceAll(ctx, keys); err != nil {
		return fmt.Errorf("store the keys: %w", err)
	}
	s.loaded.Store(s.opts.Now().UnixNano())
	return nil
}
