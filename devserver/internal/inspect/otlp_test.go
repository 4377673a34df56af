package inspect_test

import (
	"bytes"
	"compress/gzip"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	resourcepb "go.opentelemetry.io/proto/otlp/resource/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"calling-an-api.example/devserver/internal/inspect"
)

const otlp = "/@dev/otlp/v1/traces"

func attribute(name, value string) *commonpb.KeyValue {
	return &commonpb.KeyValue{Key: name, Value: &commonpb.AnyValue{Value: &commonpb.AnyValue_StringValue{StringValue: value}}}
}

// export returns an export of one span, as the API sends it.
func export(t *testing.T, attributes ...*commonpb.KeyValue) []byte {
	t.Helper()
	id := func(text string) []byte {
		data, err := hex.DecodeString(text)
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	data, err := proto.Marshal(&tracepb.TracesData{ResourceSpans: []*tracepb.ResourceSpans{{
		Resource: &resourcepb.Resource{Attributes: []*commonpb.KeyValue{attribute("service.name", "api")}},
		ScopeSpans: []*tracepb.ScopeSpans{{Spans: []*tracepb.Span{{
			TraceId: id(traceID), SpanId: id("00f067aa0ba902b8"), ParentSpanId: id(spanID), Name: "GET /api/x", Kind: tracepb.Span_SPAN_KIND_SERVER,
			StartTimeUnixNano: 1_800_000_000_000_000_000, EndTimeUnixNano: 1_800_000_000_002_500_000,
			Attributes: attributes, Status: &tracepb.Status{Code: tracepb.Status_STATUS_CODE_ERROR},
		}}}},
	}}})
	if err != nil {
		t.Fatal(err)
	}
	return data
}

const jsonExport = `{"resourceSpans": [{
	"resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "api"}}]},
	"scopeSpans": [{"spans": [{"traceId": "` + traceID + `", "spanId": "00f067aa0ba902b8", "parentSpanId": "` + spanID + `", "name": "GET /api/x", "kind": 2,
		"startTimeUnixNano": "1800000000000000000", "endTimeUnixNano": 1800000000002500000, "status": {"code": 2},
		"attributes": [{"key": "http.response.status_code", "value": {"intValue": "403"}}, {"key": "gate.decision", "value": {"stringValue": "rejected"}},
			{"key": "gate.reason", "value": {"stringValue": "scope"}}, {"key": "a", "value": {"boolValue": true}}, {"key": "b", "value": {"doubleValue": 0.5}}]}]}]}]}`

func TestSpans(t *testing.T) {
	t.Parallel()
	attributes := []*commonpb.KeyValue{
		{Key: "http.response.status_code", Value: &commonpb.AnyValue{Value: &commonpb.AnyValue_IntValue{IntValue: 403}}},
		attribute("gate.decision", "rejected"), attribute("gate.reason", "scope"),
		{Key: "a", Value: &commonpb.AnyValue{Value: &commonpb.AnyValue_BoolValue{BoolValue: true}}},
		{Key: "b", Value: &commonpb.AnyValue{Value: &commonpb.AnyValue_DoubleValue{DoubleValue: 0.5}}},
	}
	var zipped bytes.Buffer
	zip := gzip.NewWriter(&zipped)
	if _, err := zip.Write(export(t, attributes...)); err != nil {
		t.Fatal(err)
	}
	if err := zip.Close(); err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		body   []byte
		header []string
	}{
		"protobuf": {export(t, attributes...), []string{"Content-Type: application/x-protobuf"}},
		"gzip":     {zipped.Bytes(), []string{"Content-Type: application/x-protobuf", "Content-Encoding: gzip"}},
		"JSON":     {[]byte(jsonExport), []string{"Content-Type: application/json; charset=utf-8"}},
	} {
		for _, isRecorded := range []bool{true, false} { // a request through the dev server, or one past it
			r := start(t, inspect.Options{})
			if isRecorded {
				req := httptest.NewRequest(http.MethodGet, "/api/x", nil)
				req.Header.Set("Traceparent", "00-"+traceID+"-"+spanID+"-01")
				r.record(req, func(http.ResponseWriter, *http.Request) {})
			}
			if w := r.send(http.MethodPost, otlp, bytes.NewReader(tc.body), tc.header...); w.Code != http.StatusOK {
				t.Fatalf("%s: %d %s", name, w.Code, w.Body)
			}
			x := r.only()
			if len(x.Spans) != 1 {
				t.Fatalf("%s: %+v", name, x)
			}
			s := x.Spans[0]
			if s.Service != "api" || s.Name != "GET /api/x" || s.Parent != spanID || s.Kind != "server" || s.Milliseconds != 2.5 || !s.Failed ||
				fmt.Sprint(s.Attributes) != "map[a:true b:0.5 gate.decision:rejected gate.reason:scope http.response.status_code:403]" {
				t.Errorf("%s: %+v", name, s)
			}
			if last := x.Checks[len(x.Checks)-1]; last.Name != "Scope" || last.Result != "failed" {
				t.Errorf("%s: %+v", name, x.Checks)
			}
			if !isRecorded && (x.Party != "api" || x.Response.Status != 403 || x.NoReplay == "") {
				t.Errorf("%s, past the dev server: %+v", name, x)
			}
		}
	}
}

