// Package httpapi is the API as its callers see it: routes, answers and errors.
package httpapi

import (
	"log/slog"
	"net/http"

	"github.com/gorilla/mux"

	"calling-an-api.example/api/internal/auth"
)

// API is what the routes need.
type API struct {
	Verifier *auth.Verifier
	Ready    func() bool // whether tokens can be checked
	Log      *slog.Logger
}

// Handler returns the API's handler. Every route is here, on one screen.
//
// mux runs its Use middleware on matched routes only, so what must see every
// request wraps the router instead, and a route names the gate that it stands
// behind where it is declared.
func (a *API) Handler() http.Handler {
	token := auth.RequireToken(a.Verifier, a.refuse)
	scope := func(name string) func(http.Handler) http.Handler {
		return func(next http.Handler) http.Handler { return token(auth.RequireScope(name, a.refuse)(next)) }
	}

	r := mux.NewRouter()
	get := func(path string, h http.Handler) { r.Handle(path, h).Methods(http.MethodGet, http.MethodHead) }
	get("/api/external", token(message("Your access token was successfully validated!")))
	get("/api/private-scoped", scope("read:messages")(message("Your access token has the scope read:messages.")))
	get("/api/public", message("Anyone may read this: no access token is needed."))
	get("/healthz", status(func() bool { return true }))
	get("/readyz", status(a.Ready))
	r.NotFoundHandler = a.notFound()
	r.MethodNotAllowedHandler = a.methodNotAllowed(r)

	return a.logAccess(a.recoverPanic(r))
}
