// Package testclock is the clock of a test: it stands until the test moves it.
package testclock

import (
	"sync"
	"time"
)

// Clock may be read and moved from many goroutines.
type Clock struct {
	mu  sync.Mutex
	now time.Time
}

// At makes a clock that shows now.
func At(now time.Time) *Clock { return &Clock{now: now} }

// Now is what the clock shows.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Pass moves the clock by d, back if d is negative.
func (c *Clock) Pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}
