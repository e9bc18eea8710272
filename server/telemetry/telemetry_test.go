package telemetry_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/syncmanager/syncmanager/server/telemetry"
)

const (
	lock = "SELECT modified FROM users WHERE uid = $1 FOR UPDATE"
	put  = "INSERT INTO records VALUES ($1)"
)

var named = []telemetry.Named{{Name: "sqlLock", SQL: lock}, {Name: "sqlPut", SQL: put}}

// ticking is a clock that goes on by a second at each look.
func ticking() func() time.Time {
	now := time.Unix(1_800_000_000, 0)
	return func() time.Time {
		now = now.Add(time.Second)
		return now
	}
}

// counts returns the number and the sum of each statement's times, by its labels.
func counts(t *testing.T, o *telemetry.Observer) (count map[string]uint64, sum map[string]float64) {
	t.Helper()
	registry := prometheus.NewRegistry()
	registry.MustRegister(o)
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	count, sum = make(map[string]uint64), make(map[string]float64)
	for _, f := range families {
		for _, m := range f.GetMetric() {
			var labels []string
			for _, l := range m.GetLabel() {
				labels = append(labels, l.GetValue())
			}
			if h := m.GetHistogram(); h != nil {
				key := strings.Join(labels, " ")
				count[key], sum[key] = h.GetSampleCount(), h.GetSampleSum()
			}
		}
	}
	return count, sum
}

// A text that has no name, whatever is in it, makes no series of its own.
func TestStatementsAreCountedByName(t *testing.T) {
	t.Parallel()
	o := telemetry.New(telemetry.Config{Now: ticking()})
	p := o.Part("storage", named)
	ctx := t.Context()
	for _, sql := range []string{lock, lock, put, "BEGIN READ ONLY", "commit", "ROLLBACK", "SELECT 'ann'", "SELECT 'bob'", ""} {
		p.Observe(ctx, sql, p.Now(), nil)
	}
	p.ObserveBatch(ctx, []string{"begin", lock, put}, p.Now(), nil)
	p.ObserveBatch(ctx, nil, p.Now(), nil)
	count, sum := counts(t, o)
	want := map[string]uint64{"storage sqlLock": 2, "storage sqlPut": 2, "storage begin": 1, "storage commit": 1, "storage rollback": 1, "storage other": 3}
	if len(count) != len(want) {
		t.Errorf("the series %v", count)
	}
	for key, n := range want {
		if count[key] != n || sum[key] != float64(n) { // each took a second of the clock
			t.Errorf("%s: %d times, %v seconds; want %d", key, count[key], sum[key], n)
		}
	}
}

func TestNilObserves(t *testing.T) {
	t.Parallel()
	var none *telemetry.Observer
	p := none.Part("storage", named)
	p.Observe(t.Context(), lock, p.Now(), nil)
	p.ObserveBatch(t.Context(), []string{lock}, p.Now(), nil)
	p.Pool("", nil)
	if p != nil || p.Traced(t.Context()) {
		t.Error("something is observed")
	}
}

// Without a tracer, and in a request that is not recorded, a statement allocates nothing.
//
//nolint:paralleltest // allocations are counted for the whole process
func TestStatementsAllocateNothing(t *testing.T) {
	provider := sdktrace.NewTracerProvider(sdktrace.WithSampler(sdktrace.NeverSample()))
	unsampled, _ := provider.Tracer("test").Start(t.Context(), "request")
	for name, c := range map[string]struct {
		tracer trace.Tracer
		ctx    context.Context
	}{
		"off":         {nil, t.Context()},
		"not sampled": {provider.Tracer("test"), unsampled},
	} {
		p := telemetry.New(telemetry.Config{Now: time.Now, Tracer: c.tracer}).Part("storage", named)
		p.Observe(c.ctx, put, p.Now(), nil) // makes the series
		if n := testing.AllocsPerRun(100, func() {
			p.Observe(c.ctx, put, p.Now(), nil)
			telemetry.Route(c.ctx, "GET /x")
		}); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

// Spans have names alone: no text of a statement, no value, no error's text.
func TestSpans(t *testing.T) {
	t.Parallel()
	spans := tracetest.NewInMemoryExporter()
	provider := sdktrace.NewTracerProvider(sdktrace.WithSyncer(spans))
	tracer := provider.Tracer("test")
	p := telemetry.New(telemetry.Config{Now: time.Now, Tracer: tracer}).Part("storage", named)
	p.Observe(t.Context(), lock, p.Now(), nil) // of no request
	ctx, request := tracer.Start(t.Context(), "GET")
	telemetry.Route(ctx, "GET /storage/{id}")
	telemetry.Route(ctx, "")
	p.ObserveBatch(ctx, []string{"BEGIN", put, lock}, p.Now(), errors.New("duplicate key (ann)"))
	p.Observe(ctx, "SELECT 'ann'", p.Now(), nil)
	request.End()
	all := spans.GetSpans()
	if len(all) != 3 {
		t.Fatalf("%d spans", len(all))
	}
	batch, single, root := all[0], all[1], all[2]
	if batch.Name != "sqlLock" || batch.Status.Code != codes.Error || batch.Parent.SpanID() != root.SpanContext.SpanID() || single.Name != "other" {
		t.Errorf("spans %q and %q", batch.Name, single.Name)
	}
	if root.Name != "GET /storage/{id}" {
		t.Errorf("the request is called %q", root.Name)
	}
	told := ""
	for _, s := range all {
		told += s.Name + s.Status.Description
		for _, a := range s.Attributes {
			told += " " + string(a.Key) + "=" + a.Value.String()
		}
	}
	if !strings.Contains(told, `syncmanager.statements=["begin","sqlPut","sqlLock"]`) || strings.Contains(told, "ann") || strings.Contains(told, "SELECT") {
		t.Errorf("the spans tell %s", told)
	}
}

func BenchmarkObserve(b *testing.B) {
	p := telemetry.New(telemetry.Config{Now: time.Now}).Part("storage", named)
	ctx := b.Context()
	b.ReportAllocs()
	for b.Loop() {
		p.Observe(ctx, put, p.Now(), nil)
	}
}
