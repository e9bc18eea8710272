package sqldb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
	"sync"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/syncmanager/syncmanager/internal/lazyre"
	"github.com/syncmanager/syncmanager/server/internal/pg"
	"github.com/syncmanager/syncmanager/server/telemetry"
)

const (
	// The lock belongs to the connection, and so ends with the process.
	sqlTryLock = `SELECT pg_try_advisory_lock(hashtextextended('syncmanager ' || current_schema() || ' ' || $1, 0))`
	sqlUnlock  = `SELECT pg_advisory_unlock(hashtextextended('syncmanager ' || current_schema() || ' ' || $1, 0))`
	sqlSoon    = `SET LOCAL synchronous_commit = off`
	// sqlWritable is false on a standby.
	sqlWritable = `SELECT NOT (pg_is_in_recovery() OR current_setting('transaction_read_only')::boolean)`
)

// postgresDB is a DB in PostgreSQL.
type postgresDB struct {
	part  string
	pool  *pgxpool.Pool
	db    *sql.DB
	texts sync.Map // statements by their text for SQLite
}

// OpenPostgres opens the tables of a part, such as "accounts", in a database that [pg.Open] takes,
// and creates them if they do not exist.
//
// The schema and the statements are those for SQLite, translated: parameters are numbered, the types
// are PostgreSQL's (INTEGER is bigint, TEXT compares bytes, BLOB is bytea), and a table with
// rowids gets a column of that name. true is 1 and false is 0, as there. Statements must do without what only
// SQLite has: IFNULL, iif, max of two values, integers as conditions. What only PostgreSQL understands is
// in a comment that begins with the word postgres, and is not one there: /*postgres FOR UPDATE SKIP LOCKED */.
//
// observer, if set, observes the statements, whose names those in named are.
func OpenPostgres(ctx context.Context, database, part string, schema fs.FS, observer *telemetry.Observer, named []telemetry.Named) (DB, error) {
	return openPostgres(ctx, database, part, schema, observer, named, 0)
}

// fewConns is how many connections a part has that few requests use.
const fewConns = 4

// OpenFew is [OpenPostgres] for a part that few requests use, with few connections.
func OpenFew(ctx context.Context, database, part string, schema fs.FS, observer *telemetry.Observer, named []telemetry.Named) (DB, error) {
	return openPostgres(ctx, database, part, schema, observer, named, fewConns)
}

// openPostgres opens a part with at most conns connections; 0: the default of [pg.Open].
func openPostgres(ctx context.Context, database, part string, schema fs.FS, observer *telemetry.Observer, named []telemetry.Named, conns int32) (DB, error) {
	steps, err := stepsOf(schema)
	if err != nil {
		return nil, err
	}
	p := &postgresDB{part: part}
	pool, err := pg.Open(ctx, database, pg.Options{MaxConns: conns, Part: observer.Part(part, p.translated(named))})
	if err != nil {
		return nil, err
	}
	if err := pg.Migrate(ctx, pool, part, steps); err != nil {
		pool.Close()
		return nil, err
	}
	p.pool, p.db = pool, stdlib.OpenDBFromPool(pool)
	return p, nil
}

// translated returns statements as PostgreSQL gets them, with those of this package.
func (p *postgresDB) translated(named []telemetry.Named) []telemetry.Named {
	all := []telemetry.Named{{Name: "sqlSoon", SQL: sqlSoon}, {Name: "sqlWritable", SQL: sqlWritable}}
	for _, s := range named {
		text := p.translate(s.SQL)
		all = append(all, telemetry.Named{Name: s.Name, SQL: text}, telemetry.Named{Name: s.Name, SQL: text + locking})
	}
	return all
}

// stepsOf translates the migrations of a SQLite file, in order.
func stepsOf(schema fs.FS) (steps []pg.Step, err error) {
	files, err := fs.Glob(schema, "*.sql")
	if err != nil {
		return nil, err
	}
	for _, file := range files {
		text, err := fs.ReadFile(schema, file)
		if err != nil {
			return nil, err
		}
		step := pg.StepOf(string(text))
		step.SQL = tables(step.SQL)
		steps = append(steps, step)
	}
	return steps, nil
}

var (
	comment      = lazyre.New(`--[^\n]*`)
	columnType   = lazyre.New(`\b(INTEGER PRIMARY KEY AUTOINCREMENT|INTEGER|TEXT|BLOB)\b`)
	withoutRowid = lazyre.New(`\)\s*STRICT,\s*WITHOUT ROWID;`)
	withRowid    = lazyre.New(`\)\s*STRICT;`)
)

// tables translates statements that make tables and indexes.
func tables(text string) string {
	text = comment.ReplaceAllString(text, "")
	numbered := strings.Contains(text, "AUTOINCREMENT")
	text = columnType.ReplaceAllStringFunc(text, func(name string) string {
		return map[string]string{
			"INTEGER PRIMARY KEY AUTOINCREMENT": "bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY",
			"INTEGER":                           "bigint",
			"TEXT":                              `text COLLATE "C"`,
			"BLOB":                              "bytea",
		}[name]
	})
	text = withoutRowid.ReplaceAllString(text, ");")
	if numbered {
		return withRowid.ReplaceAllString(text, ");")
	}
	return withRowid.ReplaceAllString(text, ", rowid bigint GENERATED ALWAYS AS IDENTITY);")
}

