package syncmanager

import (
	"cmp"
	"context"
	"time"
)

// RunOptions say when [Manager.Run] syncs. The zero value is a good default: immediately,
// five seconds after the user's last change, and every hour.
type RunOptions struct {
	// Every is the pause between the end of any sync and the next one; 0 means an hour.
	Every time.Duration
	// After is the pause between the last change and the sync that it causes; 0 means five
	// seconds. If changes continue, the sync starts twelve times that long after the first
	// one.
	After time.Duration
	// Retry is the pause after a failed sync, or one with a failed engine. It doubles with
	// each further failure, up to Every; 0 means a minute. After a new change, the pause is
	// Retry only.
	Retry time.Duration
	// Ready, if not nil, is called before each sync of Run's own. It returns when syncing is welcome,
	// for example once the network is not metered, or the cause of ctx's end. The app's own Sync does
	// not wait for it.
	Ready func(ctx context.Context) error
}

// steady is how many times After a change waits while others keep coming.
const steady = 12

// Run syncs all engines immediately, and then as o says, until ctx ends. A sync follows a
// change: one that Changed or an [engine.Notifier] announced, or a choice or command that is
// sent with the next sync (SetEnabled, RenameDevice, SendCommand). If the service asks
// clients to wait, Run waits. The results come from Watch. A Sync that the app calls itself
// counts too, so that Run does not repeat it.
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
	line, seen := m.results.last, m.changes.count
	m.mu.Unlock()
	if err := m.refused(); err != nil {
		return err
	}
	p := newPace(o, m.cfg.Now(), m.BackoffUntil())
	var received time.Time // when the other devices' messages were asked for
	for {
		m.mu.Lock()
		count, more := m.changes.count, m.changes.wait()
		m.mu.Unlock()
		if count != seen {
			seen = count
			p.changed(m.cfg.Now())
		}
		at, reason := p.next()
		timer := time.NewTimer(at.Sub(m.cfg.Now()))
		select {
		case <-ctx.Done():
			timer.Stop()
			return context.Cause(ctx)
		case <-more:
		case <-line.ready:
			if line.next == nil {
				timer.Stop()
				return ErrClosed
			}
			if err := p.synced(m.cfg.Now(), line.result); err != nil {
				timer.Stop()
				return err
			}
			line = line.next
		case <-timer.C:
			if o.Ready != nil {
				if err := o.Ready(ctx); err != nil {
					return err
				}
			}
			// What changes from here on may miss this sync.
			m.mu.Lock()
			seen = m.changes.count
			m.mu.Unlock()
			p.began(m.cfg.Now())
			if err := m.lock(ctx); err != nil {
				return err
			}
			_, _ = m.sync(ctx, Options{Reason: reason}) // its result comes down the line
			m.unlock()
			var err error
			if received, err = m.messagesInRun(ctx, received, p.After); err != nil {
				return err
			}
		}
		timer.Stop()
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

// pace is when Run syncs next.
type pace struct {
	RunOptions
	// regular is when it does so without a change, and reason why; edits is when
	// it does for changes, the first of which was at first; zero: there are none.
	regular, edits, first time.Time
	reason                Reason
	// quiet is until when Run does not sync, changes or not.
	quiet time.Time
	// failures counts the syncs that failed in a row.
	failures int
}

func newPace(o RunOptions, now, quiet time.Time) *pace {
	o.Every = cmp.Or(max(o.Every, 0), time.Hour)
	o.After = cmp.Or(max(o.After, 0), 5*time.Second)
	o.Retry = min(cmp.Or(max(o.Retry, 0), time.Minute), o.Every)
	return &pace{RunOptions: o, regular: now, reason: ReasonStartup, quiet: quiet}
}

func (p *pace) next() (time.Time, Reason) {
	at, reason := p.regular, p.reason
	if !p.edits.IsZero() && p.edits.Before(at) {
		at, reason = p.edits, ReasonEngineChange
	}
	if p.quiet.After(at) {
		at = p.quiet
	}
	return at, reason
}

func (p *pace) changed(now time.Time) {
	if p.first.IsZero() {
		p.first = now
	}
	p.edits = now.Add(p.After)
	if latest := p.first.Add(steady * p.After); latest.Before(p.edits) {
		p.edits = latest
	}
}

// began notes that a sync of Run's own begins, which takes up all changes so far.
func (p *pace) began(now time.Time) {
	p.regular, p.reason = now.Add(p.Every), ReasonSchedule
	p.edits, p.first = time.Time{}, time.Time{}
}

// synced takes note of a sync's result. Its error is one that further syncs
// cannot mend.
func (p *pace) synced(now time.Time, r Result) error {
	switch {
	case r.SignedOut:
		return ErrSignedOut
	case r.Status == StatusSignInAgain:
		return r.Err
	}
	p.quiet, p.reason = r.NextSyncAllowedAt, ReasonSchedule
	pause := p.Every
	switch {
	case r.Status == StatusBackedOff:
		// There was no sync: it follows as soon as it may.
		pause = max(p.quiet.Sub(now), p.Retry)
	case !r.failed():
		p.failures = 0
	default:
		pause = p.Retry
		for range p.failures {
			if pause *= 2; pause >= p.Every {
				pause = p.Every
				break
			}
		}
		p.failures++
		if again := now.Add(p.Retry); again.After(p.quiet) {
			p.quiet = again
		}
	}
	p.regular = now.Add(pause)
	return nil
}
