package httpapi

import (
	"errors"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/gorilla/mux"

	"calling-an-api.example/api/gate"
)

// problem is the body of the error answers that are not the gate's. Error is a
// stable code, for programs; Description is a sentence, for developers.
type problem struct {
	Error       string `json:"error"`
	Description string `json:"error_description"`
}

// answer writes the response for err, an error that a handler has returned.
func (a *api) answer(w http.ResponseWriter, r *http.Request, err error) {
	var p *gate.Problem
	switch {
	case !errors.As(err, &p):
		a.ids.set(w, r)
		writeJSON(w, http.StatusInternalServerError, problem{"internal_error", "Something went wrong on our side."})
	case p.Status == http.StatusServiceUnavailable, p.Nonce != "": // not cached, because Retry-After and the nonce vary
		a.metrics.rejected(p)
		a.ids.set(w, r)
		a.gate.WriteProblem(w, p)
	default:
		a.metrics.rejected(p)
		made := a.prepared(p)
		maps.Copy(w.Header(), made.header)
		w.WriteHeader(p.Status)
		_, _ = w.Write(made.body) // fails only if the client is gone
	}
}

// answer is a cached response of the gate to a problem.
type answer struct {
	header http.Header
	body   []byte
}

// problemKey identifies a cached response. Its fields are constants of the program, so
// there are few of them.
type problemKey struct {
	code, description, reason, scope string
	dpop                             bool
}

// prepared returns the answer to p. It is made the first time, because rejecting a
// request must not cost more than accepting one.
func (a *api) prepared(p *gate.Problem) *answer {
	key := problemKey{p.Code, p.Description, p.Reason, p.Scope, p.DPoP}
	kept, ok := a.answers.Load(key)
	if !ok {
		made := &answer{header: http.Header{}}
		a.gate.WriteProblem(made, p)
		kept, _ = a.answers.LoadOrStore(key, made)
	}
	return kept.(*answer) //nolint:forcetypeassert // the map holds no other
}

// Header, WriteHeader and Write implement http.ResponseWriter, to record an answer.

func (rec *answer) Header() http.Header { return rec.header }
func (rec *answer) WriteHeader(int)     {}
func (rec *answer) Write(p []byte) (int, error) {
	rec.body = append(rec.body, p...)
	return len(p), nil
}

// notFound is the handler of all paths that have no route.
func notFound(w http.ResponseWriter, _ *http.Request) error {
	writeJSON(w, http.StatusNotFound, problem{"not_found", "There is nothing at this path."})
	return nil
}

// methods are those that a client may reasonably use.
var methods = []string{
	http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions,
}

// methodNotAllowed answers 405 with the Allow header that RFC 9110 §15.5.6 requires
// and mux does not send.
func methodNotAllowed(router *mux.Router) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		allowed := slices.DeleteFunc(slices.Clone(methods), func(method string) bool {
			probe := r.Clone(r.Context())
			probe.Method = method
			var match mux.RouteMatch
			return !router.Match(probe, &match) || match.MatchErr != nil
		})
		w.Header().Set("Allow", strings.Join(allowed, ", "))
		writeJSON(w, http.StatusMethodNotAllowed, problem{"method_not_allowed", "This path does not answer this method."})
		return nil
	}
}
