package httpapi

import "net/http"

// message answers {"msg": text}.
func message(text string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		writeJSON(w, http.StatusOK, struct {
			Msg string `json:"msg"`
		}{text})
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
