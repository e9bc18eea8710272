package agent

import (
	"context"
	"errors"
	"iter"
	"runtime/debug"
	"sync"
	"time"

	"github.com/syncmanager/syncmanager"
	"github.com/syncmanager/syncmanager/internal/profile"
)

// every is the time between two syncs without a change, and soon that before a failed one is tried again.
const (
	every = time.Hour
	soon  = time.Minute
)

// lastSync is the last sync that ended.
type lastSync struct {
	// at is by the wall clock, which goes on while the machine sleeps; zero if there was none.
	at time.Time
	// failed is set if another may do better.
	failed bool
	// next is when Run syncs next without a change.
	next time.Time
}

// keepInSync runs the manager's Run while the profile is signed in to a server, until ctx ends.
func (a *Agent) keepInSync(ctx context.Context) {
	for ctx.Err() == nil {
		account, changed := a.cfg.Profile.WatchAccount()
		if account != nil && !account.Local && a.keepAccount(ctx) {
			continue // the account may be another now
		}
		select {
		case <-changed:
		case <-ctx.Done():
		}
		a.setProblem("")
	}
}

// keepAccount syncs with the account, and reports whether to look again which it is.
func (a *Agent) keepAccount(ctx context.Context) (again bool) {
	m, err := a.cfg.Profile.AccountManager(ctx)
	if errors.As(err, new(profile.NotSignedInError)) {
		return true
	}
	if err != nil {
		a.setProblem(err.Error())
		return false
	}
	watching, stop := context.WithCancel(ctx)
	defer stop()
	results := m.Watch(watching) // before Run, so that its first result is among them
	var noting sync.WaitGroup
	noting.Go(func() { a.note(results) })
	err = m.Run(ctx, syncmanager.RunOptions{Every: every, Retry: soon, Ready: a.gate.pass})
	stop()
	noting.Wait()
	switch {
	case ctx.Err() != nil:
		return false
	case errors.Is(err, syncmanager.ErrClosed):
		return true
	case errors.Is(err, syncmanager.ErrSignedOut):
		if _, err := a.cfg.Profile.SignOut(ctx, false); err != nil {
			a.setProblem("another device signed this one out: " + err.Error())
			return false
		}
		a.cfg.Log.Info("another device signed this one out; the data is kept")
		return true
	}
	a.cfg.Log.Warn("the account cannot be synced", "err", err)
	a.setProblem(err.Error())
	return false
}

// note notes the results of syncs, until there are no more.
func (a *Agent) note(results iter.Seq[syncmanager.Result]) {
	for r := range results {
		if r.Status == syncmanager.StatusOK && r.Ping.Syncs[0].Why == string(syncmanager.ReasonPush) {
			continue // only what another device changed: the next sync of all is due as before
		}
		now := a.cfg.Now()
		l := lastSync{at: now.Round(0), failed: r.Status == syncmanager.StatusFailed || r.Status == syncmanager.StatusPartial, next: now.Add(every)}
		if l.failed {
			l.next = now.Add(soon)
		}
		if r.NextSyncAllowedAt.After(l.next) {
			l.next = r.NextSyncAllowedAt
		}
		a.mu.Lock()
		a.last = l
		a.mu.Unlock()
		a.cfg.Log.Info("synced", "status", r.Status, "err", r.Err)
		giveMemoryBack()
	}
}

// giveMemoryBack returns to the system what a sync or a command took, since most of the time an agent waits.
func giveMemoryBack() { debug.FreeOSMemory() }

func (a *Agent) setProblem(text string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.problem = text
}

// overdue reports whether a sync is to be made up for that timers could not start, as while the machine
// slept, or one that failed is to be tried again, as after the network came back.
func (a *Agent) overdue() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	pause := a.cfg.Now().Round(0).Sub(a.last.at)
	return !a.last.at.IsZero() && (a.last.failed || pause >= every || pause < 0)
}

// catchUp hears again what other devices change, whose connection may be dead, and syncs if that is overdue.
func (a *Agent) catchUp(ctx context.Context) {
	account, _ := a.cfg.Profile.WatchAccount()
	if account == nil || account.Local {
		return
	}
	m, err := a.cfg.Profile.AccountManager(ctx)
	if err != nil {
		return // keepInSync has said so
	}
	m.NetworkChanged()
	if a.gate.reason() != "" || !a.overdue() {
		return
	}
	_, _ = m.Sync(ctx, syncmanager.Options{Reason: syncmanager.ReasonSchedule}) // its result is watched
}

// A gate is closed for reasons, each of which has a name.
type gate struct {
	mu      sync.Mutex
	reasons map[string]string
	open    chan struct{} // is closed when the last reason goes; nil while there is none
}

// set closes the gate for a reason, or with "" takes back the reason of that name.
func (g *gate) set(name, reason string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if reason == "" {
		delete(g.reasons, name)
	} else {
		if g.reasons == nil {
			g.reasons = map[string]string{}
		}
		g.reasons[name] = reason
	}
	switch {
	case len(g.reasons) > 0 && g.open == nil:
		g.open = make(chan struct{})
	case len(g.reasons) == 0 && g.open != nil:
		close(g.open)
		g.open = nil
	}
}

// reason returns why the gate is closed, or "".
func (g *gate) reason() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, name := range []string{Battery, Network} {
		if r := g.reasons[name]; r != "" {
			return r
		}
	}
	return ""
}

// pass waits until the gate is open.
func (g *gate) pass(ctx context.Context) error {
	for {
		g.mu.Lock()
		open := g.open
		g.mu.Unlock()
		if open == nil {
			return nil
		}
		select {
		case <-open:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}
