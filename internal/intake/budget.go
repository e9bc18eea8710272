// Package intake bounds what the bodies of requests take of a server: how many bytes
// of them are held at once, in all and for one sender, and for how long a slow one is
// waited for.
package intake

import (
	"context"
	"errors"
	"sync"
	"time"
)

var (
	// ErrBusy means that there was no room for a body.
	ErrBusy = errors.New("too many bodies of requests are under way")
	// ErrSlow means that a body came too slowly.
	ErrSlow = errors.New("the body of the request came too slowly")
)

// patience is how long a body waits for room.
const patience = 10 * time.Second

// share is the part of all room that one sender may have.
const share = 4

// Budget is room for bodies.
type Budget struct {
	total int64

	mu      sync.Mutex
	used    int64
	by      map[string]int64
	changed chan struct{} // closed when there is more room
}

// NewBudget makes a budget of so many bytes.
func NewBudget(total int64) *Budget {
	return &Budget{total: total, by: make(map[string]int64), changed: make(chan struct{})}
}

// take waits for room for n bytes of all senders named, and returns how to give it
// back. What is more than a sender's share counts as the share: it comes alone.
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
