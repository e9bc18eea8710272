package sqlite

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"syscall"
	"testing"

	"github.com/syncmanager/syncmanager/bso"
	"github.com/syncmanager/syncmanager/internal/dirlock"
	"github.com/syncmanager/syncmanager/server/storage"
	"github.com/syncmanager/syncmanager/server/storage/sqlite/internal/journal"
)

// These tests are not parallel: the contract's tests measure the memory of a listing, and a journal is read as a whole.

// openJournaled opens a storage whose waits for the journal's disk are in the test's hands.
func openJournaled(t *testing.T, dir string, sync func(*os.File) error) *Backend {
	t.Helper()
	b, err := open(Config{Dir: dir, Now: newTestClock()}, journal.Options{Sync: sync})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func putOne(ctx context.Context, b *Backend, uid int64, id bso.ID) error {
	return b.Update(ctx, uid, storage.Durable, func(tx storage.Tx) error {
		return tx.Put("c", []storage.Change{{ID: id, Fields: storage.FieldPayload, Payload: []byte("x")}})
	})
}

// write writes records of a user until steps of it are in the journal, and returns the user's time before
// the last one.
func write(t *testing.T, b *Backend, uid int64) (before bso.Timestamp) {
	t.Helper()
	for _, id := range []bso.ID{"first", "second", "third", "fourth"} {
		before = modified(t, b, uid)
		if err := putOne(t.Context(), b, uid, id); err != nil {
			t.Fatal(err)
		}
	}
	if !pending(t, b).Missing(uid, before) {
		t.Fatal("the journal does not have the last step")
	}
	return before
}

func modified(t *testing.T, b *Backend, uid int64) (m bso.Timestamp) {
	t.Helper()
	err := b.View(t.Context(), uid, func(v storage.View) (err error) { m, err = v.Modified("", ""); return err })
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func pending(t *testing.T, b *Backend) *Pending {
	t.Helper()
	p, err := ReadPending(b.files.dir)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func closeIt(t *testing.T, b *Backend) {
	t.Helper()
	if err := b.Close(context.Background()); err != nil {
		t.Error(err)
	}
}

func TestACleanEndLeavesNoJournal(t *testing.T) {
	b := openJournaled(t, t.TempDir(), nil)
	write(t, b, 1)
	closeIt(t, b)
	if !pending(t, b).Empty() {
		t.Error("the journal is not empty")
	}
}

// A client that leaves while its step waits for the disk gets an error, and no loss of power brings the step back.
func TestAStepThatItsClientLeft(t *testing.T) {
	leave := func() {}
	b := openJournaled(t, t.TempDir(), func(f *os.File) error { leave(); return f.Sync() })
	defer closeIt(t, b)
	write(t, b, 1)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	leave = cancel
	if err := putOne(ctx, b, 1, "left"); !errors.Is(err, context.Canceled) {
		t.Fatalf("%v", err)
	}
	if pending(t, b).Missing(1, modified(t, b, 1)) {
		t.Error("the journal has the step")
	}
	if err := putOne(t.Context(), b, 1, "stayed"); err != nil {
		t.Error(err)
	}
}

// After the disk failed, nothing is taken until the storage is opened again, and the heartbeat says so.
func TestAFailingDisk(t *testing.T) {
	dir := t.TempDir()
	var failure error
	b := openJournaled(t, dir, func(f *os.File) error { return errors.Join(failure, f.Sync()) })
	write(t, b, 1)
	before := modified(t, b, 1)
	failure = syscall.EIO
	if err := putOne(t.Context(), b, 1, "x"); !errors.Is(err, storage.ErrUnreachable) || !errors.Is(err, syscall.EIO) {
		t.Errorf("%v", err)
	}
	failure = nil
	for name, err := range map[string]error{
		"a step":          putOne(t.Context(), b, 1, "x"),
		"the first step":  putOne(t.Context(), b, 2, "x"),
		"a deferred step": b.Update(t.Context(), 1, storage.Deferred, func(storage.Tx) error { return nil }),
		"a probe":         b.Probe(t.Context()),
	} {
		if !errors.Is(err, storage.ErrUnreachable) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if got := modified(t, b, 1); got != before { // reading goes on
		t.Errorf("the time is %d, and was %d", got, before)
	}
	_ = b.Close(context.Background())
	b = openJournaled(t, dir, nil)
	defer closeIt(t, b)
	if got := modified(t, b, 1); got < before {
		t.Errorf("the time went back from %d to %d", before, got)
	}
	if err := errors.Join(putOne(t.Context(), b, 1, "x"), b.Probe(t.Context())); err != nil {
		t.Error(err)
	}
	if err := b.explain(1, syscall.ENOSPC); !errors.Is(err, storage.ErrFull) {
		t.Errorf("a full disk: %v", err)
	}
}

// The journal has nothing of a user whose file was removed or replaced.
func TestAUserWhoWasRemoved(t *testing.T) {
	for name, remove := range map[string]func(*Backend) error{
		"deleted":   func(b *Backend) error { return b.Delete(t.Context(), 1) },
		"set aside": func(b *Backend) error { return b.SetAside(t.Context(), 1, filepath.Join(t.TempDir(), "aside")) },
	} {
		b := openJournaled(t, t.TempDir(), nil)
		before := write(t, b, 1)
		if err := remove(b); err != nil {
			t.Fatal(err)
		}
		if pending(t, b).Missing(1, before) {
			t.Errorf("%s: the journal has steps", name)
		}
		closeIt(t, b)
	}
}

// A file that is damaged keeps its user's steps in the journal, and nobody else from going on.
func TestADamagedFileIsLeftOut(t *testing.T) {
	dir := t.TempDir()
	b := openJournaled(t, dir, nil)
	write(t, b, 1)
	write(t, b, 2)
	// The process ends here, for all that is in the folder.
	killed := t.TempDir()
	if err := os.CopyFS(killed, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	closeIt(t, b)
	broken := filepath.Join(killed, Name(1))
	if err := errors.Join(os.WriteFile(broken, make([]byte, 5000), 0o600), os.Remove(broken+"-wal")); err != nil {
		t.Fatal(err)
	}
	b = openJournaled(t, killed, nil)
	if err := putOne(t.Context(), b, 1, "x"); !errors.Is(err, storage.ErrDamaged) {
		t.Errorf("%v", err)
	}
	if err := putOne(t.Context(), b, 2, "x"); err != nil {
		t.Error(err)
	}
	closeIt(t, b)
	if len(pending(t, b).log.Users[1]) == 0 {
		t.Error("the steps of the damaged file are gone")
	}
	b = openJournaled(t, killed, nil)
	if err := b.SetAside(t.Context(), 1, filepath.Join(t.TempDir(), "aside")); err != nil {
		t.Error(err)
	}
	if err := putOne(t.Context(), b, 1, "x"); err != nil {
		t.Error(err)
	}
	closeIt(t, b)
	b = openJournaled(t, killed, nil)
	closeIt(t, b)
	if !pending(t, b).Empty() {
		t.Error("the journal is not empty")
	}
}

// Whatever a step in the journal has, it is read without a panic.
func FuzzRedo(f *testing.F) {
	f.Add(appendPut(nil, "c", []storage.Change{{ID: "x", Fields: 7, Payload: []byte("p")}})[3:])
	f.Add(appendDeleteRecords(nil, "c", []bso.ID{"x", "y"})[3:])
	f.Fuzz(func(t *testing.T, b []byte) {
		r := &redoReader{rest: b}
		if changes := r.changes(); !r.failed {
			again := &redoReader{rest: appendPut(nil, "", changes)[2:]}
			if same := again.changes(); again.failed || !reflect.DeepEqual(changes, same) {
				t.Errorf("%+v, then %+v", changes, same)
			}
		}
		r = &redoReader{rest: b}
		if ids := r.ids(); !r.failed {
			again := &redoReader{rest: appendDeleteRecords(nil, "", ids)[2:]}
			if same := again.ids(); again.failed || !reflect.DeepEqual(ids, same) {
				t.Errorf("%v, then %v", ids, same)
			}
		}
	})
}

// Another process reads what the one that has the journal answered, and writes nothing.
func TestReadingBesideAnother(t *testing.T) {
	dir := t.TempDir()
	b := openJournaled(t, dir, nil)
	defer closeIt(t, b)
	write(t, b, 1)
	write(t, b, 1)
	c := Config{Dir: dir, Now: b.now}
	if _, err := New(c); !errors.Is(err, dirlock.ErrLocked) {
		t.Errorf("a second process that may write: %v", err)
	}
	c.Beside = true
	other, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	defer closeIt(t, other)
	err = other.View(t.Context(), 1, func(v storage.View) error {
		all, err := v.Collections()
		if len(all) != 1 {
			t.Errorf("it reads %v", all)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
	err = other.Update(t.Context(), 1, storage.Durable, func(storage.Tx) error { return nil })
	if !errors.Is(err, storage.ErrClosed) {
		t.Errorf("a write beside another process: %v", err)
	}
}
