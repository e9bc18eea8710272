// Package postgres is a [storage.Backend] that stores the records of all users in a PostgreSQL
// database, 14 or newer. Any number of processes may use the same database.
//
// Each row belongs to a user, and the user comes first in each key: a step touches the rows of one
// user, which are in one partition of each table. The steps of a user take turns by the lock
// of the user's row, in which the last-modified time is: so it grows, whichever process
// writes and whatever its clock says.
package postgres

import (
	"cmp"
	"context"
	_ "embed" // for the migrations
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/syncmanager/syncmanager/bso"
	"github.com/syncmanager/syncmanager/server/internal/pg"
	"github.com/syncmanager/syncmanager/server/storage"
	"github.com/syncmanager/syncmanager/server/telemetry"
)

var (
	_ storage.Fencer      = (*Backend)(nil)
	_ storage.TimesReader = (*Backend)(nil)
)

// Config says where and how records are stored.
type Config struct {
	// Database is a connection string of libpq: a URL, or words such as "host=db dbname=sync".
	// What it leaves out comes from the environment and from the password file, as in
	// psql. The tables are made in the first schema of the search path.
	Database string
	// Now is the clock.
	Now func() time.Time
	// Rand is the source of the numbers that identify steps.
	Rand io.Reader
	// MaxConns bounds the connections; 0: 16. A call holds one while it runs.
	MaxConns int32
	// Wait is how long a call waits for a connection, and for its turn, before it fails with
	// [storage.ErrBusy]; 0: ten seconds.
	Wait time.Duration
	// Checks are the statements of all [Check]s, for the Telemetry.
	Checks []telemetry.Named
	// Telemetry, if set, observes the statements.
	Telemetry *telemetry.Observer
}

//go:generate go run github.com/syncmanager/syncmanager/server/telemetry/statements

// Backend stores the records of all users in one database.
type Backend struct {
	now    func() time.Time
	rand   io.Reader
	wait   time.Duration
	pool   *pgxpool.Pool
	slowly []string // of each transaction
	// A user's writers come one by one, and their readers have a quarter of the connections.
	writers, readers turns
	waiting          atomic.Int64 // calls that wait for a connection

	mu     sync.Mutex
	calls  sync.WaitGroup
	closed bool
}

//go:embed migrations/0001_start.sql
var start string

//go:embed migrations/0002_fence.sql
var fence string

// steps are the migrations, in order.
func steps() []pg.Step { return []pg.Step{pg.StepOf(start), pg.StepOf(fence)} }

// part names the tables of this package.
const part = "storage"

// migrate makes or updates the tables. A Citus spreads new ones over its machines by user.
func migrate(ctx context.Context, pool *pgxpool.Pool) error {
	citus, err := pg.Citus(ctx, pool)
	if err != nil {
		return err
	}
	all := steps()
	if citus {
		all[0] = pg.StepOf(distributed(start))
	}
	return pg.Migrate(ctx, pool, part, all)
}

// ErrNewer is the error of a database that was made by a newer version of this program, and
// that this one cannot use.
var ErrNewer = pg.ErrNewer

// Open connects to the database, and makes or updates its tables. It fails with [ErrNewer] if a newer
// version has made them so that this one cannot use them, or if the database is not reached until ctx ends.
func Open(ctx context.Context, c Config) (*Backend, error) {
	b := &Backend{now: c.Now, rand: c.Rand, wait: cmp.Or(c.Wait, pg.Wait)}
	pool, err := pg.Open(ctx, c.Database, pg.Options{MaxConns: c.MaxConns, Wait: b.wait, Part: c.Telemetry.Part("storage", slices.Concat(statementNames, c.Checks))})
	if err != nil {
		return nil, err
	}
	if err := migrate(ctx, pool); err != nil {
		pool.Close()
		return nil, err
	}
	b.pool = pool
	b.writers.most, b.readers.most = 1, int(max(1, pool.Stat().MaxConns()/4))
	if pg.DefaultStatementTime(pool) {
		b.slowly = []string{sqlSlowly}
	}
	return b, nil
}

