// Package intake bounds the request bodies of a server: how many bytes are held at once, in
// total and for each sender, and how slowly a body may arrive.
package intake

import (
	"context"
	"errors"
	"sync"
	"time"
)

var (
	// ErrBusy means that the budget was exhausted.
	ErrBusy = errors.New("too many request bodies are being received")
	// ErrSlow means that a body arrived too slowly.
	ErrSlow = errors.New("the request body arrived too slowly")
)

// patience is how long a body waits for the budget.
const patience = 10 * time.Second

// One sender may use 1/share of the budget.
const share = 4

// Budget bounds the bytes of all bodies. It is safe for concurrent use.
type Budget struct {
	total int64

	mu      sync.Mutex
	used    int64
	by      map[string]int64
	changed chan struct{} // closed when bytes are returned
}

// NewBudget returns a budget of total bytes.
func NewBudget(total int64) *Budget {
	return &Budget{total: total, by: make(map[string]int64), changed: make(chan struct{})}
}

// take reserves n bytes for all of senders, waiting if needed, and returns the function that
// returns them. More bytes than a sender's share count as the share, so that a larger body is
// still possible, but alone.
func (b *Budget) take(ctx context.Context, senders []string, n int64) (give func(), err error) {
	n = min(n, b.total/share)
	late := time.NewTimer(patience)
	defer late.Stop()
	for {
		changed, ok := b.try(senders, n)
		if ok {
			return func() { b.give(senders, n) }, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-late.C:
			return nil, ErrBusy
		}
	}
}

func (b *Budget) try(senders []string, n int64) (changed <-chan struct{}, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.used+n > b.total {
		return b.changed, false
	}
	for _, s := range senders {
		if b.by[s]+n > b.total/share {
			return b.changed, false
		}
	}
	b.used += n
	for _, s := range senders {
		b.by[s] += n
	}
	return nil, true
}

func (b *Budget) give(senders []string, n int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.used -= n
	for _, s := range senders {
		if b.by[s] -= n; b.by[s] <= 0 {
			delete(b.by, s)
		}
	}
	close(b.changed)
	b.changed = make(chan struct{})
}
