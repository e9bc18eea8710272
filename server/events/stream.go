package events

import (
	"slices"
	"time"

	"github.com/syncmanager/syncmanager/bso"
)

// maxPending is how many collections wait to be told to one device. One that does not read as fast is told once
// that all may have changed.
const maxPending = 256

// stream is one connection. Its fields but l, hub, wake, close and every are guarded by the hub's mu.
type stream struct {
	hub *Hub
	l   Listener
	// wake makes somebody call drain soon, and does not block. close makes the connection end, and what is being written with it.
	wake  func()
	close func()
	// every is the pause without an event after which a heartbeat is sent.
	every time.Duration
	timer *time.Timer

	// last is the newest time that was told.
	last    bso.Timestamp
	pending map[string]bso.Timestamp
	beat    bool
	told    time.Time // when something was written last
	opened  bool      // the answer has begun
	writing bool
	ended   bool
}

// note adds to what the device is told. The caller holds the hub's mu.
func (s *stream) note(collection string, modified bso.Timestamp) {
	if s.ended {
		return
	}
	if _, there := s.pending[collection]; !there && len(s.pending) >= maxPending {
		collection = everything
	}
	if s.pending == nil {
		s.pending = make(map[string]bso.Timestamp, 1)
	}
	s.pending[collection] = max(s.pending[collection], modified)
	s.rouse()
}

// rouse makes somebody write, unless somebody does. The caller holds the hub's mu.
func (s *stream) rouse() {
	if s.opened && !s.writing && !s.ended {
		s.writing = true
		s.wake()
	}
}

// take returns the next bytes to write, or nil if there are none; then nobody writes any more.
func (s *stream) take(now time.Time) []byte {
	s.hub.mu.Lock()
	defer s.hub.mu.Unlock()
	switch {
	case s.ended:
		return nil
	case len(s.pending) > 0:
		for _, at := range s.pending {
			s.last = max(s.last, at)
		}
		b := appendEvent(nil, s.last, s.pending)
		s.pending, s.beat, s.told = nil, false, now
		if s.hub.cfg.Sent != nil {
			s.hub.cfg.Sent()
		}
		return b
	case s.beat:
		s.beat, s.told = false, now
		return []byte(":\n\n")
	}
	s.writing = false
	return nil
}

// drain writes all that there is to write. One goroutine at a time calls it.
func (s *stream) drain(write func([]byte) error) {
	for {
		b := s.take(s.hub.cfg.Now())
		if b == nil {
			return
		}
		if err := write(b); err != nil {
			s.hub.endNow(s, EndGone)
			return
		}
	}
}

// tick is called by the timer: it sends a heartbeat if one is due, and ends the connection with its token.
func (s *stream) tick() {
	now := s.hub.cfg.Now()
	s.hub.mu.Lock()
	defer s.hub.mu.Unlock()
	if s.ended {
		return
	}
	if !now.Before(s.l.Expires) {
		s.hub.end(s, EndExpired)
		return
	}
	next := s.every
	if quiet := now.Sub(s.told); quiet >= 0 && quiet < s.every {
		next -= quiet
	} else {
		s.beat = true
		s.rouse()
	}
	s.timer.Reset(min(next, s.l.Expires.Sub(now)))
}

// appendEvent appends an event: id is the newest time that the device was told of.
func appendEvent(b []byte, id bso.Timestamp, times map[string]bso.Timestamp) []byte {
	names := make([]string, 0, len(times))
	for name := range times {
		names = append(names, name)
	}
	slices.Sort(names)
	b = append(id.AppendText(append(b, "id: "...)), "\ndata: {"...)
	for i, name := range names {
		if i > 0 {
			b = append(b, ',')
		}
		// The name of a collection has no character that JSON escapes.
		b = append(append(append(b, '"'), name...), `":`...)
		b = times[name].AppendText(b)
	}
	return append(b, "}\n\n"...)
}
