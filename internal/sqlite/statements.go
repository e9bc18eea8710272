package sqlite

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"
)

// Tx is a transaction whose statements stay prepared for later transactions. Preparing a
// statement costs as much as running a small one, so this helps if the same few statements
// run often. Run statements whose text differs each time in a [sql.Tx] instead.
type Tx struct {
	ctx context.Context
	// run is what statements run with. That of a transaction which writes cannot end: for one
	// that can, the driver starts a goroutine for each statement.
	run        context.Context
	tx         *sql.Tx
	statements *statements
	observer   Observer // may be nil
	// own holds the statements that this transaction has run and that are not prepared for
	// all transactions yet. From its second run on, a statement is prepared for this
	// transaction; a statement that ran once is nil.
	own map[string]*sql.Stmt
}

// Exec runs a statement that returns no rows, and returns how many it changed.
func (t *Tx) Exec(query string, args ...any) (int64, error) {
	if err := t.ctx.Err(); err != nil {
		return 0, err
	}
	var res sql.Result
	err := observed(t.ctx, t.observer, query, func() (err error) {
		if s := t.Stmt(query); s != nil {
			res, err = s.ExecContext(t.run, args...)
		} else {
			res, err = t.tx.ExecContext(t.run, query, args...)
		}
		return err
	})
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

// Query runs a statement that returns rows.
func (t *Tx) Query(query string, args ...any) (rows *sql.Rows, err error) {
	if err := t.ctx.Err(); err != nil {
		return nil, err
	}
	err = observed(t.ctx, t.observer, query, func() (err error) {
		if s := t.Stmt(query); s != nil {
			rows, err = s.QueryContext(t.run, args...) //nolint:rowserrcheck // the caller checks it
		} else {
			rows, err = t.tx.QueryContext(t.run, query, args...) //nolint:rowserrcheck // the caller checks it
		}
		return err
	})
	return rows, err
}

// QueryRow runs a statement that returns at most one row.
func (t *Tx) QueryRow(query string, args ...any) (row *sql.Row) {
	_ = observed(t.ctx, t.observer, query, func() error {
		if s := t.Stmt(query); s != nil {
			row = s.QueryRowContext(t.run, args...)
		} else {
			row = t.tx.QueryRowContext(t.run, query, args...)
		}
		return row.Err()
	})
	return row
}

// observed calls f, and tells the observer how long it took, if there is one.
func observed(ctx context.Context, o Observer, query string, f func() error) error {
	if o == nil {
		return f()
	}
	began := o.Now()
	err := f()
	o.Observe(ctx, query, began, err)
	return err
}

// Each runs a statement once for each set of arguments. args is called with 0 to n-1; its
// result may be reused by the next call.
func (t *Tx) Each(query string, n int, args func(i int) []any) error {
	s := t.Stmt(query)
	if s == nil {
		var err error
		if s, err = t.tx.PrepareContext(t.ctx, query); err != nil {
			return err
		}
		defer s.Close()
	}
	quiet := context.WithoutCancel(t.ctx) // see run
	return observed(t.ctx, t.observer, query, func() error {
		for i := range n {
			if _, err := s.ExecContext(quiet, args(i)...); err != nil {
				return err
			}
			if err := t.ctx.Err(); err != nil {
				return err
			}
		}
		return nil
	})
}

// insertSizes are how many rows one statement of InsertMany inserts.
var insertSizes = [...]int{100, 10, 1}

// InsertMany inserts rows by few statements. query inserts one row, and ends with a "?" for
// each of its columns, in parentheses. args has the columns of all rows, one row after the other.
func (t *Tx) InsertMany(query string, columns int, args []any) error {
	row := query[strings.LastIndexByte(query, '('):]
	for _, size := range insertSizes {
		if len(args) < size*columns {
			continue
		}
		text := query + strings.Repeat(", "+row, size-1)
		for ; len(args) >= size*columns; args = args[size*columns:] {
			if _, err := t.Exec(text, args[:size*columns]...); err != nil {
				return err
			}
		}
	}
	return nil
}

// Stmt returns the prepared statement for a text, or nil if there is none yet. It is valid in
// this transaction only.
func (t *Tx) Stmt(query string) *sql.Stmt {
	if s := t.statements.find(query); s != nil {
		return t.tx.StmtContext(t.ctx, s)
	}
	s, again := t.own[query]
	if s != nil || len(t.own) >= maxStatements {
		return s
	}
	if t.own == nil {
		t.own = make(map[string]*sql.Stmt)
	}
	if again {
		// Ignore a failure: the statement then runs unprepared and reports it.
		s, _ = t.tx.PrepareContext(t.ctx, query)
	}
	t.own[query] = s
	return s
}

// statements holds the prepared statements of one pool. A new statement is prepared after the
// transaction that ran it for the second time: database/sql needs a connection for that, and the
// transaction holds the writer's only one. Many files are opened for one request, which runs
// each statement once.
type statements struct {
	mu    sync.Mutex
	ready map[string]*sql.Stmt
	// asked has the statements that are not ready, and whether they ran more than once.
	asked map[string]bool
}

// maxStatements bounds the number of prepared statements, in case the texts differ each time
// after all.
const maxStatements = 256

func (s *statements) find(query string) *sql.Stmt {
	s.mu.Lock()
	defer s.mu.Unlock()
	stmt := s.ready[query]
	if stmt != nil {
		return stmt
	}
	if _, again := s.asked[query]; again {
		s.asked[query] = true
	} else if len(s.ready)+len(s.asked) < maxStatements {
		if s.asked == nil {
			s.asked = make(map[string]bool)
		}
		s.asked[query] = false
	}
	return nil
}

// prepare prepares the statements that ran more than once. It ignores failures: such a statement
// runs unprepared. It does not wait for readers, who may take long: then a later call prepares them.
func (s *statements) prepare(ctx context.Context, pool *sql.DB) {
	if n := pool.Stats(); n.MaxOpenConnections > 1 && n.InUse >= n.MaxOpenConnections {
		return
	}
	s.mu.Lock()
	var wanted []string
	for query, again := range s.asked {
		if again {
			wanted = append(wanted, query)
			delete(s.asked, query)
		}
	}
	s.mu.Unlock()
	for _, query := range wanted {
		stmt, err := pool.PrepareContext(ctx, query)
		if err != nil {
			continue
		}
		s.mu.Lock()
		existing := s.ready[query]
		if existing == nil {
			if s.ready == nil {
				s.ready = make(map[string]*sql.Stmt)
			}
			s.ready[query] = stmt
		}
		s.mu.Unlock()
		if existing != nil {
			_ = stmt.Close()
		}
	}
}

func (s *statements) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var errs []error
	for _, stmt := range s.ready {
		errs = append(errs, stmt.Close())
	}
	s.ready = nil
	return errors.Join(errs...)
}

