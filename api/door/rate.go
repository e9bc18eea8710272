package door

import (
	"sync"
	"time"
)

// rate bounds the calls of each client.
type rate struct {
	perSecond int

	mu      sync.Mutex
	clients map[string]*bucket
}

// bucket has the calls that a client may make at once. It fills up within a second.
type bucket struct {
	left float64
	at   time.Time
}

// allow counts a call, and reports whether it is allowed.
func (r *rate) allow(client string, now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.clients == nil {
		r.clients = make(map[string]*bucket)
	}
	full := float64(r.perSecond)
	b, ok := r.clients[client]
	if !ok {
		b = &bucket{full, now}
		r.clients[client] = b
	}
	// A clock that was set back fills nothing.
	b.left = min(full, b.left+max(0, now.Sub(b.at).Seconds())*full)
	b.at = now
	if b.left < 1 {
		return false
	}
	b.left--
	return true
}
