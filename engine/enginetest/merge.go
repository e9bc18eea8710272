package enginetest

import (
	"bytes"
	"encoding/json"
	"sync"
	"testing"

	"github.com/syncmanager/syncmanager/engine"
)

var merges = []Case{
	{"DeletionGoesUpAsATombstone", deletionGoesUp},
	{"EditBeatsDeletion", editBeatsDeletion},
	{"PreferDecides", prefer},
	{"EditsDuringTheSyncAreKept", editsDuring},
}

var duplicates = []Case{
	{"DuplicateTakesTheAccountsID", duplicate},
	{"DuplicateThatWasSyncedLeavesATombstone", syncedDuplicate},
}

func deletionGoesUp(t testing.TB, h Harness) {
	w := newEnv(t, h)
	in := w.incoming(0, 0)
	w.sync(in)
	w.delete(in.ID)
	never := w.add(1)
	w.delete(never)
	w.want("after deleting", map[engine.ID]int{})
	_, out := w.sync()
	if len(out) != 1 || out[0].ID != in.ID || out[0].Payload != nil {
		t.Fatalf("%v goes up; want a tombstone for %v and nothing for what was never synced", ids(out), in.ID)
	}
	if _, out := w.sync(); len(out) != 0 {
		t.Fatal("the tombstone goes up again")
	}
}

func editBeatsDeletion(t testing.TB, h Harness) {
	w := newEnv(t, h)
	a, b := w.incoming(0, 0), w.incoming(1, 0)
	w.sync(a, b)
	w.edit(a.ID, 1)
	w.delete(b.ID)
	w.tick()
	_, out := w.sync(engine.Incoming{ID: a.ID, Modified: w.at}, w.incoming(1, 2))
	w.want("after edits against deletions", map[engine.ID]int{a.ID: 1, b.ID: 2})
	if len(out) != 1 || out[0].ID != a.ID || out[0].Payload == nil {
		t.Fatalf("%v goes up; want the edit of %v", ids(out), a.ID)
	}
	w.delete(a.ID)
	if _, out := w.sync(engine.Incoming{ID: a.ID, Modified: w.tick()}); len(out) != 0 {
		t.Fatalf("both sides deleted it, and %v goes up", ids(out))
	}
	w.want("after both sides deleted", map[engine.ID]int{b.ID: 2})
}

func prefer(t testing.TB, h Harness) {
	for side, want := range map[engine.Side]int{engine.PreferLocal: 1, engine.PreferRemote: 2} {
		w := newEnv(t, h)
		in := w.incoming(0, 0)
		w.sync(in)
		w.edit(in.ID, 1)
		w.tick()
		w.prefer = side
		w.sync(w.incoming(0, 2))
		w.want("after a conflict", map[engine.ID]int{in.ID: want})
		w.prefer = engine.PreferNeither
		if _, out := w.sync(); len(out) != 0 {
			t.Fatalf("%d records go up after the conflict was settled", len(out))
		}
	}
}

func editsDuring(t testing.TB, h Harness) {
	w := newEnv(t, h)
	const mine, theirs = 60, 600
	var app sync.WaitGroup
	app.Go(func() {
		for i := range mine {
			if _, err := h.Add(w.ctx(), w.e, theirs+i); err != nil {
				t.Errorf("an edit during the sync: %v", err)
				return
			}
		}
	})
	var in []engine.Incoming
	for i := range theirs {
		in = append(in, w.incoming(i, 0))
	}
	_, first := w.sync(in...)
	app.Wait()
	_, second := w.sync()
	if _, third := w.sync(); len(third) != 0 {
		t.Fatalf("%d records go up again", len(third))
	}
	sent := make(map[engine.ID]bool)
	for _, out := range append(first, second...) {
		if sent[out.ID] {
			t.Fatalf("%s went up twice", out.ID)
		}
		sent[out.ID] = true
	}
	if len(sent) != mine || len(w.versions()) != mine+theirs {
		t.Fatalf("%d went up and the user sees %d items; want %d and %d", len(sent), len(w.versions()), mine, mine+theirs)
	}
}

func duplicate(t testing.TB, h Harness) {
	w := newEnv(t, h)
	id := w.add(0)
	in := w.incoming(0, 0)
	_, out := w.sync(in, w.incoming(1, 0))
	w.want("after a duplicate", map[engine.ID]int{in.ID: 0, w.incoming(1, 0).ID: 0})
	for _, o := range out {
		if o.ID == id {
			t.Fatalf("the local ID %v goes up, which was never on the server", id)
		}
	}
	w.edit(in.ID, 1)
	if _, out := w.sync(); len(out) != 1 || out[0].ID != in.ID {
		t.Fatalf("%v goes up after an edit; want %v", ids(out), in.ID)
	}
}

func syncedDuplicate(t testing.TB, h Harness) {
	w := newEnv(t, h)
	id := w.add(0)
	w.sync()
	in := w.incoming(0, 0)
	_, out := w.sync(in)
	w.want("after a duplicate", map[engine.ID]int{in.ID: 0})
	tombstone := false
	for _, o := range out {
		tombstone = tombstone || o.ID == id && o.Payload == nil
	}
	if !tombstone {
		t.Fatalf("%v goes up; want a tombstone for %v", ids(out), id)
	}
	if _, out := w.sync(); len(out) != 0 {
		t.Fatalf("%v goes up again", ids(out))
	}
}

func unknownFields(t testing.TB, h Harness) {
	w := newEnv(t, h)
	in := w.incoming(0, 0)
	var o map[string]json.RawMessage
	w.check(json.Unmarshal(in.Payload, &o), "reading the harness's payload")
	strange := []byte(`{"a":[1,2.50,"\u00fc"],"b":12345678901234567890}`)
	o["unknown to us"] = strange
	var err error
	in.Payload, err = json.Marshal(o)
	w.check(err, "writing the payload")
	w.sync(in)
	w.edit(in.ID, 1)
	_, out := w.sync()
	if len(out) != 1 {
		t.Fatalf("%d records go up; want the edit", len(out))
	}
	o = nil
	w.check(json.Unmarshal(out[0].Payload, &o), "reading what goes up")
	if !bytes.Equal(o["unknown to us"], strange) {
		t.Fatalf("an unknown field went up as %s; want %s", o["unknown to us"], strange)
	}
}
