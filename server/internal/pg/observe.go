package pg

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/syncmanager/syncmanager/server/telemetry"
)

// connections returns the figures of a pool.
func connections(s *pgxpool.Stat) telemetry.Connections {
	return telemetry.Connections{
		Used: int(s.AcquiredConns()), Idle: int(s.IdleConns()), Most: int(s.MaxConns()),
		Waits: s.EmptyAcquireCount(), Waited: s.EmptyAcquireWaitTime(),
	}
}

// tracer tells a part how long its statements take.
type tracer struct{ part *telemetry.Part }

var (
	_ pgx.QueryTracer = tracer{}
	_ pgx.BatchTracer = tracer{}
)

// running is the context of a statement, or of those that are sent together. It is a type of its
// own, since two values in a context cost four allocations.
type running struct {
	context.Context
	began time.Time
	sql   string
	batch []*pgx.QueuedQuery
}

type runningKey struct{}

// Value implements [context.Context].
func (r *running) Value(key any) any {
	if key == (runningKey{}) {
		return r
	}
	return r.Context.Value(key)
}

// TraceQueryStart implements [pgx.QueryTracer].
func (t tracer) TraceQueryStart(ctx context.Context, _ *pgx.Conn, data pgx.TraceQueryStartData) context.Context {
	return &running{Context: ctx, began: t.part.Now(), sql: data.SQL}
}

// TraceQueryEnd implements [pgx.QueryTracer].
func (t tracer) TraceQueryEnd(ctx context.Context, _ *pgx.Conn, data pgx.TraceQueryEndData) {
	if r, ok := ctx.Value(runningKey{}).(*running); ok {
		t.part.Observe(ctx, r.sql, r.began, data.Err)
	}
}

// TraceBatchStart implements [pgx.BatchTracer].
func (t tracer) TraceBatchStart(ctx context.Context, _ *pgx.Conn, data pgx.TraceBatchStartData) context.Context {
	return &running{Context: ctx, began: t.part.Now(), batch: data.Batch.QueuedQueries}
}

// TraceBatchQuery implements [pgx.BatchTracer]. The server sends the results of a batch together,
// so that the time of each is not known.
func (t tracer) TraceBatchQuery(context.Context, *pgx.Conn, pgx.TraceBatchQueryData) {}

// TraceBatchEnd implements [pgx.BatchTracer].
func (t tracer) TraceBatchEnd(ctx context.Context, _ *pgx.Conn, data pgx.TraceBatchEndData) {
	r, ok := ctx.Value(runningKey{}).(*running)
	if !ok || len(r.batch) == 0 {
		return
	}
	if !t.part.Traced(ctx) {
		t.part.Observe(ctx, r.batch[len(r.batch)-1].SQL, r.began, data.Err)
		return
	}
	all := make([]string, len(r.batch))
	for i, q := range r.batch {
		all[i] = q.SQL
	}
	t.part.ObserveBatch(ctx, all, r.began, data.Err)
}
