package server

import (
	"net/http"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

// startSpan begins the span of a request, and returns the request in its context. The span has
// the method, the service and, from [telemetry.Route], the pattern of the path: nothing that tells who sent
// the request, or what for.
func (s *Server) startSpan(r *http.Request) (*http.Request, trace.Span) {
	ctx := r.Context()
	if s.proxied(r) {
		// Strangers must not choose whose trace their requests are in, and whether they are recorded.
		ctx = propagation.TraceContext{}.Extract(ctx, propagation.HeaderCarrier(r.Header))
	}
	method := methodOf(r.Method)
	ctx, span := s.tracer.Start(ctx, method, trace.WithSpanKind(trace.SpanKindServer), trace.WithAttributes(
		attribute.String("http.request.method", method),
		attribute.String("syncmanager.service", serviceOf(r.URL.Path)),
	))
	return r.WithContext(ctx), span
}

// endSpan ends the span of a request that was answered with a status.
func endSpan(span trace.Span, status int) {
	span.SetAttributes(attribute.Int("http.response.status_code", status))
	if status >= http.StatusInternalServerError {
		span.SetStatus(codes.Error, "")
	}
	span.End()
}

// storageParts are the second elements of a storage path, after the user's number, and what
// stands for each element after them.
var storageParts = map[string][]string{
	"":        nil,
	"storage": {"{collection}", "{id}"},
	"info":    {"{what}"},
}

// storageRoute returns the pattern of a path below the storage's prefix, like
// 1.5/{uid}/storage/{collection}.
func storageRoute(path string) string {
	elements := strings.Split(path, "/")
	if len(elements) < 2 || elements[0] != "1.5" {
		return "{other}"
	}
	route := "1.5/{uid}"
	if len(elements) == 2 {
		return route
	}
	below, ok := storageParts[elements[2]]
	if !ok || len(elements)-3 > len(below) {
		return "{other}"
	}
	return strings.TrimSuffix(strings.Join(append([]string{route, elements[2]}, below[:len(elements)-3]...), "/"), "/")
}
