package sync15_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/engine"
)

// putBack restores the server's files from a copy, as another server software may do it: the
// sync IDs are the old ones.
func (w *env) putBack(files string) {
	w.t.Helper()
	w.close()
	for _, name := range []string{"storage", "token.sqlite"} {
		if err := os.RemoveAll(filepath.Join(w.dir, name)); err != nil {
			w.t.Fatal(err)
		}
	}
	if err := os.CopyFS(w.dir, os.DirFS(files)); err != nil {
		w.t.Fatal(err)
	}
	w.open()
	w.Pass(time.Second)
}

// copied is a copy of the server's files.
func (w *env) copied() string {
	w.t.Helper()
	to := filepath.Join(w.t.TempDir(), "copy")
	w.close()
	if err := os.CopyFS(to, os.DirFS(w.dir)); err != nil {
		w.t.Fatal(err)
	}
	w.open()
	w.Pass(time.Second)
	return to
}

// A server was restored with the sync IDs that it had, and somebody wrote to it before this
// device came: its times say nothing. The device still notices what it sent or received since
// the backup, and restores it, no matter which device wrote it.
func TestAServerThatWentBackIsNoticedByItsRecords(t *testing.T) {
	t.Parallel()
	for name, write := range map[string]func(a, b *device){
		"what it sent": func(a, _ *device) {
			a.shelf.put("note-1", "since the backup")
			a.mustSync()
		},
		"what it saw": func(a, b *device) {
			b.shelf.put("note-1", "since the backup")
			b.mustSync()
			a.w.Pass(time.Second)
			a.mustSync()
			b.shelf.drop("note-1") // b no longer has it: only a can restore it
			delete(b.shelf.dirty, "note-1")
			delete(b.shelf.gone, "note-1")
		},
		"what it changed, in several writes": func(a, _ *device) {
			for _, text := range []string{"one", "two", "since the backup"} {
				a.shelf.put("note-1", text)
				a.mustSync()
				a.w.Pass(time.Second)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newEnv(t)
			a, b, c := w.device("a"), w.device("b"), w.device("c")
			a.shelf.put("note-0", "before")
			w.agree(1, a, b, c)
			files := w.copied()
			write(a, b)
			w.putBack(files)
			c.shelf.put("note-2", "after the restore")
			w.Pass(time.Hour)
			c.mustSync()
			w.Pass(time.Second)
			resets := a.shelf.resets
			w.agree(3, a, b, c)
			if a.shelf.resets != resets+1 || b.shelf.content()["note-1"] != "since the backup" {
				t.Errorf("reset %d times; b has %v", a.shelf.resets-resets, b.shelf.content())
			}
		})
	}
}

// Similar cases cost no full download: a record that was changed again or deleted without a
// tombstone, many records in one write, an engine's file that was restored.
func TestAMarkIsNoFalseAlarm(t *testing.T) {
	t.Parallel()
	for name, story := range map[string]func(w *env, a, b *device){
		"the record is written again": func(_ *env, _, b *device) {
			b.shelf.put("note-1", "again")
			b.mustSync()
		},
		"it is deleted with a tombstone": func(_ *env, _, b *device) {
			b.shelf.drop("note-1")
			b.mustSync()
		},
		"it is deleted without": func(w *env, _, b *device) {
			rs, err := b.client().OpenRecords(w.t.Context())
			if err == nil {
				var at engine.Timestamp
				for _, r := range b.shelf.receipts {
					at = max(at, r.At)
				}
				err = rs.Delete(w.t.Context(), "notes", "note-1", at)
			}
			if err != nil {
				w.t.Fatal(err)
			}
		},
		"many records in one write": func(w *env, a, b *device) {
			for i := range 50 {
				a.shelf.put(engine.ID(fmt.Sprint("many-", i)), "one of many")
			}
			a.mustSync()
			w.Pass(time.Second)
			b.mustSync()
			b.shelf.put("note-1", "again")
			b.mustSync()
		},
		"the engine's file is an older one": func(w *env, a, b *device) {
			since, items := a.shelf.since, a.shelf.content()
			b.shelf.put("note-2", "new")
			b.mustSync()
			w.Pass(time.Second)
			a.mustSync()
			b.shelf.drop("note-2")
			b.mustSync()
			a.shelf.since, a.shelf.items = since, items
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newEnv(t)
			a, b := w.device("a"), w.device("b")
			b.mustSync()
			a.mustSync()
			b.shelf.put("note-0", "before")
			b.mustSync()
			w.Pass(time.Second)
			a.mustSync()
			b.shelf.put("note-1", "the last")
			b.mustSync()
			w.Pass(time.Second)
			a.mustSync()
			resets := a.shelf.resets
			w.Pass(time.Second)
			story(w, a, b)
			w.Pass(time.Second)
			a.mustSync()
			w.Pass(time.Second)
			a.mustSync()
			if a.shelf.resets != resets {
				t.Error("the device compares all it has")
			}
			w.expect("GET info/collections")
		})
	}
}
