package sqlite

import (
	"context"
	"errors"
	"io/fs"
	"strings"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/internal/sqlite"
	"github.com/syncmanager/syncmanager/server/storage"
)

func newTestFiles(t *testing.T, maxOpen int) *files {
	t.Helper()
	sub, err := fs.Sub(migrations, "migrations")
	if err != nil {
		t.Fatal(err)
	}
	p, err := newFiles(t.TempDir(), maxOpen, sqlite.Options{Migrations: sub})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return p
}

// use acquires a file, and fails if that does not work.
func (p *files) use(t *testing.T, uid int64) *file {
	t.Helper()
	f, err := p.acquire(t.Context(), uid)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestTheFileThatRestedLongestMakesRoom(t *testing.T) {
	t.Parallel()
	p := newTestFiles(t, 2)
	one, two := p.use(t, 1), p.use(t, 2)
	p.release(one)
	p.release(two)
	if again := p.use(t, 1); again != one {
		t.Error("an open file was opened again")
	}
	p.release(one)
	p.release(p.use(t, 3)) // 2 has to go, not 1
	if p.open[1] != one || p.open[2] != nil || len(p.open) != 2 {
		t.Errorf("open: %v", p.open)
	}
	if err := two.db.Read().PingContext(t.Context()); err == nil {
		t.Error("the evicted file is still open")
	}
}

func TestAFileInUseStaysOpen(t *testing.T) {
	t.Parallel()
	p := newTestFiles(t, 2)
	one, two := p.use(t, 1), p.use(t, 2)
	impatient, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := p.acquire(impatient, 3); !errors.Is(err, context.Canceled) {
		t.Errorf("a third file: %v", err)
	}
	if p.use(t, 2) != two { // one more user needs no room
		t.Error("a file in use was opened again")
	}
	p.release(two)
	got := make(chan *file)
	go func() {
		three, err := p.acquire(context.WithoutCancel(t.Context()), 3)
		if err != nil {
			t.Error(err)
		}
		got <- three
	}()
	p.release(one)
	three := <-got
	if err := two.db.Read().PingContext(t.Context()); err != nil {
		t.Errorf("a file in use was closed: %v", err)
	}
	p.release(two)
	p.release(three)
	if len(p.open) != 2 || len(p.slots) != 0 {
		t.Errorf("%d open, %d slots taken", len(p.open), len(p.slots))
	}
}

func TestAFileThatDoesNotOpenTakesNoRoom(t *testing.T) {
	t.Parallel()
	p := newTestFiles(t, 1)
	broken := p.opts
	broken.Migrations = nil
	good := p.opts
	p.opts = broken
	p.opts.Migrations = emptyFS{}
	if _, err := p.acquire(t.Context(), 1); err == nil {
		t.Fatal("it opened")
	}
	p.opts = good
	p.release(p.use(t, 1))
	p.release(p.use(t, 2))
}

type emptyFS struct{}

func (emptyFS) Open(string) (fs.File, error) { return nil, fs.ErrNotExist }

func TestRemovingAFileInUse(t *testing.T) {
	t.Parallel()
	p := newTestFiles(t, 2)
	old := p.use(t, 1)
	if err := p.remove(1); err != nil {
		t.Fatal(err)
	}
	fresh := p.use(t, 1)
	if fresh == old {
		t.Error("a removed file came back")
	}
	p.release(old)
	if err := old.db.Read().PingContext(t.Context()); err == nil {
		t.Error("the removed file is still open")
	}
	if p.use(t, 1) != fresh {
		t.Error("the new file was lost with the old one")
	}
	p.release(fresh)
	p.release(fresh)
}

// TestACommitWaitsForTheDisk looks at the settings: to see the effect one would
// have to cut the power, or wait.
func TestACommitWaitsForTheDisk(t *testing.T) {
	t.Parallel()
	backend, err := New(Config{Dir: t.TempDir(), Now: newTestClock(), BusyTimeout: 7 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := backend.Close(context.Background()); err != nil {
			t.Error(err)
		}
	}()
	err = backend.Update(t.Context(), 1, storage.Durable, func(tx storage.Tx) error {
		for pragma, want := range map[string]int{"synchronous": 2, "busy_timeout": 7} {
			var got int
			if err := tx.(*transaction).tx.QueryRow("PRAGMA " + pragma).Scan(&got); err != nil || got != want {
				t.Errorf("%s is %d, %v", pragma, got, err)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// everything runs every statement that there is, twice, so that each of them is
// seen and prepared.
func everything(t *testing.T, b storage.Backend) {
	t.Helper()
	ctx := t.Context()
	changes := []storage.Change{{ID: "a", Fields: storage.FieldPayload, Payload: []byte("x")}, {ID: "b", Fields: storage.FieldTTL, Payload: []byte{}}}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		must(b.Update(ctx, 1, storage.Durable, func(tx storage.Tx) error {
			for _, err := range []error{tx.Put("c", changes), tx.Put("d", changes), tx.StartBatch("c", "t", 1<<60)} {
				must(err)
			}
			_, err := tx.AppendBatch("c", "t", changes)
			must(err)
			_, err = tx.CommitBatch("c", "t")
			must(err)
			must(tx.DeleteRecords("c", nil))
			_, err = tx.Usage("")
			must(err)
			_, err = tx.DropExpired(10)
			must(err)
			_, err = tx.DeleteCollection("d")
			return err
		}))
		must(b.View(ctx, 1, func(v storage.View) error {
			_, err := v.Modified("", "")
			must(err)
			_, err = v.Modified("c", "a")
			must(err)
			_, err = v.Collections()
			must(err)
			_, err = v.Record("c", "a")
			must(err)
			for _, sort := range []storage.Sort{storage.SortOldest, storage.SortNewest, storage.SortIndex} {
				for _, q := range []storage.Query{{}, {IDsOnly: true}, {Limit: 1}, {IDs: changesIDs(changes)}, {IDs: changesIDs(changes), IDsOnly: true, Limit: 1}} {
					q.Collection, q.Sort = "c", sort
					_, err := v.Page(q)
					must(err)
					must(v.Records(q, func(*storage.Record) error { return nil }))
				}
			}
			return nil
		}))
	}
	must(b.Update(ctx, 1, storage.Durable, storage.Tx.DeleteAll))
}

func TestNoStatementReadsAllRecords(t *testing.T) {
	t.Parallel()
	clock := newTestClock()
	b, err := New(Config{Dir: t.TempDir(), Now: clock})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := b.Close(context.Background()); err != nil {
			t.Error(err)
		}
	}()
	everything(t, b)
	f := b.files.use(t, 1)
	defer b.files.release(f)
	statements := f.db.Statements()
	if len(statements) < 30 {
		t.Errorf("only %d statements seen", len(statements))
	}
	covered := 0
	for _, query := range statements {
		if strings.HasPrefix(query, "DELETE FROM") && !strings.Contains(query, "WHERE") {
			continue // a wipe
		}
		plan := explain(t, f.db, query)
		for _, line := range plan {
			for _, table := range []string{"records", "batch_items"} {
				if strings.HasPrefix(line+" ", "SCAN "+table+" ") {
					t.Errorf("a scan in %q of %s", plan, query)
				}
			}
			if strings.HasPrefix(line, "SEARCH records") && strings.HasSuffix(line, "(collection=?)") && query != "DELETE FROM records WHERE collection = ?" {
				t.Errorf("a whole collection is read in %q of %s", plan, query)
			}
			if strings.Contains(line, "FOR ORDER BY") && !strings.Contains(query, "INDEXED BY records_by_id") {
				t.Errorf("sorting in %q of %s", plan, query)
			}
			if strings.Contains(line, "records USING COVERING INDEX records_by_time") {
				covered++
			}
		}
	}
	if covered < 6 {
		t.Errorf("only %d statements get by with an index", covered)
	}
}
