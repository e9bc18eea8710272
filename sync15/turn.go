package sync15

import "context"

// turn lets one goroutine at a time make a request whose answer serves all of them. It
// is not a mutex: who waits for it stops when its context ends, however long the request
// takes.
type turn chan struct{}

func newTurn() turn { return make(turn, 1) }

// take waits for the turn. The caller gives it back.
func (t turn) take(ctx context.Context) error {
	select {
	case t <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (t turn) give() { <-t }
