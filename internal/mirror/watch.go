package mirror

import (
	"context"
	"iter"
	"maps"
	"slices"
	"sync"

	"github.com/syncmanager/syncmanager/engine"
)

// Change tells that records were added, changed or deleted.
type Change struct {
	// User and Sync tell who did it: this device's user, other devices through a
	// sync, or both since the last Change. Neither: Wipe took all records away.
	User, Sync bool
	// IDs are the records, sorted; nil: so many that it is quicker to list them all.
	IDs []engine.ID
}

// maxChanged bounds the IDs of one Change.
const maxChanged = 1000

// bell is told of the user's changes, and watchers of all.
type bell struct {
	engine.Bell

	mu     sync.Mutex
	all    map[*watcher]bool
	closed bool
}

// watcher gathers what changed until its loop comes round for it.
type watcher struct {
	ready chan struct{} // has one element while something waits; closed at the end

	// The bell's lock guards these.
	user, sync, many bool
	ids              map[engine.ID]bool
}

// Notify sets what is called after each commit of a change by the user, from any
// goroutine and with no lock held; nil: nothing.
func (c *Core) Notify(changed func()) { c.bell.Notify(changed) }

// Watch yields what changes from now on. It holds up neither edits nor syncs: what
// happens while the loop is busy comes as one Change afterwards. It ends with ctx,
// with Close, or when the loop is left, and serves one loop.
func (c *Core) Watch(ctx context.Context) iter.Seq[Change] {
	w := c.bell.add()
	stop := context.AfterFunc(ctx, func() { c.bell.remove(w) })
	return func(yield func(Change) bool) {
		defer func() {
			stop()
			c.bell.remove(w)
		}()
		for range w.ready {
			if ctx.Err() != nil || !yield(c.bell.take(w)) {
				return
			}
		}
	}
}

func (b *bell) add() *watcher {
	w := &watcher{ready: make(chan struct{}, 1)}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		close(w.ready)
		return w
	}
	if b.all == nil {
		b.all = make(map[*watcher]bool)
	}
	b.all[w] = true
	return w
}

func (b *bell) remove(w *watcher) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.all[w] {
		delete(b.all, w)
		close(w.ready)
	}
}

func (b *bell) close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
	for w := range b.all {
		close(w.ready)
	}
	b.all = nil
}

func (b *bell) watched() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.all) > 0
}

func (b *bell) take(w *watcher) Change {
	b.mu.Lock()
	defer b.mu.Unlock()
	change := Change{User: w.user, Sync: w.sync}
	if !w.many {
		change.IDs = slices.Sorted(maps.Keys(w.ids))
	}
	w.user, w.sync, w.many, w.ids = false, false, false, nil
	return change
}

// ring tells of a committed transaction.
func (b *bell) ring(t *tx) {
	if !t.wiped && len(t.changed) == 0 {
		return
	}
	b.mu.Lock()
	for w := range b.all {
		w.add(t)
	}
	b.mu.Unlock()
	if t.user {
		b.Ring()
	}
}

func (w *watcher) add(t *tx) {
	w.user = w.user || t.user
	w.sync = w.sync || !t.user && !t.wiped
	if w.ids == nil {
		w.ids = make(map[engine.ID]bool)
	}
	for _, id := range t.changed {
		w.ids[id] = true
	}
	if w.many = w.many || t.wiped || len(w.ids) > maxChanged; w.many {
		clear(w.ids)
	}
	select {
	case w.ready <- struct{}{}:
	default: // it has not come round for the last one
	}
}
