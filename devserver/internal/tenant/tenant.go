// Package tenant is a local stand-in for an Auth0 tenant, so that the whole
// login works with no account and no internet, against the unmodified SDK.
//
// zitadel/oidc's op package carries the protocol's plumbing: it decodes and
// checks requests, authenticates clients and writes the answers. What makes it a
// tenant is here: who and what it knows (config.go, people.go), logins and consent
// (authorize.go, login.go, session.go), Auth0's paths, parameters and token shapes
// (token.go, claims.go, refresh.go, logout.go, respond.go), what outlives a restart
// (state.go), a page that shows it all (dashboard.go), and what tests can ask of it
// (controls.go, mint.go).
//
// It is for development only. Its passwords are public and it runs on loopback.
package tenant

import (
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/cors"
	"github.com/zitadel/oidc/v3/pkg/op"
	"github.com/zitadel/schema"
)

// maxForm is the most that is read of a request's body, in bytes.
const maxForm = 64 << 10

// Options are the settings of a Tenant. All but Config, State and Now are required.
type Options struct {
	Issuer    string // where the tenant is reached, with a trailing slash
	ClientID  string // of the single-page app
	AppOrigin string // where that app is served, "http://localhost:4200"
	Audience  string // identifier of the one API
	Log       *slog.Logger
	Config    string           // file with who and what the tenant knows; "" is the default
	State     string           // file for what outlives the process; "" is none
	Now       func() time.Time // nil means time.Now
}

// Tenant is the tenant's state and its http.Handler.
type Tenant struct {
	opts      Options
	handler   http.Handler
	decoder   *schema.Decoder
	keys      *signingKeys
	directory atomic.Pointer[directory]
	requests  *expiring[*authRequest] // by ID: logins that are under way
	codes     *expiring[*grant]       // by authorization code
	spent     *expiring[string]       // refresh token families, by the code that they came of
	sessions  *expiring[*session]     // by the digest of the session cookie's value
	consents  *expiring[[]string]     // by user, client and audience: scopes agreed to
	refresh   *families
	events    *events
	controls  *controls
	saving    sync.Mutex
	saved     sync.WaitGroup // the first time
}

// New returns a Tenant. It makes its signing key in the background, so that
// nobody waits for that who doesn't need it. Its error is one of the configuration.
func New(opts Options) (*Tenant, error) {
	if opts.Now == nil {
		opts.Now = time.Now
	}
	control := &controls{failing: map[string]*failure{}}
	actual := opts.Now
	opts.Now = func() time.Time { return control.now(actual) }
	t := &Tenant{
		controls: control,
		opts:     opts,
		decoder:  schema.NewDecoder(),
		requests: newExpiring[*authRequest](1000, 30*time.Minute, opts.Now),
		codes:    newExpiring[*grant](1000, time.Minute, opts.Now),
		spent:    newExpiring[string](1000, time.Minute, opts.Now),
		sessions: newExpiring[*session](1000, 12*time.Hour, opts.Now),
		consents: newExpiring[[]string](1000, 12*time.Hour, opts.Now),
		refresh:  &families{byID: newExpiring[*family](1000, refreshLifetime, opts.Now)},
		events:   &events{now: opts.Now},
	}
	t.decoder.IgnoreUnknownKeys(true)
	if err := t.Reconfigure(); err != nil { // before it remembers who is logged in
		return nil, err
	}
	keys, err := t.load()
	if err != nil {
		opts.Log.Warn("what the tenant knew before can't be read, so everybody is logged out; it is kept beside the new state, as .bad", "err", err)
	}
	t.keys = newSigningKeys(keys)
	if keys == nil { // saved before anybody logs in: tokens of clients should outlive a restart too
		t.saved.Go(t.save)
	}
	t.handler = t.routes()
	return t, nil
}

// Reconfigure reads the configuration file, if there is one. On an error, which
// names file:line:column, the tenant knows what it knew.
func (t *Tenant) Reconfigure() error {
	if t.opts.Config == "" {
		return t.Configure("the default configuration", DefaultConfig)
	}
	data, err := os.ReadFile(t.opts.Config)
	if err != nil {
		return err
	}
	return t.Configure(t.opts.Config, data)
}

