package enginetest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/engine"
)

var uploads = []Case{
	{"NewItemsGoUpOnce", newItemsGoUp},
	{"NothingIsHeldBetweenCalls", nothingHeld},
	{"EditDuringUploadSurvives", editDuringUpload},
	{"DeletionDuringUploadSurvives", deleteDuringUpload},
	{"FailureAfterTwoBatches", twoBatches},
	{"LostReceiptIsNoConflict", lostReceipt},
	{"ConflictStartsAgain", startAgain},
	{"RefusedForEverWaitsForAnEdit", refusedForEver},
	{"RefusedOnceGoesUpAgain", refusedOnce},
	{"ReceiptsMoveSince", receiptsMoveSince},
	{"ManyRecordsGoInPages", manyOut},
}

// wantPayload checks that the record is one for the wire.
func wantPayload(t testing.TB, out engine.Outgoing) {
	t.Helper()
	var record struct{ ID engine.ID }
	if err := json.Unmarshal(out.Payload, &record); err != nil || record.ID != out.ID {
		t.Fatalf("the payload of %s is not an object with its id (%v)", out.ID, err)
	}
}

func (w *env) wantChanges(when string, want int) {
	w.Helper()
	watcher, ok := w.e.(engine.Watcher)
	if !ok {
		return
	}
	n, err := watcher.Changes(w.ctx())
	w.check(err, "Changes")
	if n != want {
		w.Fatalf("%s: %d changes; want %d", when, n, want)
	}
}

func newItemsGoUp(t testing.TB, h Harness) {
	w := newEnv(t, h)
	want := make(map[engine.ID]bool)
	for i := range 5 {
		want[w.add(i)] = true
	}
	w.wantChanges("after adding", 5)
	s := w.begin()
	if m := s.merge(); m.Outgoing != 5 {
		t.Fatalf("Merge counts %d outgoing; want 5", m.Outgoing)
	}
	for page := s.outgoing(2); len(page) > 0; page = s.outgoing(2) {
		for _, out := range page {
			if !want[out.ID] {
				t.Fatalf("%s goes up twice, or is not an item", out.ID)
			}
			delete(want, out.ID)
			wantPayload(t, out)
		}
		s.stored(page...)
	}
	if len(want) > 0 {
		t.Fatalf("%d items did not go up", len(want))
	}
	s.end(nil)
	w.wantChanges("after the upload", 0)
	w.reopen()
	if _, out := w.sync(); len(out) != 0 {
		t.Fatalf("%d records go up again", len(out))
	}
}

// patience bounds an edit that must not have to wait for the sync.
const patience = time.Minute

func nothingHeld(t testing.TB, h Harness) {
	w := newEnv(t, h)
	n := 100
	edit := func(when string) {
		w.Helper()
		ctx, cancel := context.WithTimeout(w.ctx(), patience)
		defer cancel()
		done := make(chan error, 1)
		i := n
		n++
		go func() { _, err := h.Add(ctx, w.e, i); done <- err }()
		select {
		case err := <-done:
			w.check(err, "an edit "+when)
		case <-ctx.Done():
			w.Fatalf("an edit %s hangs", when)
		}
	}
	for i := range 4 {
		w.add(i)
	}
	s := w.begin()
	edit("after Begin")
	s.stage(w.incoming(50, 0))
	edit("after Stage")
	s.merge()
	edit("after Merge")
	page := s.outgoing(2)
	edit("after Outgoing")
	s.stored(page...)
	edit("after Uploaded")
	s.stored(s.outgoing(100)...)
	s.end(nil)
	// Those before Merge may have gone up or not; the others have not.
	if _, out := w.sync(); len(out) < 3 {
		t.Fatalf("the next sync sends %d edits; want the 3 made after Merge", len(out))
	}
	if got := len(w.versions()); got != 10 {
		t.Fatalf("the user sees %d items; want 10", got)
	}
}

func editDuringUpload(t testing.TB, h Harness) {
	w := newEnv(t, h)
	id := w.add(0)
	s := w.begin()
	s.merge()
	first := s.outgoing(10)
	w.edit(id, 3)
	if page := s.outgoing(10); len(page) != 0 {
		t.Fatalf("an edit after Merge was handed out in the same session")
	}
	s.stored(first...)
	s.end(nil)
	w.wantChanges("after an edit during the upload", 1)
	w.want("after an edit during the upload", map[engine.ID]int{id: 3})
	w.reopen()
	_, out := w.sync()
	if len(out) != 1 || out[0].ID != id || bytes.Equal(out[0].Payload, first[0].Payload) {
		t.Fatalf("the next sync sends %d records; want the edit", len(out))
	}
	w.wantChanges("in the end", 0)
}

func deleteDuringUpload(t testing.TB, h Harness) {
	for name, receipt := range map[string]bool{"with a receipt": true, "whose receipt was lost": false} {
		w := newEnv(t, h)
		id := w.add(0)
		s := w.begin()
		s.merge()
		page := s.outgoing(10)
		w.delete(id)
		var came []engine.Incoming
		if receipt {
			s.stored(page...)
			s.end(nil)
		} else {
			s.end(errStop)
			came = []engine.Incoming{{ID: id, Modified: w.tick(), Payload: page[0].Payload}}
		}
		_, out := w.sync(came...)
		if len(out) != 1 || out[0].ID != id || out[0].Payload != nil {
			t.Fatalf("deleted during an upload %s: the next sync sends %v; want a tombstone", name, ids(out))
		}
		w.want("after a deletion during an upload "+name, map[engine.ID]int{})
		if _, out := w.sync(); len(out) != 0 {
			t.Fatalf("the tombstone goes up again")
		}
	}
}

