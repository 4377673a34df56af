package tenant

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
)

// maxReported is how much of an error's body is read, in bytes.
const maxReported = 4 << 10

// reportErrors adds an event of that type for each error of next that has none yet. Those are the
// errors that zitadel/oidc finds, like a missing parameter, which would be in its log alone.
func (t *Tenant) reportErrors(eventType string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		isReported := false
		outer := observerOf(r.Context())
		ctx := WithObserver(r.Context(), func(one Event) {
			isReported = isReported || one.Rejected
			if outer != nil {
				outer(one)
			}
		})
		reader, inner := &errorReader{ResponseWriter: w}, r.WithContext(ctx)
		next.ServeHTTP(reader, inner)
		if reader.status < http.StatusBadRequest || isReported {
			return
		}
		var sent struct {
			Error       string `json:"error"`
			Description string `json:"error_description"`
		}
		_ = json.Unmarshal(reader.body.Bytes(), &sent) // the body of another error is not JSON
		if sent.Error == "use_dpop_nonce" {            // which every client meets at first
			return
		}
		why := cmp.Or(sent.Description, sent.Error, http.StatusText(reader.status))
		t.events.reject(ctx, Event{Type: eventType, Client: t.clientOf(inner), Error: sent.Error, Text: fmt.Sprintf("A request for %s was rejected: %s", r.URL.Path, why)})
	})
}

// clientOf returns the ID of the client that has sent r, whose body was read; "" if it is unknown.
func (t *Tenant) clientOf(r *http.Request) string {
	id, _, _ := r.BasicAuth()
	return t.knownClient(cmp.Or(r.PostForm.Get("client_id"), id))
}

// knownClient returns id if there is such a client, "" otherwise.
func (t *Tenant) knownClient(id string) string {
	if t.directory.Load().Client(id) == nil {
		return ""
	}
	return id
}

// errorReader keeps the status of a response and, if it is an error, the begin of its body.
type errorReader struct {
	http.ResponseWriter
	status int
	body   bytes.Buffer
}

// Unwrap lets http.ResponseController reach the server's writer.
func (e *errorReader) Unwrap() http.ResponseWriter { return e.ResponseWriter }

// WriteHeader implements http.ResponseWriter.
func (e *errorReader) WriteHeader(status int) {
	e.status = status
	e.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (e *errorReader) Write(data []byte) (int, error) {
	if e.status >= http.StatusBadRequest && e.body.Len() < maxReported {
		e.body.Write(data[:min(len(data), maxReported-e.body.Len())])
	}
	return e.ResponseWriter.Write(data)
}
