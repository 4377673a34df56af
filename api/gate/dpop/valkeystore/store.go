// Package valkeystore is a [dpop.Store] in Valkey or Redis, so that several processes of an API
// accept a DPoP proof once among them.
//
// Use [New], and [Store.Run] until the process ends. The store may be reached later than the
// process starts, and be away for a while: until it is back, proofs are not accepted.
//
// # Guarantees
//
// Of all copies of a proof, at all processes, one is accepted. If the server has lost what it knew,
// because it was emptied, restarted or replaced by a replica, a new [dpop.Epoch] begins, and proofs
// from before get a challenge. That holds while the clocks of the processes are at most 30 s apart.
//
// # Non-goals
//
// If two servers take themselves for the primary one, each accepts a proof once; Valkey's
// min-replicas-to-write prevents that. All keys are in one slot, and so on one node of a cluster,
// because what a node has lost can be told only for the node that is asked.
package valkeystore

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"strings"
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
	// Fallback is used while the server does not respond, instead of rejecting proofs: a proof
	// is then accepted once by each process. The default, nil, rejects them.
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

	dials   atomic.Int64 // connections that were begun
	current atomic.Pointer[epoch]
	client  atomic.Pointer[valkey.Client] // nil until the server was reached once
	problem atomic.Pointer[string]        // why the server cannot be used now; nil if it can
	first   chan struct{}                 // closed when a first attempt has ended
	again   chan struct{}                 // asks Run for a check now

	checking sync.Mutex // held during a check, so that there is one at a time
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
var errLost = errors.New("the server does not respond")

// Use implements [dpop.Store]. It waits for Options.Wait at most.
func (s *Store) Use(ctx context.Context, id dpop.ID, until time.Time) (fresh bool, now dpop.Epoch, err error) {
	begin := time.Now()
	fresh, now, err = s.use(ctx, id, until)
	outcome := Used
	switch {
	case err != nil && ctx.Err() == nil && s.opts.Fallback != nil:
		outcome = Fallback
		known := s.Epoch()
		fresh, now, err = s.opts.Fallback.Use(ctx, id, until)
		now.Secret = known.Secret
	case err != nil:
		outcome = Failed
	case fresh:
		outcome = Fresh
	}
	s.opts.Observe(outcome, time.Since(begin))
	return fresh, now, err
}

// use is Use without the fallback.
func (s *Store) use(ctx context.Context, id dpop.ID, until time.Time) (fresh bool, now dpop.Epoch, err error) {
	if s.problem.Load() != nil || s.client.Load() == nil {
		return false, dpop.Epoch{}, errLost // without waiting: Run finds out when it is back
	}
	ctx, cancel := context.WithTimeout(ctx, s.opts.Wait)
	defer cancel()
	type answer struct {
		fresh bool
		epoch *epoch
		err   error
	}
	answered := make(chan answer, 1)
	go func() { // the client waits for a new connection without regard to ctx
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
	before, err := s.known(ctx)
	if err != nil {
		return false, nil, err
	}
	client, key := *s.client.Load(), s.proofKey+hex.EncodeToString(id[:])
	lifetime := max(until.Sub(s.opts.Now()), 0) + clockMargin
	results := client.DoMulti(ctx, // in this order, over one connection
		client.B().Set().Key(key).Value("1").Nx().Px(lifetime).Build(),
		client.B().Get().Key(s.epochKey).Build(),
	)
	switch err := results[0].Error(); {
	case err == nil:
		fresh = true
	case !valkey.IsValkeyNil(err): // nil means that it was there
		return false, nil, err
	}
	value, err := results[1].ToString()
	if err != nil && !valkey.IsValkeyNil(err) {
		return false, nil, err
	}
	if value == before.value && s.dials.Load() == before.dials {
		return fresh, before, nil
	}
	// It was emptied, or the connection is a new one, perhaps to another server.
	after, err := s.check(ctx)
	return fresh, after, err
}

// known returns the epoch of the server that the connections lead to.
func (s *Store) known(ctx context.Context) (*epoch, error) {
	if now := s.current.Load(); now != nil && now.dials == s.dials.Load() {
		return now, nil
	}
	return s.check(ctx)
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

// attempt checks the server once, and keeps and logs the result.
func (s *Store) attempt(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, 2*s.opts.Wait)
	defer cancel()
	err := s.connect()
	if err == nil {
		_, err = s.check(ctx)
	}
	if errors.Is(ctx.Err(), context.Canceled) {
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
	now := reason(err)
	s.problem.Store(&now)
	if before == nil || *before != now {
		effect := "requests with DPoP proofs get 503"
		if s.opts.Fallback != nil {
			effect = "each process accepts a DPoP proof once"
		}
		s.opts.Log.Error("the replay store cannot be used: "+effect, "store", s.opts.URL.String(), "err", now)
	}
}

// reason is what err says, in words for the operator.
func reason(err error) string {
	text := err.Error()
	if answer, ok := errors.AsType[*valkey.ValkeyError](err); ok {
		text = answer.Error()
	}
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return "no response in time"
	case strings.HasPrefix(text, "OOM"):
		return "its memory is full (maxmemory): " + text
	case strings.HasPrefix(text, "WRONGPASS"), strings.HasPrefix(text, "NOAUTH"):
		return "the password is wrong or missing: set API_REPLAY_STORE_PASSWORD or --replay-store-password-file: " + text
	case strings.HasPrefix(text, "NOPERM"):
		return "the user may not do what is needed (GET, SET, EVAL, EVALSHA, INFO, TIME, and the keys with the prefix): " + text
	}
	return text
}

// secret returns a new secret, in a form that can be a part of a value.
func secret() string {
	return rand.Text() + rand.Text()
}

// connect makes the client if there is none yet.
func (s *Store) connect() error {
	if s.client.Load() != nil {
		return nil
	}
	options, err := s.clientOptions()
	if err != nil {
		return err
	}
	client, err := valkey.NewClient(options)
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	s.client.Store(&client)
	return nil
}
