package collection_test

import (
	"testing"

	"github.com/syncmanager/syncmanager"
	"github.com/syncmanager/syncmanager/collection"
	"github.com/syncmanager/syncmanager/engine"
	_ "github.com/syncmanager/syncmanager/internal/test/cheapkeys" // signs in often
	"github.com/syncmanager/syncmanager/internal/test/testenv"
)

func openOn(d *testenv.Device, o collection.Options[note]) *collection.Engine[note] {
	return testenv.Open(d, func(m engine.StoreConfig) (*collection.Engine[note], error) {
		o.Path, o.Key, o.Now, o.Rand = m.Path, m.Key, m.Now, m.Rand
		return collection.Open(d.Env.T.Context(), "test-notes", o)
	})
}

// The same through a real server: what is sealed, uploaded, downloaded and opened.
func TestTwoDevicesThroughAServer(t *testing.T) {
	t.Parallel()
	w := testenv.New(t)
	a, b := w.Device("a", "ann@example.org"), w.Device("b", "ann@example.org")
	o := collection.Options[note]{Merge: sum, Valid: hasTitle}
	onA, onB := openOn(a, o), openOn(b, o)
	n := add(t, onA, note{Title: "x", Count: 10, Labels: map[string]string{"x": "ü"}})
	gone := add(t, onA, note{Title: "gone"})
	a.Sync()
	if r := b.Sync().Engines["test-notes"]; r.Applied != 2 || r.Failed != 0 {
		t.Errorf("b got %+v", r)
	}
	edit(t, onA, n.ID, func(n *note) { n.Count += 5 })
	edit(t, onB, n.ID, func(n *note) { n.Count += 7 })
	check(t, onB.Delete(t.Context(), gone.ID))
	a.Sync()
	b.Sync()
	a.Sync()
	for name, e := range map[string]*collection.Engine[note]{"a": onA, "b": onB} {
		if got := list(t, e); len(got) != 1 || got[0] != "x: 22 { } map[x:ü]" {
			t.Errorf("%s has %q", name, got)
		}
	}
	// A third device has it all, and nothing changed costs one request.
	c := w.Device("c", "ann@example.org")
	onC := openOn(c, o)
	c.Sync()
	if got := list(t, onC); len(got) != 1 {
		t.Errorf("c has %q", got)
	}
	a.Sync()
	if r := a.Sync(); r.Requests != 1 {
		t.Errorf("with nothing to do a sync makes %d requests", r.Requests)
	}
}

// The account's storage version decides who may write, as for any engine.
func TestAnOlderVersionLeavesTheCollectionAlone(t *testing.T) {
	t.Parallel()
	w := testenv.New(t)
	a, b := w.Device("a", "ann@example.org"), w.Device("b", "ann@example.org")
	newer, older := openOn(a, collection.Options[note]{Version: 2}), openOn(b, collection.Options[note]{})
	add(t, newer, note{Title: "new"})
	add(t, older, note{Title: "old"})
	a.Sync()
	r, err := b.Manager.Sync(t.Context(), syncmanager.Options{})
	if got := r.Engines["test-notes"]; got.Status != syncmanager.StatusNewer {
		t.Errorf("the older one's sync gives %+v, %v", got, err)
	}
	if got := list(t, older); len(got) != 1 {
		t.Errorf("it has %q", got)
	}
}
