// Package httpapi is the API as its callers see it: routes, answers and errors.
package httpapi

import (
	"log/slog"
	"net/http"
	"sync"

	"github.com/gorilla/mux"

	"calling-an-api.example/api/internal/auth"
)

// Options are what the routes need. All but CORSOrigins are required.
type Options struct {
	Verifier    *auth.Verifier
	Ready       func() bool // whether tokens can be checked
	Resource    Resource
	CORSOrigins []string // whose pages may read answers; none switches CORS off
	Metrics     *Metrics
	Log         *slog.Logger
}

// Handler returns the API's handler. Every route is here, on one screen.
//
// mux runs its Use middleware on matched routes only, so a route names the gate
// that it stands behind where it is declared, and what must see every request
// wraps the router.
func Handler(opts Options) http.Handler {
	a := &api{Options: opts, ids: newRequestIDs()}
	gate := &auth.Gate{Verifier: opts.Verifier, Refuse: a.refuse, Accepted: opts.Metrics.accepted}

	// A path is taken as it is. mux would redirect //api/external to a clean one.
	r := mux.NewRouter().SkipClean(true)
	get := func(path string, h http.Handler) {
		r.Handle(path, a.observe(path, h)).Methods(http.MethodGet, http.MethodHead)
	}
	get("/api/external", gate.Token(guarded(message("Your access token was successfully validated!"))))
	get("/api/private-scoped", gate.Scope("read:messages", guarded(message("Your access token grants read:messages."))))
	get("/api/public", message("Anyone may read this: no access token is needed."))
	get("/healthz", status(func() bool { return true }))
	get("/readyz", status(opts.Ready))
	get("/metrics", opts.Metrics.handler())
	get(opts.Resource.MetadataPath(), opts.Resource.metadata())
	r.NotFoundHandler = a.observe("none", notFound())
	r.MethodNotAllowedHandler = a.observe("none", methodNotAllowed(r))

	return withCORS(opts.CORSOrigins, r)
}

// api is what the answers are made with.
type api struct {
	Options
	ids      requestIDs
	refusals sync.Map // of *refusal, by refusalKey
}

// guarded makes a handler of one that does not ask who is calling.
func guarded(h http.Handler) auth.Handler {
	return func(w http.ResponseWriter, r *http.Request, _ auth.Token) { h.ServeHTTP(w, r) }
}
