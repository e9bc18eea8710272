package postgres_test

import (
	"context"
	"database/sql"
	"errors"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/internal/test/pgtest"
	"github.com/syncmanager/syncmanager/server/storage"
	"github.com/syncmanager/syncmanager/server/storage/postgres"
)

var errRefused = errors.New("refused")

// A step whose check fails reads and writes nothing; those of other users are not checked.
func TestChecks(t *testing.T) {
	t.Parallel()
	b := open(t, pgtest.Database(t), time.Now)
	judged := 0
	with := func(verdict error) context.Context {
		return postgres.WithChecks(t.Context(), 1, []postgres.Check{{
			SQL: `SELECT $1::text WHERE $1 <> ''`, Args: []any{"asked"}, Judge: func(scan func(...any) error) error {
				judged++
				var text string
				if err := scan(&text); err != nil || text != "asked" {
					t.Errorf("the check has read %q, %v", text, err)
				}
				return verdict
			},
		}, {
			SQL: `SELECT 1 WHERE false`, Judge: func(scan func(...any) error) error {
				judged++
				if err := scan(new(int)); !errors.Is(err, sql.ErrNoRows) {
					t.Errorf("no row: %v", err)
				}
				return nil
			},
		}})
	}
	write := func(tx storage.Tx) error { return putText(tx, "late") }
	steps := map[string]func(ctx context.Context, uid int64) error{
		"a read": func(ctx context.Context, uid int64) error {
			return b.View(ctx, uid, func(v storage.View) error { _, err := v.Collections(); return err })
		},
		"a read of nothing": func(ctx context.Context, uid int64) error {
			return b.View(ctx, uid, func(storage.View) error { return nil })
		},
		"a read of the times": func(ctx context.Context, uid int64) error { _, _, err := b.Times(ctx, uid); return err },
		"a write":             func(ctx context.Context, uid int64) error { return b.Update(ctx, uid, storage.Durable, write) },
		"a deletion":          func(ctx context.Context, uid int64) error { return b.Delete(ctx, uid) },
	}
	for name, step := range steps {
		judged = 0
		if err := step(with(nil), 1); err != nil || judged != 2 {
			t.Errorf("%s that is admitted: %v, %d checks", name, err, judged)
		}
	}
	if err := b.Update(t.Context(), 1, storage.Durable, func(tx storage.Tx) error { return putText(tx, "early") }); err != nil {
		t.Fatal(err)
	}
	for name, step := range steps {
		if err := step(with(errRefused), 1); !errors.Is(err, errRefused) {
			t.Errorf("%s that is refused: %v", name, err)
		}
		judged = 0
		if err := step(with(errRefused), 2); err != nil || judged != 0 {
			t.Errorf("%s of another user: %v, %d checks", name, err, judged)
		}
	}
	if text := textOf(t, b, 1); text != "early" {
		t.Errorf("stored is %q", text)
	}
	if err := b.Close(t.Context()); err != nil {
		t.Error(err)
	}
}