func ids(out []engine.Outgoing) (all []engine.ID) {
	for _, o := range out {
		all = append(all, o.ID)
	}
	return all
}

func twoBatches(t testing.TB, h Harness) {
	w := newEnv(t, h)
	for i := range 9 {
		w.add(i)
	}
	s := w.begin()
	s.merge()
	s.stored(s.outgoing(3)...)
	at := s.stored(s.outgoing(3)...)
	third := s.outgoing(3)
	s.end(errStop)
	w.reopen()
	s = w.begin()
	if s.Since() != at {
		t.Fatalf("Since is %v; want the second batch's %v", s.Since(), at)
	}
	s.end(nil)
	_, out := w.sync()
	left := make(map[engine.ID]bool)
	for _, o := range third {
		left[o.ID] = true
	}
	for _, o := range out {
		if !left[o.ID] {
			t.Fatalf("%s goes up again, although it is on the server", o.ID)
		}
	}
	if len(out) != 3 {
		t.Fatalf("%d records go up after two of three batches; want 3", len(out))
	}
}

func lostReceipt(t testing.TB, h Harness) {
	w := newEnv(t, h)
	id := w.add(0)
	s := w.begin()
	s.merge()
	page := s.outgoing(10)
	s.end(errStop) // committed, but the answer never came
	w.edit(id, 5)
	w.reopen()
	_, out := w.sync(engine.Incoming{ID: id, Modified: w.tick(), Payload: page[0].Payload})
	if len(out) != 1 || out[0].ID != id {
		t.Fatalf("%v goes up; want the edit", ids(out))
	}
	w.want("after the own record came back", map[engine.ID]int{id: 5})
}

func startAgain(t testing.TB, h Harness) {
	w := newEnv(t, h)
	id := w.add(0)
	s := w.begin()
	s.stage(w.incoming(1, 0))
	s.merge()
	s.outgoing(10)
	s.end(errors.New("412 Precondition Failed"))
	s = w.begin()
	s.stage(w.incoming(1, 2), w.incoming(2, 0))
	s.merge()
	page := s.outgoing(10)
	if len(page) != 1 || page[0].ID != id {
		t.Fatalf("the second try sends %v; want %v", ids(page), id)
	}
	s.stored(page...)
	s.end(nil)
	w.want("in the end", map[engine.ID]int{id: 0, w.incoming(1, 0).ID: 2, w.incoming(2, 0).ID: 0})
}

func refusedForEver(t testing.TB, h Harness) {
	w := newEnv(t, h)
	id, other := w.add(0), w.add(1)
	s := w.begin()
	s.merge()
	for _, out := range s.outgoing(10) {
		if out.ID == id {
			s.refused(true, out)
		} else {
			s.stored(out)
		}
	}
	s.end(nil)
	w.reopen()
	for range 2 {
		if _, out := w.sync(); len(out) != 0 {
			t.Fatalf("a record that was refused for ever goes up again")
		}
	}
	w.want("after the refusal", map[engine.ID]int{id: 0, other: 0})
	w.edit(id, 1)
	if _, out := w.sync(); len(out) != 1 || out[0].ID != id {
		t.Fatalf("%v goes up after an edit; want %v", ids(out), id)
	}
	w.edit(id, 2)
	if _, out := w.sync(); len(out) != 1 {
		t.Fatalf("a later edit does not go up")
	}
}

func refusedOnce(t testing.TB, h Harness) {
	w := newEnv(t, h)
	id := w.add(0)
	s := w.begin()
	s.merge()
	s.refused(false, s.outgoing(10)...)
	s.end(nil)
	if _, out := w.sync(); len(out) != 1 || out[0].ID != id {
		t.Fatalf("%v goes up after a refusal that may pass; want %v", ids(out), id)
	}
}

func receiptsMoveSince(t testing.TB, h Harness) {
	w := newEnv(t, h)
	w.add(0)
	w.add(1)
	s := w.begin()
	s.merge()
	page := s.outgoing(10)
	at := s.stored(page[0])
	if s.Since() != at {
		t.Fatalf("Since is %v after a receipt; want %v", s.Since(), at)
	}
	s.refused(false, page[1])
	s.end(nil)
	s = w.begin()
	if s.Since() != at {
		t.Fatalf("Since is %v after a receipt without a time; want %v", s.Since(), at)
	}
	s.end(nil)
}

func manyOut(t testing.TB, h Harness) {
	w := newEnv(t, h)
	want := make(map[engine.ID]bool, h.Many)
	for i := range h.Many {
		want[w.add(i)] = true
	}
	s := w.begin()
	if m := s.merge(); m.Outgoing != h.Many {
		t.Fatalf("Merge counts %d outgoing; want %d", m.Outgoing, h.Many)
	}
	for page := s.outgoing(1000); len(page) > 0; page = s.outgoing(1000) {
		for _, out := range page {
			delete(want, out.ID)
		}
		s.stored(page...)
	}
	s.end(nil)
	if len(want) != 0 {
		t.Fatalf("%d of %d did not go up", len(want), h.Many)
	}
	if _, out := w.sync(); len(out) != 0 {
		t.Fatalf("%d go up again", len(out))
	}
}
