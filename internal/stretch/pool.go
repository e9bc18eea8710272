// Package stretch stretches passwords within a memory budget. The budget determines how many
// are stretched at once; other callers wait in a short queue. The memory is passed on to the
// next caller, and returned to the system when none waits.
package stretch

import (
	"container/list"
	"context"
	"errors"
	"sync"
	"time"

	"github.com/syncmanager/syncmanager/internal/scrypt"
)

// ErrBusy means that too many callers are waiting, or that the caller's turn did not come in
// time.
var ErrBusy = errors.New("too many passwords are being checked")

const (
	// waitingPerTurn is how many callers may wait for each turn. A turn takes about a third
	// of a second.
	waitingPerTurn = 32
	// patience is how long a caller waits for a turn.
	patience = 15 * time.Second
)

// Pool stretches passwords within a memory budget. If no turn is free, a call waits in a
// short queue. The queue alternates between senders, so that a sender of thousands of
// requests delays another sender by at most one of them. When the queue is full, the sender
// with the most calls in it loses one.
type Pool struct {
	turns int
	each  int64 // bytes for one turn

	mu      sync.Mutex
	running int
	waiting int
	senders list.List // of *sender, the next to have a turn in front
	byName  map[string]*list.Element
}

// sender is a sender of requests with its waiting calls.
type sender struct {
	name  string
	tries []try
}

// try is a waiting call. It receives the memory of a turn that ended, or nil if the call lost
// its place in the queue.
type try chan *memory

// NewPool returns a pool for passwords of a given cost. Together, the turns take at most the
// given number of bytes, and run on at most the given number of processors.
func NewPool(bytes int64, processors, cost int) *Pool {
	each := int64(scrypt.BlockBytes) << min(max(cost, 1), scrypt.MaxCost)
	turns := int64(1)
	if bytes < each {
		each = bytes // less memory, more time
	} else {
		turns = min(bytes/each, int64(max(processors, 1)))
	}
	return &Pool{turns: int(turns), each: each, byName: make(map[string]*list.Element)}
}

// Turns returns how many passwords are stretched at once.
func (p *Pool) Turns() int { return p.turns }

// Bytes returns how much memory all turns take together.
func (p *Pool) Bytes() int64 { return int64(p.turns) * p.each }

type sending struct{}

// From returns a context for [Pool.Key] that names the sender of a request. The queue
// alternates between senders.
func From(ctx context.Context, sender string) context.Context {
	return context.WithValue(ctx, sending{}, sender)
}

// Key stretches a password to keyLen bytes with N = 2^cost. It returns [ErrBusy] if it does
// not get a turn.
func (p *Pool) Key(ctx context.Context, password, salt []byte, cost, keyLen int) ([]byte, error) {
	n, stride, err := scrypt.Blocks(cost, p.each)
	if err != nil {
		return nil, err
	}
	from, _ := ctx.Value(sending{}).(string)
	m, err := p.acquire(ctx, from)
	if err != nil {
		return nil, err
	}
	defer func() { p.release(m) }()
	v, err := m.take(n)
	if err != nil {
		return nil, err
	}
	return scrypt.Derive(password, salt, cost, keyLen, v, stride)
}

func (p *Pool) acquire(ctx context.Context, from string) (*memory, error) {
	p.mu.Lock()
	if p.running < p.turns {
		p.running++
		p.mu.Unlock()
		return &memory{}, nil
	}
	t := p.enqueue(from)
	p.mu.Unlock()
	if t == nil {
		return nil, ErrBusy
	}
	late := time.NewTimer(patience)
	defer late.Stop()
	var err error
	select {
	case m := <-t:
		if m == nil {
			return nil, ErrBusy
		}
		return m, nil
	case <-ctx.Done():
		err = ctx.Err()
	case <-late.C:
		err = ErrBusy
	}
	p.mu.Lock()
	left := p.leave(from, t)
	p.mu.Unlock()
	if !left {
		if m := <-t; m != nil {
			p.release(m) // the turn came at the same moment
		}
	}
	return nil, err
}

// release passes the memory to the next waiting call, or returns it to the system.
func (p *Pool) release(m *memory) {
	p.mu.Lock()
	if next := p.next(); next != nil {
		next <- m
		p.mu.Unlock()
		return
	}
	p.running--
	p.mu.Unlock()
	m.free()
}

// enqueue adds a call to the queue; it returns nil if the queue is full.
func (p *Pool) enqueue(from string) try {
	e, known := p.byName[from]
	if p.waiting >= p.turns*waitingPerTurn {
		most := p.longest()
		if known && len(e.Value.(*sender).tries) >= len(most.tries) || len(most.tries) < 2 {
			return nil
		}
		last := most.tries[len(most.tries)-1]
		p.leave(most.name, last)
		last <- nil
	}
	if e, known = p.byName[from]; !known {
		e = p.senders.PushBack(&sender{name: from})
		p.byName[from] = e
	}
	t := make(try, 1)
	s := e.Value.(*sender)
	s.tries = append(s.tries, t)
	p.waiting++
	return t
}

// longest returns the sender with the most calls in the queue.
func (p *Pool) longest() *sender {
	var most *sender
	for e := p.senders.Front(); e != nil; e = e.Next() {
		if s := e.Value.(*sender); most == nil || len(s.tries) > len(most.tries) {
			most = s
		}
	}
	return most
}

// next removes the call whose turn it is from the queue and returns it, or nil if the queue
// is empty.
func (p *Pool) next() try {
	e := p.senders.Front()
	if e == nil {
		return nil
	}
	s := e.Value.(*sender)
	t := s.tries[0]
	p.senders.MoveToBack(e)
	p.leave(s.name, t)
	return t
}

// leave removes a call from the queue, and reports whether it was there.
func (p *Pool) leave(from string, t try) bool {
	e, known := p.byName[from]
	if !known {
		return false
	}
	s := e.Value.(*sender)
	for i, other := range s.tries {
		if other != t {
			continue
		}
		s.tries = append(s.tries[:i], s.tries[i+1:]...)
		p.waiting--
		if len(s.tries) == 0 {
			p.senders.Remove(e)
			delete(p.byName, from)
		}
		return true
	}
	return false
}
