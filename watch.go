package syncmanager

import (
	"context"
	"iter"
	"maps"
	"slices"
)

// Watch yields the result of each Sync from now on, in order, whether the app or Run called
// it. A slow loop gets every result, and delays neither syncs nor other loops: results wait
// in memory, some kilobytes each. The sequence ends with ctx or, after the last result, with
// Close. Only one goroutine at a time may use it. The results are shared and must not be
// changed.
func (m *Manager) Watch(ctx context.Context) iter.Seq[Result] {
	m.mu.Lock()
	at := m.results.last
	m.mu.Unlock()
	return func(yield func(Result) bool) {
		for {
			select {
			case <-ctx.Done():
				return
			case <-at.ready:
			}
			if ctx.Err() != nil || at.next == nil {
				return
			}
			r := at.result
			at = at.next
			if !yield(r) {
				return
			}
		}
	}
}

// results is a line of results that each watcher walks at its own pace. What all
// have passed is the garbage collector's, so there is no list of watchers.
type results struct{ last *resultNode }

// resultNode holds a result and the way to the next, both set before ready is
// closed. Without a next the line ends there.
type resultNode struct {
	ready  chan struct{}
	result Result
	next   *resultNode
}

func newResults() results { return results{&resultNode{ready: make(chan struct{})}} }

func (r *results) add(result Result) {
	n := r.last
	r.last = &resultNode{ready: make(chan struct{})}
	n.result, n.next = result, r.last
	close(n.ready)
}

func (r *results) end() { close(r.last.ready) }

// Changed tells the manager that the user changed something in these engines, so that Run
// syncs it soon. An engine that is an engine.Notifier does so itself. Names that are not
// registered are ignored; without names, all engines are meant. Changed never blocks, and may
// be called at each keystroke.
func (m *Manager) Changed(names ...string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, e := range m.engines {
		if name := e.Collection(); len(names) == 0 || slices.Contains(names, name) {
			m.changes.note(name)
		}
	}
}

// WatchChanges yields the sorted names of the engines in which the user changed something.
// Changes during a pass of the loop are combined in the next one, so a slow loop delays
// nothing. The sequence ends with ctx or Close. Only one goroutine at a time may use it.
func (m *Manager) WatchChanges(ctx context.Context) iter.Seq[[]string] {
	m.mu.Lock()
	seen := m.changes.count
	m.mu.Unlock()
	return func(yield func([]string) bool) {
		ctx, done := m.untilClosed(ctx)
		defer done()
		for ctx.Err() == nil {
			m.mu.Lock()
			names, more := m.changes.since(seen), m.changes.wait()
			seen = m.changes.count
			m.mu.Unlock()
			if len(names) > 0 {
				if !yield(names) {
					return
				}
				continue
			}
			select {
			case <-ctx.Done():
			case <-more:
			}
		}
	}
}

// changes numbers the user's changes. Whoever remembers a number can tell what
// changed since, so that many changes cost no more memory than one.
type changes struct {
	count uint64
	// last is the number of each engine's last change.
	last map[string]uint64
	// more is closed by the next change; nil: nobody waits.
	more chan struct{}
}

// note counts a change in an engine, or with "" in what the manager itself has to
// tell the account.
func (c *changes) note(name string) {
	c.count++
	if name != "" {
		if c.last == nil {
			c.last = map[string]uint64{}
		}
		c.last[name] = c.count
	}
	if c.more != nil {
		close(c.more)
		c.more = nil
	}
}

func (c *changes) since(n uint64) []string {
	names := slices.Sorted(maps.Keys(c.last))
	return slices.DeleteFunc(names, func(name string) bool { return c.last[name] <= n })
}

func (c *changes) wait() <-chan struct{} {
	if c.more == nil {
		c.more = make(chan struct{})
	}
	return c.more
}
