package postgres

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/syncmanager/syncmanager/server/storage"
)

// turns lets so many steps of a user at once have a connection, so that those that wait for
// each other leave the connections to other users.
type turns struct {
	most int

	mu sync.Mutex
	by map[int64]*turn
}

// turn is a user's: its steps put a token into the channel while they run.
type turn struct {
	running chan struct{}
	steps   int // that run or wait
}

// take waits for a turn, which the caller ends with leave.
func (t *turns) take(ctx context.Context, uid int64) (leave func(), err error) {
	t.mu.Lock()
	if t.by == nil {
		t.by = make(map[int64]*turn)
	}
	mine := t.by[uid]
	if mine == nil {
		mine = &turn{running: make(chan struct{}, t.most)}
		t.by[uid] = mine
	}
	mine.steps++
	t.mu.Unlock()
	done := func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		if mine.steps--; mine.steps == 0 {
			delete(t.by, uid)
		}
	}
	select {
	case mine.running <- struct{}{}:
		return func() { <-mine.running; done() }, nil
	case <-ctx.Done():
		done()
		return nil, ctx.Err()
	}
}

// acquire returns a connection, after a turn of the user's, unless of is nil. The caller ends the use
// of both with leave.
func (b *Backend) acquire(ctx context.Context, uid int64, of *turns) (conn *pgxpool.Conn, leave func(), err error) {
	waiting, cancel := context.WithTimeout(ctx, b.wait)
	defer cancel()
	end := func() {}
	if of != nil {
		if end, err = of.take(waiting, uid); err != nil {
			return nil, nil, busy(ctx, err, "other steps of the user take too long")
		}
	}
	b.waiting.Add(1)
	conn, err = b.pool.Acquire(waiting)
	b.waiting.Add(-1)
	if err != nil {
		end()
		return nil, nil, busy(ctx, err, "no connection to the database is free")
	}
	return conn, func() { conn.Release(); end() }, nil
}

// busy explains an error of waiting.
func busy(ctx context.Context, err error, why string) error {
	if ctx.Err() == nil && errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("%w: %s", storage.ErrBusy, why)
	}
	return explain(ctx, err)
}

// Crowded implements [storage.Crowded]: more than twice as many calls wait for a connection as there
// are connections.
func (b *Backend) Crowded() bool { return b.waiting.Load() > 2*int64(b.pool.Stat().MaxConns()) }
