package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/syncmanager/syncmanager"
	"github.com/syncmanager/syncmanager/engine"
)

var syncCommands = []command{
	{"sync", "[accept-deletions]", "sync all stores once", (*browser).sync},
	{"run", "", "sync at each change and each hour, until it is interrupted", (*browser).keepSyncing},
	{"status", "", "what is here, and what waits to be sent", (*browser).status},
	{"log", "STORE", "list what syncs changed in a store", (*browser).log},
	{"undo", "STORE", "take back what the last sync changed in a store", (*browser).undo},
	{"maintain", "", "drop damaged records, and give the disk back what is not used", (*browser).maintain},
}

func (b *browser) sync(ctx context.Context, args []string) error {
	if len(args) > 0 && args[0] != "accept-deletions" {
		return fmt.Errorf("usage: browser sync [accept-deletions]")
	}
	a, err := b.account()
	if err != nil {
		return err
	}
	return b.online(ctx, a, func(m *syncmanager.Manager) error {
		// The messages first, so that the pages which they open and close are synced at once. None
		// of the three needs the others: each error is told, and stops none.
		messages := errors.Join(m.Receive(ctx), b.sendCloses(ctx, a)) // Receive calls received
		result, err := m.Sync(ctx, syncmanager.Options{AcceptDeletions: len(args) > 0})
		return errors.Join(messages, err, b.report(result))
	})
}

// report prints what a sync did. A store that failed stops no other, and has its own error.
func (b *browser) report(result syncmanager.Result) (err error) {
	for _, e := range b.engines() {
		name := e.Collection()
		done := result.Engines[name]
		if done.Applied+done.Uploaded > 0 {
			b.printf("%s: %d received, %d sent", name, done.Applied, done.Uploaded)
		}
		for _, p := range done.Problems {
			b.printf("%s: %s: %v", name, p.ID, p.Err)
		}
		if _, many := errors.AsType[*engine.TooManyDeletionsError](done.Err); many {
			err = errors.Join(err, fmt.Errorf("%s: %w; if that is right: 'browser sync accept-deletions'", name, done.Err))
		} else if done.Err != nil {
			err = errors.Join(err, fmt.Errorf("%s: %w", name, done.Err))
		}
	}
	b.reportAddons()
	return err
}

// keepSyncing is what an app with a window does while it is open. Run also calls received, and asks
// other devices to close what the user closed here.
func (b *browser) keepSyncing(ctx context.Context, _ []string) error {
	a, err := b.account()
	if err != nil {
		return err
	}
	return b.online(ctx, a, func(m *syncmanager.Manager) error {
		results := m.Watch(context.WithoutCancel(ctx)) // before Run, so that none is missed
		ended := make(chan error, 1)
		go func() {
			ended <- m.Run(ctx, syncmanager.RunOptions{})
			_ = m.Close() // ends the results, after the last one
		}()
		for result := range results {
			if err := errors.Join(result.Err, b.report(result)); err != nil {
				b.printf("%v", err) // Run tries again
			}
		}
		if err := <-ended; !errors.Is(err, context.Canceled) {
			return err // the user has to sign in again
		}
		return nil
	})
}

func (b *browser) status(ctx context.Context, _ []string) error {
	a, err := b.account()
	if err != nil {
		return err
	}
	return b.online(ctx, a, func(m *syncmanager.Manager) error {
		engines, err := m.Engines(ctx)
		for _, e := range engines {
			b.printf("%s: %d items, %d to send, last sync %s", e.Name, count(e.Items), count(e.Changes), when(e.LastSync))
			if e.LastError != "" {
				b.printf("%s: %s", e.Name, e.LastError)
			}
		}
		return err
	})
}

// count is a number that an engine may not know.
func count(n *int) int {
	if n == nil {
		return 0
	}
	return *n
}

func when(t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	return t.Local().Format(time.DateTime)
}

// undoer is a store that records what syncs did to the user's data.
type undoer interface {
	Log(ctx context.Context) ([]engine.LogEntry, error)
	Undo(ctx context.Context, run string) (engine.Undone, error)
}

func (b *browser) undoer(name string) (undoer, error) {
	for _, e := range b.engines() {
		if u, ok := e.(undoer); ok && e.Collection() == name {
			return u, nil
		}
	}
	return nil, fmt.Errorf("there is no store %q with a log: 'browser status' lists the stores", name)
}

func (b *browser) log(ctx context.Context, args []string) error {
	store, err := b.undoer(args[0])
	if err != nil {
		return err
	}
	entries, err := store.Log(ctx)
	for _, e := range entries {
		b.printf("%s: %d changed, %d deleted", when(e.At), e.Changed, e.Deleted)
	}
	return err
}

func (b *browser) undo(ctx context.Context, args []string) error {
	store, err := b.undoer(args[0])
	if err != nil {
		return err
	}
	u, err := store.Undo(ctx, "") // the last sync that was not undone
	if err == nil {
		b.printf("%d restored, %d reverted, %d moved back, %d removed; %d were changed since and stay",
			u.Restored, u.Reverted, u.Moved, u.Removed, u.Kept)
	}
	return err
}

// scrubber is a store that drops records which it cannot decrypt, as the file is damaged, so that
// the next sync fetches them again.
type scrubber interface {
	Scrub(ctx context.Context) (engine.Scrubbed, error)
}

// maintainer is a store that gives the disk back what its file does not use.
type maintainer interface {
	Maintain(ctx context.Context) (freed int64, err error)
}

// maintain is for a time when the user does nothing, once a day or less often.
func (b *browser) maintain(ctx context.Context, _ []string) error {
	for _, e := range b.engines() {
		if s, ok := e.(scrubber); ok {
			dropped, err := s.Scrub(ctx)
			if err != nil {
				return err
			}
			if dropped.Again+dropped.Lost > 0 {
				b.printf("%s: %d damaged records come again, %d are lost", e.Collection(), dropped.Again, dropped.Lost)
			}
		}
		if s, ok := e.(maintainer); ok {
			freed, err := s.Maintain(ctx)
			if err != nil {
				return err
			}
			b.printf("%s: %d bytes freed", e.Collection(), freed)
		}
	}
	return nil
}
