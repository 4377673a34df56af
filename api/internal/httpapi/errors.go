package httpapi

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/gorilla/mux"

	"calling-an-api.example/api/internal/auth"
)

// problem is the body of every error answer. Error is a stable code, for
// programs, and so is Reason, which tells refusals of one code apart; Description
// is a sentence, for people.
type problem struct {
	Error       string `json:"error"`
	Description string `json:"error_description"`
	Reason      string `json:"reason,omitempty"`
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
func (a *api) refuse(w http.ResponseWriter, r *http.Request, err *auth.Error) {
	a.Metrics.tokens.count(err.Reason)
	if sw, ok := w.(*statusWriter); ok { // for the line that observe logs
		sw.refusal = err
	}
	if err.Status == http.StatusServiceUnavailable { // its Retry-After differs from one to the next
		a.ids.set(w, r)
		err.SetHeaders(w.Header(), a.Resource.MetadataURL())
		writeJSON(w, err.Status, problem{err.Code, err.Description, err.Reason})
		return
	}
	made := a.refusal(err)
	maps.Copy(w.Header(), made.header)
	w.WriteHeader(err.Status)
	_, _ = w.Write(made.body) // fails only if the client is gone
}

// refusal is the answer to all requests that are refused for the same reason.
type refusal struct {
	header http.Header
	body   []byte
}

// refusalKey is what a refusal is made of. All are fixed texts, so there are few.
type refusalKey struct{ code, description, reason, scope string }

// refusal returns the answer that says err. It is made the first time, as to
// refuse must not cost more than to accept.
func (a *api) refusal(err *auth.Error) *refusal {
	key := refusalKey{err.Code, err.Description, err.Reason, err.Scope}
	if made, ok := a.refusals.Load(key); ok {
		return made.(*refusal)
	}
	rec := &recorder{header: http.Header{}}
	err.SetHeaders(rec.header, a.Resource.MetadataURL())
	writeJSON(rec, err.Status, problem{err.Code, err.Description, err.Reason})
	made, _ := a.refusals.LoadOrStore(key, &refusal{rec.header, rec.body})
	return made.(*refusal)
}

// recorder is a response that is kept.
type recorder struct {
	header http.Header
	body   []byte
}

func (rec *recorder) Header() http.Header { return rec.header }
func (rec *recorder) WriteHeader(int)     {}
func (rec *recorder) Write(p []byte) (int, error) {
	rec.body = append(rec.body, p...)
	return len(p), nil
}

func notFound() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, http.StatusNotFound, problem{Error: "not_found", Description: "There is nothing at this path."})
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
		writeJSON(w, http.StatusMethodNotAllowed, problem{Error: "method_not_allowed", Description: "This path does not answer this method."})
	})
}
