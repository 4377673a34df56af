package httpapi

import (
	"context"
	"log/slog"
	"net/http"
	"runtime/debug"
	"time"

	"calling-an-api.example/api/internal/auth"
)

// observe serves the requests of one route and says how each went, to the access
// log and the metrics. A panic becomes a 500 that says nothing of it.
func (a *api) observe(route string, next http.Handler) http.Handler {
	requests := a.Metrics.requests(route)
	logsAll := a.Log.Enabled(context.Background(), slog.LevelInfo)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		sw := &statusWriter{ResponseWriter: w, status: http.StatusOK}
		if logsAll { // else neither its time nor its name would be seen
			sw.start = time.Now()
			a.ids.set(w, r)
		}
		a.serve(next, sw, r)
		requests.count(sw.status)
		switch {
		case sw.status == http.StatusServiceUnavailable:
			a.logRequest(r, slog.LevelWarn, sw)
		case logsAll:
			a.logRequest(r, slog.LevelInfo, sw)
		}
	})
}

// logRequest logs one line for a request. The query is left out of it: people put
// tokens there, wrongly.
func (a *api) logRequest(r *http.Request, level slog.Level, w *statusWriter) {
	attrs := []slog.Attr{slog.Int("status", w.status), slog.String("id", requestID(w))}
	if !w.start.IsZero() {
		attrs = append(attrs, slog.Duration("took", time.Since(w.start).Round(time.Microsecond)))
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
			a.ids.set(w, r)
			a.Log.Error("panic", "value", p, "path", r.URL.Path, "id", requestID(w), "stack", string(debug.Stack()))
			writeJSON(w, http.StatusInternalServerError, problem{Error: "internal_error", Description: "Something went wrong on our side."})
		}
	}()
	next.ServeHTTP(w, r)
}

// statusWriter remembers what was answered through it.
type statusWriter struct {
	http.ResponseWriter
	status  int
	refusal *auth.Error // nil if the gate passed the request, or there is none
	start   time.Time   // zero if nobody wants to know
}

// WriteHeader implements http.ResponseWriter.
func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

// Unwrap lets http.ResponseController reach the real writer.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
