package httpapi

import (
	"context"
	"log/slog"
	"net/http"
	"runtime/debug"
	"time"
)

// observe serves the requests of one route and says how each went, to the access
// log and the metrics. A panic becomes a 500 that says nothing of it.
func (a *api) observe(route string, next http.Handler) http.Handler {
	counter := a.Metrics.route(route)
	logged := a.Log.Enabled(context.Background(), slog.LevelInfo)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var start time.Time
		if logged {
			start = time.Now()
		}
		sw := &statusWriter{ResponseWriter: w, status: http.StatusOK}
		a.serve(next, sw, r)
		counter.count(sw.status)
		if logged { // the query is left out: people put tokens there, wrongly
			a.Log.LogAttrs(r.Context(), slog.LevelInfo, r.Method+" "+r.URL.Path,
				slog.Int("status", sw.status), slog.Duration("took", time.Since(start).Round(time.Microsecond)), slog.String("id", requestID(w)))
		}
	})
}

// serve is next.ServeHTTP for handlers that may panic.
func (a *api) serve(next http.Handler, w *statusWriter, r *http.Request) {
	defer func() {
		switch p := recover(); p {
		case nil:
		case http.ErrAbortHandler:
			panic(p)
		default:
			a.Log.Error("panic", "value", p, "path", r.URL.Path, "id", requestID(w), "stack", string(debug.Stack()))
			writeJSON(w, http.StatusInternalServerError, problem{"internal_error", "Something went wrong on our side."})
		}
	}()
	next.ServeHTTP(w, r)
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
