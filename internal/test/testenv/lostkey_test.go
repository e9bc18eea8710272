package testenv_test

import (
	"crypto/rand"
	"path/filepath"
	"testing"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engines/creditcards"
	"github.com/syncmanager/syncmanager/internal/test/testenv"
)

// A device that lost the key of its cards starts over: the sync fills the new file, and the
// old one stays.
func TestALostKeyCostsWhatWasNotUploaded(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	w := testenv.New(t)
	a, b := w.Device("a", ann), w.Device("b", ann)
	onA := testenv.Open(a, func(c engine.StoreConfig) (*creditcards.Engine, error) { return creditcards.Open(ctx, c) })
	_, err := onA.Add(ctx, creditcards.Card{Entry: creditcards.Entry{Name: "uploaded", Number: "4111111111111111"}})
	must(t, err)
	a.Sync()

	lost := creditcards.Config{Path: filepath.Join(t.TempDir(), "cards.sqlite"), Key: [32]byte{1}, Now: w.Clock.Now, Rand: rand.Reader}
	old, err := creditcards.Open(ctx, lost)
	must(t, err)
	_, err = old.Add(ctx, creditcards.Card{Entry: creditcards.Entry{Name: "only here", Number: "5555555555554444"}})
	must(t, err)
	must(t, old.Reset(ctx, engine.Association{Global: "before"}))
	must(t, old.Close())

	var aside string
	onB := testenv.Open(b, func(c engine.StoreConfig) (*creditcards.Engine, error) {
		c.Path = lost.Path
		c.KeyLost = func(name string) bool {
			aside = name
			return true
		}
		return creditcards.Open(ctx, c)
	})
	b.Sync()
	a.Sync()
	for name, e := range map[string]*creditcards.Engine{"a": onA, "b": onB} {
		cards, err := engine.Collect(e.List(ctx))
		if err != nil || len(cards) != 1 || cards[0].Name != "uploaded" {
			t.Errorf("%s has %d cards, %v; want the one that was uploaded", name, len(cards), err)
		}
	}
	lost.Path = aside
	old, err = creditcards.Open(ctx, lost)
	must(t, err)
	if n, err := old.Count(ctx); err != nil || n != 1 {
		t.Errorf("the old file has %d cards, %v", n, err)
	}
	must(t, old.Close())
}
