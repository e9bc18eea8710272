package accounts

import (
	"sync"
	"time"

	"github.com/syncmanager/syncmanager/server/security"
)

// Limits bound how often strangers may try. A zero takes its default.
type Limits struct {
	// Window is the time that tries are counted over; default 15 minutes.
	Window time.Duration
	// PerAccount is how many wrong passwords an account may be given in a
	// window; default 10.
	PerAccount int
	// PerAddress is how many tries may come from an address in a window, for
	// whatever account; default 100.
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

// maxCounted bounds a limiter's memory, to some 20 MB.
const maxCounted = 1 << 17

// limiter counts tries by key, in windows that begin with a key's first try.
type limiter struct {
	mu    sync.Mutex
	tries map[string]tries
}

type tries struct {
	n    int
	ends time.Time
}

// take counts one try, and returns 0 if it is within max, or how long to wait.
func (l *limiter) take(key string, max int, window time.Duration, now time.Time) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.tries == nil {
		l.tries = make(map[string]tries)
	}
	if len(l.tries) >= maxCounted {
		l.forget(now)
	}
	t := l.tries[key]
	if !now.Before(t.ends) {
		t = tries{ends: now.Add(window)}
	}
	if t.n >= max {
		return t.ends.Sub(now)
	}
	t.n++
	l.tries[key] = t
	return 0
}

// giveBack takes back a try that turned out well.
func (l *limiter) giveBack(key string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if t, ok := l.tries[key]; ok && t.n > 0 {
		t.n--
		l.tries[key] = t
	}
}

// forget drops what ended; when that is nothing, everything, as a flood of
// addresses must not take the memory.
func (l *limiter) forget(now time.Time) {
	for k, t := range l.tries {
		if !now.Before(t.ends) {
			delete(l.tries, k)
		}
	}
	if len(l.tries) >= maxCounted {
		clear(l.tries)
	}
}

// admit counts a try at an account's password, or refuses it. done takes the
// try back, for a password that was right.
func (s *Service) admit(r *request, emailKey string) (done func(), err error) {
	now, l := s.cfg.Now(), s.cfg.Limits
	if wait := s.limiter.take("a:"+r.address(), l.PerAddress, l.Window, now); wait > 0 {
		return nil, throttled(wait)
	}
	if emailKey == "" {
		return func() {}, nil
	}
	if wait := s.limiter.take("e:"+emailKey, l.PerAccount, l.Window, now); wait > 0 {
		s.note(r, security.Locked, security.TooMany, "")
		return nil, throttled(wait)
	}
	return func() {
		s.limiter.giveBack("a:" + r.address())
		s.limiter.giveBack("e:" + emailKey)
	}, nil
}
