package httpapi

import (
	"encoding/json"
	"net/http"
)

// Header values that many answers share. They must not be modified.
var (
	jsonType = []string{"application/json"}
	noStore  = []string{"no-store"}
	noSniff  = []string{"nosniff"}
)

// message returns a handler that responds with {"msg": text}. The body is encoded once.
func message(text string) handler {
	body, err := json.Marshal(struct {
		Msg string `json:"msg"`
	}{text})
	if err != nil {
		panic(err) // impossible for a string
	}
	body = append(body, '\n')
	return func(w http.ResponseWriter, _ *http.Request) error {
		h := w.Header()
		h["Content-Type"] = jsonType
		h["Cache-Control"] = noStore
		h["X-Content-Type-Options"] = noSniff
		_, _ = w.Write(body) // fails only if the client is gone
		return nil
	}
}

// state is the body of the health endpoints.
type state struct {
	Status string `json:"status"`
}

// health reports that the process serves requests, whatever the state of the keys.
func (a *api) health(w http.ResponseWriter, _ *http.Request) error {
	w.Header()["Cache-Control"] = noStore
	writeJSON(w, http.StatusOK, state{"ok"})
	return nil
}

// ready reports whether tokens can be verified: 200, or 503 without usable keys.
func (a *api) ready(w http.ResponseWriter, r *http.Request) error {
	if a.Keys.Ready() {
		return a.health(w, r)
	}
	w.Header()["Cache-Control"] = noStore
	w.Header().Set("Retry-After", "1")
	writeJSON(w, http.StatusServiceUnavailable, state{"the issuer's keys are not loaded"})
	return nil
}

// showMetrics serves the metrics in the text format of Prometheus.
func (a *api) showMetrics(w http.ResponseWriter, r *http.Request) error {
	a.metrics.handler.ServeHTTP(w, r)
	return nil
}

// writeJSON writes a response with status and body as JSON. Other headers must be set
// before.
func writeJSON(w http.ResponseWriter, status int, body any) {
	w.Header()["Content-Type"] = jsonType
	w.Header()["X-Content-Type-Options"] = noSniff
	w.WriteHeader(status)
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(body) // fails only if the client is gone
}
