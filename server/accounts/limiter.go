package accounts

import (
	"container/list"
	"sync"
	"time"
)

// Limits bound how often strangers may try. A zero takes its default.
type Limits struct {
	// Window is the time that tries are counted over; default 15 minutes.
	Window time.Duration
	// PerAccount is how many wrong passwords, or codes, an account may be given in a
	// window from one network; default 10. From all networks together it is ten times
	// as many passwords, and twice as many codes; that bound does not hold for a
	// network from which the account was signed in before.
	PerAccount int
	// PerAddress is how many tries may come from an address in a window, for
	// whatever account; default 100. Of IPv6, a /64 network counts as an address, and
	// a /48 network may make ten times as many.
	PerAddress int
}

func (l *Limits) defaults() {
	if l.Window == 0 {
		l.Window = 15 * time.Minute
	}
	if l.PerAccount == 0 {
		l.PerAccount = 10
	}
	if l.PerAddress == 0 {
		l.PerAddress = 100
	}
}

// maxCounted is how many keys a limiter remembers, in some 20 MB.
const maxCounted = 1 << 16

// limiter counts tries by key, in windows that begin with a key's first try. When
// it has no room for another key it forgets the one whose window began first, so
// that no flood of keys resets the others at once. Keys that strangers make up and
// keys that are an account's are in limiters of their own.
type limiter struct {
	mu    sync.Mutex
	max   int // 0: maxCounted
	tries map[string]*list.Element
	order list.List // of *tries, by the begin of their windows
}

type tries struct {
	key  string
	n    int
	ends time.Time
}

// take counts one try, and returns 0 if it is within max, or how long to wait.
func (l *limiter) take(key string, max int, window time.Duration, now time.Time) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.tries == nil {
		l.tries = make(map[string]*list.Element)
		if l.max == 0 {
			l.max = maxCounted
		}
	}
	e, ok := l.tries[key]
	if !ok {
		if len(l.tries) >= l.max {
			l.forget(l.order.Front())
		}
		e = l.order.PushBack(&tries{key: key, ends: now.Add(window)})
		l.tries[key] = e
	}
	t := e.Value.(*tries)
	if !now.Before(t.ends) {
		t.n, t.ends = 0, now.Add(window)
		l.order.MoveToBack(e)
	}
	if t.n >= max {
		return t.ends.Sub(now)
	}
	t.n++
	return 0
}

// giveBack takes back a try that turned out well.
func (l *limiter) giveBack(key string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if e, ok := l.tries[key]; ok {
		if t := e.Value.(*tries); t.n > 0 {
			t.n--
		}
	}
}

// forget drops a key. mu is held.
func (l *limiter) forget(e *list.Element) {
	delete(l.tries, l.order.Remove(e).(*tries).key)
}

// admitAddress counts a try of a sender, or refuses it. The larger network comes
// first: no customer fills the limiter with the addresses of one.
func (s *Service) admitAddress(r *request) error {
	now, l := s.cfg.Now(), s.cfg.Limits
	if network := r.network(); network != "" {
		if wait := s.networks.take(network, 10*l.PerAddress, l.Window, now); wait > 0 {
			return throttled(wait)
		}
	}
	if wait := s.addresses.take(r.address(), l.PerAddress, l.Window, now); wait > 0 {
		return throttled(wait)
	}
	return nil
}

// giveBackAddress takes back a try of a sender that turned out well.
func (s *Service) giveBackAddress(r *request) {
	s.networks.giveBack(r.network())
	s.addresses.giveBack(r.address())
}
