package sync15_test

import (
	"context"
	"errors"
	"io"
	"maps"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/sync15"
)

// loseCollection deletes a collection on the server and leaves meta/global as it is.
func (w *env) loseCollection(d *device, name string) {
	w.t.Helper()
	w.Pass(time.Second)
	rs, err := d.client().OpenRecords(w.t.Context())
	if err == nil {
		err = rs.DeleteCollection(w.t.Context(), name)
	}
	if err != nil {
		w.t.Fatal(err)
	}
	w.Pass(time.Second)
}

// agree syncs the devices until there is nothing to sync. It fails unless that takes at most
// three rounds, and all have the same notes, of the given number.
func (w *env) agree(notes int, devices ...*device) {
	w.t.Helper()
	for range 3 {
		for _, d := range devices {
			w.Pass(time.Second)
			d.mustSync()
		}
	}
	for _, d := range devices {
		d.mustSync()
		w.expect("GET info/collections")
		if got := d.shelf.content(); len(got) != notes || !maps.Equal(got, devices[0].shelf.content()) {
			w.t.Errorf("%s has %v, and %s has %v", d.name, got, devices[0].name, devices[0].shelf.content())
		}
	}
}

// If a device fills a collection again that was deleted on the server, the devices that had
// records there restore them, whether or not that device knew the collection.
func TestALostCollectionIsReconciledWhoeverFillsItAgain(t *testing.T) {
	t.Parallel()
	t.Run("a device that never had a record of it", func(t *testing.T) {
		w := newEnv(t)
		a, b, c := w.device("a"), w.device("b"), w.device("c")
		b.mustSync()
		w.agree(0, b, c)
		a.shelf.put("note-a", "of a")
		a.mustSync()
		w.loseCollection(a, "notes")
		b.shelf.put("note-b", "of b")
		b.mustSync()
		w.agree(2, a, b, c)
	})
	t.Run("a device that missed its newest records", func(t *testing.T) {
		w := newEnv(t)
		a, b := w.device("a"), w.device("b")
		b.shelf.put("note-b", "of b")
		b.mustSync()
		w.Pass(time.Second)
		a.shelf.put("note-a", "of a")
		a.mustSync()
		w.loseCollection(a, "notes")
		b.mustSync()
		w.agree(2, a, b)
	})
	t.Run("the device that made its sync ID", func(t *testing.T) {
		w := newEnv(t)
		a, b := w.device("a"), w.device("b")
		b.mustSync()
		w.agree(0, b, a)
		a.shelf.put("note-a", "of a")
		a.mustSync()
		w.loseCollection(a, "notes")
		b.shelf.put("note-b", "of b")
		b.mustSync()
		w.loseCollection(b, "notes")
		a.shelf.put("note-c", "of a")
		a.mustSync()
		w.agree(3, b, a)
	})
}

// A device fills a collection under a new sync ID, and the answer is lost. Another adds to it,
// and the collection is deleted again: that looks to the first one as if it had not filled it
// yet.
func TestALostCollectionIsReconciledAfterALostAnswer(t *testing.T) {
	w := newEnv(t)
	a, b := w.device("a"), w.device("b")
	a.shelf.put("note-a", "of a")
	a.mustSync()
	w.loseCollection(a, "notes")
	a.shelf.put("note-a", "of a again")
	w.after = func(r *http.Request, resp *http.Response) {
		if r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/storage/notes") {
			resp.Body = io.NopCloser(io.MultiReader(strings.NewReader("{"), iotest.ErrReader(io.ErrUnexpectedEOF)))
		}
	}
	if _, err := a.sync(t.Context()); err == nil {
		t.Fatal("the upload's answer was not lost")
	}
	w.after = nil
	b.mustSync()
	b.shelf.put("note-a", "of b") // a fills the collection with the record that b wrote last
	b.shelf.put("note-b", "of b")
	b.mustSync()
	w.loseCollection(b, "notes")
	w.agree(2, a, b)
}

