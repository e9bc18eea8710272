package mirror

import (
	"context"
	"iter"
	"maps"
	"slices"
	"sync"

	"github.com/syncmanager/syncmanager/engine"
)

// maxChanged bounds the IDs of one Change.
const maxChanged = 1000

// watchers are told of what each transaction changed.
type watchers struct {
	mu     sync.Mutex
	all    map[*watcher]bool
	closed bool
}

// watcher collects what changed until its loop takes it.
type watcher struct {
	ready chan struct{} // has one element while something waits; closed at the end

	// The lock of watchers guards these.
	user, sync, many bool
	ids              map[engine.ID]bool
}

// Watch yields what changes from now on. It delays neither edits nor syncs: what
// happens while the loop is busy comes as one Change afterwards. It ends with ctx,
// with Close, or when the loop is left, and serves one loop.
func (s *Store[R]) Watch(ctx context.Context) iter.Seq[engine.Change] {
	w := s.watchers.add()
	stop := context.AfterFunc(ctx, func() { s.watchers.remove(w) })
	return func(yield func(engine.Change) bool) {
		defer func() {
			stop()
			s.watchers.remove(w)
		}()
		for range w.ready {
			if ctx.Err() != nil || !yield(s.watchers.take(w)) {
				return
			}
		}
	}
}

func (ws *watchers) add() *watcher {
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

func (ws *watchers) remove(w *watcher) {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	if ws.all[w] {
		delete(ws.all, w)
		close(w.ready)
	}
}

func (ws *watchers) close() {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	ws.closed = true
	for w := range ws.all {
		close(w.ready)
	}
	ws.all = nil
}

func (ws *watchers) watched() bool {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	return len(ws.all) > 0
}

func (ws *watchers) take(w *watcher) engine.Change {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	change := engine.Change{User: w.user, Sync: w.sync}
	if !w.many {
		change.IDs = slices.Sorted(maps.Keys(w.ids))
	}
	w.user, w.sync, w.many, w.ids = false, false, false, nil
	return change
}

// tell tells of a committed transaction.
func (s *Store[R]) tell(e *effect) {
	if !e.wiped && len(e.changed) == 0 {
		return
	}
	s.watchers.tell(e)
	if e.user {
		s.Notify()
	}
}

func (ws *watchers) tell(e *effect) {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	for w := range ws.all {
		w.add(e)
	}
}

func (w *watcher) add(e *effect) {
	w.user = w.user || e.user
	w.sync = w.sync || !e.user && !e.wiped
	if w.ids == nil {
		w.ids = make(map[engine.ID]bool)
	}
	for _, id := range e.changed {
		w.ids[id] = true
	}
	if w.many = w.many || e.wiped || len(w.ids) > maxChanged; w.many {
		clear(w.ids)
	}
	select {
	case w.ready <- struct{}{}:
	default: // the loop has not taken the last one yet
	}
}
