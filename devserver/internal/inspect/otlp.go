package inspect

import (
	"compress/gzip"
	"encoding/hex"
	"fmt"
	"io"
	"math"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"

	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// This file receives spans by OTLP/HTTP, as protobuf and as JSON: those of the API, of the page,
// and of whatever else a user starts with OTEL_EXPORTER_OTLP_ENDPOINT.

const (
	maxUpload     = 4 << 20 // bytes of one export
	maxAttributes = 32      // of a span
)

// span is a span of a party, as far as it is kept.
type span struct {
	ID         string            `json:"id"`
	Parent     string            `json:"parent,omitempty"`
	Service    string            `json:"service"`
	Name       string            `json:"name"`
	Kind       string            `json:"kind,omitempty"` // "server" or "client"
	Start      time.Time         `json:"start"`
	Duration   float64           `json:"milliseconds"`
	Failed     bool              `json:"failed,omitempty"`
	Attributes map[string]string `json:"attributes,omitempty"`
}

// trace is the spans with one trace ID.
type trace struct {
	spans []span
	bytes int
}

// receive adds the spans of an export (OpenTelemetry Protocol, "OTLP/HTTP Request").
func (r *Recorder) receive(w http.ResponseWriter, req *http.Request) {
	if req.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		http.Error(w, "Only POST is allowed here.", http.StatusMethodNotAllowed)
		return
	}
	media, _, _ := mime.ParseMediaType(req.Header.Get("Content-Type"))
	decode := map[string]func([]byte) (*tracepb.TracesData, error){"application/x-protobuf": decodeProtobuf, "application/json": decodeJSON}[media]
	if decode == nil {
		http.Error(w, "Send spans as application/x-protobuf or application/json.", http.StatusUnsupportedMediaType)
		return
	}
	data, err := readUpload(w, req)
	if err != nil {
		http.Error(w, "The export cannot be read: "+err.Error(), http.StatusBadRequest)
		return
	}
	exported, err := decode(data)
	if err != nil {
		http.Error(w, "The export is malformed.", http.StatusBadRequest)
		return
	}
	r.add(exported)
	w.Header().Set("Content-Type", media)
	if media == "application/json" {
		_, _ = io.WriteString(w, "{}") // the empty message in protobuf has no bytes
	}
}

// readUpload returns the body of req, which may be compressed by gzip.
func readUpload(w http.ResponseWriter, req *http.Request) ([]byte, error) {
	var body io.Reader = http.MaxBytesReader(w, req.Body, maxUpload)
	switch req.Header.Get("Content-Encoding") {
	case "", "identity":
	case "gzip":
		unzipped, err := gzip.NewReader(body)
		if err != nil {
			return nil, err
		}
		body = unzipped
	default:
		return nil, fmt.Errorf("the encoding is neither gzip nor identity")
	}
	data, err := io.ReadAll(io.LimitReader(body, maxUpload+1))
	if err == nil && len(data) > maxUpload {
		return nil, fmt.Errorf("it is larger than 4 MiB")
	}
	return data, err
}

func decodeProtobuf(data []byte) (*tracepb.TracesData, error) {
	exported := &tracepb.TracesData{} // the same bytes as an ExportTraceServiceRequest
	return exported, proto.Unmarshal(data, exported)
}

// add keeps spans, as far as the limits allow.
func (r *Recorder) add(exported *tracepb.TracesData) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, resource := range exported.GetResourceSpans() {
		service := "unknown"
		for _, attribute := range resource.GetResource().GetAttributes() {
			if attribute.GetKey() == "service.name" {
				service = maskText(limited(text(attribute.GetValue())))
			}
		}
		for _, scope := range resource.GetScopeSpans() {
			for _, one := range scope.GetSpans() {
				r.addSpan(hex.EncodeToString(one.GetTraceId()), newSpan(service, one))
			}
		}
	}
	r.wake()
}