// Close waits for the end of what New began.
func (t *Tenant) Close() {
	_ = t.keys.first() // its error was for whoever needed the key
	t.saved.Wait()
}

// ServeHTTP implements http.Handler.
func (t *Tenant) ServeHTTP(w http.ResponseWriter, r *http.Request) { t.handler.ServeHTTP(w, r) }

// routes holds every path of the tenant. The paths are Auth0's, except that
// Auth0 doesn't show its users on its root page.
func (t *Tenant) routes() http.Handler {
	protocol := op.RegisterServer(&server{tenant: t}, op.Endpoints{
		Token:      op.NewEndpoint("/oauth/token"),
		Revocation: op.NewEndpoint("/oauth/revoke"),
		Userinfo:   op.NewEndpoint("/userinfo"),
		JwksURI:    op.NewEndpoint("/.well-known/jwks.json"),
	}, op.WithServerCORSOptions(nil), // all of these paths have ours, below
		op.WithFallbackLogger(slog.New(slog.DiscardHandler))) // its log holds states and redirect URLs

	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", t.showDashboard)
	mux.HandleFunc("GET /authorize", t.authorize)
	mux.HandleFunc("POST /authorize", t.authorize)
	mux.HandleFunc("GET /u/login", t.showLogin)
	mux.HandleFunc("POST /u/login", t.login)
	mux.HandleFunc("GET /u/consent", t.showConsent)
	mux.HandleFunc("POST /u/consent", t.consent)
	mux.HandleFunc("GET /u/style.css", serveStyle)
	mux.HandleFunc("GET /favicon.ico", serveNoIcon)
	mux.HandleFunc("GET /avatars/{initials}", serveAvatar)
	mux.HandleFunc("GET /v2/logout", t.logout)
	mux.HandleFunc("GET /oidc/logout", t.oidcLogout)
	mux.HandleFunc("POST /oidc/logout", t.oidcLogout)
	mux.Handle("/oauth/token", bodyOnly(protocol))
	mux.Handle("/oauth/revoke", bodyOnly(protocol))
	mux.Handle("/userinfo", challenging(protocol))
	mux.Handle("/.well-known/", protocol)
	t.controlRoutes(mux)

	sites := t.failing(mux)
	open := cors.New(cors.Options{
		AllowOriginFunc: t.knowsOrigin,
		AllowedMethods:  []string{http.MethodGet, http.MethodPost},
		AllowedHeaders:  []string{"Authorization", "Content-Type", "Auth0-Client"},
		MaxAge:          600,
	}).Handler(sites)

	// A page of another origin, also of another port on localhost, must not be
	// able to press the buttons of ours. Some paths are for other origins by design:
	// they act on no cookie, or do no more than a link to them would.
	forged := http.NewCrossOriginProtection()
	for _, path := range []string{"/authorize", "/oidc/logout", "/oauth/token", "/oauth/revoke", "/userinfo"} {
		forged.AddInsecureBypassPattern(path)
	}
	return forged.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, maxForm)
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Referrer-Policy", "same-origin") // with none, a browser hides from us that our own forms are ours
		switch path := r.URL.Path; {
		case strings.HasPrefix(path, "/oauth/") || path == "/userinfo" || strings.HasPrefix(path, "/.well-known/"):
			open.ServeHTTP(w, r) // scripts of the clients' pages may read the answers
		default:
			sites.ServeHTTP(w, r)
		}
	}))
}

// origin is the scheme, host and port of rawURL as browsers write it, or "" if
// there is none.
func origin(rawURL string) string {
	u, err := url.Parse(rawURL)
	if err != nil || u.Scheme == "" || u.Host == "" {
		return ""
	}
	standard := map[string]string{"http": ":80", "https": ":443"}[u.Scheme]
	return u.Scheme + "://" + strings.TrimSuffix(strings.ToLower(u.Host), standard)
}