// UpdateCached is [DB.Update] with statements that stay prepared.
func (db *DB) UpdateCached(ctx context.Context, f func(*Tx) error) error {
	return db.cached(ctx, db.write, &db.writeStatements, f)
}

// UpdateSoon is [DB.UpdateCached] without waiting for the disk, even if [Options.Durable] is
// set. Its commit survives a killed process at once, and a power failure once a later
// [DB.Update] has returned.
func (db *DB) UpdateSoon(ctx context.Context, f func(*Tx) error) error {
	if !db.durable {
		return db.UpdateCached(ctx, f)
	}
	return db.atLevel(ctx, "NORMAL", "FULL", f)
}

// UpdateDurably is [DB.UpdateCached] that waits for the disk, even if [Options.Durable] is not set:
// its commit and all earlier ones survive a power failure.
func (db *DB) UpdateDurably(ctx context.Context, f func(*Tx) error) error {
	if db.durable {
		return db.UpdateCached(ctx, f)
	}
	return db.atLevel(ctx, "FULL", "NORMAL", f)
}

// atLevel runs one transaction with another synchronous setting than the file's.
func (db *DB) atLevel(ctx context.Context, level, usual string, f func(*Tx) error) error {
	began := false
	err := db.leveled(ctx, level, usual, func(t *Tx) error { began = true; return f(t) })
	if began {
		db.writeStatements.prepare(context.WithoutCancel(ctx), db.write)
	}
	return err
}