// addSpan keeps one span. The caller holds mu.
func (r *Recorder) addSpan(traceID string, one span) {
	if !isID(traceID, 32) || !isID(one.ID, 16) || r.past[traceID] {
		return
	}
	t := r.traces[traceID]
	if t == nil {
		if _, skipped := r.rate.state(); r.now().Sub(skipped) < skippedFor && !r.has(traceID) {
			return // of a request that came too fast to be recorded, and not of one past the dev server
		}
		t = &trace{}
		r.traces[traceID] = t
		r.order = append(r.order, traceID)
	}
	if len(t.spans) == maxSpans {
		return
	}
	size := 200 + len(one.Service) + len(one.Name)
	for name, value := range one.Attributes {
		size += len(name) + len(value)
	}
	t.spans = append(t.spans, one)
	t.bytes += size
	r.spanBytes += size
	for (len(r.order) > maxTraces || r.spanBytes > maxSpanBytes) && len(r.order) > 1 {
		if oldest := r.traces[r.order[0]]; oldest != nil {
			r.spanBytes -= oldest.bytes
			delete(r.traces, r.order[0])
		}
		r.order = r.order[1:]
	}
}

// skippedFor is how long after a request that was not recorded spans of unknown traces are probably
// its own.
const skippedFor = 3 * time.Second

// has reports whether a request of the trace is kept. The caller holds mu.
func (r *Recorder) has(traceID string) bool {
	for _, x := range r.exchanges {
		if x.traceID == traceID {
			return true
		}
	}
	return false
}

func newSpan(service string, one *tracepb.Span) span {
	start, end := nanoseconds(one.GetStartTimeUnixNano()), nanoseconds(one.GetEndTimeUnixNano())
	made := span{
		ID: hex.EncodeToString(one.GetSpanId()), Parent: hex.EncodeToString(one.GetParentSpanId()), Service: service, Name: maskURL(limited(one.GetName())),
		Start: start, Duration: max(0, float64(end.Sub(start).Microseconds())/1000), Failed: one.GetStatus().GetCode() == tracepb.Status_STATUS_CODE_ERROR,
		Attributes: map[string]string{},
	}
	switch one.GetKind() { //nolint:exhaustive // the others say nothing to a reader
	case tracepb.Span_SPAN_KIND_SERVER:
		made.Kind = "server"
	case tracepb.Span_SPAN_KIND_CLIENT:
		made.Kind = "client"
	}
	for _, attribute := range one.GetAttributes() {
		if len(made.Attributes) == maxAttributes {
			break
		}
		name, value := limited(attribute.GetKey()), text(attribute.GetValue())
		value = limited(value)
		switch {
		case value == "": // a list or a map
			continue
		case isSecret(name) && name != "gate.key_id":
			value = masked
		case strings.HasSuffix(name, "query") && !strings.Contains(value, "?"):
			value = maskForm(value)
		case strings.Contains(name, "url") || strings.Contains(name, "target") || strings.HasSuffix(name, "query"):
			value = maskURL(value)
		default:
			value = maskText(value)
		}
		made.Attributes[name] = value
	}
	return made
}

// nanoseconds returns the time that is so many nanoseconds after 1970.
func nanoseconds(n uint64) time.Time {
	return time.Unix(0, int64(min(n, math.MaxInt64))).UTC()
}

// text returns the value of an attribute; lists and maps are not kept.
func text(value *commonpb.AnyValue) string {
	switch value := value.GetValue().(type) {
	case *commonpb.AnyValue_StringValue:
		return value.StringValue
	case *commonpb.AnyValue_BoolValue:
		return strconv.FormatBool(value.BoolValue)
	case *commonpb.AnyValue_IntValue:
		return strconv.FormatInt(value.IntValue, 10)
	case *commonpb.AnyValue_DoubleValue:
		return strconv.FormatFloat(value.DoubleValue, 'g', -1, 64)
	}
	return ""
}
