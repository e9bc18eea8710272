package telemetry

import (
	"context"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
)

// Route names the span of a request by the pattern of its path, like "POST /account/login". A pattern
// has no value of a client.
func Route(ctx context.Context, pattern string) {
	s := trace.SpanFromContext(ctx)
	if pattern == "" || !s.IsRecording() {
		return
	}
	_, path, hasMethod := strings.Cut(pattern, " ")
	if !hasMethod {
		path = pattern
	}
	s.SetName(pattern)
	s.SetAttributes(attribute.String("http.route", path))
}

// Traced reports whether the statements of a request become spans.
func (p *Part) Traced(ctx context.Context) bool {
	return p != nil && p.of.cfg.Tracer != nil && trace.SpanFromContext(ctx).IsRecording()
}

// span makes a span of a statement, or of those in batch, below that of the request. It has no
// text of a statement and none of an error, which may quote values.
func (p *Part) span(ctx context.Context, of *statement, batch []string, began, ended time.Time, err error) {
	attributes := []attribute.KeyValue{attribute.String("db.namespace", p.name)}
	if len(batch) > 1 {
		all := make([]string, len(batch))
		for i := range batch {
			all[i] = p.find(batch[i]).name
		}
		attributes = append(attributes, attribute.Int("db.operation.batch.size", len(all)), attribute.StringSlice("syncmanager.statements", all))
	}
	_, s := p.of.cfg.Tracer.Start(ctx, of.name, trace.WithTimestamp(began), trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(attributes...))
	if err != nil {
		s.SetStatus(codes.Error, "")
	}
	s.End(trace.WithTimestamp(ended))
}
