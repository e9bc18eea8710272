package agent

import (
	"context"
	"time"
)

// A System tells what happens on the machine.
type System interface {
	// Watch calls tell with how things are, and returns; then with each event, until ctx ends. tell may
	// be called from several goroutines. What the system does not tell is left out.
	Watch(ctx context.Context, tell func(Event))
}

// An Event is something that happened on the machine. One field is set.
type Event struct {
	// Moved is set when time went on without this process, or the network changed: the machine woke
	// up, somebody set the clock, or an address came.
	Moved bool
	// Pause names a reason to sync only if the user asks: [Battery] or [Network]. Why describes it; ""
	// takes it back.
	Pause, Why string
}

// The reasons of a pause.
const (
	Battery = "battery"
	Network = "network"
)

// settle is how long a change of the network takes: several are told at once.
const settle = 2 * time.Second

// watchSystem begins to heed what happens on the machine. It returns a function that goes on with that
// until ctx ends.
func (a *Agent) watchSystem(ctx context.Context) func() {
	moved := make(chan struct{}, 1)
	a.cfg.System.Watch(ctx, func(e Event) {
		if e.Pause != "" {
			a.gate.set(e.Pause, e.Why)
		}
		if e.Moved || e.Pause != "" && e.Why == "" {
			select {
			case moved <- struct{}{}:
			default: // one that waits already is enough
			}
		}
	})
	return func() { a.heedMoves(ctx, moved) }
}

// heedMoves makes up for syncs when moved says so, until ctx ends.
func (a *Agent) heedMoves(ctx context.Context, moved <-chan struct{}) {
	for {
		select {
		case <-moved:
		case <-ctx.Done():
			return
		}
		pause := time.NewTimer(settle)
		select {
		case <-pause.C:
			a.catchUp(ctx)
		case <-ctx.Done():
			pause.Stop()
			return
		}
	}
}