// The network delays an upload until after another device deleted the collection: the server
// makes it again, with the uploaded record alone. The device that notices what is missing tells
// the others, which would not notice: the record that they know is there again.
func TestALateUploadAfterADeletionIsNoticedByAll(t *testing.T) {
	t.Parallel()
	w := newEnv(t)
	a, b := w.device("a"), w.device("b")
	a.shelf.put("note-1", "of a")
	a.shelf.put("note-2", "of a, and later only here")
	a.mustSync()
	b.mustSync()
	w.Pass(time.Second)
	a.shelf.put("note-3", "the last of a")
	a.mustSync()
	a.shelf.put("note-1", "again")
	w.before = func(r *http.Request) *http.Response {
		if r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/storage/notes") {
			w.before = nil
			w.loseCollection(b, "notes")
		}
		return nil
	}
	w.after = func(r *http.Request, resp *http.Response) {
		if r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/storage/notes") {
			resp.Body = io.NopCloser(io.MultiReader(strings.NewReader("{"), iotest.ErrReader(io.ErrUnexpectedEOF)))
		}
	}
	if _, err := a.sync(t.Context()); err == nil {
		t.Fatal("the upload's answer was not lost")
	}
	w.after = nil
	resets := b.shelf.resets
	w.agree(3, a, b)
	if b.shelf.resets != resets+1 {
		t.Errorf("b was reset %d times", b.shelf.resets-resets)
	}
}

// TestTheBudgetOfAFirstUpload: a first upload takes one request more than others.
func TestTheBudgetOfAFirstUpload(t *testing.T) {
	t.Parallel()
	w := newEnv(t)
	a := w.device("a")
	a.mustSync()
	a.shelf.put("note-1", "hello")
	a.mustSync()
	w.expect("GET info/collections", "PUT storage/meta/global", "POST storage/notes")
	a.mustSync()
	w.expect("GET info/collections")
	a.shelf.put("note-1", "again")
	a.mustSync()
	w.expect("GET info/collections", "POST storage/notes")
	if a.shelf.assoc.Collection != a.state.Inner().Global.Engines["notes"].SyncID {
		t.Errorf("the engine belongs to %v, and meta/global says %v", a.shelf.assoc, a.state.Inner().Global.Engines["notes"])
	}
}

// If another device writes meta/global in between, it is read again, and what that device wrote
// stays.
func TestAnotherWriterOfMetaGlobalIsHeard(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		interfere func(t *testing.T, b *device)
		err       error
		notes     int
	}{
		"who chose something else": {interfere: func(_ *testing.T, b *device) {
			b.choice = map[string]bool{"passwords": false}
			b.mustSync()
		}, notes: 1},
		"who filled the same collection": {interfere: func(_ *testing.T, b *device) {
			b.shelf.put("note-b", "of b")
			b.mustSync()
		}, notes: 2},
		"who switched it off": {interfere: func(_ *testing.T, b *device) {
			b.choice = map[string]bool{"notes": false}
			b.mustSync()
		}, err: sync15.ErrConflict},
		"who started afresh": {interfere: func(t *testing.T, b *device) {
			b.w.loseCollection(b, "meta")
			b.mustSync()
		}, err: sync15.ErrRace, notes: 1},
	} {
		t.Run(name, func(t *testing.T) {
			w := newEnv(t)
			a, b := w.device("a"), w.device("b")
			a.mustSync()
			w.agree(0, a, b)
			a.shelf.put("note-a", "of a")
			w.before = func(r *http.Request) *http.Response {
				if r.Method == http.MethodPut && strings.HasSuffix(r.URL.Path, "/storage/meta/global") {
					w.before = nil
					w.Pass(time.Second)
					c.interfere(t, b)
				}
				return nil
			}
			if _, err := a.sync(t.Context()); !errors.Is(err, c.err) {
				t.Errorf("the sync ended with %v", err)
			}
			if c.err == nil || c.notes > 0 {
				w.agree(c.notes, a, b)
			}
			if name == "who chose something else" && len(a.state.Inner().Global.Declined) != 1 {
				t.Errorf("the choice is gone: %v", a.state.Inner().Global.Declined)
			}
			if name == "who switched it off" {
				a.mustSync()
				w.expect("GET info/collections", "GET info/configuration", "GET storage/meta/global", "GET storage/crypto/keys")
			}
		})
	}
}