func TestExportsRejected(t *testing.T) {
	t.Parallel()
	r := start(t, inspect.Options{})
	zeros := bytes.Repeat([]byte{0}, 16<<20)
	var bomb bytes.Buffer
	zip := gzip.NewWriter(&bomb)
	if _, err := zip.Write(zeros); err != nil {
		t.Fatal(err)
	}
	if err := zip.Close(); err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		body   io.Reader
		header []string
		want   int
	}{
		"another type":       {strings.NewReader("x"), []string{"Content-Type: text/plain"}, http.StatusUnsupportedMediaType},
		"no type":            {strings.NewReader("x"), nil, http.StatusUnsupportedMediaType},
		"no protobuf":        {strings.NewReader("\xff\xff"), []string{"Content-Type: application/x-protobuf"}, http.StatusBadRequest},
		"no JSON":            {strings.NewReader("{"), []string{"Content-Type: application/json"}, http.StatusBadRequest},
		"IDs in base64":      {strings.NewReader(strings.ReplaceAll(jsonExport, traceID, "S/kvNXezTaajzpKdDg5HNg==")), []string{"Content-Type: application/json"}, http.StatusBadRequest},
		"too large":          {bytes.NewReader(zeros), []string{"Content-Type: application/x-protobuf"}, http.StatusBadRequest},
		"a bomb":             {&bomb, []string{"Content-Type: application/x-protobuf", "Content-Encoding: gzip"}, http.StatusBadRequest},
		"no gzip":            {strings.NewReader("x"), []string{"Content-Type: application/x-protobuf", "Content-Encoding: gzip"}, http.StatusBadRequest},
		"another encoding":   {strings.NewReader("x"), []string{"Content-Type: application/x-protobuf", "Content-Encoding: br"}, http.StatusBadRequest},
		"times out of range": {strings.NewReader(strings.ReplaceAll(jsonExport, "1800000000002500000", "1e99")), []string{"Content-Type: application/json"}, http.StatusBadRequest},
	} {
		if w := r.send(http.MethodPost, otlp, tc.body, tc.header...); w.Code != tc.want {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
	}
	if all := r.traces().Exchanges; len(all) > 0 {
		t.Errorf("kept: %+v", all)
	}
}

// TestSpansAreBounded sends more traces, spans and bytes than are kept.
func TestSpansAreBounded(t *testing.T) {
	t.Parallel()
	r := start(t, inspect.Options{})
	long := strings.Repeat("x", 8<<10)
	for i := range 1000 {
		body := strings.ReplaceAll(jsonExport, traceID, fmt.Sprintf("%032x", i+1))
		body = strings.Replace(body, `"GET /api/x"`, `"`+long+`"`, 1)
		if w := r.send(http.MethodPost, otlp, strings.NewReader(body), "Content-Type: application/json"); w.Code != http.StatusOK {
			t.Fatal(w.Code, w.Body)
		}
	}
	if n := len(r.traces().Exchanges); n > 400 || n < 300 {
		t.Errorf("%d traces are kept", n)
	}
	for range 200 { // one trace
		r.send(http.MethodPost, otlp, strings.NewReader(jsonExport), "Content-Type: application/json")
	}
	for _, x := range r.traces().Exchanges {
		if len(x.Spans) > 64 {
			t.Errorf("%d spans of one trace are kept", len(x.Spans))
		}
	}
}

// FuzzReceive requires that no export breaks the recorder.
func FuzzReceive(f *testing.F) {
	f.Add("application/json", []byte(jsonExport))
	f.Add("application/x-protobuf", []byte("\n\x06\x12\x04\x12\x02\n\x00"))
	f.Add("application/json", []byte(`{"resourceSpans": [null, {"scopeSpans": [{"spans": [{"traceId": ""}]}]}]}`))
	f.Fuzz(func(t *testing.T, media string, body []byte) {
		r := start(t, inspect.Options{})
		r.send(http.MethodPost, otlp, bytes.NewReader(body), "Content-Type: "+strings.Map(func(c rune) rune {
			if c < ' ' || c > '~' {
				return 'x'
			}
			return c
		}, media))
		r.traces()
	})
}
