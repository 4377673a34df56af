package tracing

import (
	"encoding/pem"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// env returns a lookup in pairs, "NAME=value".
func env(pairs ...string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		for _, pair := range pairs {
			if k, v, _ := strings.Cut(pair, "="); k == name {
				return v, true
			}
		}
		return "", false
	}
}

func TestEnabled(t *testing.T) {
	t.Parallel()
	const endpoint = "OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4318"
	for name, tc := range map[string]struct {
		env  []string
		want bool
	}{
		"nothing":        {nil, false},
		"an empty value": {[]string{"OTEL_EXPORTER_OTLP_ENDPOINT="}, false},
		"an endpoint":    {[]string{endpoint}, true},
		"one for traces": {[]string{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=http://localhost:4318/v1/traces"}, true},
		"disabled":       {[]string{endpoint, "OTEL_SDK_DISABLED=TRUE"}, false},
		"no exporter":    {[]string{endpoint, "OTEL_TRACES_EXPORTER=none"}, false},
	} {
		if got := Enabled(env(tc.env...)); got != tc.want {
			t.Errorf("%s: got %t", name, got)
		}
	}
}

func TestClientReadsVariables(t *testing.T) {
	t.Parallel()
	c, err := newClient(getter(env(
		"OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4318/otlp/", "OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf",
		"OTEL_EXPORTER_OTLP_HEADERS=authorization=Basic%20abc, x-tenant = a=b ,", "OTEL_EXPORTER_OTLP_TIMEOUT=250",
	)))
	if err != nil || c.endpoint != "http://localhost:4318/otlp/v1/traces" || c.timeout != 250*time.Millisecond ||
		c.headers.Get("Authorization") != "Basic abc" || c.headers.Get("X-Tenant") != "a=b" {
		t.Errorf("got %+v, %v", c, err)
	}
	c, err = newClient(getter(env(
		"OTEL_EXPORTER_OTLP_ENDPOINT=http://other", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=https://collector.acme.com/in?key=1",
	)))
	if err != nil || c.endpoint != "https://collector.acme.com/in?key=1" || c.timeout != 10*time.Second {
		t.Errorf("the endpoint for traces: got %+v, %v", c, err)
	}
}

func TestClientRejectsVariables(t *testing.T) {
	t.Parallel()
	const endpoint = "OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4318"
	for name, tc := range map[string]struct {
		env  []string
		want []string // in the message
	}{
		"no scheme":     {[]string{"OTEL_EXPORTER_OTLP_ENDPOINT=localhost:4318"}, []string{"OTEL_EXPORTER_OTLP_ENDPOINT", "http://localhost:4318"}},
		"gRPC":          {[]string{endpoint, "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL=grpc"}, []string{"OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "http/protobuf"}},
		"gzip":          {[]string{endpoint, "OTEL_EXPORTER_OTLP_COMPRESSION=gzip"}, []string{"OTEL_EXPORTER_OTLP_COMPRESSION", "not supported"}},
		"timeout of 0":  {[]string{endpoint, "OTEL_EXPORTER_OTLP_TIMEOUT=0"}, []string{"OTEL_EXPORTER_OTLP_TIMEOUT"}},
		"timeout in s":  {[]string{endpoint, "OTEL_EXPORTER_OTLP_TIMEOUT=1s"}, []string{"OTEL_EXPORTER_OTLP_TIMEOUT", "milliseconds"}},
		"a bare header": {[]string{endpoint, "OTEL_EXPORTER_OTLP_HEADERS=secret"}, []string{"OTEL_EXPORTER_OTLP_HEADERS", "name=value"}},
		"a bad name":    {[]string{endpoint, "OTEL_EXPORTER_OTLP_HEADERS=a b=secret"}, []string{"OTEL_EXPORTER_OTLP_HEADERS", "name=value"}},
		"no such file":  {[]string{endpoint, "OTEL_EXPORTER_OTLP_CERTIFICATE=testdata/none.pem"}, []string{"OTEL_EXPORTER_OTLP_CERTIFICATE", "none.pem"}},
		"no PEM":        {[]string{endpoint, "OTEL_EXPORTER_OTLP_CERTIFICATE=tracing_test.go"}, []string{"OTEL_EXPORTER_OTLP_CERTIFICATE", "no certificate"}},
		"a bad escape":  {[]string{endpoint, "OTEL_EXPORTER_OTLP_HEADERS=a=secret%zz"}, []string{"OTEL_EXPORTER_OTLP_HEADERS", "name=value"}},
	} {
		_, err := newClient(getter(env(tc.env...)))
		if err == nil {
			t.Errorf("%s: accepted", name)
			continue
		}
		for _, want := range tc.want {
			if !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "secret") {
				t.Errorf("%s: %q does not say %q, or says a header's value", name, err, want)
			}
		}
	}
}

func TestUpload(t *testing.T) {
	t.Parallel()
	status, got := http.StatusOK, make(chan *http.Request, 10)
	collector := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got <- r
		w.WriteHeader(status)
	}))
	t.Cleanup(collector.Close)
	c, err := newClient(getter(env("OTEL_EXPORTER_OTLP_ENDPOINT="+collector.URL, "OTEL_EXPORTER_OTLP_HEADERS=x-key=1")))
	if err != nil {
		t.Fatal(err)
	}
	spans := []*tracepb.ResourceSpans{{SchemaUrl: "x"}}
	if err := c.UploadTraces(t.Context(), spans); err != nil {
		t.Error(err)
	}
	r := <-got
	if r.Method != http.MethodPost || r.URL.Path != "/v1/traces" || r.Header.Get("Content-Type") != "application/x-protobuf" || r.Header.Get("X-Key") != "1" ||
		r.ContentLength != int64(proto.Size(&tracepb.TracesData{ResourceSpans: spans})) {
		t.Errorf("got %s %s %v", r.Method, r.URL, r.Header)
	}
	status = http.StatusTooManyRequests
	if err := c.UploadTraces(t.Context(), spans); err == nil || !strings.Contains(err.Error(), "429") {
		t.Errorf("a refusal: %v", err)
	}
	collector.Close()
	if err := c.UploadTraces(t.Context(), spans); err == nil || strings.Contains(err.Error(), "/v1/traces") {
		t.Errorf("a collector that is gone: %v", err)
	}
}

// TestCertificate sends spans to a collector whose authority only the variable names.
func TestCertificate(t *testing.T) {
	t.Parallel()
	collector := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(collector.Close)
	collector.Config.ErrorLog = log.New(io.Discard, "", 0)
	file := filepath.Join(t.TempDir(), "ca.pem")
	data := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: collector.Certificate().Raw})
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		env []string
		ok  bool
	}{
		"named":     {[]string{"OTEL_EXPORTER_OTLP_ENDPOINT=" + collector.URL, "OTEL_EXPORTER_OTLP_CERTIFICATE=" + file}, true},
		"for these": {[]string{"OTEL_EXPORTER_OTLP_ENDPOINT=" + collector.URL, "OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE=" + file}, true},
		"not named": {[]string{"OTEL_EXPORTER_OTLP_ENDPOINT=" + collector.URL}, false},
	} {
		c, err := newClient(getter(env(tc.env...)))
		if err != nil {
			t.Fatal(err)
		}
		if err := c.UploadTraces(t.Context(), nil); (err == nil) != tc.ok {
			t.Errorf("%s: %v", name, err)
		}
		if err := c.Stop(t.Context()); err != nil {
			t.Error(err)
		}
	}
}
