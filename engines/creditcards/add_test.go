package creditcards_test

import (
	"errors"
	"sync"
	"testing"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engines/creditcards"
)

// Of several concurrent calls that add one number, one succeeds, and the others
// return ErrDuplicate.
func TestACardIsAddedOnce(t *testing.T) {
	t.Parallel()
	e, _ := open(t)
	const at = 8
	errs := make(chan error, at)
	start := make(chan struct{})
	var group sync.WaitGroup
	for i := range at {
		group.Go(func() {
			<-start
			name := string(rune('A' + i)) // different holders, and the same number
			_, err := e.Add(t.Context(), creditcards.Card{Entry: creditcards.Entry{Name: name, Number: "4111 1111 1111 1111"}})
			errs <- err
		})
	}
	close(start)
	group.Wait()
	added := 0
	for range at {
		switch err := <-errs; {
		case err == nil:
			added++
		case !errors.Is(err, engine.ErrDuplicate):
			t.Error(err)
		}
	}
	if n := len(list(t, e)); added != 1 || n != 1 {
		t.Errorf("%d were added and %d are there; want one", added, n)
	}
}
