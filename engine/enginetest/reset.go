package enginetest

import (
	"maps"
	"testing"

	"github.com/syncmanager/syncmanager/engine"
)

var resets = []Case{
	{"AssociationLivesWithTheData", association},
	{"ResetKeepsTheData", resetKeeps},
	{"WipeLeavesNothing", wipe},
}

func (w *env) wantAssociation(when string, want engine.Association) {
	w.Helper()
	got, err := w.e.Association(w.ctx())
	w.check(err, "Association")
	if got != want {
		w.Fatalf("%s: the association is %+v; want %+v", when, got, want)
	}
}

func association(t testing.TB, h Harness) {
	w := newEnv(t, h)
	w.wantAssociation("at first", engine.Association{})
	a := engine.Association{Global: "global", Collection: "collection"}
	w.check(w.e.Reset(w.ctx(), a), "Reset")
	w.wantAssociation("after Reset", a)
	w.sync(w.incoming(0, 0))
	w.reopen()
	w.wantAssociation("in a new process", a)
}

func resetKeeps(t testing.TB, h Harness) {
	w := newEnv(t, h)
	in := w.incoming(0, 0)
	w.sync(in)
	id := w.add(1)
	before := w.versions()
	w.sync()
	w.check(w.e.Reset(w.ctx(), engine.Association{Global: "g"}), "Reset")
	if h.OwnRecord != "" {
		maps.DeleteFunc(before, func(id engine.ID, _ int) bool { return id != h.OwnRecord })
	}
	w.want("after Reset", before)
	s := w.begin()
	if s.Since() != 0 {
		t.Fatalf("Since is %v after Reset; want 0", s.Since())
	}
	s.stage(in)
	s.merge()
	sent := make(map[engine.ID]bool)
	for page := s.outgoing(10); len(page) > 0; page = s.outgoing(10) {
		for _, out := range page {
			sent[out.ID] = true
		}
		s.stored(page...)
	}
	s.end(nil)
	if !sent[id] || sent[in.ID] {
		t.Fatalf("after Reset %v goes up; want %v, which the account lacks, and not %v, which it has", sent, id, in.ID)
	}
	if _, out := w.sync(); len(out) != 0 {
		t.Fatalf("the sync after that sends %d records; want none", len(out))
	}
}

func wipe(t testing.TB, h Harness) {
	w := newEnv(t, h)
	w.check(w.e.Reset(w.ctx(), engine.Association{Global: "g"}), "Reset")
	w.sync(w.incoming(0, 0))
	w.add(1)
	w.sync()
	w.add(2)
	w.check(w.e.Wipe(w.ctx()), "Wipe")
	w.want("after Wipe", map[engine.ID]int{})
	w.wantAssociation("after Wipe", engine.Association{})
	if watcher, ok := w.e.(engine.Watcher); ok {
		if n, err := watcher.Changes(w.ctx()); err != nil || n != 0 {
			t.Fatalf("%d changes after Wipe, %v; want none", n, err)
		}
	}
	s := w.begin()
	if s.Since() != 0 {
		t.Fatalf("Since is %v after Wipe; want 0", s.Since())
	}
	s.end(nil)
	if _, out := w.sync(); len(out) != 0 {
		t.Fatalf("%d records or tombstones go up after Wipe; want none", len(out))
	}
	w.sync(w.incoming(0, 0))
	w.want("after it came again", map[engine.ID]int{w.incoming(0, 0).ID: 0})
}
