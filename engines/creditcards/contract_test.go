package creditcards_test

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engine/enginetest"
	"github.com/syncmanager/syncmanager/engines/creditcards"
	"github.com/syncmanager/syncmanager/internal/test/long"
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

func harness() enginetest.Harness {
	return enginetest.Harness{
		Many: long.Of(2000, 10_000),
		Open: func(t testing.TB, dir string) engine.Engine {
			now := func() time.Time { return time.UnixMilli(1_795_370_000_000) }
			return openAt(t, filepath.Join(dir, "creditcards.db"), now)
		},
		Close: func(t testing.TB, e engine.Engine) {
			if err := e.(*creditcards.Engine).Close(); err != nil {
				t.Error(err)
			}
		},
		Incoming: func(i, version int) engine.Incoming {
			id := engine.ID(fmt.Sprintf("%012x", i))
			return engine.Incoming{ID: id, Payload: fmt.Appendf(nil, `{"id":"%s","entry":{"cc-number":"%s","cc-exp-month":1,"cc-exp-year":%d,`+
				`"version":3,"timeCreated":1795360000000,"timeLastModified":1795360000000,"timeLastUsed":0,"timesUsed":0}}`,
				id, number(i), 2030+version)}
		},
		Add: func(ctx context.Context, e engine.Engine, i int) (engine.ID, error) {
			// The store's own: that a number is here already takes a look at all cards.
			c, err := e.(*creditcards.Engine).Store().Add(ctx, creditcards.Card{Entry: creditcards.Entry{Number: number(i), ExpMonth: 1, ExpYear: 2030}})
			return c.ID, err
		},
		Edit: func(ctx context.Context, e engine.Engine, id engine.ID, version int) error {
			c, err := e.(*creditcards.Engine).Get(ctx, id)
			if err != nil {
				return err
			}
			c.ExpMonth, c.ExpYear = 1, 2030+version
			_, err = e.(*creditcards.Engine).Update(ctx, c)
			return err
		},
		Delete: func(ctx context.Context, e engine.Engine, id engine.ID) error {
			return e.(*creditcards.Engine).Delete(ctx, id)
		},
		Versions: func(ctx context.Context, e engine.Engine) (map[engine.ID]int, error) {
			all := make(map[engine.ID]int)
			for c, err := range e.(*creditcards.Engine).List(ctx) {
				if err != nil {
					return nil, err
				}
				all[c.ID] = int(c.ExpYear) - 2030
			}
			return all, nil
		},
		Invalid:    []byte(`{"id":"000000000000","entry":{"cc-number":4111111111111111,"version":3}}`),
		Duplicates: true,
		Unknown:    true,
	}
}

func TestContract(t *testing.T) { enginetest.Run(t, harness()) }
