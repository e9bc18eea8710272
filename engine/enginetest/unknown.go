package enginetest

import (
	"testing"

	"github.com/syncmanager/syncmanager/engine"
)

// unknowns are the cases of records that a later version of the app wrote, and that the
// engine does not know.
var unknowns = []Case{
	{"EditOfAnUnknownRecordIsHeld", func(t testing.TB, h Harness) {
		heldBack(t, h, func(w *env, id engine.ID) map[engine.ID]int {
			w.edit(id, 3)
			return map[engine.ID]int{id: 3}
		})
	}},
	{"DeletionOfAnUnknownRecordIsHeld", func(t testing.TB, h Harness) {
		heldBack(t, h, func(w *env, id engine.ID) map[engine.ID]int {
			w.delete(id)
			return map[engine.ID]int{}
		})
	}},
	{"UnknownRecordIsNotReplaced", notReplaced},
}

// unknown is item 0 as a later version of the app writes it.
func (w *env) unknown() engine.Incoming {
	w.tick()
	in := w.incoming(0, 0)
	in.Payload = w.h.Invalid
	return in
}

func (w *env) wantHeld(when string, unread, held int) {
	w.Helper()
	e, ok := w.e.(engine.Troubled)
	if !ok {
		return
	}
	got, err := e.Troubles(w.ctx(), 10)
	w.check(err, "Troubles")
	if got.Unread != unread || got.Held != held || len(got.UnreadRecords) != unread || len(got.HeldRecords) != held {
		w.Fatalf("%s: %+v; want %d unread and %d held", when, got, unread, held)
	}
}

// heldBack has the user change a record, which of what came is not known: before it came,
// and after.
func heldBack(t testing.TB, h Harness, change func(w *env, id engine.ID) map[engine.ID]int) {
	for _, before := range []bool{false, true} {
		w := newEnv(t, h)
		in := w.incoming(0, 0)
		w.sync(in)
		want := map[engine.ID]int{in.ID: 0}
		if before {
			want = change(w, in.ID)
		}
		_, out := w.sync(w.unknown())
		if len(out) != 0 {
			t.Fatalf("%v goes up over a record that the engine does not know", ids(out))
		}
		w.want("when it came", want)
		if !before {
			w.wantHeld("before a change", 1, 0)
			want = change(w, in.ID)
		}
		w.reopen()
		for range 3 {
			w.wantChanges("while it is held", 0)
			w.wantHeld("while it is held", 1, 1)
			if m, out := w.sync(); len(out) != 0 || m.Outgoing != 0 || m.Applied != 0 {
				t.Fatalf("%v goes up over a record that the engine does not know; merged %+v", ids(out), m)
			}
			w.want("while it is held", want)
		}
		// Another device wrote what all know.
		w.tick()
		w.sync(w.incoming(0, 1))
		w.wantHeld("when it is known again", 0, 0)
		if _, there := w.versions()[in.ID]; !there {
			t.Fatalf("the user sees %v; want the other device's edit, or this one's", w.versions())
		}
		if _, out := w.sync(); len(out) != 0 {
			t.Fatalf("%v goes up once more", ids(out))
		}
	}
}

// notReplaced is the case without a change: what is here does not go up, also after a Reset.
func notReplaced(t testing.TB, h Harness) {
	w := newEnv(t, h)
	in := w.incoming(0, 0)
	w.sync(in)
	bad := w.unknown()
	for _, when := range []string{"when it came", "after a reset"} {
		if _, out := w.sync(bad); len(out) != 0 {
			t.Fatalf("%s: %v goes up over a record that the engine does not know", when, ids(out))
		}
		w.want(when, map[engine.ID]int{in.ID: 0})
		w.wantHeld(when, 1, 0)
		w.reset()
	}
	// The collection was emptied: nothing is in the way any more.
	w.sync()
	w.wantHeld("when the server has it no more", 0, 0)
	if _, out := w.sync(engine.Incoming{ID: in.ID, Modified: w.tick()}); len(out) != 0 {
		t.Fatalf("%v goes up after a deletion elsewhere", ids(out))
	}
	w.want("after a deletion elsewhere", map[engine.ID]int{})
}
