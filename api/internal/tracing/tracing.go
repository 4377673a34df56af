// Package tracing sends spans to an OpenTelemetry collector by OTLP over HTTP.
//
// The variables are OpenTelemetry's. OTEL_EXPORTER_OTLP_ENDPOINT turns it on. The SDK reads
// those of the service's name, the sampler and the batches; client.go reads those of the
// exporter.
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
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

const (
	serviceName = "calling-an-api" // default of OTEL_SERVICE_NAME
	// maxAttribute is the default of OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT, in characters:
	// paths may have 32 KiB, and 2048 spans may wait for a collector.
	maxAttribute = 256
)

// Enabled reports whether the environment asks for traces.
func Enabled(lookupEnv func(string) (string, bool)) bool {
	get := getter(lookupEnv)
	return !strings.EqualFold(get("OTEL_SDK_DISABLED"), "true") && !strings.EqualFold(get("OTEL_TRACES_EXPORTER"), "none") &&
		cmp.Or(get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"), get("OTEL_EXPORTER_OTLP_ENDPOINT")) != ""
}

// getter returns lookupEnv with "" for variables that are not set.
func getter(lookupEnv func(string) (string, bool)) func(name string) string {
	return func(name string) string {
		value, _ := lookupEnv(name)
		return strings.TrimSpace(value)
	}
}

// Start returns a tracer whose spans are sent to the collector that the environment names,
// in the background. Spans that it does not take are dropped, and the reason is logged once.
// stop sends what is left, for at most timeout. The error names the variable that is invalid.
func Start(
	ctx context.Context, lookupEnv func(string) (string, bool), log *slog.Logger,
) (tracer trace.Tracer, stop func(timeout time.Duration), err error) {
	var last atomic.Pointer[string]
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { // also for problems with the variables
		problem := err.Error()
		if before := last.Swap(&problem); before == nil || *before != problem {
			log.Warn("traces: OpenTelemetry reports a problem; spans that cannot be sent are dropped", "err", problem)
		}
	}))
	client, err := newClient(getter(lookupEnv))
	if err != nil {
		return nil, nil, err
	}
	exporter, err := otlptrace.New(ctx, client)
	if err != nil {
		return nil, nil, err
	}
	described, err := resource.Merge(resource.NewSchemaless(attribute.String("service.name", serviceName)), resource.Environment())
	if err != nil {
		return nil, nil, err
	}
	limits := sdktrace.NewSpanLimits() // with what the variables say
	if limits.AttributeValueLengthLimit < 0 {
		limits.AttributeValueLengthLimit = maxAttribute
	}
	provider := sdktrace.NewTracerProvider(sdktrace.WithBatcher(exporter), sdktrace.WithResource(described), sdktrace.WithRawSpanLimits(limits))
	return provider.Tracer("calling-an-api.example/api"), func(timeout time.Duration) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), timeout)
		defer cancel()
		if err := provider.Shutdown(ctx); err != nil {
			log.Warn("the last spans could not be sent", "err", err)
		}
	}, nil
}
