package httpapi

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"time"

	"calling-an-api.example/api/gate"
)

// handler writes a response, or returns an error for which [api.serve] writes one. It
// returns an error only if it has written nothing.
type handler func(w http.ResponseWriter, r *http.Request) error

// probes are paths that programs request every few seconds. The access log and the traces
// leave them out.
var probes = []string{"/healthz", "/readyz", "/metrics"}

// api is the state that all handlers share.
type api struct {
	Options
	gate    *gate.Gate
	metrics *metrics
	ids     requestIDs
	answers sync.Map // of *answer by problemKey, see problems.go
}

// serve returns the http.Handler of one route. It is the one place that responds to
// errors, counts and logs. A panic gets a 500, or the end of the connection if the
// response has already started.
func (a *api) serve(route string, next handler) http.Handler {
	requests := a.metrics.requests(route)
	isProbe := slices.Contains(probes, route)
	accessLog := a.Log.Enabled(context.Background(), slog.LevelInfo) && !isProbe
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		sw := &statusWriter{ResponseWriter: w, status: http.StatusOK}
		if a.Tracer != nil && !isProbe {
			var end func()
			r, end = a.startSpan(r, route, sw)
			defer end()
		}
		var start time.Time
		if accessLog { // otherwise only 500 and 503 responses have an ID
			start = time.Now()
			a.ids.set(w, r)
		}
		err := call(next, sw, r)
		if err != nil && sw.started {
			a.logRequest(r, slog.LevelError, sw, start, err)
			panic(http.ErrAbortHandler)
		}
		if err != nil {
			a.answer(sw, r, err)
		}
		requests.count(status(sw.status))
		switch {
		case sw.status == http.StatusInternalServerError:
			a.logRequest(r, slog.LevelError, sw, start, err)
		case sw.status == http.StatusServiceUnavailable && err != nil:
			a.logRequest(r, slog.LevelWarn, sw, start, err)
		case accessLog:
			a.logRequest(r, slog.LevelInfo, sw, start, err)
		}
	})
}

// withDraining closes the connection after each response while the API drains, so that the
// client's next request goes to another process.
func (a *api) withDraining(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if a.isDraining() {
			w.Header()["Connection"] = closeConnection
		}
		next.ServeHTTP(w, r)
	})
}

// logRequest logs the request without its query, where clients put tokens by mistake.
func (a *api) logRequest(r *http.Request, level slog.Level, w *statusWriter, start time.Time, err error) {
	attrs := []slog.Attr{slog.Int("status", w.status), slog.String("id", requestID(w))}
	if !start.IsZero() {
		attrs = append(attrs, slog.Duration("took", time.Since(start).Round(time.Microsecond)))
	}
	if id := traceID(r); id != "" {
		attrs = append(attrs, slog.String("trace_id", id))
	}
	var p *gate.Problem
	switch {
	case errors.As(err, &p):
		attrs = append(attrs, slog.String("reason", p.Reason))
		if p.Issuer != "" {
			attrs = append(attrs, slog.String("issuer", p.Issuer))
		}
		if p.Cause != nil {
			attrs = append(attrs, slog.String("cause", p.Cause.Error()))
		}
	case err != nil:
		attrs = append(attrs, slog.String("err", err.Error()))
		if p, ok := errors.AsType[*panicError](err); ok {
			attrs = append(attrs, slog.String("stack", p.trace()))
		}
	}
	a.Log.LogAttrs(r.Context(), level, r.Method+" "+r.URL.Path, attrs...)
}

// statusWriter records the status of the response, and whether it has started.
type statusWriter struct {
	http.ResponseWriter
	status  int
	started bool
}

// WriteHeader implements http.ResponseWriter.
func (w *statusWriter) WriteHeader(status int) {
	w.status, w.started = status, true
	w.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (w *statusWriter) Write(p []byte) (int, error) {
	w.started = true
	return w.ResponseWriter.Write(p)
}

// Unwrap lets http.ResponseController reach the server's writer.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
