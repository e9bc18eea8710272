// Package events tells connected devices which collections of their user moved, by server-sent events. An event
// has the names of collections and their last-modified times, and never what is in them. A device that knows
// a time already ignores it, so that events may come twice, and in any order.
//
// A device asks with its storage token, where info/collections has the header X-Sync-Events:
//
//	GET <api_endpoint>/info/events?heartbeat=240
//	Last-Event-ID: 1795372558.94
//
// heartbeat is how many seconds the connection may be silent, 20 to 600. The answer begins with what moved since the event of that ID, or
// else with all collections, and goes on:
//
//	id: 1795372560.12
//	data: {"bookmarks":1795372560.12}
//
// "meta" also stands for all of them: something was deleted, or more moved than is told. The connection ends with the token; then the
// device comes again with another one.
//
// A connection that waits takes no goroutine and no buffer, where it can be taken over from net/http: that is so with
// HTTP/1.1, which proxies and this module's client use for it.
package events

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/syncmanager/syncmanager/bso"
)

var (
	// ErrTooMany means that a user, or all users together, have as many connections as they may.
	ErrTooMany = errors.New("too many connections listen")
	// ErrClosed means that the hub is closed.
	ErrClosed = errors.New("the events have ended")
)

// maxOfUser is how many devices of one user may listen at once.
const maxOfUser = 64

// An End is why a connection ended, as a stable word.
type End string

// The reasons.
const (
	EndGone     End = "gone"     // the device closed it, or does not read
	EndExpired  End = "expired"  // its token expired
	EndRefused  End = "refused"  // its token was revoked, or the user's storage moved away
	EndReplaced End = "replaced" // the same device connected again
	EndStopped  End = "stopped"  // the server stops
)

// Ends lists the reasons.
func Ends() []End { return []End{EndGone, EndExpired, EndRefused, EndReplaced, EndStopped} }

// Config says how a [Hub] works.
type Config struct {
	// Now is the clock by which tokens expire.
	Now func() time.Time
	// Max is how many connections there may be.
	Max int
	// Refused reports whether an error of Listener.Read means that the token is not good any more.
	Refused func(error) bool
	// Sent and Ended, if set, are called for each event that was sent, and for each connection that ended. They must not
	// block.
	Sent  func()
	Ended func(End)
}

// Hub has the connections of one server. Its methods may be called concurrently.
type Hub struct {
	cfg   Config
	count atomic.Int64

	mu     sync.Mutex
	closed bool
	users  map[int64][]*stream
	busy   sync.WaitGroup // of goroutines that write
}

// New returns a Hub. The caller must call [Hub.Close].
func New(cfg Config) *Hub { return &Hub{cfg: cfg, users: make(map[int64][]*stream)} }

// Listener is who listens.
type Listener struct {
	UID int64
	// Account is the account whose endings concern the listener: see [Hub.Check].
	Account string
	// Device is the same for two connections of one device; "": unknown.
	Device string
	// Expires is when the token of the connection does.
	Expires time.Time
	// Read reads the last-modified times of the user's collections and of the whole storage. It fails if the token is
	// not good any more. It is called while the connection lasts, and keeps nothing of the request.
	Read func(context.Context) (map[string]bso.Timestamp, bso.Timestamp, error)
}

// Count returns how many connections there are.
func (h *Hub) Count() int { return int(h.count.Load()) }

// Moved tells the user's devices that a collection has another last-modified time; "" means that the whole
// storage was emptied. It does not block, and costs next to nothing for a user whose devices do not listen.
func (h *Hub) Moved(uid int64, collection string, modified bso.Timestamp) {
	if h.count.Load() == 0 {
		return
	}
	if collection == "" {
		collection = everything
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, s := range h.users[uid] {
		s.note(collection, modified)
	}
}

// everything is the collection that is named where all of them are meant: who sees it change looks at all.
const everything = "meta"

// add admits a connection, and ends the one that the device had before.
func (h *Hub) add(s *stream) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return ErrClosed
	}
	var before *stream
	for _, other := range h.users[s.l.UID] {
		if s.l.Device != "" && other.l.Device == s.l.Device {
			before = other
		}
	}
	if before == nil && (len(h.users[s.l.UID]) >= maxOfUser || int(h.count.Load()) >= h.cfg.Max) {
		return ErrTooMany
	}
	if before != nil {
		h.end(before, EndReplaced)
	}
	h.users[s.l.UID] = append(h.users[s.l.UID], s)
	h.count.Add(1)
	return nil
}

// end ends a connection, once. The caller holds h.mu.
func (h *Hub) end(s *stream, why End) {
	if s.ended {
		return
	}
	s.ended = true
	s.timer.Stop()
	all := h.users[s.l.UID]
	for i, other := range all {
		if other == s {
			all[i] = all[len(all)-1]
			all[len(all)-1] = nil
			all = all[:len(all)-1]
			break
		}
	}
	if len(all) == 0 {
		delete(h.users, s.l.UID)
	} else {
		h.users[s.l.UID] = all
	}
	h.count.Add(-1)
	s.close()
	if h.cfg.Ended != nil {
		h.cfg.Ended(why)
	}
}

// endNow is end for a caller without h.mu.
func (h *Hub) endNow(s *stream, why End) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.end(s, why)
}

// EndUser ends the connections of a user, whose storage is elsewhere now.
func (h *Hub) EndUser(uid int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for len(h.users[uid]) > 0 {
		h.end(h.users[uid][0], EndRefused)
	}
}

// Check ends the connections of accounts whose tokens are not good any more. concerns says for which accounts to look.
func (h *Hub) Check(ctx context.Context, concerns func(account string) bool) {
	for _, s := range h.all(concerns) {
		if _, _, err := s.l.Read(ctx); err != nil && h.cfg.Refused(err) {
			h.endNow(s, EndRefused)
		}
	}
}

// Reread tells all devices what they may have missed, because events of another server were lost.
func (h *Hub) Reread(ctx context.Context) {
	for _, s := range h.all(func(string) bool { return true }) {
		times, modified, err := s.l.Read(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil && h.cfg.Refused(err):
			h.endNow(s, EndRefused)
		case err == nil:
			h.mu.Lock()
			for name, at := range times {
				s.note(name, at)
			}
			s.last = max(s.last, modified)
			h.mu.Unlock()
		}
	}
}

func (h *Hub) all(concerns func(account string) bool) (all []*stream) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, streams := range h.users {
		for _, s := range streams {
			if concerns(s.l.Account) {
				all = append(all, s)
			}
		}
	}
	return all
}

// Close ends all connections, and waits until nothing writes to them. Later ones are refused.
func (h *Hub) Close() {
	h.mu.Lock()
	h.closed = true
	for _, streams := range h.users {
		for _, s := range append([]*stream(nil), streams...) {
			h.end(s, EndStopped)
		}
	}
	h.mu.Unlock()
	h.busy.Wait()
}
