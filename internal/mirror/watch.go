package mirror

import (
	"context"
	"iter"

	"github.com/syncmanager/syncmanager/engine"
)

// Watch yields what changes from now on. It delays neither edits nor syncs: what
// happens while the loop is busy comes as one Change afterwards. It ends with ctx,
// with Close, or when the loop is left, and serves one loop.
func (s *Store[R]) Watch(ctx context.Context) iter.Seq[engine.Change] { return s.watchers.Watch(ctx) }

// tell tells of a committed transaction.
func (s *Store[R]) tell(e *effect) {
	if !e.wiped && len(e.changed) == 0 {
		return
	}
	change := engine.Change{User: e.user, Sync: !e.user && !e.wiped, IDs: e.changed}
	if e.wiped {
		change.IDs = nil
	}
	s.watchers.Tell(change)
	if e.user {
		s.Notify()
	}
}
