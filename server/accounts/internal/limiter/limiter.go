// Package limiter counts tries in memory.
package limiter

import (
	"container/list"
	"sync"
	"time"
)

// maxCounted is how many keys a Limiter remembers, in some 20 MB.
const maxCounted = 1 << 16

// Limiter counts tries by key, in windows that begin with a key's first try. When it is full it
// forgets the key whose window began first, so that a flood of keys does not reset the others
// at once. Use separate limiters for keys that strangers can invent and for keys of accounts.
// The zero value is ready to use.
type Limiter struct {
	mu    sync.Mutex
	max   int // 0: maxCounted
	tries map[string]*list.Element
	order list.List // of *count, by the begin of their windows
}

type count struct {
	key  string
	n    int
	ends time.Time
}

// Take counts one try, and returns 0 if it is within max, or how long to wait.
func (l *Limiter) Take(key string, max int, window time.Duration, now time.Time) time.Duration {
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
		e = l.order.PushBack(&count{key: key, ends: now.Add(window)})
		l.tries[key] = e
	}
	t := e.Value.(*count)
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

// GiveBack takes back a try that turned out well.
func (l *Limiter) GiveBack(key string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if e, ok := l.tries[key]; ok {
		if t := e.Value.(*count); t.n > 0 {
			t.n--
		}
	}
}

// forget drops a key. mu is held.
func (l *Limiter) forget(e *list.Element) {
	delete(l.tries, l.order.Remove(e).(*count).key)
}
