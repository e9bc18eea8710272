package enginetest

import (
	"sync/atomic"
	"testing"

	"github.com/syncmanager/syncmanager/engine"
)

// notifies is the case of an engine.Notifier; any other has nothing to show.
func notifies(t testing.TB, h Harness) {
	w := newEnv(t, h)
	n, ok := w.e.(engine.Notifier)
	if !ok {
		return
	}
	var told atomic.Int32
	want := func(when string, want bool) {
		t.Helper()
		if got := told.Swap(0) > 0; got != want {
			t.Fatalf("%s: it told of a change by the user: %t; want %t", when, got, want)
		}
	}
	w.add(0) // nobody listens yet
	n.OnChange(func() { told.Add(1) })
	w.add(1)
	want("after adding", true)
	w.sync(w.incoming(2, 0))
	want("after a sync", false)
	id := w.add(3)
	told.Store(0)
	w.delete(id)
	want("after deleting", true)
	w.check(w.e.Reset(w.ctx(), engine.Association{}), "Reset")
	want("after a reset", false)
	n.OnChange(nil)
	w.add(4)
	want("when nobody listens any more", false)
}
