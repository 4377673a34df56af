package httpapi

import (
	"encoding/json"
	"net/http"
)

// Header values that are the same in every answer. Nothing may change them.
var (
	jsonType = []string{"application/json"}
	noStore  = []string{"no-store"}
	noSniff  = []string{"nosniff"}
)

// message answers {"msg": text}. The answer is made once, not once a request.
func message(text string) http.Handler {
	body, err := json.Marshal(struct {
		Msg string `json:"msg"`
	}{text})
	if err != nil {
		panic(err) // a string alone can't fail
	}
	body = append(body, '\n')
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		h := w.Header()
		h["Content-Type"] = jsonType
		h["Cache-Control"] = noStore
		h["X-Content-Type-Options"] = noSniff
		_, _ = w.Write(body) // fails only if the client is gone
	})
}

// status answers 200 while ok says so, and 503 otherwise.
func status(ok func() bool) http.Handler {
	type answer struct {
		Status string `json:"status"`
	}
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		if !ok() {
			w.Header().Set("Retry-After", "1")
			writeJSON(w, http.StatusServiceUnavailable, answer{"the issuer's keys are not loaded"})
			return
		}
		writeJSON(w, http.StatusOK, answer{"ok"})
	})
}
