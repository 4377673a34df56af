// Package valkeystore is a [dpop.Store] in Valkey or Redis, so that several processes of an API
// accept a DPoP proof once among them.
//
// Use [New], and [Store.Run] until the process ends. The store may be reached later than the
// process starts, and be away for a while: until it is back, proofs are not accepted.
//
// # Guarantees
//
// Of all copies of a proof, at all processes, one is accepted. If the server has lost what it knew,
// because it was emptied, restarted, replaced by a replica, or a replica itself for a while, a new
// [dpop.Epoch] begins, and proofs from before get a challenge. That holds while the clocks of the
// processes are at most 30 s apart, and the server's clock does not jump by more.
//
// # Non-goals
//
// If two servers both believe that they are the primary one, each accepts a proof once; Valkey's
// min-replicas-to-write prevents that. All keys are in one slot, and so on one node of a cluster,
// because what a node has lost can be told only for the node that is asked.
package valkeystore

import (
	"cmp"
	"context"
	"encoding/hex"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/valkey-io/valkey-go"

	"calling-an-api.example/api/gate/dpop"
)

const (
	// clockMargin is how far the clocks of two processes may be apart. The store remembers a
	// proof for so much longer than one process accepts it.
	clockMargin = 30 * time.Second
	// checkEvery is the time between two checks of the server.
	checkEvery = time.Second
)

// Options are the settings of a Store. URL is required; the zero value of every other field is a
// safe default.
type Options struct {
	URL URL
	// Password returns the password for a new connection; nil means that there is none. It is
	// called for each, so it may change; with sentinels, for the first.
	Password func() (string, error)
	// Prefix begins the names of all keys, so that several APIs can share a server. The default
	// is "dpop".
	Prefix string
	// Wait is how long a request may wait for the server. The default is 250 ms.
	Wait time.Duration
	// Fallback also remembers the proofs of this process, and decides alone while the server does
	// not respond: a proof is then accepted once by each process. The default, nil, rejects them.
	Fallback dpop.Store
	// Observe is told how each use has ended ([Fresh] and so on), and after which time. It is
	// called from many goroutines. The default is nil.
	Observe func(outcome string, took time.Duration)
	// Log gets a line when the server is lost and when it is back. The default is no log.
	Log *slog.Logger
	// Now is the clock. The default is time.Now.
	Now func() time.Time
}

// How the use of a proof has ended.
const (
	Fresh    = "fresh"    // not used before
	Used     = "used"     // used before
	Failed   = "failed"   // the server did not say
	Fallback = "fallback" // the same, and Options.Fallback has decided
)

// Store is a [dpop.Store] in Valkey or Redis. Create it with [New]. Its methods may be called from
// any goroutine.
type Store struct {
	opts     Options
	epochKey string
	proofKey string // prefix of the keys of proofs

	current atomic.Pointer[epoch]
	client  atomic.Pointer[valkey.Client] // nil until the server was reached once
	problem atomic.Pointer[string]        // why the server cannot be used now; nil if it can
	first   chan struct{}                 // closed when a first attempt has ended
	again   chan struct{}                 // asks Run for a check now

	checking   sync.Mutex // held during a check, so that there is one at a time; protects the fields below
	clockIsOff bool       // that was logged
	policy     string     // of the server, for a full memory
}

var _ dpop.Store = (*Store)(nil)

// New returns a Store, which connects when it is run.
func New(opts Options) *Store {
	opts.Prefix = cmp.Or(opts.Prefix, "dpop")
	opts.Wait = cmp.Or(opts.Wait, 250*time.Millisecond)
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.Log == nil {
		opts.Log = slog.New(slog.DiscardHandler)
	}
	if opts.Observe == nil {
		opts.Observe = func(string, time.Duration) {}
	}
	tag := "{" + opts.Prefix + "}" // the keys in braces are in one slot
	return &Store{opts: opts, epochKey: tag + ":epoch", proofKey: tag + ":", first: make(chan struct{}), again: make(chan struct{}, 1)}
}

// Ready reports whether the server can be used now.
func (s *Store) Ready() bool { return s.Asked() && s.problem.Load() == nil }

// First is closed when the first attempt to reach the server has ended, well or not. A process
// that serves requests before answers 503 to the first proofs.
func (s *Store) First() <-chan struct{} { return s.first }

// Asked reports whether First is closed.
func (s *Store) Asked() bool {
	select {
	case <-s.first:
		return true
	default:
		return false
	}
}

// Epoch implements [dpop.Store].
func (s *Store) Epoch() dpop.Epoch {
	if now := s.current.Load(); now != nil {
		return now.Epoch
	}
	if s.opts.Fallback != nil {
		return s.opts.Fallback.Epoch()
	}
	return dpop.Epoch{}
}

