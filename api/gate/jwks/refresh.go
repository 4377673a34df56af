package jwks

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"time"
)

const (
	fetchTimeout = 5 * time.Second // for one request, body included
	firstRetry   = 200 * time.Millisecond
	lastRetry    = 5 * time.Second // longest delay while no keys are usable
)

// Run fetches the keys now and then once per Options.Refresh, or sooner if the issuer's
// max-age says so, until ctx ends. After a failure it retries sooner, with growing
// delays, and immediately when a caller needs keys and none are usable. Each delay is up
// to a tenth shorter, at random, so that many processes do not fetch at the same time.
// Call it once.
func (s *Set) Run(ctx context.Context) {
	retry := firstRetry
	for {
		wait, err := s.fetchScheduled(ctx)
		if ctx.Err() != nil {
			return
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
		timer := time.NewTimer(wait - rand.N(wait/10+1)) //nolint:gosec // no secret
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

// reporter keeps the last logged result, so that each is logged once.
type reporter struct {
	reported atomic.Pointer[result] // nil if the next result must be logged
}

// result is what a fetch has led to.
type result struct {
	problem string // "" for none
	ready   bool   // keys are usable
}

// report logs the result of a fetch if it differs from the one before, and when keys become
// too old.
func (s *Set) report(err error) {
	now := result{ready: s.Ready()}
	if err != nil {
		now.problem = err.Error()
	}
	problem := now.problem
	last := s.reported.Swap(&now)
	switch {
	case last != nil && *last == now:
	case err == nil:
		s.opts.Log.Info("the issuer's keys are loaded", "issuer", s.opts.Issuer, "keys", len(s.current.Load().byKID))
	default:
		what, effect := "the issuer responds, but not with usable keys", "requests with its tokens get 503 until its keys are loaded"
		if _, ok := errors.AsType[*unreachableError](err); ok {
			what = "cannot reach the issuer"
		}
		switch {
		case now.ready:
			effect = fmt.Sprintf("its last keys stay in use, for %d minutes at most", int(s.opts.MaxStale.Minutes()))
		case s.current.Load().isLoaded():
			effect = "its last keys are too old, so requests with its tokens get 503"
		}
		s.opts.Log.Warn(what+"; "+effect, "issuer", s.opts.Issuer, "err", problem)
	}
}

// flight is one fetch. The fields may be read once done is closed.
type flight struct {
	done chan struct{}
	wait time.Duration // time until the next scheduled fetch
	err  error
}

// fetchOnce returns the fetch in flight. Without one, it starts one, which ends with ctx,
// if allowed returns true; own reports that. Otherwise it returns nil. scheduled is
// passed to fetch.
func (s *Set) fetchOnce(ctx context.Context, scheduled bool, allowed func() bool) (f *flight, own bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.inFlight != nil {
		return s.inFlight, false
	}
	if !allowed() {
		return nil, false
	}
	f = &flight{done: make(chan struct{})}
	s.inFlight = f
	select {
	case <-s.begun:
	default:
		close(s.begun)
	}
	go func() {
		f.wait, f.err = s.fetch(ctx, scheduled)
		s.mu.Lock()
		s.inFlight = nil
		s.mu.Unlock()
		close(f.done)
	}()
	return f, true
}

// fetchScheduled fetches the keys, without regard to the budget. It returns the result of
// the fetch in flight, if there is one.
func (s *Set) fetchScheduled(ctx context.Context) (wait time.Duration, err error) {
	f, own := s.fetchOnce(ctx, true, func() bool { return true })
	if own {
		<-f.done // it ends with ctx
		return f.wait, f.err
	}
	select {
	case <-ctx.Done():
		return 0, ctx.Err()
	case <-f.done:
		return f.wait, f.err
	}
}

// fetchState is kept from one fetch to the next. Only the fetch in flight uses it, and
// fetchOnce allows one at a time.
type fetchState struct {
	known   location // of the last valid discovery document; the zero value until there is one
	doubt   bool     // the last fetch from there failed, so the keys may have moved
	problem string   // what was wrong with discovery last time, for the log; "" for nothing
	skipped string   // why keys were skipped last time, for the log
	last    document // last response with keys, without its body
}

// locate returns where the keys are. It asks the issuer by discovery if scheduled, so
// that a jwks_uri that moves is followed, and as long as no valid document has arrived. A
// guess is never kept, and a known location stays in use until the next valid document.
func (s *Set) locate(ctx context.Context, scheduled bool) (location, error) {
	if s.known.uri != "" && !scheduled && !s.doubt {
		return s.known, nil
	}
	found, err := s.discover(ctx)
	problem := ""
	switch {
	case err == nil && found.uri != "":
		s.known = found
	case err != nil && ctx.Err() != nil:
		return location{}, err
	case err != nil:
		if _, ok := errors.AsType[*unreachableError](err); ok && s.known.uri == "" {
			return location{}, err
		}
		problem = err.Error()
	}
	if problem != "" && problem != s.problem {
		s.opts.Log.Warn("the issuer's discovery failed; it is tried again", "issuer", s.opts.Issuer, "why", problem)
	}
	s.problem = problem
	return cmp.Or(s.known, s.guess()), nil
}

// fetch replaces the keys by those that the issuer publishes now, and returns the
// time until the next scheduled fetch. On error the keys stay as they were.
func (s *Set) fetch(ctx context.Context, scheduled bool) (wait time.Duration, err error) {
	defer func() {
		s.doubt = err != nil
		if err != nil {
			s.failed.Add(1)
		} else {
			s.fetched.Add(1)
		}
		first := s.fetched.Load()+s.failed.Load() == 1
		if ctx.Err() == nil && (err == nil || !first) { // the issuer may be starting too
			s.report(err)
		}
	}()
	where, err := s.locate(ctx, scheduled)
	if err != nil {
		return 0, err
	}
	snap, err := s.load(ctx, where)
	if err != nil && !scheduled && !s.doubt { // it was not located in this fetch, so it may have moved
		s.doubt = true
		if moved, errMoved := s.locate(ctx, scheduled); errMoved == nil && moved != where {
			snap, err = s.load(ctx, moved)
		}
	}
	if err != nil {
		return 0, err
	}
	if before := s.current.Load(); before.isLoaded() && snap.issuer != before.issuer {
		s.opts.Log.Warn("the issuer has another name now; tokens with the old one are rejected", "issuer", snap.issuer, "before", before.issuer)
	}
	s.current.Store(snap)
	wait = s.opts.Refresh
	if age := s.last.maxAge; age >= 0 && age < wait {
		wait = max(age, min(s.opts.MinRefresh, s.opts.Refresh))
	}
	return wait, nil
}

// load requests the keys and returns the snapshot of them.
func (s *Set) load(ctx context.Context, where location) (*snapshot, error) {
	before := s.current.Load()
	if s.last.url != where.uri || before.issuer != where.issuer || !before.isLoaded() {
		s.last = document{} // so that the issuer cannot respond that nothing has changed
	}
	doc, err := s.download(ctx, where.uri, s.last.etag)
	if err != nil {
		s.last = document{} // it may be the ETag that the issuer cannot deal with
		return nil, err
	}
	if doc.notModified {
		if doc.maxAge >= 0 {
			s.last.maxAge = doc.maxAge
		}
		return s.renewed(before), nil
	}
	s.last = document{}
	keys, skipped, err := parse(doc.body, s.opts.Algorithms)
	if why := strings.Join(skipped, "; "); why != s.skipped {
		s.skipped = why
		if why != "" {
			s.opts.Log.Warn("ignored keys of the issuer that cannot be used", "issuer", s.opts.Issuer, "url", where.uri, "why", why)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("GET %s: %w", where.uri, err)
	}
	snap, err := s.newSnapshot(ctx, before, where.issuer, keys)
	if err != nil {
		return nil, err
	}
	doc.body = nil
	s.last = doc
	return snap, nil
}
