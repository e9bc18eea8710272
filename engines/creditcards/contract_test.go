package creditcards_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engine/enginetest"
	"github.com/syncmanager/syncmanager/engines/creditcards"
	"github.com/syncmanager/syncmanager/internal/test/flattest"
)

// number is that of card i, with a check digit that is right.
func number(i int) string {
	for check := range 10 {
		if n := fmt.Sprintf("4%014d%d", i, check); creditcards.ValidNumber(n) {
			return n
		}
	}
	panic("no digit checks")
}

var kind = flattest.Kind[*creditcards.Engine, creditcards.Card]{
	Open: func(ctx context.Context, path string, now func() time.Time) (*creditcards.Engine, error) {
		return creditcards.Open(ctx, creditcards.Config{Path: path, Key: [32]byte{1}, Now: now, Rand: rand.Reader})
	},
	Incoming: func(i, version int) engine.Incoming {
		id := engine.ID(fmt.Sprintf("%012x", i))
		return engine.Incoming{ID: id, Payload: fmt.Appendf(nil, `{"id":"%s","entry":{"cc-number":"%s","cc-exp-month":1,"cc-exp-year":%d,`+
			`"version":3,"timeCreated":1795360000000,"timeLastModified":1795360000000,"timeLastUsed":0,"timesUsed":0}}`,
			id, number(i), 2030+version)}
	},
	New: func(i int) creditcards.Card {
		return creditcards.Card{Entry: creditcards.Entry{Number: number(i), ExpMonth: 1, ExpYear: 2030}}
	},
	ID:         func(r creditcards.Card) engine.ID { return r.ID },
	SetVersion: func(r *creditcards.Card, version int) { r.ExpMonth, r.ExpYear = 1, 2030+version },
	Version:    func(r creditcards.Card) (int, error) { return r.ExpYear - 2030, nil },
	// The store's own methods: the engine's Add reads all cards to find a duplicate.
	Editor:  func(e *creditcards.Engine) flattest.Editor[creditcards.Card] { return e.Store() },
	Invalid: []byte(`{"id":"000000000000","entry":{"cc-number":4111111111111111,"version":3}}`),
}

func TestContract(t *testing.T) {
	t.Parallel()
	enginetest.Run(t, kind.Harness())
}