// errLost says that the server cannot be used now. The log has the reason.
var errLost = errors.New("the replay store cannot be used now")

// Use implements [dpop.Store]. It waits for Options.Wait at most.
func (s *Store) Use(ctx context.Context, id dpop.ID, until time.Time) (fresh bool, now dpop.Epoch, err error) {
	begin := time.Now()
	outcome := Used
	if fresh, now, err = s.useHere(ctx, id, until); fresh && err == nil {
		own := now
		fresh, now, err = s.use(ctx, id, until)
		switch {
		case err != nil && s.opts.Fallback != nil:
			outcome = Fallback
			fresh, now, err = true, own, nil
		case err == nil && fresh:
			outcome = Fresh
		}
	}
	if err != nil {
		outcome = Failed
	}
	s.opts.Observe(outcome, time.Since(begin))
	return fresh, now, err
}

// useHere uses id in the fallback. Without one, it is fresh.
func (s *Store) useHere(ctx context.Context, id dpop.ID, until time.Time) (fresh bool, now dpop.Epoch, err error) {
	if s.opts.Fallback == nil {
		return true, dpop.Epoch{}, nil
	}
	fresh, now, err = s.opts.Fallback.Use(ctx, id, until)
	now.Secret = s.Epoch().Secret
	return fresh, now, err
}

// use uses id in the server.
func (s *Store) use(ctx context.Context, id dpop.ID, until time.Time) (fresh bool, now dpop.Epoch, err error) {
	if s.problem.Load() != nil || s.client.Load() == nil {
		return false, dpop.Epoch{}, errLost // without waiting: Run finds out when it is back
	}
	// A client that gives up must not end a connection that others wait for.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.opts.Wait)
	defer cancel()
	type answer struct {
		fresh bool
		epoch *epoch
		err   error
	}
	answered := make(chan answer, 1)
	go func() { // the client library waits for a new connection without regard to ctx
		var a answer
		a.fresh, a.epoch, a.err = s.record(ctx, id, until)
		answered <- a
	}()
	select {
	case a := <-answered:
		if a.err != nil {
			s.checkSoon()
			return false, dpop.Epoch{}, a.err
		}
		return a.fresh, a.epoch.Epoch, nil
	case <-ctx.Done():
		s.checkSoon()
		return false, dpop.Epoch{}, ctx.Err()
	}
}

// record records id, and returns the epoch in which that has happened.
func (s *Store) record(ctx context.Context, id dpop.ID, until time.Time) (fresh bool, in *epoch, err error) {
	client, key := *s.client.Load(), s.proofKey+hex.EncodeToString(id[:])
	lifetime := max(until.Sub(s.opts.Now()), 0) + clockMargin
	in = s.current.Load()
	for range 3 { // an epoch rarely ends twice meanwhile
		if in == nil {
			return false, nil, errLost
		}
		known, err := in.record(ctx, client, key, s.epochKey, lifetime)
		if err != nil || known != epochEnded {
			return known == recorded, in, err
		}
		if in, err = s.check(ctx, in, true); err != nil {
			return false, nil, err
		}
	}
	return false, nil, errLost
}

// checkSoon asks Run for a check.
func (s *Store) checkSoon() {
	select {
	case s.again <- struct{}{}:
	default: // it is asked already
	}
}

// Run connects, and checks the server every second until ctx ends. Then it closes the connections.
// Call it once.
func (s *Store) Run(ctx context.Context) {
	tick := time.NewTicker(checkEvery)
	defer tick.Stop()
	for {
		s.attempt(ctx)
		select {
		case <-tick.C:
		case <-s.again:
		case <-ctx.Done():
			if client := s.client.Load(); client != nil {
				(*client).Close()
			}
			return
		}
	}
}

// attempt checks the server once, and keeps and logs the result. A server that takes longer than a
// request may wait counts as lost.
func (s *Store) attempt(ctx context.Context) {
	err := s.connect()
	if err == nil {
		_, err = s.check(ctx, s.current.Load(), false)
	}
	if ctx.Err() != nil {
		return // the process ends
	}
	isFirst := !s.Asked()
	if isFirst {
		defer close(s.first)
	}
	before := s.problem.Load()
	if err == nil {
		s.problem.Store(nil)
		if before != nil || isFirst {
			s.opts.Log.Info("the replay store is reached", "store", s.opts.URL.String())
		}
		return
	}
	now := s.reason(err)
	s.problem.Store(&now)
	if before == nil || *before != now {
		effect := "requests with DPoP proofs get 503"
		if s.opts.Fallback != nil {
			effect = "each process accepts a DPoP proof once"
		}
		s.opts.Log.Error("the replay store cannot be used: "+effect, "store", s.opts.URL.String(), "err", now)
	}
}
