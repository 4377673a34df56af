package jwks

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"time"
)

const (
	fetchTimeout = 5 * time.Second // for one request, body included
	firstRetry   = 200 * time.Millisecond
	lastRetry    = 5 * time.Second // while there are no keys
)

// Run fetches the keys now and then once per Options.Refresh, or sooner if the
// issuer's max-age says so, until ctx ends. After a failure it retries sooner, with
// growing delays, and at once when a caller needs keys and there are none. It must
// run in one goroutine only.
func (s *Set) Run(ctx context.Context) {
	retry := firstRetry
	for attempt := 1; ; attempt++ {
		wait, err := s.fetchShared(ctx)
		if ctx.Err() != nil {
			return
		}
		if err == nil || attempt > 1 { // the issuer may be starting at the same moment
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

// reporter logs the state of the issuer.
type reporter struct {
	last atomic.Pointer[string] // problem that was logged last, "" for none
}

// report logs the result of a fetch if it differs from the one before.
func (s *Set) report(err error) {
	problem := ""
	if err != nil {
		problem = err.Error()
	}
	last := s.last.Swap(&problem)
	switch {
	case last != nil && *last == problem:
	case err == nil:
		s.opts.Log.Info("the issuer's keys are loaded", "issuer", s.opts.Issuer)
	case s.Ready():
		s.opts.Log.Warn("cannot reach the issuer; its last keys stay in use", "issuer", s.opts.Issuer, "err", problem)
	default:
		s.opts.Log.Warn("cannot reach the issuer; requests with a token get 503 until its keys are loaded",
			"issuer", s.opts.Issuer, "err", problem)
	}
}

// fetchShared is a scheduled fetch: it does not count against the budget, but joins
// the fetch in flight, if there is one. wait is the time until the next.
func (s *Set) fetchShared(ctx context.Context) (wait time.Duration, err error) {
	result, err, _ := s.flight.Do("", func() (any, error) { return s.fetch(ctx) })
	if wait, _ = result.(time.Duration); wait == 0 { // it was a caller's
		wait = s.opts.Refresh
	}
	return wait, err
}

// fetchState is what one fetch leaves for the next. singleflight orders them.
type fetchState struct {
	uri     string // where the keys are; "" until discovery says it
	skipped string // why keys were skipped last time, for the log
}

// fetch replaces the keys by those that the issuer publishes now, and returns the
// time until the next scheduled fetch. On error the keys stay as they were.
func (s *Set) fetch(ctx context.Context) (wait time.Duration, err error) {
	defer func() {
		if err != nil {
			s.failed.Add(1)
		} else {
			s.fetched.Add(1)
		}
	}()
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
	now, err := s.newSnapshot(ctx, s.current.Load(), keys)
	if err != nil {
		return 0, err
	}
	s.current.Store(now)
	wait = s.opts.Refresh
	if doc.maxAge >= 0 && doc.maxAge < wait {
		wait = max(doc.maxAge, min(s.opts.MinRefresh, s.opts.Refresh))
	}
	return wait, nil
}
