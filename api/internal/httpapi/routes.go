// Package httpapi implements the API's HTTP handler: routes, access control, error
// responses, metrics and the access log.
package httpapi

import (
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"

	"github.com/gorilla/mux"
	"go.opentelemetry.io/otel/trace"

	"calling-an-api.example/api/gate"
	"calling-an-api.example/api/gate/dpop"
)

// endpoint is one path of the API. What --help and the API's metadata say about
// endpoints comes from here.
type endpoint struct {
	path   string
	access access
	help   string
	answer handler
}

// endpoints returns all endpoints of the API.
func (a *api) endpoints() []endpoint {
	return []endpoint{
		{"/api/external", anyToken, "any valid access token", message("Your access token was successfully validated!")},
		{"/api/private-scoped", scope("read:messages"), "an access token that grants read:messages", message("Your access token grants read:messages.")},
		{"/api/public", public, "no token", message("Anyone may read this: no access token is needed.")},
		{"/healthz", public, "200 while the process runs", a.health},
		{"/readyz", public, "200 once every issuer was asked and keys are loaded, otherwise 503", a.ready},
		{"/metrics", public, "metrics for Prometheus", a.showMetrics},
		{a.Resource.MetadataPath(), public, "this API's description (RFC 9728)", a.metadata},
	}
}

// access is what an endpoint requires of a request.
type access struct {
	token  bool
	scopes []string
}

var (
	public   = access{}
	anyToken = access{token: true}
)

func scope(names ...string) access { return access{token: true, scopes: names} }

// Issuer is an authorization server whose tokens the API accepts.
type Issuer struct {
	URL  string // as it is configured; the value of labels in the metrics
	Keys Keys
}

// Options configure [Handler]. Verifier, Issuers and Log are required.
type Options struct {
	Verifier     *gate.Verifier
	Issuers      []Issuer
	Resource     Resource
	DPoP         *dpop.Verifier // verifies proofs for bound tokens; nil means that they are rejected
	RequireDPoP  bool           // rejects bearer tokens
	ReplayStore  *ReplayStore   // that DPoP uses, if processes share one
	CORSOrigins  []string       // allowed CORS origins; without any, CORS is off
	Log          *slog.Logger
	Draining     func() bool  // whether the API is about to stop; nil means never
	DroppedLines func() int64 // lines of the log that were dropped; nil means no such metric
	Tracer       trace.Tracer // makes a span for each request; nil means none
}

// Handler returns the API's handler. It may be called once for the same Keys.
func Handler(opts Options) http.Handler {
	a := &api{
		Options: opts, metrics: newMetrics(opts), ids: newRequestIDs(),
		gate: &gate.Gate{
			Verifier: opts.Verifier, ResourceMetadata: opts.Resource.MetadataURL(), DPoP: opts.DPoP, RequireDPoP: opts.RequireDPoP,
		},
	}
	// Paths are used as they are: mux would redirect //api/external to a clean one. It
	// runs Use middleware on matched routes only, so a.serve wraps every handler.
	r := mux.NewRouter().SkipClean(true)
	for _, e := range a.endpoints() {
		r.Handle(e.path, a.serve(e.path, a.protect(e.access, e.answer))).Methods(http.MethodGet, http.MethodHead)
	}
	r.NotFoundHandler = a.serve("none", notFound)
	r.MethodNotAllowedHandler = a.serve("none", methodNotAllowed(r))
	return a.withDraining(withCORS(opts.CORSOrigins, r))
}

// protect returns a handler that calls next if the request satisfies access.
func (a *api) protect(access access, next handler) handler {
	if !access.token {
		return next
	}
	required := gate.AllOf(access.scopes...)
	return func(w http.ResponseWriter, r *http.Request) error {
		token, err := a.check(r, required)
		if err != nil {
			return err
		}
		a.metrics.accepted(token)
		if nonce := token.Nonce(); nonce != "" {
			w.Header().Set("DPoP-Nonce", nonce)
		}
		return next(w, r)
	}
}

// scopes returns the scopes that endpoints require, sorted and without duplicates.
func (a *api) scopes() []string {
	var names []string
	for _, e := range a.endpoints() {
		names = append(names, e.access.scopes...)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// Usage lists the endpoints for --help, a line each.
func Usage() string {
	var b strings.Builder
	for _, e := range (&api{}).endpoints() {
		fmt.Fprintf(&b, "  GET %-40s %s\n", e.path, e.help)
	}
	return b.String()
}