// A server that does not take a collection's records does not get a new sync ID for
// it with each sync.
func TestACollectionThatTakesNoRecordIsBegunOnce(t *testing.T) {
	t.Parallel()
	w := newEnv(t)
	a := w.device("a")
	a.mustSync()
	a.shelf.put("note-1", "hello")
	full := func(r *http.Request) *http.Response {
		if r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/storage/notes") {
			_, _ = io.Copy(io.Discard, r.Body)
			return answer(http.StatusForbidden, "application/json", "14")
		}
		return nil
	}
	w.before = full
	for i := range 2 {
		if _, err := a.sync(t.Context()); !errors.Is(err, sync15.ErrQuota) {
			t.Fatal(err)
		}
		if i == 1 {
			w.expect("GET info/collections", "POST storage/notes")
		}
	}
	w.before = nil
	w.agree(1, a)
	w.loseCollection(a, "notes")
	id := a.shelf.assoc.Collection
	w.agree(1, a)
	if a.shelf.assoc.Collection == id {
		t.Error("the collection was lost, and goes on under its old sync ID")
	}
}

// Engines that sync at once renew one after another.
func TestEnginesRenewAtOnce(t *testing.T) {
	t.Parallel()
	w := newEnv(t)
	a := w.device("a")
	var shelves []*shelf
	var engines []engine.Engine
	for _, name := range []string{"one", "two", "three", "four"} {
		s := newShelf(name)
		shelves, engines = append(shelves, s), append(engines, s)
	}
	for round := range 2 {
		run, err := a.client().Setup(t.Context(), sync15.Choice{Engines: engines})
		if err != nil {
			t.Fatal(err)
		}
		var group sync.WaitGroup
		for _, s := range shelves {
			if round > 0 {
				s.put("note-1", "hello")
			}
			group.Go(func() {
				if _, err := run.SyncEngine(t.Context(), s, engine.Start{Run: "run"}); err != nil {
					t.Error(err)
				}
			})
		}
		group.Wait()
	}
	for _, s := range shelves {
		if s.assoc.Collection != a.state.Inner().Global.Engines[s.collection].SyncID || len(s.dirty) > 0 {
			t.Errorf("%s belongs to %v: %v", s.collection, s.assoc, s.dirty)
		}
	}
}

// While an engine writes meta/global, however long the server takes, the others sync; and
// one that has to write it too stops waiting when its context ends.
func TestNobodyHangsOnAWriteOfMetaGlobal(t *testing.T) {
	t.Parallel()
	w := newEnv(t)
	a := w.device("a")
	one, two, three := newShelf("one"), newShelf("two"), newShelf("three")
	choice := sync15.Choice{Engines: []engine.Engine{one, two, three}}
	for _, s := range []*shelf{one, two, three} {
		run, err := a.client().Setup(t.Context(), choice)
		if err == nil {
			_, err = run.SyncEngine(t.Context(), s, engine.Start{Run: "run"})
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	one.put("note-1", "hello")
	three.put("note-3", "hello")
	run, err := a.client().Setup(t.Context(), choice)
	if err != nil {
		t.Fatal(err)
	}
	met := false
	w.before = func(r *http.Request) *http.Response {
		if r.Method != http.MethodPut || !strings.HasSuffix(r.URL.Path, "/storage/meta/global") {
			return nil
		}
		w.before, met = nil, true
		if _, err := run.SyncEngine(t.Context(), two, engine.Start{Run: "run"}); err != nil {
			t.Errorf("an engine with nothing to send: %v", err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		three.at = func(step string) error {
			if step == "merge" {
				cancel()
			}
			return nil
		}
		if _, err := run.SyncEngine(ctx, three, engine.Start{Run: "run"}); !errors.Is(err, context.Canceled) {
			t.Errorf("an engine that waits for its turn: %v", err)
		}
		return nil
	}
	if _, err := run.SyncEngine(t.Context(), one, engine.Start{Run: "run"}); err != nil || !met {
		t.Fatalf("%v, meta/global was written: %t", err, met)
	}
	three.at = nil
	if _, err := run.SyncEngine(t.Context(), three, engine.Start{Run: "run"}); err != nil || len(three.dirty) > 0 {
		t.Errorf("after it: %v, %v wait", err, three.dirty)
	}
}
