package httpapi

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/gorilla/mux"

	"calling-an-api.example/api/internal/auth"
)

// problem is the body of every error answer. Error is a stable code, for
// programs; Description is a sentence, for people.
type problem struct {
	Error       string `json:"error"`
	Description string `json:"error_description"`
}

// writeJSON answers status with body as JSON. Headers must be set before.
func writeJSON(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(body) // fails only if the client is gone
}

// refuse answers a request that did not pass the gate.
func (a *API) refuse(w http.ResponseWriter, r *http.Request, err *auth.Error) {
	level := slog.LevelInfo
	if err.Status == http.StatusServiceUnavailable {
		level = slog.LevelWarn
	}
	a.Log.Log(r.Context(), level, "refused", "path", r.URL.Path, "status", err.Status, "reason", err.Description)
	err.SetHeaders(w.Header())
	writeJSON(w, err.Status, problem{err.Code, err.Description})
}

func (a *API) notFound() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, http.StatusNotFound, problem{"not_found", "There is nothing at this path."})
	})
}

// methodNotAllowed answers 405 with the Allow header that RFC 9110 §15.5.6 asks
// for and mux leaves out.
func (a *API) methodNotAllowed(router *mux.Router) http.Handler {
	methods := []string{
		http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut,
		http.MethodPatch, http.MethodDelete, http.MethodOptions,
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		allowed := slices.DeleteFunc(slices.Clone(methods), func(method string) bool {
			probe := r.Clone(r.Context())
			probe.Method = method
			var match mux.RouteMatch
			return !router.Match(probe, &match) || match.MatchErr != nil
		})
		w.Header().Set("Allow", strings.Join(allowed, ", "))
		writeJSON(w, http.StatusMethodNotAllowed, problem{"method_not_allowed", "This path does not answer this method."})
	})
}

// recoverPanic answers 500, with the panic and its stack in the log alone.
func (a *API) recoverPanic(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			switch p := recover(); p {
			case nil:
			case http.ErrAbortHandler:
				panic(p)
			default:
				a.Log.Error("panic", "value", p, "path", r.URL.Path, "stack", string(debug.Stack()))
				writeJSON(w, http.StatusInternalServerError, problem{"internal_error", "Something went wrong on our side."})
			}
		}()
		next.ServeHTTP(w, r)
	})
}
