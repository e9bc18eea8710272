package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/internal/test/pgtest"
	"github.com/syncmanager/syncmanager/server/internal/pg"
	"github.com/syncmanager/syncmanager/server/storage"
)

// While a newer version migrates the tables in a way that this one can go on with, reads and
// writes go on, and nothing that was acknowledged is lost.
func TestAMigrationUnderLoad(t *testing.T) {
	t.Parallel()
	database := pgtest.Database(t)
	b := open(t, database, time.Now)
	var writing sync.WaitGroup
	var migrated atomic.Bool
	written := make([]string, 4) // by user, the last
	for uid := range written {
		writing.Go(func() {
			for n := 0; n < 5 || !migrated.Load(); n++ {
				text := fmt.Sprint(uid, " ", n)
				err := b.Update(t.Context(), int64(uid), storage.Durable, func(tx storage.Tx) error { return putText(tx, text) })
				if err != nil {
					t.Errorf("a write during the migration: %v", err)
					return
				}
				written[uid] = text
				if got := textOf(t, b, int64(uid)); got != text {
					t.Errorf("read %q, want %q", got, text)
				}
			}
		})
	}
	migrateTo(t, database, `-- oldest program: 1
ALTER TABLE storage_records ADD COLUMN extra bigint;
ALTER TABLE storage_users ADD COLUMN kind text NOT NULL DEFAULT 'usual';
CREATE TABLE storage_more (uid bigint NOT NULL PRIMARY KEY)`)
	migrated.Store(true)
	writing.Wait()
	if err := errors.Join(b.Probe(t.Context()), b.Close(t.Context())); err != nil {
		t.Error(err)
	}
	b = open(t, database, time.Now) // this version starts with the newer tables
	for uid, text := range written {
		if got := textOf(t, b, int64(uid)); got != text {
			t.Errorf("stored is %q, want %q", got, text)
		}
	}

	// A running server says that it cannot go on when the tables say so.
	migrateTo(t, database, "-- oldest program: 1\nSELECT", "-- oldest program: 1000\nSELECT")
	if err := b.Probe(t.Context()); !errors.Is(err, pg.ErrNewer) {
		t.Errorf("a probe: %v", err)
	}
	if err := b.Close(t.Context()); err != nil {
		t.Error(err)
	}
}

// migrateTo does what a newer version does, whose tables take so many more steps.
func migrateTo(t *testing.T, database string, more ...string) {
	t.Helper()
	files, err := filepath.Glob("migrations/*.sql")
	if err != nil {
		t.Fatal(err)
	}
	var steps []pg.Step
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		steps = append(steps, pg.StepOf(string(text)))
	}
	for _, text := range more {
		steps = append(steps, pg.StepOf(text))
	}
	pool, err := pg.Open(t.Context(), database, pg.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	if err := pg.Migrate(context.WithoutCancel(t.Context()), pool, "storage", steps); err != nil {
		t.Errorf("the migration: %v", err)
	}
}

func textOf(t *testing.T, b storage.Backend, uid int64) (text string) {
	t.Helper()
	err := b.View(t.Context(), uid, func(v storage.View) error {
		r, err := v.Record("c", "a")
		if r != nil {
			text = string(r.Payload)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
	return text
}