// NodeType implements [storage.Backend].
func (b *Backend) NodeType() string { return "postgres" }

// enter begins a call, which Close waits for, unless the storage is closed.
func (b *Backend) enter() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return storage.ErrClosed
	}
	b.calls.Add(1)
	return nil
}

// View implements [storage.Backend].
func (b *Backend) View(ctx context.Context, uid int64, f func(storage.View) error) error {
	return b.repeat(ctx, uid, &b.readers, func(conn *pgxpool.Conn) error {
		t := b.begin(ctx, conn, uid, sqlBeginView)
		t.reads = true
		defer t.rollback()
		err := f(t)
		if err == nil && len(t.begin) > 0 {
			err = t.exec(func(*pgx.Batch) {}) // f asked nothing, so that nothing was checked
		}
		return err
	}, settled)
}

// Update implements [storage.Backend].
func (b *Backend) Update(ctx context.Context, uid int64, d storage.Durability, f func(storage.Tx) error) error {
	return b.write(ctx, uid, d, func(t *transaction) error {
		if t.fenced {
			return storage.ErrFenced
		}
		return f(t)
	})
}

// write is Update for a user who may be fenced.
func (b *Backend) write(ctx context.Context, uid int64, d storage.Durability, f func(*transaction) error) error {
	step, err := b.newStep()
	if err != nil {
		return err
	}
	return b.repeat(ctx, uid, &b.writers, func(conn *pgxpool.Conn) error { return b.update(ctx, conn, uid, d, step, f) }, func(err *unsettledError) error {
		return b.settle(ctx, uid, step, err)
	})
}

// newStep returns the number that identifies a step.
func (b *Backend) newStep() (int64, error) {
	var random [8]byte
	b.mu.Lock() // the source need not be safe for concurrent use
	defer b.mu.Unlock()
	_, err := io.ReadFull(b.rand, random[:])
	return int64(binary.BigEndian.Uint64(random[:])), err
}

func (b *Backend) update(ctx context.Context, conn *pgxpool.Conn, uid int64, d storage.Durability, step int64, f func(*transaction) error) error {
	t := b.begin(ctx, conn, uid, sqlBeginUpdate)
	t.step = step
	if d == storage.Deferred {
		t.later(sqlDeferred)
	}
	defer t.rollback()
	if err := t.lock(); err != nil {
		return err
	}
	if err := f(t); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return t.commit()
}

// settle finds out whether a step took effect whose commit was sent, and whose answer was
// lost. It waits until the database has noticed that the connection is gone. If the step did not
// take effect, the error says that it may be run again. If this is not found out, the database is out of
// reach, whatever went wrong.
func (b *Backend) settle(ctx context.Context, uid, step int64, failure *unsettledError) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), b.wait)
	defer cancel()
	b.pool.Reset() // the others are lost too, if the database was restarted
	var last int64
	err := b.with(ctx, uid, nil, func(conn *pgxpool.Conn) error {
		// It locks the row, which is free only after the lost transaction has ended.
		tx, err := conn.Begin(ctx)
		if err != nil {
			return err
		}
		defer func() { _ = tx.Rollback(context.WithoutCancel(ctx)) }()
		err = tx.QueryRow(ctx, sqlStep, uid).Scan(&last)
		if errors.Is(err, pgx.ErrNoRows) {
			err = nil
		}
		return err
	})
	switch {
	case err != nil:
		return &finalError{fmt.Errorf("%w: %w", storage.ErrUnreachable, errors.Join(failure.error, err))}
	case last == step:
		return nil
	}
	return &lostError{failure.error}
}

// Alone runs f unless another process on the same database runs one of that name now, and reports
// whether it did. f is to be harmless when a lost connection lets two run at once.
func (b *Backend) Alone(ctx context.Context, name string, f func(context.Context) error) (ran bool, err error) {
	if err := b.enter(); err != nil {
		return false, err
	}
	defer b.calls.Done()
	ran, err = pg.Alone(ctx, b.pool, name, f)
	return ran, explain(ctx, err)
}

