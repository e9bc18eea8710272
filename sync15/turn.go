package sync15

import "context"

// turn lets one goroutine at a time make a request whose answer all of them use. Unlike with a
// mutex, a goroutine stops waiting when its context ends.
type turn chan struct{}

func newTurn() turn { return make(turn, 1) }

// take waits for the turn. The caller must release it.
func (t turn) take(ctx context.Context) error {
	select {
	case t <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (t turn) give() { <-t }
