package httpapi

import (
	"log/slog"
	"net/http"
	"runtime/debug"
	"time"

	"calling-an-api.example/api/internal/auth"
)

// observe serves the requests of one route and says how each went, to the access
// log and the metrics. A panic becomes a 500 that says nothing of it.
func (a *api) observe(route string, next http.Handler) http.Handler {
	counter := a.Metrics.route(route)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		sw := &statusWriter{ResponseWriter: w, status: http.StatusOK}
		a.serve(next, sw, r)
		counter.count(sw.status)
		level := slog.LevelInfo
		if sw.status == http.StatusServiceUnavailable {
			level = slog.LevelWarn
		}
		if a.Log.Enabled(r.Context(), level) {
			a.logRequest(r, level, sw, time.Since(start))
		}
	})
}

// logRequest logs one line for a request. The query is left out of it: people put
// tokens there, wrongly.
func (a *api) logRequest(r *http.Request, level slog.Level, w *statusWriter, took time.Duration) {
	attrs := []slog.Attr{
		slog.Int("status", w.status), slog.Duration("took", took.Round(time.Microsecond)), slog.String("id", requestID(w)),
	}
	if w.refusal != nil {
		attrs = append(attrs, slog.String("reason", w.refusal.Reason))
		if w.refusal.Cause != nil {
			attrs = append(attrs, slog.String("cause", w.refusal.Cause.Error()))
		}
	}
	a.Log.LogAttrs(r.Context(), level, r.Method+" "+r.URL.Path, attrs...)
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

// statusWriter remembers what was answered through it.
type statusWriter struct {
	http.ResponseWriter
	status  int
	refusal *auth.Error // nil if the gate passed the request, or there is none
}

// WriteHeader implements http.ResponseWriter.
func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

// Unwrap lets http.ResponseController reach the real writer.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
