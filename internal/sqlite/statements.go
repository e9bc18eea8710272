package sqlite

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"maps"
	"slices"
	"sync"
)

// Tx is a transaction that keeps its statements prepared for the transactions
// after it. To prepare a statement costs as much as to run a small one, so this
// pays where the same few texts run again and again; a text that differs from
// call to call belongs into a *sql.Tx.
type Tx struct {
	ctx        context.Context
	tx         *sql.Tx
	statements *statements
	// own are statements that this transaction runs for the second time or more,
	// before anybody could prepare them for all: a long one must not wait for that.
	// They end with it. A nil one ran once.
	own map[string]*sql.Stmt
}

// Exec runs a statement that returns no rows, and returns how many it changed.
func (t *Tx) Exec(query string, args ...any) (int64, error) {
	var res sql.Result
	var err error
	if s := t.Stmt(query); s != nil {
		res, err = s.ExecContext(t.ctx, args...)
	} else {
		res, err = t.tx.ExecContext(t.ctx, query, args...)
	}
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

// Query runs a statement that returns rows.
func (t *Tx) Query(query string, args ...any) (*sql.Rows, error) {
	if s := t.Stmt(query); s != nil {
		return s.QueryContext(t.ctx, args...)
	}
	return t.tx.QueryContext(t.ctx, query, args...)
}

// QueryRow runs a statement that returns at most one row.
func (t *Tx) QueryRow(query string, args ...any) *sql.Row {
	if s := t.Stmt(query); s != nil {
		return s.QueryRowContext(t.ctx, args...)
	}
	return t.tx.QueryRowContext(t.ctx, query, args...)
}

// Each runs a statement once for each set of arguments. args is called with 0
// to n-1; what it returns may be overwritten by the next call.
func (t *Tx) Each(query string, n int, args func(i int) []any) error {
	s := t.Stmt(query)
	if s == nil {
		var err error
		if s, err = t.tx.PrepareContext(t.ctx, query); err != nil {
			return err
		}
		defer s.Close()
	}
	// The driver watches a context that can end with a goroutine at each run, so
	// it gets one that cannot.
	quiet := context.WithoutCancel(t.ctx)
	for i := range n {
		if _, err := s.ExecContext(quiet, args(i)...); err != nil {
			return err
		}
		if err := t.ctx.Err(); err != nil {
			return err
		}
	}
	return nil
}

// Stmt returns the prepared statement for a text, valid in this transaction, or
// nil if there is none yet.
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
		// A failure costs speed only, or comes again where it is reported.
		s, _ = t.tx.PrepareContext(t.ctx, query)
	}
	t.own[query] = s
	return s
}

// statements holds the prepared statements of one pool. A new one is prepared
// after the transaction that asked for it: database/sql needs a connection for
// that, and the writer's only one is taken until then.
type statements struct {
	mu     sync.Mutex
	ready  map[string]*sql.Stmt
	wanted map[string]struct{}
}

// maxStatements bounds the texts that are kept, should they turn out to differ
// from call to call after all.
const maxStatements = 256

func (s *statements) find(query string) *sql.Stmt {
	s.mu.Lock()
	defer s.mu.Unlock()
	stmt := s.ready[query]
	if stmt == nil && len(s.ready)+len(s.wanted) < maxStatements {
		if s.wanted == nil {
			s.wanted = make(map[string]struct{})
		}
		s.wanted[query] = struct{}{}
	}
	return stmt
}

// prepare prepares what was wanted. A failure costs speed only: the statement
// ran without.
func (s *statements) prepare(ctx context.Context, pool *sql.DB) {
	s.mu.Lock()
	wanted := s.wanted
	s.wanted = nil
	s.mu.Unlock()
	for query := range wanted {
		stmt, err := pool.PrepareContext(ctx, query)
		if err != nil {
			continue
		}
		s.mu.Lock()
		twin := s.ready[query]
		if twin == nil {
			if s.ready == nil {
				s.ready = make(map[string]*sql.Stmt)
			}
			s.ready[query] = stmt
		}
		s.mu.Unlock()
		if twin != nil {
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

// UpdateCached is Update with statements that stay prepared.
func (db *DB) UpdateCached(ctx context.Context, f func(*Tx) error) error {
	return db.cached(ctx, db.write, &db.writeStatements, f)
}

// UpdateSoon is UpdateCached that does not wait for the disk, also in a file that
// is Durable: what it commits survives a killed process at once, and a loss of
// power when a later Update has returned, whose wait covers it.
func (db *DB) UpdateSoon(ctx context.Context, f func(*Tx) error) error {
	if !db.durable {
		return db.UpdateCached(ctx, f)
	}
	err := db.soon(ctx, f)
	db.writeStatements.prepare(context.WithoutCancel(ctx), db.write)
	return err
}

func (db *DB) soon(ctx context.Context, f func(*Tx) error) error {
	conn, err := db.write.Conn(ctx)
	if err != nil {
		return Explain(err)
	}
	defer conn.Close()
	if _, err := conn.ExecContext(ctx, "PRAGMA synchronous=NORMAL"); err != nil {
		return Explain(err)
	}
	defer func() {
		if _, err := conn.ExecContext(context.WithoutCancel(ctx), "PRAGMA synchronous=FULL"); err != nil {
			// It must not serve a durable write like that: the pool makes a new one.
			_ = conn.Raw(func(any) error { return driver.ErrBadConn })
		}
	}()
	return inTx(ctx, conn, func(tx *sql.Tx) error { return f(&Tx{ctx: ctx, tx: tx, statements: &db.writeStatements}) })
}

// ViewCached is View with statements that stay prepared.
func (db *DB) ViewCached(ctx context.Context, f func(*Tx) error) error {
	return db.cached(ctx, db.read, &db.readStatements, f)
}

// Query runs a statement that returns rows, outside any transaction, and keeps it
// prepared.
func (db *DB) Query(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	if stmt := db.statement(ctx, query); stmt != nil {
		return stmt.QueryContext(ctx, args...)
	}
	return db.read.QueryContext(ctx, query, args...)
}

// QueryRow is Query for a statement that returns at most one row.
func (db *DB) QueryRow(ctx context.Context, query string, args ...any) *sql.Row {
	if stmt := db.statement(ctx, query); stmt != nil {
		return stmt.QueryRowContext(ctx, args...)
	}
	return db.read.QueryRowContext(ctx, query, args...)
}

// statement returns the readers' prepared statement for a text, or nil if it cannot
// be prepared or too many are.
func (db *DB) statement(ctx context.Context, query string) *sql.Stmt {
	if stmt := db.readStatements.find(query); stmt != nil {
		return stmt
	}
	db.readStatements.prepare(context.WithoutCancel(ctx), db.read)
	return db.readStatements.find(query)
}

func (db *DB) cached(ctx context.Context, pool *sql.DB, s *statements, f func(*Tx) error) error {
	err := inTx(ctx, pool, func(tx *sql.Tx) error { return f(&Tx{ctx: ctx, tx: tx, statements: s}) })
	s.prepare(context.WithoutCancel(ctx), pool)
	return err
}

// Statements lists the texts that are prepared, for a look at their plans.
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
