package syncmanager

import (
	"cmp"
	"time"
)

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

	// told says that the service tells other devices of changes; then soon is the pause after a change, and
	// edited when the last sync for changes began.
	told   bool
	soon   time.Duration
	edited time.Time
	// push is when it syncs what other devices changed, and mayPush from when on it may; gap is the pause between two such syncs, which grows while
	// they find nothing.
	push, mayPush time.Time
	gap           time.Duration
	// messages is when it asks other devices to close tabs, without a sync.
	messages time.Time
}

// While changes keep coming, one waits at most steady times After, or twice times Soon.
const (
	steady = 12
	twice  = 2
)

const (
	// atOnce is the default of RunOptions.Soon.
	atOnce = 500 * time.Millisecond
	// leastGap and mostGap bound the pause between two syncs of what other devices changed.
	leastGap, mostGap = 500 * time.Millisecond, time.Minute
	// reasonMessages is next's answer where no sync is due, but messages are.
	reasonMessages Reason = "messages"
)

func newPace(o RunOptions, now, quiet time.Time) *pace {
	o.Every = cmp.Or(max(o.Every, 0), time.Hour)
	o.After = cmp.Or(max(o.After, 0), 5*time.Second)
	o.Soon = min(cmp.Or(max(o.Soon, 0), atOnce), o.After)
	o.Retry = min(cmp.Or(max(o.Retry, 0), time.Minute), o.Every)
	return &pace{RunOptions: o, regular: now, reason: ReasonStartup, quiet: quiet}
}

func (p *pace) next() (time.Time, Reason) {
	at, reason := p.regular, p.reason
	for _, other := range []struct {
		at     time.Time
		reason Reason
	}{{p.edits, ReasonEngineChange}, {p.push, ReasonPush}, {p.messages, reasonMessages}} {
		if !other.at.IsZero() && other.at.Before(at) {
			at, reason = other.at, other.reason
		}
	}
	if p.quiet.After(at) {
		at = p.quiet
	}
	return at, reason
}

// changed notes a change. closes says that it may be tabs of other devices to be closed After it.
func (p *pace) changed(now time.Time, closes bool) {
	if p.first.IsZero() {
		p.first = now
	}
	after, latest := p.After, steady*p.After
	if p.told {
		if p.first.Equal(now) && (p.soon == 0 || now.Sub(p.edited).Abs() > twice*p.soon) {
			p.soon = p.Soon // it is not one of a series
		}
		if p.soon < p.After {
			after, latest = p.soon, twice*p.soon
		}
		if closes {
			p.messages = now.Add(p.After)
		}
	}
	p.edits = now.Add(after)
	if latest := p.first.Add(latest); latest.Before(p.edits) {
		p.edits = latest
	}
}

// heard notes that other devices changed something.
func (p *pace) heard(now time.Time) {
	if p.push.IsZero() {
		p.push = now
		if wait := p.mayPush.Sub(now); wait > 0 && wait <= mostGap {
			p.push = p.mayPush
		}
	}
}

// pushed notes that what other devices changed was synced, or was known already; then r is empty.
func (p *pace) pushed(now time.Time, r Result) {
	p.push = time.Time{}
	found := r.Engines == nil
	for _, e := range r.Engines {
		found = found || e.Downloaded > 0
	}
	if p.gap = min(2*p.gap, mostGap); found || p.gap < leastGap {
		p.gap = leastGap
	}
	p.mayPush = now.Add(p.gap)
}

// began notes that a sync of all engines begins, which takes up all changes so far.
func (p *pace) began(now time.Time) {
	if !p.edits.IsZero() {
		p.edited, p.soon = now, min(2*p.soon, p.After)
	}
	p.regular, p.reason = now.Add(p.Every), ReasonSchedule
	p.edits, p.first, p.push = time.Time{}, time.Time{}, time.Time{}
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
	case !r.failed() && r.some:
		return nil
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
