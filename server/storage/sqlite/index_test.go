package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/internal/sqlite"
	"github.com/syncmanager/syncmanager/server/storage"
)

// newUpkeep returns a backend on a folder, with n users who stored ten bytes each.
func newUpkeep(t testing.TB, dir string, n int64) *Backend {
	t.Helper()
	now := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	b, err := New(Config{Dir: dir, Now: func() time.Time { return now }, MaxOpen: 2})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close(context.Background()) })
	for uid := range n {
		err := b.Update(t.Context(), uid+1, storage.Durable, func(tx storage.Tx) error {
			return tx.Put("c", []storage.Change{{ID: "a", Fields: storage.FieldPayload, Payload: []byte("ten bytes!")}})
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return b
}

func states(t testing.TB, b *Backend) map[int64]storage.State {
	t.Helper()
	all := make(map[int64]storage.State)
	if err := b.States(t.Context(), func(s storage.State) error { all[s.UID] = s; return nil }); err != nil {
		t.Fatal(err)
	}
	return all
}

// Files that did not change are not opened, and those that did are.
func TestTheIndexKnowsWhatIsInTheFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := newUpkeep(t, dir, 5).Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	// The index is changed, so that what it says can be told from what the files say.
	db, err := sql.Open("sqlite", filepath.Join(dir, indexName))
	if err != nil {
		t.Fatal(err)
	}
	_, err = db.Exec(`UPDATE files SET bytes = 99`)
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	b := newUpkeep(t, dir, 1) // user 1 changes something
	for uid, s := range states(t, b) {
		want := int64(99)
		if uid == 1 {
			want = 10
		}
		if s.Err != nil || s.Bytes != want || s.Disk < 4096 || s.Modified == 0 {
			t.Errorf("%+v, want %d bytes", s, want)
		}
	}
	if open := len(b.files.open); open != 1 {
		t.Errorf("%d files were opened", open)
	}
	// A file that was damaged from outside has changed.
	if err := os.WriteFile(b.files.path(3), []byte("what is this"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := states(t, b); !errors.Is(got[3].Err, sqlite.ErrCorrupt) || got[4].Err != nil {
		t.Errorf("%+v", got)
	}
}

// A listing adds the files that it had to open to the index, before they are closed.
func TestAListingAddsToTheIndex(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := newUpkeep(t, dir, 5).Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := removeDatabase(filepath.Join(dir, indexName)); err != nil {
		t.Fatal(err)
	}
	b := newUpkeep(t, dir, 0)
	first := states(t, b)
	all, err := b.files.index.all(t.Context())
	if err != nil || len(all) != 5 || all[1].Bytes != 10 {
		t.Errorf("the index: %+v, %v", all, err)
	}
	if again := states(t, b); !maps.Equal(again, first) {
		t.Errorf("%+v, and then %+v", first, again)
	}
}

// After a crash the index is behind the files that were open, and their journals say so.
func TestTheIndexAfterACrash(t *testing.T) {
	t.Parallel()
	dir, crashed := t.TempDir(), t.TempDir()
	if err := newUpkeep(t, dir, 2).Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	b := newUpkeep(t, dir, 0)
	err := b.Update(t.Context(), 2, storage.Durable, func(tx storage.Tx) error {
		change := storage.Change{ID: "b", Fields: storage.FieldPayload | storage.FieldTTL, Payload: []byte("more"), TTL: sql.Null[int64]{V: 60, Valid: true}}
		return tx.Put("c", []storage.Change{change})
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(crashed, os.DirFS(dir)); err != nil { // what a killed process leaves
		t.Fatal(err)
	}
	after := newUpkeep(t, crashed, 0)
	if got := states(t, after); got[1].Bytes != 10 || got[2].Bytes != 14 {
		t.Errorf("%+v", got)
	}
	after.now = func() time.Time { return time.Date(2026, 11, 22, 11, 0, 0, 0, time.UTC) }
	if err := after.Purge(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := states(t, after); got[1].Bytes != 10 || got[2].Bytes != 10 {
		t.Errorf("after a sweep: %+v", got)
	}
	if err := after.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	x := index{dir: crashed}
	all, err := x.all(t.Context())
	if err := errors.Join(err, x.close()); err != nil || all[2].Bytes != 10 || all[2].Expires.Valid {
		t.Errorf("the index: %+v, %v", all, err)
	}
}

// Two states of a file never look the same to the index, however fast they follow each other.
func TestEachStateOfAFileHasATimeOfItsOwn(t *testing.T) {
	t.Parallel()
	b := newUpkeep(t, t.TempDir(), 1)
	path := b.files.path(1)
	if err := b.files.detach(1); err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	seen := make(map[identity]bool)
	for range 100 {
		if err := os.Chtimes(path, at, at); err != nil { // the clock of the system stands still
			t.Fatal(err)
		}
		first, _, err := identify(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := b.files.mark(1); err != nil {
			t.Fatal(err)
		}
		id, _, err := identify(path)
		if err != nil || id == first || seen[id] || id.changed-first.changed >= int64(time.Millisecond) {
			t.Fatalf("%+v after %+v, %v", id, first, err)
		}
		seen[id] = true
	}
}

// Closing closes many files at once, and each has its entry in the index then.
func TestCloseSummarizesEachFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	b := newUpkeep(t, dir, 0)
	b.files.slots = make(chan struct{}, 2*closeAtOnce+1)
	const users = 2*closeAtOnce + 1
	for uid := range int64(users) {
		err := b.Update(t.Context(), uid, storage.Durable, func(tx storage.Tx) error { return tx.DeleteAll() })
		if err != nil {
			t.Fatal(err)
		}
	}
	if len(b.files.open) != users {
		t.Fatalf("%d files are open", len(b.files.open))
	}
	if err := b.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	x := index{dir: dir}
	all, err := x.all(t.Context())
	if err := errors.Join(err, x.close()); err != nil || len(all) != users {
		t.Errorf("%d files are listed, %v", len(all), err)
	}
}

// A purge opens a file only if something in it may have expired.
func TestASweepLeavesOutWhatHasNothingToPurge(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	b := newUpkeep(t, dir, 3)
	err := b.Update(t.Context(), 2, storage.Durable, func(tx storage.Tx) error {
		return tx.Put("c", []storage.Change{{ID: "b", Fields: storage.FieldPayload | storage.FieldTTL, Payload: []byte("x"), TTL: sql.Null[int64]{V: 60, Valid: true}}})
	})
	if err := errors.Join(err, b.Close(t.Context())); err != nil {
		t.Fatal(err)
	}
	b = newUpkeep(t, dir, 0)
	if err := b.Purge(t.Context()); err != nil || len(b.files.open) != 0 {
		t.Errorf("%v, %d files were opened", err, len(b.files.open))
	}
	b.now = func() time.Time { return time.Date(2026, 11, 22, 11, 0, 0, 0, time.UTC) }
	if err := b.Purge(t.Context()); err != nil || len(b.files.open) != 1 || b.files.open[2] == nil {
		t.Errorf("%v, %d files were opened", err, len(b.files.open))
	}
	if got := states(t, b); got[2].Bytes != 10 {
		t.Errorf("after the sweep: %+v", got[2])
	}
}

// A file that is only read is closed without a word to the index.
func TestAReadFileIsNotSummarized(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := newUpkeep(t, dir, 3).Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := removeDatabase(filepath.Join(dir, indexName)); err != nil {
		t.Fatal(err)
	}
	listed := func(use func(*Backend)) int {
		b := newUpkeep(t, dir, 0)
		use(b)
		if err := b.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		x := index{dir: dir}
		all, err := x.all(t.Context())
		if err := errors.Join(err, x.close()); err != nil {
			t.Fatal(err)
		}
		return len(all)
	}
	look := func(b *Backend) {
		for uid := range int64(3) {
			if err := b.View(t.Context(), uid+1, func(v storage.View) error { _, err := v.Modified("", ""); return err }); err != nil {
				t.Fatal(err)
			}
		}
	}
	if n := listed(look); n != 0 {
		t.Errorf("%d files were summarized", n)
	}
	if n := listed(func(b *Backend) { states(t, b) }); n != 3 {
		t.Errorf("%d files were summarized when they were listed", n)
	}
	if n := listed(look); n != 3 {
		t.Errorf("%d files are listed", n)
	}
}

// An index that is lost or damaged is made again.
func TestTheIndexIsACache(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := newUpkeep(t, dir, 3).Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, indexName), []byte("no database, for what that is worth"), 0o600); err != nil {
		t.Fatal(err)
	}
	b := newUpkeep(t, dir, 0)
	if got := states(t, b); len(got) != 3 || got[1].Bytes != 10 || got[1].Err != nil {
		t.Errorf("%+v", got)
	}
}

// BenchmarkStates lists 1000 users.
func BenchmarkStates(b *testing.B) {
	dir := b.TempDir()
	if err := newUpkeep(b, dir, 1000).Close(context.Background()); err != nil {
		b.Fatal(err)
	}
	s := newUpkeep(b, dir, 0)
	for b.Loop() {
		if n := len(states(b, s)); n != 1000 || len(s.files.open) != 0 {
			b.Fatal(n)
		}
	}
}
