package httpapi

import (
	"net/http"
	"time"
)

// logAccess logs each request with its status and duration. The query is left
// out: people put tokens there, wrongly.
func (a *API) logAccess(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		sw := &statusWriter{ResponseWriter: w, status: http.StatusOK}
		next.ServeHTTP(sw, r)
		a.Log.Info(r.Method+" "+r.URL.Path, "status", sw.status, "took", time.Since(start).Round(time.Microsecond))
	})
}

// statusWriter remembers the status that was written through it.
type statusWriter struct {
	http.ResponseWriter
	status int
}

// WriteHeader implements http.ResponseWriter.
func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

// Unwrap lets http.ResponseController reach the real writer.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
