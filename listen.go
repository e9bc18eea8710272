package syncmanager

import (
	"context"
	"errors"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/syncmanager/syncmanager/bso"
	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/sync15"
)

const (
	// longHeartbeat is how long a connection for events may be silent: each heartbeat wakes the device. shortHeartbeat is for
	// one that a proxy on the way ends after a minute of silence.
	longHeartbeat, shortHeartbeat = 4 * time.Minute, 50 * time.Second
	// A proxy's patience is between impatient and patient.
	impatient, patient = 25 * time.Second, 130 * time.Second
	// settled is how long a connection lasts that is no failure. leastPause and mostPause bound the pause before the next one.
	settled               = 45 * time.Second
	leastPause, mostPause = time.Second, 5 * time.Minute
)

// errNetworkChanged ends a connection for events so that there is another.
var errNetworkChanged = errors.New("the network changed")

// NetworkChanged tells the manager that the device is in another network, or woke up. Run then makes a new
// connection to hear what other devices change, since the old one may be dead. It starts no sync, and does not block.
func (m *Manager) NetworkChanged() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.dropEvents != nil {
		m.dropEvents(errNetworkChanged)
	}
}

// hearing is what a Run hears of what other devices change.
type hearing struct {
	m     *Manager
	ready func(context.Context) error
	// more has a value after something was heard.
	more chan struct{}
	end  func()
	done sync.WaitGroup

	mu        sync.Mutex
	listening bool
	moved     map[string]bso.Timestamp
	// all says that something is to be found out by a sync of everything.
	all bool
}

func (m *Manager) newHearing(ready func(context.Context) error) *hearing {
	if ready == nil {
		ready = context.Cause
	}
	return &hearing{m: m, ready: ready, more: make(chan struct{}, 1), end: func() {}}
}

// listen listens until ctx ends, or the service does not tell anything, unless it does so already.
func (h *hearing) listen(ctx context.Context) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.listening {
		return
	}
	h.end() // of a time before that is over
	h.listening = true
	ctx, h.end = context.WithCancel(ctx)
	h.done.Go(func() {
		h.keep(ctx)
		h.mu.Lock()
		h.listening = false
		h.mu.Unlock()
	})
}

// stop ends listening, and waits until it has ended.
func (h *hearing) stop() {
	h.mu.Lock()
	end := h.end
	h.mu.Unlock()
	end()
	h.done.Wait()
}

// note adds what was heard. all is for what only a sync of everything can find out.
func (h *hearing) note(times map[string]bso.Timestamp, all bool) {
	if len(times) == 0 && !all {
		return
	}
	h.mu.Lock()
	h.all = h.all || all
	for name, at := range times {
		if h.moved == nil {
			h.moved = map[string]bso.Timestamp{}
		}
		if _, there := h.moved[name]; there || len(h.moved) < maxMoved {
			h.moved[name] = max(h.moved[name], at)
		}
	}
	h.mu.Unlock()
	select {
	case h.more <- struct{}{}:
	default:
	}
}

// maxMoved bounds the collections that are noted. A server has no more.
const maxMoved = 1000

// take returns the engines whose collections moved since they were synced here, and forgets what was heard. all says to sync all
// engines, and any that there is something to sync, if only the devices. The caller holds running.
func (h *hearing) take(engines []engine.Engine) (chosen []engine.Engine, all, any bool) {
	h.mu.Lock()
	moved := h.moved
	all = h.all
	h.moved, h.all = nil, false
	h.mu.Unlock()
	unseen := func(name string) bool {
		at, there := moved[name]
		return there && h.m.client.Unseen(name, at)
	}
	all = all || unseen("meta") || unseen("crypto")
	chosen = slices.DeleteFunc(engines, func(e engine.Engine) bool { return !unseen(e.Collection()) })
	return chosen, all, all || len(chosen) > 0 || unseen(clientsCollection)
}

// connection is what is kept from one connection for events to the next.
type connection struct {
	after     bso.Timestamp
	refused   *sync15.Listener
	heartbeat time.Duration
	silences  int // connections in a row that ended in a silence as a proxy ends them
	pause     time.Duration
}

// keep listens, and again when the connection ends, until ctx ends or the service does not tell anything.
func (h *hearing) keep(ctx context.Context) {
	c := connection{heartbeat: longHeartbeat}
	for h.ready(ctx) == nil {
		began := h.m.cfg.Now()
		heard, err := h.once(ctx, &c)
		now := h.m.cfg.Now()
		if ctx.Err() != nil || errors.Is(err, sync15.ErrNoEvents) || errors.Is(err, ErrClosed) {
			return
		}
		h.m.cfg.Log.Debug("the connection on which the service tells what moved has ended", "err", err)
		if errors.Is(err, errNetworkChanged) {
			c.pause = 0
			continue
		}
		if heard.IsZero() {
			heard = began
		}
		c.ended(now.Sub(began), now.Sub(heard))
		if errors.As(err, new(*AuthError)) || errors.Is(err, sync15.ErrReassigned) {
			h.note(nil, true)
		}
		if !h.wait(ctx, c.pause, err) {
			return
		}
	}
}

// ended takes note of a connection that lasted for a time, the end of which was silent.
func (c *connection) ended(lasted, silent time.Duration) {
	c.pause = min(max(2*c.pause, leastPause), mostPause)
	if lasted >= settled {
		c.pause = leastPause
	}
	if silent < impatient || silent > patient {
		c.silences = 0
		return
	}
	if c.silences++; c.silences > 1 {
		c.heartbeat = shortHeartbeat
	}
}

// once listens on one connection, and returns when an event came last, and why it ended.
func (h *hearing) once(ctx context.Context, c *connection) (heard time.Time, err error) {
	m := h.m
	if err := m.refused(); err != nil {
		return heard, err
	}
	if err := m.lock(ctx); err != nil {
		return heard, err
	}
	l, err := m.client.Listener(ctx, c.refused)
	m.unlock()
	if err != nil {
		return heard, err
	}
	ctx, drop := context.WithCancelCause(ctx)
	defer drop(nil)
	m.mu.Lock()
	m.dropEvents = drop
	m.mu.Unlock()
	err = l.Listen(ctx, c.after, c.heartbeat, func(id bso.Timestamp, times map[string]bso.Timestamp) {
		heard, c.after = m.cfg.Now(), max(c.after, id)
		h.note(times, false)
	})
	m.mu.Lock()
	m.dropEvents = nil
	m.mu.Unlock()
	c.refused = nil
	if no := new(sync15.RefusedError); errors.As(err, &no) && no.Status == 401 {
		c.refused = l
	}
	return heard, err
}

// wait waits before the next connection: a random part of the pause, so that not all devices come at once when a
// server was restarted, or as long as the service asks for. It reports whether ctx has not ended.
func (h *hearing) wait(ctx context.Context, pause time.Duration, why error) bool {
	var b [1]byte
	_, _ = io.ReadFull(h.m.cfg.Rand, b[:])
	pause = pause/2 + pause/2*time.Duration(b[0])/256
	if no := new(sync15.RefusedError); errors.As(why, &no) {
		pause = max(pause, no.Wait)
	}
	if order := new(BackedOffError); errors.As(why, &order) {
		pause = max(pause, order.Until.Sub(h.m.cfg.Now()))
	}
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
