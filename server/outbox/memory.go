package outbox

import (
	"context"
	"slices"
	"sync"
	"time"
)

// Item is a message that waits.
type Item struct {
	// Owner is on whose account it is counted.
	Owner string
	ID    []byte // random
	Body  []byte // JSON
	Tries int    // that failed
	// Ends is when it is useless.
	Ends time.Time
}

// Bounds limit what waits of one kind: Size items, of which SizeOf are one owner's. Soon says that
// the new one may be lost if the machine loses power.
type Bounds struct {
	Size, SizeOf int
	Soon         bool
}

// Queue keeps messages that wait. Its methods may be called concurrently, by several servers if
// they share it.
type Queue interface {
	// Add adds an item that may be taken from due on. The error is [ErrFull] if that exceeds the
	// bounds, by which servers that add at the same time may miss each other.
	Add(ctx context.Context, kind string, i Item, due time.Time, b Bounds) error
	// Take takes the item that was due first, if it has not ended; it is due again at until.
	Take(ctx context.Context, kind string, now, until time.Time) (i Item, found bool, err error)
	// Later notes when an item is due again, and its Tries.
	Later(ctx context.Context, i Item, due time.Time) error
	Remove(ctx context.Context, i Item) error
	// Drop removes the items that have ended, and returns how many there were.
	Drop(ctx context.Context, kind string, now time.Time) (int, error)
	Count(ctx context.Context, kind string) (int, error)
}

// memory is a Queue of one kind that ends with the process.
type memory struct {
	mu    sync.Mutex
	items map[string]*waiting // by ID
	order []*waiting          // in which they were added
}

type waiting struct {
	Item
	due time.Time
}

func (m *memory) Add(_ context.Context, _ string, i Item, due time.Time, b Bounds) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	own := 0
	for _, w := range m.order {
		if w.Owner == i.Owner {
			own++
		}
	}
	if len(m.order) >= b.Size || own >= b.SizeOf {
		return ErrFull
	}
	if m.items == nil {
		m.items = make(map[string]*waiting)
	}
	w := &waiting{i, due}
	m.items[string(i.ID)], m.order = w, append(m.order, w)
	return nil
}

func (m *memory) Take(_ context.Context, _ string, now, until time.Time) (Item, bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var first *waiting
	for _, w := range m.order {
		if !w.due.After(now) && w.Ends.After(now) && (first == nil || w.due.Before(first.due)) {
			first = w
		}
	}
	if first == nil {
		return Item{}, false, nil
	}
	first.due = until
	return first.Item, true, nil
}

func (m *memory) Later(_ context.Context, i Item, due time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if w := m.items[string(i.ID)]; w != nil {
		w.due, w.Tries = due, i.Tries
	}
	return nil
}

func (m *memory) Remove(_ context.Context, i Item) error {
	m.remove(func(w *waiting) bool { return string(w.ID) == string(i.ID) })
	return nil
}

func (m *memory) Drop(_ context.Context, _ string, now time.Time) (int, error) {
	return m.remove(func(w *waiting) bool { return !w.Ends.After(now) }), nil
}

// remove removes items, and returns how many.
func (m *memory) remove(which func(*waiting) bool) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	before := len(m.order)
	m.order = slices.DeleteFunc(m.order, func(w *waiting) bool {
		gone := which(w)
		if gone {
			delete(m.items, string(w.ID))
		}
		return gone
	})
	return before - len(m.order)
}

func (m *memory) Count(context.Context, string) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.order), nil
}
