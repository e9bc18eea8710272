// Package stretch stretches passwords within a budget of memory: so many at once, and
// the others wait in a short queue. The memory is handed on to whoever is next, and
// goes back to the system when nobody is.
package stretch

import (
	"container/list"
	"context"
	"errors"
	"sync"
	"time"

	"github.com/syncmanager/syncmanager/internal/scrypt"
)

// ErrBusy means that too many wait for their turn already, or that it did not come
// in time.
var ErrBusy = errors.New("too many passwords are being checked")

const (
	// waitingPerTurn is how many may wait for each that runs. A try takes a third of
	// a second.
	waitingPerTurn = 32
	// patience is how long one waits for a turn.
	patience = 15 * time.Second
)

// Pool stretches passwords with no more memory than it was given. Who finds no turn
// waits in a short queue; in it the senders take turns, so that one who sends
// thousands keeps nobody else waiting for more than one of them, and when it is full,
// whoever waits most often gives way.
type Pool struct {
	turns int
	each  int64 // bytes for one turn

	mu      sync.Mutex
	running int
	waiting int
	senders list.List // of *sender, the next to have a turn in front
	byName  map[string]*list.Element
}

// sender is who waits, with each of its tries.
type sender struct {
	name  string
	tries []try
}

// try waits for the end of another's turn: of its memory, or of a nil memory if it
// gave way.
type try chan *memory

// NewPool makes a pool for passwords of a cost that may take so many bytes in all,
// and as many processors.
func NewPool(bytes int64, processors, cost int) *Pool {
	each := int64(scrypt.BlockBytes) << min(max(cost, 1), scrypt.MaxCost)
	turns := int64(1)
	if bytes < each {
		each = bytes // in less memory, for more time
	} else {
		turns = min(bytes/each, int64(max(processors, 1)))
	}
	return &Pool{turns: int(turns), each: each, byName: make(map[string]*list.Element)}
}

// Turns is how many passwords are stretched at once.
func (p *Pool) Turns() int { return p.turns }

// Bytes is how much memory they take together.
func (p *Pool) Bytes() int64 { return int64(p.turns) * p.each }

type sending struct{}

// From makes a context for what a sender asks for: who it is decides whose turn is
// next.
func From(ctx context.Context, sender string) context.Context {
	return context.WithValue(ctx, sending{}, sender)
}

// Key stretches a password to keyLen bytes. It returns an error that is ErrBusy if
// there is no turn for it.
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

// release gives the memory to whoever is next, or back to the system.
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

// enqueue adds a try to the queue; it returns nil if there is no room.
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

// longest is the sender with the most tries in the queue.
func (p *Pool) longest() *sender {
	var most *sender
	for e := p.senders.Front(); e != nil; e = e.Next() {
		if s := e.Value.(*sender); most == nil || len(s.tries) > len(most.tries) {
			most = s
		}
	}
	return most
}

// next takes the try whose turn it is out of the queue; nil if there is none.
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

// leave takes a try out of the queue, and reports whether it was there.
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
