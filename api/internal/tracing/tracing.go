// Package tracing sends spans to an OpenTelemetry collector by OTLP over HTTP.
//
// The variables are OpenTelemetry's: OTEL_EXPORTER_OTLP_ENDPOINT turns it on, and the
// others (headers, timeout, sampler, service name, attributes) have the effect that its
// specification says. Nothing is linked into a request's path while it is off.
package tracing

import (
	"cmp"
	"context"
	"log/slog"
	"strings"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// serviceName is the default of OTEL_SERVICE_NAME.
const serviceName = "calling-an-api"

// Enabled reports whether the environment asks for traces.
func Enabled(lookupEnv func(string) (string, bool)) bool {
	get := func(name string) string { value, _ := lookupEnv(name); return value }
	return !strings.EqualFold(get("OTEL_SDK_DISABLED"), "true") && !strings.EqualFold(get("OTEL_TRACES_EXPORTER"), "none") &&
		cmp.Or(get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"), get("OTEL_EXPORTER_OTLP_ENDPOINT")) != ""
}

// Start returns a tracer whose spans are sent to the collector that the process's
// environment names, in the background. Spans that it does not take are dropped, and the
// reason is logged once. stop sends what is left, for at most timeout.
func Start(ctx context.Context, log *slog.Logger) (tracer trace.Tracer, stop func(timeout time.Duration), err error) {
	exporter, err := otlptracehttp.New(ctx)
	if err != nil {
		return nil, nil, err
	}
	described, err := resource.Merge(resource.NewSchemaless(attribute.String("service.name", serviceName)), resource.Environment())
	if err != nil {
		return nil, nil, err
	}
	provider := sdktrace.NewTracerProvider(sdktrace.WithBatcher(exporter), sdktrace.WithResource(described))
	var last atomic.Pointer[string]
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) {
		problem := err.Error()
		if before := last.Swap(&problem); before == nil || *before != problem {
			log.Warn("traces cannot be sent; spans are dropped", "err", problem)
		}
	}))
	return provider.Tracer("calling-an-api.example/api"), func(timeout time.Duration) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), timeout)
		defer cancel()
		if err := provider.Shutdown(ctx); err != nil {
			log.Warn("the last spans could not be sent", "err", err)
		}
	}, nil
}
