package limiter

import (
	"fmt"
	"testing"
	"time"
)

// A flood of keys removes the oldest ones, one by one, and does not reset others.
func TestLimiterForgetsTheOldestFirst(t *testing.T) {
	t.Parallel()
	l := Limiter{max: 100}
	now := time.Unix(1, 0)
	take := func(key string) time.Duration { return l.Take(key, 1, time.Minute, now) }
	for i := range 100 {
		take(fmt.Sprint("old ", i))
		now = now.Add(time.Millisecond)
	}
	for i := range 50 {
		take(fmt.Sprint("flood ", i))
	}
	for i := range 100 {
		if e, ok := l.tries[fmt.Sprint("old ", i)]; ok != (i >= 50) || ok && e.Value.(*count).n != 1 {
			t.Fatalf("key %d is there: %v", i, ok)
		}
	}
	if len(l.tries) != 100 || l.order.Len() != 100 {
		t.Errorf("it remembers %d keys, in an order of %d", len(l.tries), l.order.Len())
	}
	if take("old 99") == 0 {
		t.Error("a key that was used up may try again")
	}
	now = now.Add(time.Minute)
	if take("old 99") != 0 {
		t.Error("a new window has no try")
	}
}
