package pg_test

import (
	"context"
	"errors"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/syncmanager/syncmanager/internal/test/pgtest"
	"github.com/syncmanager/syncmanager/server/internal/pg"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }

func connect(t *testing.T, database string) *pgxpool.Pool {
	t.Helper()
	pool, err := pg.Open(t.Context(), database, pg.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	return pool
}

func ask[T any](t *testing.T, pool *pgxpool.Pool, query string, args ...any) (answer T) {
	t.Helper()
	if err := pool.QueryRow(t.Context(), query, args...).Scan(&answer); err != nil {
		t.Fatal(err)
	}
	return answer
}

func execute(t *testing.T, pool *pgxpool.Pool, statement string) {
	t.Helper()
	if _, err := pool.Exec(t.Context(), statement); err != nil {
		t.Fatal(err)
	}
}

// The versions of a schema in three releases: the second adds what the first does without, and the
// third removes what the second does without.
var (
	release1 = []pg.Step{pg.StepOf("CREATE TABLE things (id bigint PRIMARY KEY, old text)")}
	release2 = append(release1[:1:1], pg.StepOf("-- A comment.\n-- oldest program: 1\nALTER TABLE things ADD COLUMN new text"))
	release3 = append(release2[:2:2], pg.StepOf("-- oldest program: 2\nALTER TABLE things DROP COLUMN old"))
)

// During an upgrade, a program goes on with tables that say that it may, and is told which
// version it would need where they do not.
func TestOldAndNewProgramsSideBySide(t *testing.T) {
	t.Parallel()
	database := pgtest.Database(t)
	old, fresh := connect(t, database), connect(t, database)
	migrate := func(pool *pgxpool.Pool, steps []pg.Step) error { return pg.Migrate(t.Context(), pool, "things", steps) }
	usable := func(known int) error {
		return old.AcquireFunc(t.Context(), func(conn *pgxpool.Conn) error { return pg.Usable(t.Context(), conn, "things", known) })
	}
	for _, steps := range [][]pg.Step{release1, release2} {
		if err := migrate(fresh, steps); err != nil {
			t.Fatal(err)
		}
		if err := migrate(old, release1); err != nil {
			t.Errorf("the first release, after %d steps: %v", len(steps), err)
		}
		execute(t, old, "INSERT INTO things (id, old) SELECT count(*), 'x' FROM things")
	}
	if err := usable(1); err != nil {
		t.Error(err)
	}
	if err := migrate(fresh, release3); err != nil {
		t.Fatal(err)
	}
	err := migrate(old, release1)
	if !errors.Is(err, pg.ErrNewer) || !strings.Contains(err.Error(), "its tables of things have version 3, which needs a program that knows version 2; this one knows 1") {
		t.Errorf("the first release with the third's tables: %v", err)
	}
	if err := usable(1); !errors.Is(err, pg.ErrNewer) {
		t.Errorf("the first release that still runs: %v", err)
	}
	if err := errors.Join(migrate(old, release2), usable(2)); err != nil {
		t.Errorf("the second release with the third's tables: %v", err)
	}
	if v := ask[int](t, old, "SELECT version FROM versions"); v != 3 {
		t.Errorf("the tables have version %d", v)
	}
}

// A database from before versions said which programs may use them is one that only its own may.
func TestTheTableOfVersionsGrows(t *testing.T) {
	t.Parallel()
	pool := connect(t, pgtest.Database(t))
	execute(t, pool, `CREATE TABLE versions (part text NOT NULL PRIMARY KEY, version integer NOT NULL);
		INSERT INTO versions VALUES ('things', 1), ('others', 7); CREATE TABLE things (id bigint PRIMARY KEY, old text)`)
	for range 2 {
		if err := pg.Migrate(t.Context(), pool, "things", release2); err != nil {
			t.Fatal(err)
		}
	}
	if err := pg.Migrate(t.Context(), pool, "others", release1); !errors.Is(err, pg.ErrNewer) {
		t.Errorf("tables of version 7: %v", err)
	}
}

// A migration that is interrupted leaves nothing, and the next one does it all.
func TestAnInterruptedMigration(t *testing.T) {
	t.Parallel()
	pool := connect(t, pgtest.Database(t))
	if err := pg.Migrate(t.Context(), pool, "things", release1); err != nil {
		t.Fatal(err)
	}
	held := hold(t, pool)
	slow := append(release1[:1:1], pg.Step{SQL: "CREATE TABLE more (id bigint); ALTER TABLE things ADD COLUMN new text"})
	migrated := make(chan error, 1)
	go func() { migrated <- pg.Migrate(t.Context(), pool, "things", slow) }()
	if !ask[bool](t, pool, "SELECT pg_terminate_backend($1)", held.waiter()) {
		t.Error("the migration's connection could not be ended")
	}
	if err := <-migrated; err == nil {
		t.Error("a migration whose connection was lost succeeded")
	}
	if ask[bool](t, pool, "SELECT to_regclass('more') IS NOT NULL") || ask[int](t, pool, "SELECT version FROM versions") != 1 {
		t.Error("something of the interrupted migration is left")
	}
	held.end()
	if err := pg.Migrate(t.Context(), pool, "things", slow); err != nil {
		t.Error(err)
	}
	if !ask[bool](t, pool, "SELECT to_regclass('more') IS NOT NULL") {
		t.Error("the next migration did not do it")
	}
}

// A step that waits for a lock lets those pass who wait behind it, and is tried again. A second node that
// migrates waits for the first.
func TestAMigrationDoesNotBlockReaders(t *testing.T) {
	t.Parallel()
	database := pgtest.Database(t)
	pool := connect(t, database)
	if err := pg.Migrate(t.Context(), pool, "things", release1); err != nil {
		t.Fatal(err)
	}
	held := hold(t, pool)
	impatient := connect(t, database+"&lock_timeout=300")
	var migrating sync.WaitGroup
	for range 2 {
		migrating.Go(func() {
			if err := pg.Migrate(t.Context(), impatient, "things", release2); err != nil {
				t.Errorf("a node's migration: %v", err)
			}
		})
	}
	for range 3 {
		held.waiter()
		// It waits behind the step, and comes before its transaction ends, for which the step waits.
		ask[int](t, pool, "SELECT count(*) FROM things")
	}
	held.end()
	migrating.Wait()
	if v := ask[int](t, pool, "SELECT version FROM versions"); v != 2 {
		t.Errorf("the tables have version %d", v)
	}
	ask[int](t, pool, "SELECT count(new) FROM things")
}

// holder is a transaction that has read the table things.
type holder struct {
	t    *testing.T
	conn *pgxpool.Conn
}

func hold(t *testing.T, pool *pgxpool.Pool) *holder {
	t.Helper()
	conn, err := pool.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Exec(t.Context(), "BEGIN; SELECT FROM things"); err != nil {
		t.Fatal(err)
	}
	return &holder{t, conn}
}

// waiter returns the process of the server that waits for the holder, when there is one.
func (h *holder) waiter() (pid int) {
	h.t.Helper()
	for pid == 0 {
		err := h.conn.QueryRow(h.t.Context(), `SELECT coalesce(max(pid), 0) FROM pg_locks
			WHERE NOT granted AND pg_backend_pid() = ANY (pg_blocking_pids(pid))`).Scan(&pid)
		if err != nil {
			h.t.Fatal(err)
		}
	}
	return pid
}

func (h *holder) end() {
	h.t.Helper()
	if _, err := h.conn.Exec(h.t.Context(), "COMMIT"); err != nil {
		h.t.Fatal(err)
	}
	h.conn.Release()
}

// Of two that would do the same, one does, whichever connection it uses; and the next can when it has
// ended.
func TestAlone(t *testing.T) {
	t.Parallel()
	database := pgtest.Database(t)
	one, two := connect(t, database), connect(t, database)
	elsewhere := connect(t, pgtest.Database(t))
	failure := errors.New("a failure")
	for range 2 {
		ran, err := pg.Alone(t.Context(), one, "sweep", func(ctx context.Context) error {
			never := func(context.Context) error { t.Error("two at once"); return nil }
			if ran, err := pg.Alone(ctx, two, "sweep", never); ran || err != nil {
				t.Errorf("a second one: %v, %v", ran, err)
			}
			other := 0
			count := func(context.Context) error { other++; return nil }
			_, err1 := pg.Alone(ctx, two, "other", count)
			_, err2 := pg.Alone(ctx, elsewhere, "sweep", count)
			if err := errors.Join(err1, err2); err != nil || other != 2 {
				t.Errorf("others: %d, %v", other, err)
			}
			return failure
		})
		if !ran || !errors.Is(err, failure) {
			t.Errorf("%v, %v", ran, err)
		}
	}
	// The lock is not left on a connection of the pool.
	if n := ask[int](t, one, "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid IN (SELECT pid FROM pg_stat_activity WHERE application_name = 'syncmanager' AND state = 'idle')"); n != 0 {
		t.Errorf("%d locks are left", n)
	}
}
