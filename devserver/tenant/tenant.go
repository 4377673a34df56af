// Package tenant is a local replacement for an Auth0 tenant: logins, consent, tokens
// and silent authentication for Auth0's unmodified SDKs, without an account and without
// internet.
//
// For most uses in tests, start one with package tenanttest. To serve it yourself, make
// it with [New] for the URL at which its http.Handler is reached:
//
//	local, err := tenant.New(tenant.Options{Issuer: "http://localhost:4400/"})
//	…
//	defer local.Close()
//	srv := &http.Server{Addr: "localhost:4400", Handler: local}
//
// The default configuration has two users, a single-page app and a machine client;
// Options.ConfigFile and [Tenant.Configure] replace it. [Tenant.Mint] makes access
// tokens without a login, invalid ones too.
//
// # Guarantees
//
// Tokens, errors and paths are those of Auth0 as far as docs/tenant.md lists them.
// Redirect URIs match exactly, and public clients must use PKCE with S256. An authorization
// code is used once; a refresh token is used once, and again within 5 s.
//
// # Non-goals
//
// It is for development and tests only. Its users' passwords are public: serve it on loopback,
// or in a network that you trust, where only its own machine may use the controls.
//
// # Logging
//
// zitadel/oidc logs to slog's default logger, including every failed request;
// slog.SetDefault replaces it.
package tenant

// zitadel/oidc's op package decodes and checks protocol requests and writes the
// responses. This package has the rest: logins and consent (authorize.go, login.go,
// session.go), Auth0's paths and tokens (protocol.go, claims.go, logout.go, respond.go),
// persistent state (state.go), the dashboard, and controls for tests (controls.go,
// mint.go, users.go, failures.go, clock.go, testkit.go). Users, clients and APIs are in internal/directory.

import (
	"cmp"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/zitadel/schema"

	"calling-an-api.example/devserver/internal/directory"
	"calling-an-api.example/devserver/internal/hostcheck"
	"calling-an-api.example/devserver/internal/source"
	"calling-an-api.example/devserver/tenant/internal/expiring"
	"calling-an-api.example/devserver/tenant/internal/refresh"
	"calling-an-api.example/devserver/tenant/internal/saver"
)

// Options are the settings of a Tenant. Only Issuer is required.
type Options struct {
	// Issuer is the URL at which the tenant is reached, with a trailing slash. It is
	// the claim iss.
	Issuer string
	// ClientID, AppOrigin and Audience are the single-page app's client ID, its origin,
	// and the API's identifier, which a configuration calls $CLIENT_ID, $PAGE and
	// $AUDIENCE. The defaults are "local-spa", "http://localhost:4200" and
	// "http://localhost:3001".
	ClientID, AppOrigin, Audience string
	// ConfigFile is a file with users, clients and APIs, which [Tenant.Reload] reads
	// again. The default is internal/directory/default.jsonc, which is also a template
	// for a file.
	ConfigFile string
	// StateFile is a file for keys, sessions, consents and refresh tokens, so that they
	// outlive the process. It contains private keys, has mode 0600, and must not be shared
	// by two Tenants. Its folder is created. The default is none.
	StateFile string
	// Log receives rejected logins and internal errors, without secrets. The default is no
	// log.
	Log *slog.Logger
	// Now is the clock. The default is time.Now.
	Now func() time.Time
}

// Tenant is an http.Handler. Its methods may be called from any goroutine.
type Tenant struct {
	opts      Options
	handler   http.Handler
	mux       *http.ServeMux // all paths; a part of handler
	port      string         // of the issuer, "" if it names none
	decoder   *schema.Decoder
	keys      *signingKeys
	directory atomic.Pointer[directory.Directory]
	requests  *expiring.Map[*authRequest] // by ID: logins in progress
	codes     *expiring.Map[*grant]       // by authorization code
	spent     *expiring.Map[string]       // refresh-token families by the code that started them
	sessions  *expiring.Map[*session]     // by the digest of the session cookie
	consents  *expiring.Map[[]string]     // by user, client and audience: scopes agreed to
	refresh   *refresh.Families
	proofs    *proofs
	jtis      *expiring.Map[bool] // of client assertions that were used, by client
	events    *events
	clock     *clock
	failures  failures

	configuring sync.Mutex // held while directory is replaced; protects the next three fields
	base        *directory.Directory
	added       []*directory.User           // by tests
	changes     map[string]directory.Change // by tests and the dashboard, by user ID; an edit of the file does not undo them

	reloading sync.Mutex // held while the configuration file is read and used

	ended chan struct{} // closed by end
	end   func()

	saver *saver.Saver // nil without a state file
}

