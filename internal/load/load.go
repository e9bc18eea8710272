// Package load bounds how much work is in progress in a server, so that what is accepted is done in good
// time, and says when clients are to come less often.
package load

import (
	"sync"
	"time"
)

const (
	// An eighth of all work may be one user's, so that one does not lock out the others. From
	// half of it on, clients are asked to come less often.
	shareOfOne, earlyShare = 8, 2
	// The times to stay away are spread, so that those who are sent away do not return at once.
	leastWait, spread = 30 * time.Second, 30
)

// Gate counts the work in progress: what runs, and what waits for its turn. A nil Gate has no
// bound. It is safe for concurrent use.
type Gate struct {
	most int

	mu      sync.Mutex
	all     int
	by      map[int64]int // by user
	refused int64
	turns   int // of the spread
}

// NewGate returns a Gate for so much work at once.
func NewGate(most int) *Gate { return &Gate{most: most, by: make(map[int64]int)} }

// Enter begins work for a user, which the caller must end with leave; or it reports that there is too
// much of it, in all or of this user.
func (g *Gate) Enter(user int64) (leave func(), ok bool) {
	if g == nil {
		return func() {}, true
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.all >= g.most || g.by[user] >= max(1, g.most/shareOfOne) {
		g.refused++
		return nil, false
	}
	g.all++
	g.by[user]++
	return func() { g.leave(user) }, true
}

func (g *Gate) leave(user int64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.all--
	if g.by[user]--; g.by[user] == 0 {
		delete(g.by, user)
	}
}

// Full reports whether there is no place for more work, and counts the caller's as refused then.
func (g *Gate) Full() bool {
	if g == nil {
		return false
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.all < g.most {
		return false
	}
	g.refused++
	return true
}

// Busy reports whether clients are to come less often.
func (g *Gate) Busy() bool {
	if g == nil {
		return false
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.all >= max(1, g.most/earlyShare)
}

// Wait returns how long a client is to stay away that was refused, or that comes while the server is
// busy, in whole seconds.
func (g *Gate) Wait() time.Duration {
	if g == nil {
		return leastWait
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.turns = (g.turns + 7) % spread // all of them in turn, those that follow apart
	return leastWait + time.Duration(g.turns)*time.Second
}

// Now returns how much work is in progress, and how much was refused since the start.
func (g *Gate) Now() (all int, refused int64) {
	if g == nil {
		return 0, 0
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.all, g.refused
}
