package stretch

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"

	reference "golang.org/x/crypto/scrypt"
)

// The memory stays within any budget, and the result is the same.
func TestBudget(t *testing.T) {
	t.Parallel()
	want, err := reference.Key([]byte("p"), []byte("s"), 1<<10, 8, 1, 32)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		bytes        int64
		processors   int
		turns, total int64
	}{
		{64 << 10, 16, 1, 64 << 10},
		{512 << 10, 16, 1, 512 << 10},
		{1 << 20, 16, 1, 1 << 20},
		{5<<20 + 1, 16, 5, 5 << 20},
		{100 << 20, 2, 2, 2 << 20},
	} {
		p := NewPool(c.bytes, c.processors, 10)
		if int64(p.Turns()) != c.turns || p.Bytes() != c.total {
			t.Errorf("%d bytes: %d turns in %d bytes, want %d in %d", c.bytes, p.Turns(), p.Bytes(), c.turns, c.total)
		}
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() {
				got, err := p.Key(From(t.Context(), "a"), []byte("p"), []byte("s"), 10, 32)
				if err != nil || !bytes.Equal(got, want) {
					t.Errorf("%d bytes: %x, %v, want %x", c.bytes, got, err, want)
				}
			})
		}
		wg.Wait()
		if p.running != 0 || p.waiting != 0 || len(p.byName) != 0 || p.senders.Len() != 0 {
			t.Errorf("afterwards: %+v", p)
		}
	}
}

// queue is a pool whose only turn is taken, and the results of the waiting calls.
type queue struct {
	*Pool
	mu   sync.Mutex
	done []string
}

// wait starts a call that waits, and ends it when it gets its turn.
func (q *queue) wait(ctx context.Context, from string) {
	go func() {
		m, err := q.acquire(ctx, from)
		q.mu.Lock()
		defer q.mu.Unlock()
		if err != nil {
			from += ": " + err.Error()
		}
		q.done = append(q.done, from)
		if err == nil {
			q.release(m)
		}
	}()
	synctest.Wait()
}

func newQueue(t *testing.T) (*queue, *memory) {
	q := &queue{Pool: NewPool(1<<20, 1, 10)}
	m, err := q.acquire(t.Context(), "first")
	if err != nil {
		t.Fatal(err)
	}
	return q, m
}

// A sender of many calls delays another sender by one of them only, and loses calls when the
// queue is full.
func TestSendersTakeTurns(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q, first := newQueue(t)
		for range waitingPerTurn + 1 {
			q.wait(t.Context(), "many")
		}
		if want := []string{"many: " + ErrBusy.Error()}; !slices.Equal(q.done, want) {
			t.Fatalf("with a full queue: %v, want %v", q.done, want)
		}
		q.done = nil
		q.wait(t.Context(), "few")
		if want := []string{"many: " + ErrBusy.Error()}; !slices.Equal(q.done, want) || q.waiting != waitingPerTurn {
			t.Fatalf("another sender: %v, want %v", q.done, want)
		}
		q.done = nil
		q.release(first)
		synctest.Wait()
		if len(q.done) != waitingPerTurn || q.done[1] != "few" {
			t.Errorf("order: %v", q.done)
		}
		if q.running != 0 || q.waiting != 0 {
			t.Errorf("%d running and %d waiting at the end", q.running, q.waiting)
		}
	})
}

// A queue of senders with one call each refuses further senders.
func TestQueueIsBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q, first := newQueue(t)
		for n := range 100 {
			q.wait(t.Context(), fmt.Sprint(n))
		}
		if len(q.done) != 100-waitingPerTurn || q.waiting != waitingPerTurn {
			t.Errorf("%d refused, %d waiting", len(q.done), q.waiting)
		}
		q.release(first)
	})
}

// A call that is cancelled, or waits too long, does not get a turn.
func TestPatience(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q, first := newQueue(t)
		ctx, leave := context.WithCancel(t.Context())
		q.wait(ctx, "a")
		q.wait(t.Context(), "b")
		leave()
		synctest.Wait()
		if want := []string{"a: context canceled"}; !slices.Equal(q.done, want) || q.waiting != 1 {
			t.Errorf("%v, %d waiting", q.done, q.waiting)
		}
		if _, err := q.acquire(t.Context(), "c"); !errors.Is(err, ErrBusy) { // the bubble's time passes meanwhile
			t.Errorf("after %v: %v", patience, err)
		}
		q.release(first)
		synctest.Wait()
		if q.running != 0 {
			t.Errorf("%d running", q.running)
		}
	})
}