// postgresOnly is the part of a statement that SQLite does not see.
var postgresOnly = lazyre.New(`/\*postgres (.*?)\*/`)

var parameter = lazyre.New(`\?\d*`)

// translate numbers the parameters of a statement as SQLite does: one without a number comes
// after the largest before it.
func (p *postgresDB) translate(query string) string {
	if text, ok := p.texts.Load(query); ok {
		return text.(string)
	}
	text := Translate(query)
	p.texts.Store(query, text)
	return text
}

// Translate returns a statement as [OpenPostgres] translates it.
func Translate(query string) string {
	largest := 0
	return parameter.ReplaceAllStringFunc(postgresOnly.ReplaceAllString(query, "$1"), func(name string) string {
		n, err := strconv.Atoi(name[1:])
		if err != nil {
			n = largest + 1
		}
		largest = max(largest, n)
		return "$" + strconv.Itoa(n)
	})
}

// values are arguments as SQLite has them: its truth values are numbers.
func values(args []any) []any {
	for i, arg := range args {
		if truth, ok := arg.(bool); ok {
			args[i] = 0
			if truth {
				args[i] = 1
			}
		}
	}
	return args
}

func (p *postgresDB) View(ctx context.Context, f func(Tx) error) error {
	return p.transact(ctx, &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true}, nil, f)
}

func (p *postgresDB) Update(ctx context.Context, f func(Tx) error) error {
	return again(ctx, func() error { return p.transact(ctx, nil, nil, f) })
}

func (p *postgresDB) UpdateSoon(ctx context.Context, f func(Tx) error) error {
	return again(ctx, func() error {
		return p.transact(ctx, nil, func(tx *sql.Tx) error {
			_, err := tx.ExecContext(ctx, sqlSoon)
			return err
		}, f)
	})
}

// transact runs begin and f in a transaction.
func (p *postgresDB) transact(ctx context.Context, o *sql.TxOptions, begin func(*sql.Tx) error, f func(Tx) error) error {
	tx, err := p.db.BeginTx(ctx, o)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // after a commit it does nothing
	if begin != nil {
		if err := begin(tx); err != nil {
			return err
		}
	}
	if err := f(postgresTx{ctx, tx, p.translate}); err != nil {
		return err
	}
	return tx.Commit()
}

// TryLock implements [DB].
func (p *postgresDB) TryLock(ctx context.Context, name string) (unlock func(), err error) {
	conn, err := p.pool.Acquire(ctx)
	if err != nil {
		return nil, err
	}
	var locked bool
	if err := conn.QueryRow(ctx, sqlTryLock, name).Scan(&locked); err != nil || !locked {
		conn.Release()
		return nil, err
	}
	return func() {
		if _, err := conn.Exec(context.WithoutCancel(ctx), sqlUnlock, name); err != nil {
			_ = conn.Hijack().Close(context.WithoutCancel(ctx)) // and with it the lock
			return
		}
		conn.Release()
	}, nil
}

func (p *postgresDB) Read(ctx context.Context) Tx { return postgresRead{ctx, p.db, p.translate} }

// ErrReadOnly is the error of [DB.Ping] on a standby.
var ErrReadOnly = errors.New("the database can only be read: it is a standby, or set to read only")

func (p *postgresDB) Ping(ctx context.Context) error {
	var writable bool
	if err := p.db.QueryRowContext(ctx, sqlWritable).Scan(&writable); err != nil {
		return fmt.Errorf("the database of %s: %w", p.part, err)
	}
	if !writable {
		return ErrReadOnly
	}
	return nil
}

func (p *postgresDB) Close() error {
	err := p.db.Close()
	p.pool.Close()
	return err
}

// postgresTx is a Tx in a transaction.
type postgresTx struct {
	ctx       context.Context
	tx        *sql.Tx
	translate func(string) string
}

func (t postgresTx) Exec(query string, args ...any) (int64, error) {
	res, err := t.tx.ExecContext(t.ctx, t.translate(query), values(args)...)
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

func (t postgresTx) Query(query string, args ...any) (*sql.Rows, error) {
	return t.tx.QueryContext(t.ctx, t.translate(query), values(args)...)
}

func (t postgresTx) QueryRow(query string, args ...any) *sql.Row {
	return t.tx.QueryRowContext(t.ctx, t.translate(query), values(args)...)
}

// locking makes a SELECT lock its rows.
const locking = " FOR NO KEY UPDATE"

// Lock implements [Tx]. Rows that refer to a locked one may be added meanwhile by who locks nothing.
func (t postgresTx) Lock(query string, args ...any) error {
	_, err := t.Exec(query+locking, args...)
	return err
}

// postgresRead is a Tx that runs each statement by itself.
type postgresRead struct {
	ctx       context.Context
	db        *sql.DB
	translate func(string) string
}

func (r postgresRead) Exec(string, ...any) (int64, error) { return 0, errReadOnly }

func (r postgresRead) Lock(string, ...any) error { return errReadOnly }

func (r postgresRead) Query(query string, args ...any) (*sql.Rows, error) {
	return r.db.QueryContext(r.ctx, r.translate(query), values(args)...)
}

func (r postgresRead) QueryRow(query string, args ...any) *sql.Row {
	return r.db.QueryRowContext(r.ctx, r.translate(query), values(args)...)
}
