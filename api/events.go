package api

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"io"
	"iter"
	"strconv"
	"strings"
	"sync"

	"github.com/syncmanager/syncmanager"
	"github.com/syncmanager/syncmanager/engine"
)

// EventType says what an [Event] tells.
type EventType string

// The types of events.
const (
	// EventSyncBegun: a sync began.
	EventSyncBegun EventType = "sync.begun"
	// EventSyncProgress: a sync works on an engine; Progress says how far it is.
	EventSyncProgress EventType = "sync.progress"
	// EventSyncEnded: a sync ended; Result says how.
	EventSyncEnded EventType = "sync.ended"
	// EventChanged: items of an engine were added, changed or deleted; see Changed.
	EventChanged EventType = "changed"
	// EventReceived: other devices sent pages, which messages.list has.
	EventReceived EventType = "received"
	// EventLost: events were lost, because the reader was away or too slow: it should read
	// again what it shows.
	EventLost EventType = "lost"
)

// Event is something that happened. The field that belongs to its type is set.
type Event struct {
	// ID grows with each event. It names the place to go on from.
	ID       string      `json:"id"`
	Type     EventType   `json:"type" enum:"sync.begun,sync.progress,sync.ended,changed,received,lost"`
	Progress *Progress   `json:"progress,omitempty"`
	Result   *SyncResult `json:"result,omitempty"`
	Changed  *Changed    `json:"changed,omitempty"`
	// Received counts the pages.
	Received int `json:"received,omitempty"`
}

// Progress is how far a sync is.
type Progress struct {
	// Engine is the engine; absent: the account as a whole.
	Engine string `json:"engine,omitempty"`
	// Phase is "setup" or "clients" for the account, and "download", "merge", "upload" or
	// "done" for an engine.
	Phase string `json:"phase"`
	// Records counts those that went through the phase.
	Records int `json:"records"`
}

// Who changed something.
const (
	// ByUser: this device's user, or an app on this device.
	ByUser = "user"
	// BySync: another device, through a sync.
	BySync = "sync"
)

// Changed says that an engine's items changed.
type Changed struct {
	Engine string `json:"engine"`
	By     string `json:"by" enum:"user,sync"`
	// IDs are those that a sync changed; absent: not known, or too many to list.
	IDs []engine.ID `json:"ids,omitempty"`
}

// keptEvents is how many events a reader may be behind.
const keptEvents = 1024

// Events passes events to any number of readers. It keeps the last 1,024 for those that were
// away or are slow. Its methods may be called from several goroutines at once, and none but
// Read waits for a reader.
type Events struct {
	// epoch tells this Events from those of other runs of the program.
	epoch string

	mu sync.Mutex
	// ring has the events from first up to next.
	ring        [keptEvents]Event
	first, next uint64
	running     bool
	// last is the progress that was told last, by engine.
	last map[string]Progress
	// more is closed when there is another event.
	more   chan struct{}
	closed bool
}

// NewEvents returns an empty Events. random is a source of random bytes; nil: crypto/rand.
func NewEvents(random io.Reader) *Events {
	if random == nil {
		random = rand.Reader //nolint:forbidigo // here the app's real randomness comes in
	}
	var epoch [6]byte
	if _, err := io.ReadFull(random, epoch[:]); err != nil {
		panic("api: no randomness: " + err.Error())
	}
	return &Events{epoch: hex.EncodeToString(epoch[:]), first: 1, next: 1, last: make(map[string]Progress), more: make(chan struct{})}
}

// Close ends all readers, after the last event.
func (e *Events) Close() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.closed {
		e.closed = true
		close(e.more)
	}
}

// add appends an event. The lock is held.
func (e *Events) add(v Event) {
	if e.closed {
		return
	}
	v.ID = e.id(e.next)
	e.ring[e.next%keptEvents] = v
	e.next++
	if e.next-e.first > keptEvents {
		e.first++
	}
	close(e.more)
	e.more = make(chan struct{})
}

func (e *Events) id(n uint64) string { return e.epoch + "-" + strconv.FormatUint(n, 10) }

// progressStep is how many more records are worth an event.
const progressStep = 500

// Progress tells of a step of a sync. It is for [syncmanager.Config].Progress.
func (e *Events) Progress(p syncmanager.Progress) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.running {
		e.running = true
		e.add(Event{Type: EventSyncBegun})
	}
	now := Progress{p.Engine, p.Phase, p.Records}
	last, known := e.last[p.Engine]
	if known && last.Phase == now.Phase && now.Records < last.Records+progressStep {
		return
	}
	e.last[p.Engine] = now
	e.add(Event{Type: EventSyncProgress, Progress: &now})
}

// Received tells that other devices sent pages.
func (e *Events) Received(pages int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.add(Event{Type: EventReceived, Received: pages})
}

func (e *Events) changed(c Changed) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.add(Event{Type: EventChanged, Changed: &c})
}

// ended tells of a sync that ended, and of what it changed.
func (e *Events) ended(r SyncResult) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.running = false
	clear(e.last)
	for i := range r.Changed {
		e.add(Event{Type: EventChanged, Changed: &r.Changed[i]})
	}
	e.add(Event{Type: EventSyncEnded, Result: &r})
}

// Last returns the ID of the newest event, from which Read yields what follows.
func (e *Events) Last() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.id(e.next - 1)
}

// Read yields the events after the one with the ID after; "" means from now on. If some of
// them are gone, an event of the type [EventLost] comes first. Only those are yielded that
// the rights allow. It ends with ctx and with Close.
func (e *Events) Read(ctx context.Context, r Rights, after string) iter.Seq[Event] {
	next, lost := e.place(after)
	return func(yield func(Event) bool) {
		for {
			v, missed, more, closed := e.take(next)
			switch {
			case ctx.Err() != nil:
				return
			case lost || missed:
				lost = false
				next = e.oldest(next)
				if !yield(Event{ID: e.id(next - 1), Type: EventLost}) {
					return
				}
			case v != nil:
				next++
				if shown, ok := r.event(*v); ok && !yield(shown) {
					return
				}
			case closed:
				return
			default:
				select {
				case <-more:
				case <-ctx.Done():
					return
				}
			}
		}
	}
}

// place returns the number of the event after the one with an ID; lost says that it is not
// known.
func (e *Events) place(after string) (next uint64, lost bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if after == "" {
		return e.next, false
	}
	epoch, number, _ := strings.Cut(after, "-")
	n, err := strconv.ParseUint(number, 10, 64)
	if epoch != e.epoch || err != nil || n >= e.next {
		return e.first, true
	}
	return n + 1, false
}

func (e *Events) oldest(next uint64) uint64 {
	e.mu.Lock()
	defer e.mu.Unlock()
	return max(next, e.first)
}

// take returns the event with a number, if there is one; missed says that it is gone. more
// is closed when there is another event.
func (e *Events) take(n uint64) (v *Event, missed bool, more <-chan struct{}, closed bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	switch {
	case n < e.first:
		return nil, true, nil, false
	case n < e.next:
		event := e.ring[n%keptEvents]
		return &event, false, nil, false
	}
	return nil, false, e.more, e.closed
}

// event returns what of an event the caller may see; ok is false if that is nothing.
func (r Rights) event(v Event) (shown Event, ok bool) {
	switch {
	case v.Changed != nil:
		return v, r.Allow(v.Changed.Engine)
	case v.Progress != nil:
		return v, v.Progress.Engine == "" || r.Allow(v.Progress.Engine)
	case v.Result != nil:
		result := v.Result.only(r)
		v.Result = &result
	case v.Type == EventReceived:
		return v, r.Allow("tabs")
	}
	return v, true
}