func (db *DB) leveled(ctx context.Context, level, usual string, f func(*Tx) error) error {
	conn, err := db.write.Conn(ctx)
	if err != nil {
		return Explain(err)
	}
	defer conn.Close()
	if _, err := conn.ExecContext(ctx, "PRAGMA synchronous="+level); err != nil {
		return Explain(err)
	}
	defer func() {
		if _, err := conn.ExecContext(context.WithoutCancel(ctx), "PRAGMA synchronous="+usual); err != nil {
			// The connection must not be used at this level, so the pool replaces it.
			_ = conn.Raw(func(any) error { return driver.ErrBadConn })
		}
	}()
	return inTx(ctx, db.observer, conn, func(tx *sql.Tx) error {
		return f(&Tx{ctx: ctx, run: context.WithoutCancel(ctx), tx: tx, statements: &db.writeStatements, observer: db.observer})
	})
}

// ViewCached is [DB.View] with statements that stay prepared.
func (db *DB) ViewCached(ctx context.Context, f func(*Tx) error) error {
	return db.cached(ctx, db.read, &db.readStatements, f)
}

// Query runs a statement that returns rows, outside of a transaction, and keeps it prepared.
func (db *DB) Query(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	var rows *sql.Rows
	err := observed(ctx, db.observer, query, func() (err error) {
		if stmt := db.statement(ctx, query); stmt != nil {
			rows, err = stmt.QueryContext(ctx, args...) //nolint:rowserrcheck // the caller checks it
		} else {
			rows, err = db.read.QueryContext(ctx, query, args...) //nolint:rowserrcheck // the caller checks it
		}
		return err
	})
	return rows, err
}

// QueryRow is [DB.Query] for a statement that returns at most one row.
func (db *DB) QueryRow(ctx context.Context, query string, args ...any) *sql.Row {
	var row *sql.Row
	_ = observed(ctx, db.observer, query, func() error {
		if stmt := db.statement(ctx, query); stmt != nil {
			row = stmt.QueryRowContext(ctx, args...)
		} else {
			row = db.read.QueryRowContext(ctx, query, args...)
		}
		return row.Err()
	})
	return row
}

// statement returns the readers' prepared statement for a text, or nil if it cannot be
// prepared, or if there are too many.
func (db *DB) statement(ctx context.Context, query string) *sql.Stmt {
	if stmt := db.readStatements.find(query); stmt != nil {
		return stmt
	}
	db.readStatements.prepare(context.WithoutCancel(ctx), db.read)
	return db.readStatements.find(query)
}

func (db *DB) cached(ctx context.Context, pool *sql.DB, s *statements, f func(*Tx) error) error {
	began := false
	run := ctx
	if pool == db.write {
		run = context.WithoutCancel(ctx)
	}
	err := inTx(ctx, db.observer, pool, func(tx *sql.Tx) error {
		began = true
		return f(&Tx{ctx: ctx, run: run, tx: tx, statements: s, observer: db.observer})
	})
	if began { // a call that gave up its turn must not wait for it again
		s.prepare(context.WithoutCancel(ctx), pool)
	}
	return err
}

// Statements lists the texts of the prepared statements, so that a test can check their query
// plans.
func (db *DB) Statements() []string {
	all := make(map[string]struct{})
	for _, s := range []*statements{&db.readStatements, &db.writeStatements} {
		s.mu.Lock()
		for query := range s.ready {
			all[query] = struct{}{}
		}
		s.mu.Unlock()
	}
	return slices.Sorted(maps.Keys(all))
}