// New returns a Tenant. It generates its signing key in the background. It returns an
// error if opts.Issuer is not a URL with a trailing slash, or the configuration cannot be
// read or is invalid (with file:line:column). An unreadable state file is renamed.
func New(opts Options) (*Tenant, error) {
	issuer, err := url.Parse(opts.Issuer)
	if err != nil || issuer.Host == "" || !strings.HasSuffix(opts.Issuer, "/") {
		return nil, errors.New("tenant: Options.Issuer must be a URL with a trailing slash")
	}
	opts.ClientID = cmp.Or(opts.ClientID, "local-spa")
	opts.AppOrigin = cmp.Or(opts.AppOrigin, "http://localhost:4200")
	opts.Audience = cmp.Or(opts.Audience, "http://localhost:3001")
	if opts.Log == nil {
		opts.Log = slog.New(slog.DiscardHandler)
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	moved := &clock{actual: opts.Now}
	opts.Now = moved.now
	t := &Tenant{
		opts:     opts,
		port:     issuer.Port(),
		decoder:  schema.NewDecoder(),
		requests: expiring.New[*authRequest](1000, 30*time.Minute, opts.Now),
		codes:    expiring.New[*grant](1000, time.Minute, opts.Now),
		spent:    expiring.New[string](1000, time.Minute, opts.Now),
		sessions: expiring.New[*session](maxSessions, 12*time.Hour, opts.Now),
		consents: expiring.New[[]string](10000, 12*time.Hour, opts.Now),
		refresh:  refresh.New(opts.Now),
		proofs:   newProofs(opts.Now),
		jtis:     expiring.New[bool](10000, maxAssertion, opts.Now),
		events:   &events{now: opts.Now},
		clock:    moved,
	}
	t.ended = make(chan struct{})
	t.end = sync.OnceFunc(func() { close(t.ended) })
	t.decoder.IgnoreUnknownKeys(true)
	if err := t.Reload(); err != nil { // before the state, which refers to users
		return nil, err
	}
	keys, err := t.load()
	if err != nil {
		opts.Log.Warn("the state file is unreadable and was renamed to .bad; all users are logged out", "err", err)
	}
	t.keys = newSigningKeys(keys)
	if opts.StateFile != "" {
		t.saver = saver.New(t.write, func(err error) {
			t.opts.Log.Warn("the tenant's state could not be saved; it is tried again every second", "err", err)
		})
	}
	if keys == nil { // saved now, so that tokens of clients outlive a restart too
		t.save()
	}
	t.handler = hostcheck.Hosts{Names: []string{strings.ToLower(issuer.Hostname())}, URL: opts.Issuer}.Check(t.routes())
	return t, nil
}

// Reload reads the configuration file again, if there is one. On error the old
// configuration stays; the error of an invalid file names file:line:column.
func (t *Tenant) Reload() error {
	t.reloading.Lock() // so that the content that was read last is the one that stays
	defer t.reloading.Unlock()
	if t.opts.ConfigFile == "" {
		return t.Configure("the default configuration", directory.Default)
	}
	data, err := source.ReadFile(t.opts.ConfigFile)
	if err != nil {
		return err
	}
	return t.Configure(t.opts.ConfigFile, data)
}

// Configure replaces the users, clients and APIs by those in data. file is for error
// messages only. On error, which names file:line:column, the old configuration stays.
func (t *Tenant) Configure(file string, data []byte) error {
	d, err := directory.Parse(file, data, directory.Variables{
		Page: t.opts.AppOrigin, Tenant: strings.TrimSuffix(t.opts.Issuer, "/"), ClientID: t.opts.ClientID, Audience: t.opts.Audience,
	}, t.opts.Now())
	if err != nil {
		return err
	}
	t.configuring.Lock()
	defer t.configuring.Unlock()
	t.base = d
	t.added = slices.DeleteFunc(t.added, func(u *directory.User) bool { // the configuration has this one now
		return d.UserByID(u.ID) != nil || d.UserByEmail(u.Email) != nil
	})
	if d, err = d.With(t.added); err != nil {
		return err // impossible: AddUser has compared them with each other
	}
	t.directory.Store(d.WithChanges(t.changes))
	t.events.touch()
	return nil
}

// Close waits for the generation of the signing key, and saves what has changed. The Tenant must
// not be used afterwards.
func (t *Tenant) Close() {
	_ = t.keys.first() // callers that need the key get its error
	t.saver.Close()
}

// ServeHTTP implements http.Handler. It rejects requests whose Host is neither the
// issuer's nor a name of this machine, because DNS rebinding would let any web site mint
// tokens.
func (t *Tenant) ServeHTTP(w http.ResponseWriter, r *http.Request) { t.handler.ServeHTTP(w, r) }

// The machine-to-machine client of the default configuration, which `make token` uses.
// Its secret is as public as the users' passwords.
const (
	MachineClientID     = directory.MachineClientID
	MachineClientSecret = directory.MachineClientSecret
)
