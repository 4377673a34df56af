// Package jwks fetches and refreshes the signing keys of an issuer, and looks them up
// by key ID. A budget limits the fetches that unknown key IDs cause.
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
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"calling-an-api.example/api/gate/internal/alg"
)

// burst is how many fetches unknown key IDs may cause at once.
const burst = 3

// Options are the settings of a Set. Issuer is required; the zero value of every
// other field, and a negative one, means its default.
type Options struct {
	Issuer           string           // URL of the issuer; discovery finds out whether it ends with a slash
	Algorithms       []string         // RS256, PS256, ES256 or EdDSA, as in gate.Policy: keys for others are ignored; nil means RS256
	Refresh          time.Duration    // longest time between scheduled fetches; 0 means 5 minutes
	MinRefresh       time.Duration    // shortest time, less up to a tenth, even if the issuer's max-age is shorter; 0 means 10 seconds
	MaxStale         time.Duration    // how long keys are used after the last successful fetch; 0 means 24 hours
	FetchesPerMinute int              // limit on the fetches that unknown key IDs cause, after 3 at once; 0 means 5
	Log              *slog.Logger     // nil means no log
	Client           *http.Client     // nil means the default; unless it has a CheckRedirect, it follows no redirect to another origin
	Now              func() time.Time // nil means time.Now; called from many goroutines
}

// Set is the current signing keys of one issuer. Its methods may be called from
// any goroutine.
type Set struct {
	opts    Options
	budget  *rate.Limiter
	wake    chan struct{}            // asks Run for a fetch now; holds at most one request
	begun   chan struct{}            // closed when the first fetch begins, by the holder of mu
	current atomic.Pointer[snapshot] // replaced by each successful fetch, never nil

	fetched, failed atomic.Int64 // counts of fetches, for metrics

	mu       sync.Mutex // protects inFlight
	inFlight *flight    // nil if no fetch is in progress

	fetchState // owned by the fetch in flight
	reporter
}

// UnavailableError says that no keys can be used now: none were fetched yet, or
// the last ones are older than Options.MaxStale. Or that a key is not known and must not
// be asked for now, because other unknown key IDs have spent the budget.
type UnavailableError struct {
	after      time.Duration
	overBudget bool
}

func (e *UnavailableError) Error() string {
	if e.overBudget {
		return "the key ID is unknown, and the budget for asking the issuer is spent"
	}
	return "no signing keys of the issuer are available"
}

// RetryAfter is how long a caller should wait before trying again.
func (e *UnavailableError) RetryAfter() time.Duration { return e.after }

// New returns a Set without keys: [Set.Run] fetches them, and before that Key returns an
// *[UnavailableError].
func New(opts Options) *Set {
	if len(opts.Algorithms) == 0 {
		opts.Algorithms = []string{alg.RS256}
	}
	setDefault(&opts.Refresh, 5*time.Minute)
	setDefault(&opts.MinRefresh, 10*time.Second)
	setDefault(&opts.MaxStale, 24*time.Hour)
	setDefault(&opts.FetchesPerMinute, 5)
	if opts.Log == nil {
		opts.Log = slog.New(slog.DiscardHandler)
	}
	client := http.Client{}
	if opts.Client != nil {
		client = *opts.Client
	}
	if client.CheckRedirect == nil {
		client.CheckRedirect = sameOrigin
	}
	opts.Client = &client
	if opts.Now == nil {
		opts.Now = time.Now
	}
	s := &Set{
		opts:   opts,
		budget: rate.NewLimiter(rate.Limit(float64(opts.FetchesPerMinute)/60), burst),
		wake:   make(chan struct{}, 1),
		begun:  make(chan struct{}),
	}
	s.current.Store(s.emptySnapshot())
	return s
}

// setDefault replaces a field that is not positive by its default.
func setDefault[T int | time.Duration](field *T, value T) {
	if *field <= 0 {
		*field = value
	}
}

// Ready reports whether keys are loaded and not older than Options.MaxStale.
func (s *Set) Ready() bool { return s.usable(s.current.Load()) }

// usable reports whether the keys of snap may be used: they are loaded and not too old.
func (s *Set) usable(snap *snapshot) bool {
	return snap.isLoaded() && s.opts.Now().Sub(snap.loaded) <= s.opts.MaxStale
}

// Issuer returns the exact value of the claim iss in the issuer's tokens. It is what the
// discovery document says, which may differ from Options.Issuer by a trailing slash and the
// case of the host, or Options.Issuer until there is a document.
func (s *Set) Issuer() string { return s.current.Load().issuer }

// Refresh makes [Set.Run] ask for the discovery document and the keys now, without regard to
// the budget, and log the result. It does not wait.
func (s *Set) Refresh() {
	s.reported.Store(nil)
	s.requestFetch()
}

func (s *Set) requestFetch() {
	select {
	case s.wake <- struct{}{}:
	default: // a fetch is already requested
	}
}

// Fetches returns how many fetches succeeded and failed since the start.
func (s *Set) Fetches() (ok, failed int64) { return s.fetched.Load(), s.failed.Load() }

// Age is the time since the last successful fetch. ok is false before the first.
func (s *Set) Age() (age time.Duration, ok bool) {
	snap := s.current.Load()
	return s.opts.Now().Sub(snap.loaded), snap.isLoaded()
}
