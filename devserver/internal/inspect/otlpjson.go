package inspect

import (
	"cmp"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"

	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	resourcepb "go.opentelemetry.io/proto/otlp/resource/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
)

// The JSON of OTLP has IDs in hexadecimal and numbers as text, so it is not that of protobuf
// ("JSON Protobuf Encoding").
type (
	jsonExport struct {
		ResourceSpans []struct {
			Resource   struct{ Attributes []jsonAttribute }
			ScopeSpans []struct{ Spans []jsonSpan }
		}
	}
	jsonSpan struct {
		TraceID, SpanID, ParentSpanID, Name string
		Kind                                int32
		StartTimeUnixNano, EndTimeUnixNano  json.Number
		Attributes                          []jsonAttribute
		Status                              struct{ Code int32 }
	}
	jsonAttribute struct {
		Key   string
		Value struct {
			StringValue *string
			BoolValue   *bool
			IntValue    *json.Number
			DoubleValue any // a number, or "NaN" and the like
		}
	}
)

func decodeJSON(data []byte) (*tracepb.TracesData, error) {
	var in jsonExport
	if err := json.Unmarshal(data, &in); err != nil {
		return nil, err
	}
	exported := &tracepb.TracesData{}
	for _, resource := range in.ResourceSpans {
		out := &tracepb.ResourceSpans{}
		scope := &tracepb.ScopeSpans{}
		for _, attribute := range resource.Resource.Attributes {
			if attribute.Key == "service.name" && attribute.Value.StringValue != nil {
				out.Resource = &resourcepb.Resource{Attributes: []*commonpb.KeyValue{{Key: attribute.Key, Value: attribute.decode()}}}
			}
		}
		for _, one := range resource.ScopeSpans {
			for _, span := range one.Spans {
				made, err := span.decode()
				if err != nil {
					return nil, err
				}
				scope.Spans = append(scope.Spans, made)
			}
		}
		out.ScopeSpans = []*tracepb.ScopeSpans{scope}
		exported.ResourceSpans = append(exported.ResourceSpans, out)
	}
	return exported, nil
}

func (s jsonSpan) decode() (*tracepb.Span, error) {
	traceID, err := hex.DecodeString(s.TraceID)
	if err != nil {
		return nil, err
	}
	spanID, err := hex.DecodeString(s.SpanID)
	if err != nil {
		return nil, err
	}
	parentID, err := hex.DecodeString(s.ParentSpanID)
	if err != nil {
		return nil, err
	}
	start, err := strconv.ParseUint(cmp.Or(s.StartTimeUnixNano.String(), "0"), 10, 64)
	if err != nil {
		return nil, err
	}
	end, err := strconv.ParseUint(cmp.Or(s.EndTimeUnixNano.String(), "0"), 10, 64)
	if err != nil {
		return nil, err
	}
	out := &tracepb.Span{
		TraceId: traceID, SpanId: spanID, ParentSpanId: parentID, Name: s.Name, Kind: tracepb.Span_SpanKind(s.Kind),
		StartTimeUnixNano: start, EndTimeUnixNano: end, Status: &tracepb.Status{Code: tracepb.Status_StatusCode(s.Status.Code)},
	}
	for _, attribute := range s.Attributes {
		out.Attributes = append(out.Attributes, &commonpb.KeyValue{Key: attribute.Key, Value: attribute.decode()})
	}
	return out, nil
}

func (a jsonAttribute) decode() *commonpb.AnyValue {
	switch v := a.Value; {
	case v.StringValue != nil:
		return &commonpb.AnyValue{Value: &commonpb.AnyValue_StringValue{StringValue: *v.StringValue}}
	case v.BoolValue != nil:
		return &commonpb.AnyValue{Value: &commonpb.AnyValue_BoolValue{BoolValue: *v.BoolValue}}
	case v.IntValue != nil:
		return &commonpb.AnyValue{Value: &commonpb.AnyValue_StringValue{StringValue: v.IntValue.String()}}
	case v.DoubleValue != nil:
		return &commonpb.AnyValue{Value: &commonpb.AnyValue_StringValue{StringValue: fmt.Sprint(v.DoubleValue)}}
	}
	return nil
}
