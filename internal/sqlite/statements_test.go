package sqlite_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"runtime/metrics"
	"slices"
	"strings"
	"testing"

	"github.com/syncmanager/syncmanager/internal/sqlite"
)

func TestStatementsStayPrepared(t *testing.T) {
	t.Parallel()
	db := open(t, filepath.Join(t.TempDir(), "a.sqlite"), sqlite.Options{Migrations: one})
	const insert, count = `INSERT INTO notes (text) VALUES (?)`, `SELECT count(*) FROM notes WHERE text <> ?`
	for round := range 3 {
		err := db.UpdateCached(t.Context(), func(tx *sqlite.Tx) error {
			if (tx.Stmt(insert) != nil) != (round > 0) {
				t.Errorf("round %d: prepared: %v", round, round == 0)
			}
			n, err := tx.Exec(insert, "one")
			if n != 1 || err != nil {
				return fmt.Errorf("inserted %d: %w", n, err)
			}
			return tx.Each(insert, 2, func(i int) []any { return []any{fmt.Sprint(i)} })
		})
		if err != nil {
			t.Fatal(err)
		}
		err = db.ViewCached(t.Context(), func(tx *sqlite.Tx) error {
			var n int
			if err := tx.QueryRow(count, "").Scan(&n); err != nil || n != 3*(round+1) {
				t.Errorf("round %d: %d notes, %v", round, n, err)
			}
			rows, err := tx.Query(`SELECT text FROM notes`)
			if err != nil {
				return err
			}
			n = 0
			for rows.Next() {
				n++
			}
			if n != 3*(round+1) {
				t.Errorf("round %d: %d rows", round, n)
			}
			return errors.Join(rows.Err(), rows.Close())
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if got := db.Statements(); !slices.Contains(got, insert) || !slices.Contains(got, count) || len(got) != 3 {
		t.Errorf("prepared: %q", got)
	}
	// The number of prepared statements is bounded.
	for i := range 600 {
		err := db.ViewCached(t.Context(), func(tx *sqlite.Tx) error {
			var n int
			return tx.QueryRow(fmt.Sprintf(`SELECT %d`, i)).Scan(&n)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if n := len(db.Statements()); n > 520 {
		t.Errorf("%d statements are kept", n)
	}
	// A client that leaves in the middle of a series stops it.
	ctx, cancel := context.WithCancel(t.Context())
	err := db.UpdateCached(ctx, func(tx *sqlite.Tx) error {
		return tx.Each(insert, 10, func(i int) []any {
			if i == 5 {
				cancel()
			}
			return []any{"unwanted"}
		})
	})
	if !errors.Is(err, context.Canceled) || strings.Contains(texts(t, db), "unwanted") {
		t.Errorf("%v, left %s", err, texts(t, db))
	}
}

// Many files are opened for one request: a statement is prepared when it runs again.
func TestAStatementThatRanOnceIsNotPrepared(t *testing.T) {
	t.Parallel()
	db := open(t, filepath.Join(t.TempDir(), "a.sqlite"), sqlite.Options{Migrations: one})
	for round, want := range []int{0, 1, 1} {
		err := db.ViewCached(t.Context(), func(tx *sqlite.Tx) error {
			var n int
			return tx.QueryRow(`SELECT count(*) FROM notes`).Scan(&n)
		})
		if err != nil {
			t.Fatal(err)
		}
		if got := db.Statements(); len(got) != want {
			t.Errorf("after run %d: prepared are %q", round+1, got)
		}
	}
}

// A long transaction prepares its own statements.
func TestALongTransactionPreparesForItself(t *testing.T) {
	t.Parallel()
	db := open(t, filepath.Join(t.TempDir(), "a.sqlite"), sqlite.Options{Migrations: one})
	const insert = `INSERT INTO notes (text) VALUES (?)`
	err := db.UpdateCached(t.Context(), func(tx *sqlite.Tx) error {
		for i := range 5 {
			if n, err := tx.Exec(insert, fmt.Sprint(i)); n != 1 || err != nil {
				return fmt.Errorf("inserted %d: %w", n, err)
			}
		}
		if tx.Stmt(insert) == nil {
			t.Error("a statement that ran five times is not prepared")
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// A statement outside a transaction is prepared once for all callers, unless there are too
// many.
func TestStatementsOutsideTransactions(t *testing.T) {
	t.Parallel()
	db := open(t, filepath.Join(t.TempDir(), "a.sqlite"), sqlite.Options{Migrations: one})
	for i := range 3 {
		var n int
		if err := db.QueryRow(t.Context(), `SELECT ?1 + 1`, i).Scan(&n); err != nil || n != i+1 {
			t.Fatalf("%d, %v", n, err)
		}
	}
	if got := db.Statements(); !slices.Equal(got, []string{`SELECT ?1 + 1`}) {
		t.Errorf("prepared are %q", got)
	}
	if err := db.QueryRow(t.Context(), `SELECT * FROM nowhere`).Scan(new(int)); err == nil || !strings.Contains(err.Error(), "nowhere") {
		t.Errorf("a table that is not there: %v", err)
	}
	for i := range 300 {
		rows, err := db.Query(t.Context(), fmt.Sprintf(`SELECT %d`, i))
		if err != nil {
			t.Fatal(err)
		}
		if !rows.Next() {
			t.Errorf("no row: %v", rows.Err())
		}
		if err := rows.Close(); err != nil {
			t.Error(err)
		}
	}
	if n := len(db.Statements()); n > 256 {
		t.Errorf("%d statements are kept", n)
	}
}

// The driver starts a goroutine for a statement whose context can end, which costs more than
// most statements.
func TestAWritingStatementStartsNoGoroutine(t *testing.T) {
	db := open(t, filepath.Join(t.TempDir(), "a.sqlite"), sqlite.Options{Migrations: one})
	created := func() uint64 {
		sample := []metrics.Sample{{Name: "/sched/goroutines-created:goroutines"}}
		metrics.Read(sample)
		return sample[0].Value.Uint64()
	}
	const statements = 1000
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	err := db.UpdateCached(ctx, func(tx *sqlite.Tx) error {
		before := created()
		for i := range statements {
			if _, err := tx.Exec("INSERT INTO notes (text) VALUES (?1)", fmt.Sprint(i)); err != nil {
				return err
			}
		}
		if n := created() - before; n > statements/10 {
			t.Errorf("%d statements started %d goroutines", statements, n)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// A statement of a transaction whose context ended does not run.
func TestAWritingStatementRefusesAnEndedContext(t *testing.T) {
	t.Parallel()
	db := open(t, filepath.Join(t.TempDir(), "a.sqlite"), sqlite.Options{Migrations: one})
	ctx, cancel := context.WithCancel(t.Context())
	err := db.UpdateCached(ctx, func(tx *sqlite.Tx) error {
		cancel()
		if _, err := tx.Exec("INSERT INTO notes (text) VALUES ('a')"); !errors.Is(err, context.Canceled) {
			t.Errorf("Exec: %v", err)
		}
		if rows, err := tx.Query("SELECT text FROM notes"); !errors.Is(err, context.Canceled) { //nolint:rowserrcheck // there are none
			t.Errorf("Query: %v, %v", rows, err)
		}
		return nil
	})
	if !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
}
