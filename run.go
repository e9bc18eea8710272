package syncmanager

import (
	"context"
	"slices"
	"time"

	"github.com/syncmanager/syncmanager/engine"
)

// RunOptions say when [Manager.Run] syncs. The zero value is a good default: immediately, soon after the user's changes, when other
// devices changed something, and every hour.
type RunOptions struct {
	// Every is the pause between the end of any sync of all engines and the next one; 0 means an hour.
	Every time.Duration
	// After is the pause between the last change and the sync that it causes; 0 means five
	// seconds. If changes continue, the sync starts twelve times that long after the first
	// one.
	After time.Duration
	// Soon takes the place of After where the service tells the other devices of a change, so that they have it within two
	// seconds; 0 means half a second, and more than After means After. If changes continue, the sync starts twice that long after the first
	// one, and the pause doubles with each further sync, up to After.
	Soon time.Duration
	// Retry is the pause after a failed sync, or one with a failed engine. It doubles with
	// each further failure, up to Every; 0 means a minute. After a new change, the pause is
	// Retry only.
	Retry time.Duration
	// Ready, if not nil, is called before each sync of Run's own, and before it connects to hear of changes. It returns when syncing is welcome,
	// for example once the network is not metered, or the cause of ctx's end. The app's own Sync does
	// not wait for it. It may be called concurrently.
	Ready func(ctx context.Context) error
}

// Run syncs all engines immediately, and then as o says, until ctx ends. A sync follows a
// change: one that Changed or an [engine.Notifier] announced, or a choice or command that is
// sent with the next sync (SetEnabled, RenameDevice, SendCommand). If the service asks
// clients to wait, Run waits. The results come from Watch. A Sync that the app calls itself
// counts too, so that Run does not repeat it.
//
// If the service tells which collections move, as the server of this module does, Run keeps a connection to it, and syncs the engines
// of these collections at once, with [ReasonPush]. Call NetworkChanged when the device woke up or is in another network. Mozilla's service
// tells nothing: Run finds what other devices changed with its next sync.
//
// With its syncs, at most once in five minutes, Run also gets what other devices sent
// ([Manager.Receive]), if [Config].Received is set. If that fails, the next sync tries again.
//
// After its syncs, Run also asks other devices to close the tabs that the user closed on this one
// at least After ago ([engine.TabCloser]), if the account is a [Messenger]. Until then the user
// can undo it. What fails is tried again after later syncs.
//
// Run returns the cause of ctx's end, or [ErrClosed] after Close. It also returns when no
// further sync can succeed: an *[AuthError] if the user must sign in again (the app then calls
// [Manager.SignIn]), or [ErrSignedOut] if another device signed this one out. It never returns
// nil. Only one Run is needed at a time.
//
// Run uses the timers of package time and the clock of [Config].Now. Timers stop while the
// device sleeps: call Sync when the device wakes up, or when the network returns.
func (m *Manager) Run(ctx context.Context, o RunOptions) error {
	ctx, done := m.untilClosed(ctx)
	defer done()
	m.mu.Lock()
	r := runner{m: m, line: m.results.last, seen: m.changes.count}
	m.mu.Unlock()
	if err := m.refused(); err != nil {
		return err
	}
	r.pace = newPace(o, m.cfg.Now(), m.BackoffUntil())
	r.hearing = m.newHearing(o.Ready)
	defer r.hearing.stop()
	for {
		if err := r.step(ctx); err != nil {
			return err
		}
	}
}

// runner is a Run.
type runner struct {
	m *Manager
	*pace
	hearing *hearing
	// line is the next result, and seen the number of the last change that a sync took up.
	line *resultNode
	seen uint64
	// received is when the other devices' messages were asked for.
	received time.Time
}

// step waits for the next thing that happens, and does what follows from it. Its error is that of Run.
func (r *runner) step(ctx context.Context) error {
	m := r.m
	more := r.noteChanges()
	at, reason := r.next()
	timer := time.NewTimer(at.Sub(m.cfg.Now()))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-more:
	case <-r.hearing.more:
		r.heard(m.cfg.Now())
	case <-r.line.ready:
		return r.noteResult(ctx)
	case <-timer.C:
		return r.act(ctx, reason)
	}
	return nil
}

// noteChanges notes the user's changes since the last call, and returns what is closed by the next.
func (r *runner) noteChanges() <-chan struct{} {
	m := r.m
	m.mu.Lock()
	count, names, more := m.changes.count, m.changes.since(r.seen), m.changes.wait()
	m.mu.Unlock()
	if count != r.seen {
		r.seen = count
		r.changed(m.cfg.Now(), m.closesTabs(names))
	}
	return more
}

// closesTabs reports whether one of these engines may have tabs of other devices to close.
func (m *Manager) closesTabs(names []string) bool {
	return slices.ContainsFunc(m.registered(), func(e engine.Engine) bool {
		_, closes := e.(engine.TabCloser)
		return closes && slices.Contains(names, e.Collection())
	})
}

// noteResult notes a sync that ended, whoever called it.
func (r *runner) noteResult(ctx context.Context) error {
	if r.line.next == nil {
		return ErrClosed
	}
	result := r.line.result
	r.line = r.line.next
	if err := r.synced(r.m.cfg.Now(), result); err != nil {
		return err
	}
	if r.told = r.m.client.Tells(); r.told {
		r.hearing.listen(ctx)
	}
	return nil
}

// act does what is due.
func (r *runner) act(ctx context.Context, reason Reason) (err error) {
	if reason == reasonMessages {
		r.messages = time.Time{}
		r.received, err = r.m.messagesInRun(ctx, r.received, r.After)
		return err
	}
	if r.Ready != nil {
		if err := r.Ready(ctx); err != nil {
			return err
		}
	}
	if err := r.m.lock(ctx); err != nil {
		return err
	}
	r.sync(ctx, reason)
	r.m.unlock()
	if reason == ReasonPush {
		return nil
	}
	r.received, err = r.m.messagesInRun(ctx, r.received, r.After)
	return err
}

// sync syncs all engines, or for a push those whose collections moved. The result comes down the line. The caller holds
// running.
func (r *runner) sync(ctx context.Context, reason Reason) {
	m := r.m
	// What changes from here on may miss this sync.
	m.mu.Lock()
	before := m.changes.count
	m.mu.Unlock()
	chosen, all, any := r.hearing.take(m.registered())
	if reason == ReasonPush && !all {
		var result Result
		if any {
			result, _ = m.syncEngines(ctx, Options{Reason: reason, some: true}, chosen)
		}
		r.pushed(m.cfg.Now(), result)
		return
	}
	r.seen = before
	r.began(m.cfg.Now())
	result, _ := m.sync(ctx, Options{Reason: reason})
	if reason == ReasonPush {
		r.pushed(m.cfg.Now(), result)
	}
}

// messagesInRun is receiveInRun and sendCloses.
func (m *Manager) messagesInRun(ctx context.Context, received time.Time, delay time.Duration) (time.Time, error) {
	received, err := m.receiveInRun(ctx, received)
	if err == nil {
		err = m.sendCloses(ctx, delay)
	}
	return received, err
}
