package httpapi

import (
	"errors"
	"net/http"
	"slices"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"calling-an-api.example/api/gate"
)

// The names of attributes are those of OpenTelemetry's semantic conventions for HTTP, and
// gate.* for what the gate has decided. No attribute has a part of a token, or a value of a
// claim that is not configured.

// remote reads the W3C header traceparent.
var remote propagation.TraceContext

// startSpan starts the span of a request, as a child of the caller's if it has sent one.
// end records the response.
func (a *api) startSpan(r *http.Request, route string, w *statusWriter) (traced *http.Request, end func()) {
	method := r.Method
	if !slices.Contains(methods, method) {
		method = "_OTHER" // by the conventions, because a sender can make up any number of methods
	}
	ctx, span := a.Tracer.Start(remote.Extract(r.Context(), propagation.HeaderCarrier(r.Header)), method+" "+route,
		trace.WithSpanKind(trace.SpanKindServer), trace.WithAttributes(
			attribute.String("http.request.method", method),
			attribute.String("http.route", route),
			attribute.String("url.path", r.URL.Path),
		))
	return r.WithContext(ctx), func() {
		span.SetAttributes(attribute.Int("http.response.status_code", w.status))
		if w.status >= http.StatusInternalServerError {
			span.SetStatus(codes.Error, "")
		}
		span.End()
	}
}

// check returns the verified token of r, and records what the gate has decided.
func (a *api) check(r *http.Request, required gate.Requirement) (gate.Token, error) {
	if a.Tracer == nil {
		return a.gate.Check(r, required)
	}
	ctx, span := a.Tracer.Start(r.Context(), "gate")
	defer span.End()
	token, err := a.gate.Check(r.WithContext(ctx), required)
	var p *gate.Problem
	switch {
	case err == nil:
		span.SetAttributes(
			attribute.String("gate.decision", "accepted"),
			attribute.String("gate.issuer", token.Issuer()),
			attribute.String("gate.key_id", token.KeyID()),
			attribute.Bool("gate.cached", token.Cached()),
		)
	case errors.As(err, &p):
		span.SetAttributes(
			attribute.String("gate.decision", "rejected"),
			attribute.String("gate.reason", p.Reason),
			attribute.String("gate.issuer", p.Issuer),
		)
	}
	return token, err
}

// traceID returns the trace that the request belongs to, "" if it has none: that of its
// span, or that of the caller's.
func traceID(r *http.Request) string {
	id := trace.SpanContextFromContext(r.Context()).TraceID()
	if !id.IsValid() && len(r.Header["Traceparent"]) > 0 {
		id = trace.SpanContextFromContext(remote.Extract(r.Context(), propagation.HeaderCarrier(r.Header))).TraceID()
	}
	if !id.IsValid() {
		return ""
	}
	return id.String()
}
