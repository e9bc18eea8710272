package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
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
	last bso.Timestamp // the storage's time: when an update got its turn, or of the update's own writes
	time bso.Timestamp // of this step's writes; 0 until it is needed
	step int64
	// fenced says that the user's storage takes no writes.
	fenced bool
	// reads says that the step writes nothing, so that what it has read stays true. asked is
	// the collection whose number it asked for last.
	reads bool
	asked numberOf
	// own are the user's collections when an update got its turn, with what the step did to them since, and
	// changed names those whose rows are not written yet.
	own     map[string]*ownCollection
	changed []string
	// stamped says that the storage's last-modified time is to be written.
	stamped bool
	// batches are those that the step added to, by token.
	batches map[string]*ownBatch
}

// begin returns a step, which begins with its first statement.
func (b *Backend) begin(ctx context.Context, conn *pgxpool.Conn, uid int64, begin ...string) *transaction {
	t := &transaction{ctx: ctx, conn: conn.Conn(), uid: uid, now: bso.TimestampOf(b.now()), slowly: b.slowly}
	for _, sql := range begin {
		t.later(sql)
	}
	for _, c := range checksOf(ctx, uid) {
		t.begin = append(t.begin, statement{c.SQL, c.Args, c.Judge})
	}
	return t
}

// statement is a statement with its parameters, and what judges its row, if it is a [Check].
type statement struct {
	sql   string
	args  []any
	judge func(scan func(dest ...any) error) error
}

// later has a statement sent with the next one, or with the commit, which then fails if it fails.
func (t *transaction) later(sql string, args ...any) {
	t.begin = append(t.begin, statement{sql: sql, args: args})
}

// numberOf is a collection with its number, 0 if it does not exist.
type numberOf struct {
	name     string
	n        int32
	modified bso.Timestamp
}

// ownCollection is a row of storage_collections, which only the step that has the user's turn changes.
type ownCollection struct {
	number         int32
	modified       bso.Timestamp
	records, bytes int64
	fresh          bool // made by this step
	row            bool // it has a row
}

// ownBatch is a batch that a step added to.
type ownBatch struct {
	collection string
	number     int64
	size       storage.BatchSize
}

var (
	_ storage.Tx         = (*transaction)(nil)
	_ storage.ListReader = (*transaction)(nil)
)

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
	begin := t.begin
	t.begin = nil
	queue(&b)
	results := t.conn.SendBatch(t.ctx, &b)
	for _, s := range begin {
		var err error
		if s.judge == nil {
			_, err = results.Exec()
		} else {
			err = s.judge(results.QueryRow().Scan)
		}
		if err != nil {
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

// lock waits for the step's turn, and reads the user's collections. For a user who never wrote it makes the
// row to lock.
func (t *transaction) lock() error {
	found, err := t.lockRow(false)
	if err == nil && !found {
		_, err = t.lockRow(true)
	}
	return err
}

// lockRow is lock, and reports whether there is a row. With first it makes one.
func (t *transaction) lockRow(first bool) (found bool, err error) {
	if first {
		t.later(sqlFirst, t.uid)
	}
	var last int64
	t.own, t.batches = make(map[string]*ownCollection), make(map[string]*ownBatch)
	err = t.send(func(b *pgx.Batch) {
		b.Queue(sqlLock, t.uid)
		b.Queue(sqlOwn, t.uid)
	}, func(r pgx.BatchResults) error {
		err := r.QueryRow().Scan(&last, &t.fenced)
		if found = err == nil; err != nil && !errors.Is(err, pgx.ErrNoRows) {
			return err
		}
		rows, err := r.Query()
		if err != nil {
			return err
		}
		var name string
		var at int64
		c := ownCollection{row: true}
		_, err = pgx.ForEachRow(rows, []any{&name, &c.number, &at, &c.records, &c.bytes}, func() error {
			own := c
			own.modified = bso.Timestamp(at)
			t.own[name] = &own
			return nil
		})
		return err
	})
	t.last = bso.Timestamp(last)
	return found, err
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
		t.queueChanges(b)
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

// stamp notes that the step writes, and when.
func (t *transaction) stamp() bso.Timestamp {
	t.stamped = true
	t.last, _ = t.Time()
	return t.last
}

// collection returns a collection that the step writes, which it adds if it does not exist.
func (t *transaction) collection(name string) *ownCollection {
	c := t.own[name]
	if c == nil {
		c = &ownCollection{number: 1, fresh: true}
		for _, other := range t.own {
			c.number = max(c.number, other.number+1)
		}
		t.own[name] = c
	}
	if !slices.Contains(t.changed, name) {
		t.changed = append(t.changed, name)
	}
	return c
}

// queueChanges queues the statements that write what the step noted: when the user wrote last, and what
// became of the collections.
func (t *transaction) queueChanges(b *pgx.Batch) {
	if t.stamped {
		b.Queue(sqlStamp, t.uid, int64(t.time), t.step)
	}
	for _, name := range t.changed {
		switch c := t.own[name]; {
		case c == nil: // deleted since
		case c.row:
			b.Queue(sqlSetCollection, t.uid, c.number, int64(c.modified), c.records, c.bytes)
		default:
			b.Queue(sqlAddCollection, t.uid, c.number, name, int64(c.modified), c.records, c.bytes)
			c.row = true
		}
	}
	t.stamped, t.changed = false, nil
}

// writeChanges writes what the step noted, so that a query finds it.
func (t *transaction) writeChanges() error {
	if !t.stamped && t.changed == nil {
		return nil
	}
	return t.exec(t.queueChanges)
}
