package enginetest

import (
	"bytes"
	"slices"
	"testing"

	"github.com/syncmanager/syncmanager/engine"
)

// states are the cases of what an engine remembers of its syncs, and where: in its file, and
// until a Reset or Wipe.
var states = []Case{
	{"NewProcessKnowsWhatToSend", newProcess},
	{"SnapshotIsWhatGoesUp", snapshotGoesUp},
	{"ResetForgetsTheSyncState", resetForgets},
	{"ResetKeepsAPendingDeletion", resetKeepsDeletion},
	{"WipeForgetsTheSyncState", wipeForgets},
	{"ChangedItemsAreNamed", changedNamed},
}

func newProcess(t testing.TB, h Harness) {
	w := newEnv(t, h)
	gone, edited := w.incoming(0, 0), w.incoming(1, 0)
	w.sync(gone, edited)
	w.reopen()
	w.delete(gone.ID)
	w.edit(edited.ID, 2)
	w.reopen()
	want := map[engine.ID]int{edited.ID: 2}
	w.want("in a new process", want)
	// The record comes again as it was: no other device changed it.
	_, out := w.sync(edited)
	up := sent(out)
	if deleted, there := up[gone.ID]; !there || deleted || !up[edited.ID] || len(up) != 2 {
		t.Fatalf("a new process sends %v; want a tombstone for %v and the edit of %v", up, gone.ID, edited.ID)
	}
	w.want("after a sync in a new process", want)
	w.reopen()
	if _, out := w.sync(); len(out) != 0 {
		t.Fatalf("%v goes up again", ids(out))
	}
}

func snapshotGoesUp(t testing.TB, h Harness) {
	w := newEnv(t, h)
	edited, deleted := w.add(0), w.add(1)
	s := w.begin()
	s.merge()
	w.edit(edited, 3)
	w.delete(deleted)
	page := s.outgoing(10)
	if up := sent(page); !up[edited] || !up[deleted] || len(up) != 2 {
		t.Fatalf("after an edit and a deletion the snapshot is %v; want both as they were", up)
	}
	s.stored(page...)
	s.end(nil)
	_, out := w.sync()
	up := sent(out)
	if payload, there := up[deleted]; !up[edited] || !there || payload || len(up) != 2 {
		t.Fatalf("the next sync sends %v; want the edit and the deletion", up)
	}
	for _, before := range page {
		for _, after := range out {
			if before.ID == edited && after.ID == edited && bytes.Equal(before.Payload, after.Payload) {
				t.Fatal("an edit after Merge went up in its session, which does not settle it")
			}
		}
	}
	w.want("in the end", map[engine.ID]int{edited: 3})
}

// stuck has one record refused for ever, and one that cannot be read.
func (w *env) stuck() (refused engine.ID) {
	w.Helper()
	refused = w.add(0)
	s := w.begin()
	s.stage(engine.Incoming{ID: w.incoming(1, 0).ID, Modified: w.tick(), Err: errStop})
	s.merge()
	s.refused(true, s.outgoing(10)...)
	s.end(nil)
	return refused
}

func (w *env) wantNothingStuck(when string) {
	w.Helper()
	w.wantHeld(when, 0, 0)
	s := w.begin()
	if retry := s.Retry(); len(retry) != 0 {
		w.Fatalf("%s: %v is asked for again; want nothing", when, retry)
	}
	s.end(nil)
}

func resetForgets(t testing.TB, h Harness) {
	w := newEnv(t, h)
	refused := w.stuck()
	w.reset()
	w.reopen()
	w.wantNothingStuck("after Reset")
	if _, out := w.sync(); !sent(out)[refused] {
		t.Fatalf("%v goes up after Reset; want %v too, which another storage may take", ids(out), refused)
	}
	// What the storage before had, this one may not have.
	in := w.incoming(2, 0)
	w.sync(in)
	w.reset()
	if _, out := w.sync(); !sent(out)[in.ID] {
		t.Fatalf("%v goes up after another Reset; want %v too, which the storage does not have", ids(out), in.ID)
	}
}

func resetKeepsDeletion(t testing.TB, h Harness) {
	w := newEnv(t, h)
	gone, kept := w.incoming(0, 0), w.incoming(1, 0)
	w.sync(gone, kept)
	w.delete(gone.ID)
	w.reset()
	w.reopen()
	want := map[engine.ID]int{kept.ID: 0}
	w.want("after Reset", want)
	_, out := w.sync(gone, kept)
	if payload, there := sent(out)[gone.ID]; !there || payload || len(out) != 1 {
		t.Fatalf("%v goes up after Reset; want a tombstone for %v, which the user deleted", ids(out), gone.ID)
	}
	w.want("after the sync that follows", want)
	if _, out := w.sync(); len(out) != 0 {
		t.Fatalf("%v goes up once more", ids(out))
	}
}

func wipeForgets(t testing.TB, h Harness) {
	w := newEnv(t, h)
	w.stuck()
	w.add(2)
	s := w.begin()
	s.merge()
	s.outgoing(10)
	s.end(errStop) // the server may have it, and no receipt came
	w.check(w.e.Wipe(w.ctx()), "Wipe")
	w.reopen()
	w.wantNothingStuck("after Wipe")
	w.delete(w.add(2))
	if _, out := w.sync(); len(out) != 0 {
		t.Fatalf("%v goes up for an item that was added and deleted after Wipe", ids(out))
	}
}

func changedNamed(t testing.TB, h Harness) {
	w := newEnv(t, h)
	want := func(when string, m engine.Merged, want ...engine.ID) {
		t.Helper()
		got := slices.Compact(slices.Sorted(slices.Values(m.Changed)))
		if !slices.Equal(got, slices.Sorted(slices.Values(want))) || m.MoreChanged {
			t.Fatalf("%s: %v changed, and more: %v; want %v", when, got, m.MoreChanged, want)
		}
	}
	a, b, c := w.incoming(0, 0), w.incoming(1, 0), w.incoming(2, 0)
	m, _ := w.sync(a, b, c)
	want("when they came", m, a.ID, b.ID, c.ID)
	w.edit(c.ID, 1)
	m, _ = w.sync(a, b)
	want("when they came again", m)
	w.tick()
	m, _ = w.sync(w.incoming(0, 1), engine.Incoming{ID: b.ID, Modified: w.at})
	want("after an edit and a deletion elsewhere", m, a.ID, b.ID)
	var many []engine.Incoming
	for i := range engine.MaxChanged + 1 {
		many = append(many, w.incoming(10+i, 0))
	}
	if m, _ = w.sync(many...); len(m.Changed) > engine.MaxChanged || !m.MoreChanged {
		t.Fatalf("of %d items %d are named, and more: %v", len(many), len(m.Changed), m.MoreChanged)
	}
}
