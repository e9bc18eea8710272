package enginetest

import (
	"testing"

	"github.com/syncmanager/syncmanager/engine"
)

// pasts are the cases of a server that is older than what the engine saw of it.
var pasts = []Case{
	{"ServerThatWentBackTakesWhatIsNewer", serverWentBack},
	{"EmptiedCollectionIsFilledAgain", emptied},
	{"TroublesAreListed", troubled},
}

func (w *env) reset() {
	w.Helper()
	w.check(w.e.Reset(w.ctx(), engine.Association{Global: "restored"}), "Reset")
}

func sent(out []engine.Outgoing) map[engine.ID]bool {
	all := make(map[engine.ID]bool)
	for _, o := range out {
		all[o.ID] = o.Payload != nil
	}
	return all
}

func serverWentBack(t testing.TB, h Harness) {
	w := newEnv(t, h)
	changed, later, gone := w.incoming(0, 0), w.incoming(1, 0), w.incoming(2, 0)
	w.sync(changed, later, gone)
	backup := w.at
	w.tick()
	w.edit(later.ID, 2)
	w.sync(w.incoming(0, 1)) // another device's edit comes, and this one's goes up
	w.delete(gone.ID)
	want := map[engine.ID]int{changed.ID: 1, later.ID: 2}
	w.want("before the restore", want)

	w.reset()
	changed.Modified, later.Modified, gone.Modified = backup, backup, backup
	_, out := w.sync(changed, later, gone)
	w.want("after the server went back", want)
	if up := sent(out); !up[changed.ID] || !up[later.ID] || up[gone.ID] || len(up) < 3 {
		t.Fatalf("%v goes up; want both edits and the deletion again", ids(out))
	}
	if _, out := w.sync(); len(out) != 0 {
		t.Fatalf("%v goes up once more", ids(out))
	}

	// Another device reconciled first and wrote since: that is newer.
	w.reset()
	w.tick()
	w.sync(w.incoming(0, 3), w.incoming(1, 2))
	w.want("after another device's newer edit", map[engine.ID]int{changed.ID: 3, later.ID: 2})
}

func emptied(t testing.TB, h Harness) {
	w := newEnv(t, h)
	in := w.incoming(0, 0)
	w.sync(in, w.incoming(1, 0))
	w.delete(w.incoming(1, 0).ID)
	w.reset()
	_, out := w.sync()
	w.want("after the collection was emptied", map[engine.ID]int{in.ID: 0})
	if up := sent(out); !up[in.ID] {
		t.Fatalf("%v goes up; want %v, which the server has no more", ids(out), in.ID)
	}
	if _, out := w.sync(); len(out) != 0 {
		t.Fatalf("%v goes up once more", ids(out))
	}
}

// olderRecord is the case of an engine that remembers deletions, of its user's and of
// other devices'.
func olderRecord(t testing.TB, h Harness) {
	if h.Start.Account == "" {
		h.Start.Account = "account"
	}
	w := newEnv(t, h)
	mine, theirs, kept := w.incoming(0, 0), w.incoming(1, 0), w.incoming(2, 0)
	w.sync(mine, theirs, kept)
	backup := w.at
	w.tick()
	w.delete(mine.ID)
	w.sync(engine.Incoming{ID: theirs.ID, Modified: w.at})
	w.reopen()
	want := map[engine.ID]int{kept.ID: 0}
	w.want("before the restore", want)

	mine.Modified, theirs.Modified, kept.Modified = backup, backup, backup
	w.reset()
	_, out := w.sync(mine, theirs, kept)
	w.want("after the server went back to before the deletions", want)
	up := sent(out)
	for _, id := range []engine.ID{mine.ID, theirs.ID} {
		if payload, there := up[id]; !there || payload {
			t.Fatalf("%v goes up; want a tombstone for %v", ids(out), id)
		}
	}
	if _, out := w.sync(); len(out) != 0 {
		t.Fatalf("%v goes up once more", ids(out))
	}

	w.reset()
	w.tick()
	w.sync(w.incoming(0, 1), theirs, kept)
	want[mine.ID] = 1
	w.want("after a record that is newer than its deletion", want)

	w.reset()
	w.prefer = engine.PreferRemote
	w.sync(w.incoming(0, 1), theirs, kept)
	want[theirs.ID] = 0
	w.want("where the account's values win", want)
}

func troubled(t testing.TB, h Harness) {
	w := newEnv(t, h)
	if _, ok := w.e.(engine.Troubled); !ok {
		return
	}
	want := func(when string, unsent, unread int) {
		t.Helper()
		got, err := w.e.(engine.Troubled).Troubles(w.ctx(), 10)
		w.check(err, "Troubles")
		if got.Unsent != unsent || got.Unread != unread || len(got.UnsentRecords) != unsent || len(got.UnreadRecords) != unread {
			t.Fatalf("%s: %+v; want %d unsent and %d unread", when, got, unsent, unread)
		}
		for _, p := range append(got.UnsentRecords, got.UnreadRecords...) {
			if p.ID == "" || p.Err == nil || p.Err.Error() == "" {
				t.Fatalf("%s: %+v names no record, or no reason", when, p)
			}
		}
	}
	want("at first", 0, 0)
	id := w.add(0)
	s := w.begin()
	s.stage(engine.Incoming{ID: w.incoming(1, 0).ID, Modified: w.tick(), Err: errStop})
	s.merge()
	s.refused(true, s.outgoing(10)...)
	s.end(nil)
	w.reopen()
	for range 5 {
		w.sync()
		want("in the syncs after it", 1, 1)
	}
	w.edit(id, 1)
	want("after an edit, which may go up", 0, 1)
	w.sync(w.incoming(1, 0))
	want("when all is well", 0, 0)
}
