package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/syncmanager/syncmanager/bso"
	"github.com/syncmanager/syncmanager/server/storage"
)

const (
	sqlBeginView   = `BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY`
	sqlBeginUpdate = `BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE`
	sqlDeferred    = `SET LOCAL synchronous_commit = off`
	sqlEnd         = `COMMIT`
	// sqlUnhurried lifts the bound on the time of a statement that reads all users.
	sqlUnhurried = `SET LOCAL statement_timeout = 0`
	// sqlSlowly is for a listing, which takes as long as the client that reads it. It is not sent if the
	// operator has set the time of statements.
	sqlSlowly = `SET LOCAL statement_timeout = '5min'`
)

// transaction is one step on a user's storage. Its begin is sent with its first statement, and
// what it need not wait for with its commit.
type transaction struct {
	ctx  context.Context
	conn *pgx.Conn
	uid  int64
	// begin is the statements that are sent before the next one; nothing waits for their answer.
	begin  []statement
	slowly []string // statements that give a listing more time

	now  bso.Timestamp // the clock's time; what has expired by then is not there
	last bso.Timestamp // the storage's time when an update got its turn
	time bso.Timestamp // of this step's writes; 0 until it is needed
	step int64
	// fenced says that the user's storage takes no writes.
	fenced bool
	// reads says that the step writes nothing, so that what it has read stays true. asked is
	// the collection whose number it asked for last.
	reads bool
	asked numberOf
	// usage is what the user had stored when an update got its turn; nil after the first write.
	usage *storage.Usage
	// stamped has the last-modified times of the collections that the step wrote.
	stamped map[string]bso.Timestamp
	// grown is how much the collections have grown by since they were written last, by name.
	grown map[string]growth
}

// begin returns a step, which begins with its first statement.
func (b *Backend) begin(ctx context.Context, conn *pgxpool.Conn, uid int64, begin ...string) *transaction {
	t := &transaction{ctx: ctx, conn: conn.Conn(), uid: uid, now: bso.TimestampOf(b.now()), slowly: b.slowly}
	for _, sql := range begin {
		t.later(sql)
	}
	return t
}

// statement is a statement with its parameters.
type statement struct {
	sql  string
	args []any
}

// later has a statement sent with the next one, or with the commit, which then fails if it fails.
func (t *transaction) later(sql string, args ...any) { t.begin = append(t.begin, statement{sql, args}) }

// numberOf is a collection with its number, 0 if it does not exist.
type numberOf struct {
	name     string
	n        int32
	modified bso.Timestamp
}

// growth is a change of a collection's counters.
type growth struct{ records, bytes int64 }

var _ storage.Tx = (*transaction)(nil)

// send sends statements without waiting in between, and calls read with the results of those
// that queue added, if it is not nil. It returns the first error; a lostError, if the connection
// was lost.
func (t *transaction) send(queue func(*pgx.Batch), read func(pgx.BatchResults) error) error {
	err := t.sendOnce(queue, read)
	if err != nil && t.conn.IsClosed() && t.ctx.Err() == nil {
		return &lostError{err}
	}
	return err
}

func (t *transaction) sendOnce(queue func(*pgx.Batch), read func(pgx.BatchResults) error) error {
	var b pgx.Batch
	for _, s := range t.begin {
		b.Queue(s.sql, s.args...)
	}
	begin := len(t.begin)
	t.begin = nil
	queue(&b)
	results := t.conn.SendBatch(t.ctx, &b)
	for range begin {
		if _, err := results.Exec(); err != nil {
			return errors.Join(err, results.Close())
		}
	}
	if read != nil {
		if err := read(results); err != nil {
			_ = results.Close()
			return err
		}
	}
	return results.Close()
}

// exec runs statements that return nothing, in one round trip.
func (t *transaction) exec(queue func(*pgx.Batch)) error { return t.send(queue, nil) }

// row runs a statement and scans its row into dest; found says whether there is one.
func (t *transaction) row(sql string, args []any, dest ...any) (found bool, err error) {
	err = t.send(func(b *pgx.Batch) { b.Queue(sql, args...) }, func(r pgx.BatchResults) error {
		err := r.QueryRow().Scan(dest...)
		if found = err == nil; errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		return err
	})
	return found, err
}

