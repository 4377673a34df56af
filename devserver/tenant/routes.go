package tenant

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/rs/cors"
	"github.com/zitadel/oidc/v3/pkg/op"
)

// maxForm is the maximum size of a request's body, in bytes.
const maxForm = 64 << 10

// routes holds every path of the tenant. The paths are Auth0's, except that Auth0 does
// not show a dashboard at its root.
func (t *Tenant) routes() http.Handler {
	oidc := op.RegisterServer(&protocol{tenant: t}, op.Endpoints{
		Token:      op.NewEndpoint("/oauth/token"),
		Revocation: op.NewEndpoint("/oauth/revoke"),
		Userinfo:   op.NewEndpoint("/userinfo"),
		JwksURI:    op.NewEndpoint("/.well-known/jwks.json"),
	}, op.WithServerCORSOptions(nil)) // withCORS is for all of these paths

	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", t.showDashboard)
	mux.HandleFunc("GET /authorize", t.authorize)
	mux.HandleFunc("POST /authorize", t.authorize)
	mux.HandleFunc("GET /u/login", t.showLogin)
	mux.HandleFunc("POST /u/login", t.login)
	mux.HandleFunc("GET /u/consent", t.showConsent)
	mux.HandleFunc("POST /u/consent", t.consent)
	mux.HandleFunc("POST /u/act", t.act)
	mux.HandleFunc("GET /u/changes", t.follow)
	mux.HandleFunc("GET /u/style.css", serveStyle)
	mux.HandleFunc("GET /favicon.ico", serveNoIcon)
	mux.HandleFunc("GET /avatars/{initials}", serveAvatar)
	mux.HandleFunc("GET /v2/logout", t.logout)
	mux.HandleFunc("GET /oidc/logout", t.oidcLogout)
	mux.HandleFunc("POST /oidc/logout", t.oidcLogout)
	mux.Handle("POST /oauth/token", t.announceNonce(t.reportErrors(EventTokens, requireFormBody(requireGrantType(oidc)))))
	mux.Handle("POST /oauth/revoke", t.reportErrors(EventTokens, requireFormBody(oidc)))
	userinfo := t.reportErrors(EventUserinfo, t.requireProof(withChallenge(oidc)))
	mux.Handle("GET /userinfo", userinfo)
	mux.Handle("POST /userinfo", userinfo)
	mux.Handle("GET /.well-known/openid-configuration", oidc)
	mux.Handle("GET /.well-known/jwks.json", oidc)
	mux.HandleFunc("GET /.well-known/oauth-authorization-server", func(w http.ResponseWriter, r *http.Request) { // RFC 8414, with the same content
		r.URL.Path = "/.well-known/openid-configuration"
		oidc.ServeHTTP(w, r)
	})
	t.controlRoutes(mux)
	t.mux = mux

	handler := fromThisMachine(t.injectFailures(mux))
	withCORS := t.withCORS(handler, http.MethodGet, http.MethodPost)

	// Pages of other origins, also of other ports on localhost, must not submit our
	// forms. Some paths are for other origins by design: they use no cookie, or do no
	// more than a link to them would.
	csrf := http.NewCrossOriginProtection()
	for _, path := range []string{"/authorize", "/oidc/logout", "/oauth/token", "/oauth/revoke", "/userinfo"} {
		csrf.AddInsecureBypassPattern(path)
	}
	csrf.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		writeError(w, http.StatusForbidden, "access_denied", "Pages of other origins must not use this path. Tests call it from their program, not from the page.")
	}))
	protected := csrf.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, maxForm)
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Referrer-Policy", "same-origin") // without a referrer, browsers send "null" as the Origin of our forms
		switch path := r.URL.Path; {
		case strings.HasPrefix(path, "/oauth/") || path == "/userinfo" || strings.HasPrefix(path, "/.well-known/"):
			withCORS.ServeHTTP(w, r) // scripts of the clients' pages read the responses
		default:
			handler.ServeHTTP(w, r)
		}
	}))
	unsupported := cors.New(cors.Options{ // whatever the request has
		AllowOriginFunc:  t.isWebOrigin,
		AllowedMethods:   []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete},
		AllowedHeaders:   []string{"*"},
		AllowCredentials: true,
	}).Handler(http.HandlerFunc(t.answerUnsupported))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// A HEAD request, which a link checker makes, must not log anybody in or out.
		if _, pattern := mux.Handler(r); pattern == "" && !isPreflightOf(mux, r) || r.Method == http.MethodHead && acts[r.URL.Path] {
			unsupported.ServeHTTP(w, r)
			return
		}
		protected.ServeHTTP(w, r)
	})
}

// acts are the paths where GET changes something.
var acts = map[string]bool{"/authorize": true, "/v2/logout": true, "/oidc/logout": true}

// isPreflightOf reports whether r is the preflight of a request that mux has a handler for.
func isPreflightOf(mux *http.ServeMux, r *http.Request) bool {
	if r.Method != http.MethodOptions {
		return false
	}
	actual := r.Clone(r.Context())
	actual.Method = r.Header.Get("Access-Control-Request-Method")
	_, pattern := mux.Handler(actual)
	return pattern != ""
}

// withCORS lets scripts of the clients' web origins use next with these methods.
func (t *Tenant) withCORS(next http.Handler, methods ...string) http.Handler {
	return cors.New(cors.Options{
		AllowOriginFunc: t.isWebOrigin,
		AllowedMethods:  methods,
		AllowedHeaders:  []string{"Authorization", "Content-Type", "Auth0-Client", "DPoP"},
		ExposedHeaders:  []string{"DPoP-Nonce", "WWW-Authenticate"},
		MaxAge:          600,
	}).Handler(next)
}

func (t *Tenant) isWebOrigin(origin string) bool { return t.directory.Load().IsWebOrigin(origin) }

// serves reports whether the tenant has a path.
func (t *Tenant) serves(path string) bool { return len(t.methods(path)) > 0 }

// methods returns the methods that the tenant has a path for.
func (t *Tenant) methods(path string) (list []string) {
	for _, method := range []string{http.MethodGet, http.MethodPost} {
		if _, pattern := t.mux.Handler(&http.Request{Method: method, URL: &url.URL{Path: path}}); pattern != "" {
			list = append(list, method)
		}
	}
	return list
}

// answerUnsupported answers requests for what the tenant does not have, as JSON that scripts can
// read: Auth0 has more than a login, and packages call it.
func (t *Tenant) answerUnsupported(w http.ResponseWriter, r *http.Request) {
	what := fmt.Sprintf("%.10s %.100s", r.Method, r.URL.Path)
	w.Header().Set("X-Content-Type-Options", "nosniff")
	if methods := t.methods(r.URL.Path); len(methods) > 0 {
		allowed := strings.Join(methods, ", ")
		w.Header().Set("Allow", allowed)
		writeError(w, http.StatusMethodNotAllowed, "invalid_request", "This path has no method "+r.Method+", only "+allowed+".")
		return
	}
	t.events.reject(r.Context(), Event{Type: EventUnsupported, Error: "not_supported", Text: "The local tenant does not support " + what})
	t.opts.Log.Warn("not supported by the local tenant", "request", what)
	writeError(w, http.StatusNotFound, "not_supported", notSupported(what))
}

// notSupported is the description of the error for what the tenant does not have.
func notSupported(what string) string {
	return "The local tenant does not support " + what + "; docs/tenant.md lists what it does"
}
