package engine

import (
	"context"
	"iter"
	"maps"
	"slices"
	"sync"
)

// Collect returns all that a list of a store yields, and the error that ended it.
func Collect[T any](list iter.Seq2[T, error]) (all []T, err error) {
	for one, err := range list {
		if err != nil {
			return all, err
		}
		all = append(all, one)
	}
	return all, nil
}

// maxWatched bounds the IDs of one [Change].
const maxWatched = 1000

// Watchers let loops of an app follow the changes of a store: the store calls Tell after
// each commit, and shows Watch as its own method. The zero value is ready to use. Its
// methods may be called from several goroutines at once, and Tell never waits for a loop.
type Watchers struct {
	mu     sync.Mutex
	all    map[*watcher]bool
	closed bool
}

// watcher collects what changed until its loop takes it.
type watcher struct {
	ready chan struct{} // has one element while something waits; closed at the end

	// The lock of Watchers guards these.
	user, sync, many bool
	ids              map[ID]bool
}

// Watch yields what changes from now on. What happens while the loop is busy comes as one
// Change afterwards. It ends with ctx, with Close, or when the loop is left, and serves
// one loop.
func (ws *Watchers) Watch(ctx context.Context) iter.Seq[Change] {
	w := ws.add()
	stop := context.AfterFunc(ctx, func() { ws.remove(w) })
	return func(yield func(Change) bool) {
		defer func() {
			stop()
			ws.remove(w)
		}()
		for range w.ready {
			if ctx.Err() != nil || !yield(ws.take(w)) {
				return
			}
		}
	}
}

// Watched tells whether a loop follows the changes: a store need not look for the IDs of
// what changed otherwise.
func (ws *Watchers) Watched() bool {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	return len(ws.all) > 0
}

// Tell tells all loops of a change. IDs need not be sorted.
func (ws *Watchers) Tell(c Change) {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	for w := range ws.all {
		w.add(c)
	}
}

// Close ends all loops, and those that begin later.
func (ws *Watchers) Close() {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	ws.closed = true
	for w := range ws.all {
		close(w.ready)
	}
	ws.all = nil
}

func (ws *Watchers) add() *watcher {
	w := &watcher{ready: make(chan struct{}, 1)}
	ws.mu.Lock()
	defer ws.mu.Unlock()
	if ws.closed {
		close(w.ready)
		return w
	}
	if ws.all == nil {
		ws.all = make(map[*watcher]bool)
	}
	ws.all[w] = true
	return w
}

func (ws *Watchers) remove(w *watcher) {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	if ws.all[w] {
		delete(ws.all, w)
		close(w.ready)
	}
}

func (ws *Watchers) take(w *watcher) Change {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	change := Change{User: w.user, Sync: w.sync}
	if !w.many {
		change.IDs = slices.Sorted(maps.Keys(w.ids))
	}
	w.user, w.sync, w.many, w.ids = false, false, false, nil
	return change
}

func (w *watcher) add(c Change) {
	w.user = w.user || c.User
	w.sync = w.sync || c.Sync
	if w.ids == nil {
		w.ids = make(map[ID]bool)
	}
	for _, id := range c.IDs {
		w.ids[id] = true
	}
	if w.many = w.many || c.IDs == nil || len(w.ids) > maxWatched; w.many {
		clear(w.ids)
	}
	select {
	case w.ready <- struct{}{}:
	default: // the loop has not taken the last one yet
	}
}