// each runs a statement and calls f for each of its rows, as they arrive.
func (t *transaction) each(f func(pgx.Rows) error, sql string, args ...any) error {
	return t.send(func(b *pgx.Batch) { b.Queue(sql, args...) }, func(r pgx.BatchResults) error {
		rows, err := r.Query()
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			if err := f(rows); err != nil {
				return err
			}
		}
		return rows.Err()
	})
}

// lock waits for the step's turn. For a user who never wrote it makes the row to lock.
func (t *transaction) lock() error {
	var last int64
	found := false
	usage := new(storage.Usage)
	err := t.send(func(b *pgx.Batch) {
		b.Queue(sqlLock, t.uid)
		b.Queue(sqlUsage, t.uid, storage.Overhead, "") // most steps need it
	}, func(r pgx.BatchResults) error {
		err := r.QueryRow().Scan(&last, &t.fenced)
		if found = err == nil; err != nil && !errors.Is(err, pgx.ErrNoRows) {
			return err
		}
		return r.QueryRow().Scan(&usage.Bytes, &usage.Collections)
	})
	if err == nil && found {
		t.usage = usage
	}
	if err == nil && !found {
		err = t.send(func(b *pgx.Batch) {
			b.Queue(sqlFirst, t.uid)
			b.Queue(sqlLock, t.uid)
		}, func(r pgx.BatchResults) error {
			if _, err := r.Exec(); err != nil {
				return err
			}
			return r.QueryRow().Scan(&last, &t.fenced)
		})
	}
	t.last = bso.Timestamp(last)
	return err
}

// endTimeout bounds how long the end of a step may take when its context has ended.
const endTimeout = 30 * time.Second

// errAborted is the error of a step that goes on after a statement of it has failed: PostgreSQL
// takes its COMMIT for a ROLLBACK, without an error.
var errAborted = errors.New("a statement of the step failed, so that nothing of it can be stored")

// commit ends the step. It does not end with the context: what is sent takes effect or not, and
// the caller has to know. A failure that leaves this open is an unsettledError.
func (t *transaction) commit() error {
	if t.conn.PgConn().TxStatus() == 'E' {
		return errAborted
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.ctx), endTimeout)
	defer cancel()
	t.ctx = ctx
	err := t.sendOnce(func(b *pgx.Batch) {
		t.queueGrowth(b)
		b.Queue(sqlEnd)
	}, nil)
	var pg *pgconn.PgError
	switch {
	case err == nil, errors.As(err, &pg) && pg.Severity != "FATAL":
		return err
	case t.time != 0:
		return &unsettledError{err}
	case t.conn.IsClosed():
		// The client asks again: what has no time can be done twice.
		return fmt.Errorf("%w: %w", storage.ErrUnreachable, err)
	}
	return err
}

// rollback ends a step that was not committed, if it began.
func (t *transaction) rollback() {
	if t.conn.IsClosed() || t.conn.PgConn().TxStatus() == 'I' {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.ctx), endTimeout)
	defer cancel()
	_, _ = t.conn.Exec(ctx, `ROLLBACK`) // a connection that fails is dropped by the pool
}

// grow notes how much a collection has grown.
func (t *transaction) grow(collection string, by growth) {
	if t.grown == nil {
		t.grown = make(map[string]growth)
	}
	t.usage = nil
	sum := t.grown[collection]
	t.grown[collection] = growth{sum.records + by.records, sum.bytes + by.bytes}
}

// queueGrowth queues the statements that write what grow noted.
func (t *transaction) queueGrowth(b *pgx.Batch) {
	for name, by := range t.grown {
		b.Queue(sqlGrow, t.uid, name, by.records, by.bytes)
	}
	t.grown = nil
}

// writeGrowth writes what grow noted, so that a query finds the counters up to date.
func (t *transaction) writeGrowth() error {
	if t.grown == nil {
		return nil
	}
	return t.exec(t.queueGrowth)
}
