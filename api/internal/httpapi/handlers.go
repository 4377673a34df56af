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

	closeConnection = []string{"close"}
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
	Status      string        `json:"status"`
	Issuers     []issuerState `json:"issuers,omitempty"`
	ReplayStore *replayState  `json:"replay_store,omitempty"`
}

// issuerState is what /readyz says about an issuer.
type issuerState struct {
	Issuer string `json:"issuer"`
	Ready  bool   `json:"ready"`
}

// health reports that the process serves requests, whatever the state of the keys.
func (a *api) health(w http.ResponseWriter, _ *http.Request) error {
	w.Header()["Cache-Control"] = noStore
	writeJSON(w, http.StatusOK, state{Status: "ok"})
	return nil
}

// ready reports whether tokens can be verified: 200 if those of one issuer can, so that
// an issuer that is down takes only its own tokens with it. It is 503 until every issuer
// has been asked once, so that a new process gets no requests that it could verify a
// moment later; without usable keys; as replayStatus says; and while the API drains.
func (a *api) ready(w http.ResponseWriter, _ *http.Request) error {
	now := state{Status: "the issuer's keys are not loaded"}
	asked := true
	for _, issuer := range a.Issuers {
		ok, failed := issuer.Keys.Fetches()
		asked = asked && ok+failed > 0
		isReady := issuer.Keys.Ready()
		now.Issuers = append(now.Issuers, issuerState{issuer.URL, isReady})
		if isReady {
			now.Status = "ok"
		}
	}
	replay, problem := a.replayStatus()
	now.ReplayStore = replay
	switch {
	case a.isDraining():
		now.Status = "the API is about to stop"
	case !asked:
		now.Status = "the issuers' keys are being loaded"
	case problem != "" && now.Status == "ok":
		now.Status = problem
	}
	w.Header()["Cache-Control"] = noStore
	code := http.StatusOK
	if now.Status != "ok" {
		code = http.StatusServiceUnavailable
		w.Header().Set("Retry-After", "1")
	}
	writeJSON(w, code, now)
	return nil
}

func (a *api) isDraining() bool { return a.Draining != nil && a.Draining() }

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
