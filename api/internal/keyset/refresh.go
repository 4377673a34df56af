package keyset

import (
	"context"
	"crypto/rsa"
	"fmt"
	"strings"
	"time"

	"github.com/MicahParks/jwkset"
)

const (
	fetchTimeout = 5 * time.Second // for one request, body included
	firstRetry   = 200 * time.Millisecond
	lastRetry    = 5 * time.Second // while there are no keys
)

// Run fetches the keys now and then once per Options.Refresh, or sooner if the
// issuer's max-age says so, until ctx ends. After a failure it tries again sooner,
// ever more slowly, and at once when a request asks for keys and there are none.
func (s *Set) Run(ctx context.Context) {
	retry := firstRetry
	for attempt := 1; ; attempt++ {
		wait, err := s.fetchShared(ctx)
		if ctx.Err() != nil {
			return
		}
		if err == nil || attempt > 1 { // an issuer that starts at the same moment as this process is no fault
			s.report(err)
		}
		if err == nil {
			retry = firstRetry
		} else {
			limit := lastRetry
			if s.Ready() {
				limit = s.opts.Refresh
			}
			wait = min(retry, limit)
			retry = min(2*retry, s.opts.Refresh)
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

// fetchShared is a scheduled fetch: outside the budget, but never two at a time.
// wait is the time to the next.
func (s *Set) fetchShared(ctx context.Context) (wait time.Duration, err error) {
	result, err, _ := s.flight.Do("", func() (any, error) { return s.fetch(ctx) })
	if wait, _ = result.(time.Duration); wait == 0 { // it was another's, made for a request
		wait = s.opts.Refresh
	}
	return wait, err
}

// fetch replaces the keys by what the issuer publishes now, and returns when to
// look again. On an error they stay as they were.
func (s *Set) fetch(ctx context.Context) (wait time.Duration, err error) {
	defer func() { s.opts.Fetched(err) }()
	if s.uri == "" {
		if s.uri, err = s.discover(ctx); err != nil {
			return 0, err
		}
	}
	doc, err := s.download(ctx, s.uri)
	if err != nil {
		s.uri = "" // it may have moved
		return 0, err
	}
	keys, skipped, err := parse(doc.body)
	if why := strings.Join(skipped, "; "); why != s.skipped {
		s.skipped = why
		if why != "" {
			s.opts.Log.Warn("skipped published keys", "url", s.uri, "why", why)
		}
	}
	if err != nil {
		return 0, fmt.Errorf("GET %s: %w", s.uri, err)
	}
	if err := s.replace(ctx, keys); err != nil {
		return 0, err
	}
	wait = s.opts.Refresh
	if doc.maxAge >= 0 && doc.maxAge < wait {
		wait = max(doc.maxAge, min(s.opts.MinRefresh, s.opts.Refresh))
	}
	return wait, nil
}

// replace puts keys in place of those that were there. The epoch changes after
// the keys, never before: what is verified meanwhile with a key that goes then
// belongs to the epoch that ends.
func (s *Set) replace(ctx context.Context, keys []jwkset.JWK) error {
	before, err := s.KeyReadAll(ctx)
	if err != nil {
		return fmt.Errorf("read the keys: %w", err)
	}
	if err := s.KeyReplaceAll(ctx, keys); err != nil {
		return fmt.Errorf("store the keys: %w", err)
	}
	now := map[string]*rsa.PublicKey{}
	for _, jwk := range keys {
		now[jwk.Marshal().KID], _ = jwk.Key().(*rsa.PublicKey) // parse makes no others
	}
	for _, jwk := range before {
		if key := now[jwk.Marshal().KID]; key == nil || !key.Equal(jwk.Key()) {
			s.epoch.Add(1)
			break
		}
	}
	s.loaded.Store(s.opts.Now().UnixNano())
	return nil
}
