package httpapi

import (
	"encoding/json"
	"net/http"
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
func (a *api) refuse(w http.ResponseWriter, _ *http.Request, err *auth.Error) {
	a.Metrics.refused(err.Reason)
	if sw, ok := w.(*statusWriter); ok { // for the line that observe logs
		sw.refusal = err
	}
	err.SetHeaders(w.Header(), a.Resource.MetadataURL())
	writeJSON(w, err.Status, problem{err.Code, err.Description})
}

func notFound() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, http.StatusNotFound, problem{"not_found", "There is nothing at this path."})
	})
}

// methodNotAllowed answers 405 with the Allow header that RFC 9110 §15.5.6 asks
// for and mux leaves out.
func methodNotAllowed(router *mux.Router) http.Handler {
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
