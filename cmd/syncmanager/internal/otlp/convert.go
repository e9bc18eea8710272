package otlp

import (
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/sdk/instrumentation"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	common "go.opentelemetry.io/proto/slim/otlp/common/v1"
	resource "go.opentelemetry.io/proto/slim/otlp/resource/v1"
	wire "go.opentelemetry.io/proto/slim/otlp/trace/v1"
)

// group returns spans of one provider as they are sent: by the library that made them.
func group(spans []sdktrace.ReadOnlySpan) []*wire.ResourceSpans {
	if len(spans) == 0 {
		return nil
	}
	all := &wire.ResourceSpans{Resource: &resource.Resource{Attributes: attributes(spans[0].Resource().Attributes())}}
	scopes := make(map[instrumentation.Scope]*wire.ScopeSpans)
	for _, s := range spans {
		scope := scopes[s.InstrumentationScope()]
		if scope == nil {
			of := s.InstrumentationScope()
			scope = &wire.ScopeSpans{Scope: &common.InstrumentationScope{Name: of.Name, Version: of.Version}}
			scopes[of] = scope
			all.ScopeSpans = append(all.ScopeSpans, scope)
		}
		scope.Spans = append(scope.Spans, convert(s))
	}
	return []*wire.ResourceSpans{all}
}

// convert returns a span as it is sent. The server's spans have neither events nor links.
func convert(s sdktrace.ReadOnlySpan) *wire.Span {
	trace, id := s.SpanContext().TraceID(), s.SpanContext().SpanID()
	w := &wire.Span{
		TraceId: trace[:], SpanId: id[:], TraceState: s.SpanContext().TraceState().String(), Flags: uint32(s.SpanContext().TraceFlags()),
		Name: s.Name(), Kind: wire.Span_SpanKind(s.SpanKind()),
		StartTimeUnixNano: uint64(s.StartTime().UnixNano()), EndTimeUnixNano: uint64(s.EndTime().UnixNano()),
		Attributes: attributes(s.Attributes()), DroppedAttributesCount: uint32(s.DroppedAttributes()),
		Status: &wire.Status{},
	}
	if parent := s.Parent(); parent.SpanID().IsValid() {
		id := parent.SpanID()
		w.ParentSpanId = id[:]
	}
	if s.Status().Code == codes.Error {
		w.Status.Code = wire.Status_STATUS_CODE_ERROR
	}
	return w
}

func attributes(of []attribute.KeyValue) []*common.KeyValue {
	all := make([]*common.KeyValue, len(of))
	for i, a := range of {
		all[i] = &common.KeyValue{Key: string(a.Key), Value: value(a.Value)}
	}
	return all
}

func value(v attribute.Value) *common.AnyValue {
	switch v.Type() {
	case attribute.INT64:
		return &common.AnyValue{Value: &common.AnyValue_IntValue{IntValue: v.AsInt64()}}
	case attribute.STRINGSLICE:
		list := &common.ArrayValue{}
		for _, s := range v.AsStringSlice() {
			list.Values = append(list.Values, text(s))
		}
		return &common.AnyValue{Value: &common.AnyValue_ArrayValue{ArrayValue: list}}
	}
	return text(v.String())
}

func text(s string) *common.AnyValue {
	return &common.AnyValue{Value: &common.AnyValue_StringValue{StringValue: s}}
}
