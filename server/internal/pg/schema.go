package pg

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/syncmanager/syncmanager/internal/lazyre"
)

// The table of the versions of all parts, each named by its prefix or by what it holds. oldest is
// the oldest version whose programs can use the tables; NULL: the version itself.
const (
	// The lock keeps two processes that start at once from making the tables both. It belongs to
	// the schema, and ends with the transaction.
	sqlMigrating  = `SELECT pg_advisory_xact_lock(hashtextextended('syncmanager ' || current_schema(), 0))`
	sqlMade       = `SELECT to_regclass('versions') IS NOT NULL`
	sqlVersions   = `CREATE TABLE IF NOT EXISTS versions (part text NOT NULL PRIMARY KEY, version integer NOT NULL)`
	sqlWithOldest = `ALTER TABLE versions ADD COLUMN IF NOT EXISTS oldest integer`
	sqlVersion    = `SELECT coalesce(max(version), 0) FROM versions WHERE part = $1`
	sqlOldest     = `SELECT coalesce(oldest, version) FROM versions WHERE part = $1`
	sqlMigrated   = `INSERT INTO versions (part, version, oldest) VALUES ($1, $2, $3)
		ON CONFLICT (part) DO UPDATE SET version = excluded.version, oldest = excluded.oldest`

	// A migration waits for another one as long as that takes. A step waits for a lock of a table
	// two seconds at most, or less if the connection says so: all who come meanwhile wait behind it.
	sqlPatient   = `SET LOCAL lock_timeout = 0`
	sqlImpatient = `SELECT set_config('lock_timeout', coalesce(least(2000, nullif(reset_val::integer, 0)), 2000)::text, true)
		FROM pg_settings WHERE name = 'lock_timeout'`
	sqlUnhurried = `SET LOCAL statement_timeout = 0`
)

// migrateTries is how often a migration is tried whose steps did not get the locks of the tables,
// since others were using them.
const migrateTries = 30

// ErrNewer means that tables were made by a newer version of this program, and that this one cannot use
// them.
var ErrNewer = errors.New("the database was made by a newer version: update this program")

// Step is the statements that lead the tables of a part from one version to the next. The number of
// a step is the version that it leads to.
//
// During an upgrade, old and new programs use the same tables, so a change takes two releases.
// The first release expands: it adds a column that may be NULL or has a default, a table or an index. Programs
// that do not know it go on, which Oldest says. The next release contracts: it removes what no
// program uses any more that knows the first one, and its Oldest is the version of that.
type Step struct {
	SQL string
	// Oldest is the oldest version whose programs can use the tables after this step; 0: only
	// programs that know this step can.
	Oldest int
}

// oldestProgram matches the line of a step's text that says which programs can use its tables.
var oldestProgram = lazyre.New(`(?m)^-- oldest program: (\d{1,6})$`)

// StepOf returns the step with a text. Its Oldest is in a line such as "-- oldest program: 3".
func StepOf(text string) Step {
	s := Step{SQL: text}
	if found := oldestProgram.FindStringSubmatch(text); found != nil {
		s.Oldest, _ = strconv.Atoi(found[1]) // digits
	}
	return s
}

// oldestOf returns the oldest version whose programs can use the tables after all steps.
func oldestOf(steps []Step) (oldest int) {
	for i, s := range steps {
		if s.Oldest == 0 {
			s.Oldest = i + 1
		}
		oldest = max(oldest, s.Oldest)
	}
	return oldest
}

// Migrate brings the tables of one part to the version len(steps), all in one transaction. The
// tables are in the first schema of the search path. If they have that version, or a newer one
// that programs of this version can use, nothing is written, so that a standby can be opened. It
// returns [ErrNewer] if they have a newer version that this program cannot use.
//
// Reads and writes go on meanwhile: a step that does not get the lock of a table soon gives up,
// and the migration is tried again.
func Migrate(ctx context.Context, pool *pgxpool.Pool, part string, steps []Step) (err error) {
	for range migrateTries {
		err = migrateOnce(ctx, pool, part, steps)
		var failure *pgconn.PgError
		locked := errors.As(err, &failure) && failure.Code == "55P03" // lock_not_available
		if ctx.Err() != nil || !locked && !Conflicts(err) {
			break
		}
	}
	if err != nil {
		return fmt.Errorf("cannot prepare the database: %w", err)
	}
	return nil
}

func migrateOnce(ctx context.Context, pool *pgxpool.Pool, part string, steps []Step) error {
	return pool.AcquireFunc(ctx, func(conn *pgxpool.Conn) error {
		var made bool
		if err := conn.QueryRow(ctx, sqlMade).Scan(&made); err != nil {
			return err
		}
		if made {
			if v, err := version(ctx, conn, part, len(steps)); err != nil || v >= len(steps) {
				return err
			}
		}
		return pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error { return migrate(ctx, tx, part, steps) })
	})
}

// queries is a connection or a transaction.
type queries interface {
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

// version returns the version of a part's tables; 0 if there are none. It fails with ErrNewer if a
// program of the version known cannot use them.
func version(ctx context.Context, q queries, part string, known int) (v int, err error) {
	if err := q.QueryRow(ctx, sqlVersion, part).Scan(&v); err != nil || v <= known {
		return v, err
	}
	oldest := 0
	if err := q.QueryRow(ctx, sqlOldest, part).Scan(&oldest); err != nil {
		return v, err
	}
	if oldest > known {
		return v, fmt.Errorf("%w (its tables of %s have version %d, which needs a program that knows version %d; this one knows %d)",
			ErrNewer, part, v, oldest, known)
	}
	return v, nil
}

// Usable returns [ErrNewer] if a newer program has changed the tables of a part meanwhile, so that
// this one, which knows so many steps, cannot use them any more.
func Usable(ctx context.Context, conn *pgxpool.Conn, part string, known int) error {
	_, err := version(ctx, conn, part, known)
	return err
}

func migrate(ctx context.Context, tx pgx.Tx, part string, steps []Step) error {
	for _, statement := range []string{sqlUnhurried, sqlPatient, sqlMigrating, sqlImpatient, sqlVersions, sqlWithOldest} {
		if _, err := tx.Exec(ctx, statement); err != nil {
			return err
		}
	}
	v, err := version(ctx, tx, part, len(steps))
	if err != nil || v >= len(steps) {
		return err
	}
	for i, step := range steps[v:] {
		if _, err := tx.Exec(ctx, step.SQL); err != nil {
			return fmt.Errorf("step %d of %s: %w", v+i+1, part, err)
		}
	}
	_, err = tx.Exec(ctx, sqlMigrated, part, len(steps), oldestOf(steps))
	return err
}
