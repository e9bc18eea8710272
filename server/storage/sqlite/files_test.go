package sqlite

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
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
	p.release(p.use(t, 3)) // 2 is closed, not 1
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
	if p.use(t, 2) != two { // one more use of an open file needs no slot
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

// TestACommitWaitsForTheDisk checks the settings: their effect shows only when the power
// is cut, or after waiting. The first step of a file goes alone, and the next one into the journal.
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
	for i, synchronous := range []int{2, 1} {
		var got struct{ synchronous, busy int }
		err = backend.Update(t.Context(), 1, storage.Durable, func(tx storage.Tx) error {
			sql := tx.(*transaction).tx
			// A prepared statement has the value that it was prepared with.
			return errors.Join(sql.QueryRow(fmt.Sprint("PRAGMA synchronous -- ", i, got.busy)).Scan(&got.synchronous),
				sql.QueryRow("PRAGMA busy_timeout").Scan(&got.busy), tx.Put("c", nil))
		})
		if err != nil || got.synchronous != synchronous || got.busy != 7 {
			t.Errorf("step %d: %+v, %v, want synchronous %d", i, got, err, synchronous)
		}
	}
}