// purgeStep is how many records a purge drops in one step: a writer of the user waits for
// one step at most. purgeUsers is how many users it looks for at once.
const (
	purgeStep  = 1000
	purgeUsers = 1000
)

// Purge implements [storage.Backend].
func (b *Backend) Purge(ctx context.Context) error {
	var errs []error
	now := int64(bso.TimestampOf(b.now()))
	for after, uids := int64(-1), []int64(nil); ; after = uids[len(uids)-1] {
		err := b.operate(ctx, func(t *transaction) error {
			uids = uids[:0:0]
			return t.each(func(rows pgx.Rows) error {
				var uid int64
				err := rows.Scan(&uid)
				uids = append(uids, uid)
				return err
			}, sqlExpiring, now, after, purgeUsers)
		})
		if err != nil {
			return errors.Join(append(errs, err)...)
		}
		for _, uid := range uids {
			if err := b.purge(ctx, uid); err != nil && !errors.Is(err, storage.ErrFenced) && ctx.Err() == nil {
				// The other users are purged nevertheless.
				errs = append(errs, &storage.UserError{UID: uid, Err: fmt.Errorf("cannot purge user %d: %w", uid, err)})
			}
		}
		if ctx.Err() != nil || len(uids) < purgeUsers {
			return errors.Join(append(errs, ctx.Err())...)
		}
	}
}

func (b *Backend) purge(ctx context.Context, uid int64) error {
	for n := purgeStep; n == purgeStep; {
		err := b.Update(ctx, uid, storage.Durable, func(tx storage.Tx) (err error) {
			n, err = tx.DropExpired(purgeStep)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// Delete implements [storage.Backend].
func (b *Backend) Delete(ctx context.Context, uid int64) error {
	return b.write(ctx, uid, storage.Durable, (*transaction).forget)
}

// States implements [storage.Backend].
func (b *Backend) States(ctx context.Context, visit func(storage.State) error) error {
	visited := false
	return b.operate(ctx, func(t *transaction) error {
		err := t.each(func(rows pgx.Rows) error {
			var s storage.State
			var modified int64
			if err := rows.Scan(&s.UID, &modified, &s.Bytes); err != nil {
				return err
			}
			s.Modified = bso.Timestamp(modified)
			visited = true
			return visit(s)
		}, sqlStates)
		if err != nil && visited {
			return &finalError{err}
		}
		return err
	})
}

// BatchBytes returns what the batches of all users take that wait for their commit, on whichever server they
// were started, overhead included.
func (b *Backend) BatchBytes(ctx context.Context) (n int64, err error) {
	err = b.operate(ctx, func(t *transaction) error {
		_, err := t.row(sqlBatchBytes, []any{storage.Overhead}, &n)
		return err
	})
	return n, err
}

// errReadOnly is the failure of a Probe on a standby.
var errReadOnly = errors.New("the database can only be read: it is a standby, or set to read only")

// Probe implements [storage.Backend]: it asks the database whether it takes writes, and whether
// a newer version has changed the tables so that this one cannot use them any more.
func (b *Backend) Probe(ctx context.Context) error {
	var readOnly bool
	err := b.operate(ctx, func(t *transaction) error {
		_, err := t.row(sqlProbe, nil, &readOnly)
		return err
	})
	switch {
	case err != nil:
		return err
	case readOnly:
		return errReadOnly
	}
	return b.with(ctx, noUser, nil, func(conn *pgxpool.Conn) error { return pg.Usable(ctx, conn, part, len(steps())) })
}

// Close implements [storage.Backend].
func (b *Backend) Close(ctx context.Context) error {
	b.mu.Lock()
	b.closed = true
	b.mu.Unlock()
	ended := make(chan struct{})
	go func() {
		b.calls.Wait()
		b.pool.Close()
		close(ended)
	}()
	select {
	case <-ended:
		return nil
	case <-ctx.Done():
		select {
		case <-ended:
			return nil
		default:
			return fmt.Errorf("the storage is still in use: %w", ctx.Err())
		}
	}
}
