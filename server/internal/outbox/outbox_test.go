package outbox

import (
	"context"
	"errors"
	"testing"
	"time"
)

// Past the workers and the queue a message is refused; what waits goes out when
// there is room again.
func TestQueueIsBounded(t *testing.T) {
	t.Parallel()
	sending, sent, proceed := make(chan int), make(chan int, 3), make(chan struct{})
	o := New(Config[int]{Workers: 1, Size: 2, Timeout: time.Minute, Send: func(_ context.Context, m int) {
		if m == 0 {
			sending <- m
			<-proceed
		}
		sent <- m
	}})
	put(t, o, 0)
	<-sending // the queue is empty again
	put(t, o, 1)
	put(t, o, 2)
	if n := o.Waiting(); n != 2 {
		t.Errorf("%d messages wait, want 2", n)
	}
	if err := o.Put(3); !errors.Is(err, ErrFull) {
		t.Errorf("a message too many: %v, want ErrFull", err)
	}
	close(proceed)
	o.Close(t.Context())
	for want := range 3 {
		if got := <-sent; got != want {
			t.Errorf("sent %d, want %d", got, want)
		}
	}
	if err := o.Put(4); !errors.Is(err, ErrClosed) {
		t.Errorf("after Close: %v, want ErrClosed", err)
	}
	o.Close(t.Context())
}

// A message that takes longer than its bound is given up, and the next one goes.
func TestSendIsBounded(t *testing.T) {
	t.Parallel()
	ended := make(chan error)
	o := New(Config[int]{Workers: 1, Size: 1, Timeout: time.Nanosecond, Send: func(ctx context.Context, _ int) {
		<-ctx.Done()
		ended <- context.Cause(ctx)
	}})
	t.Cleanup(func() { o.Close(context.Background()) })
	for range 2 {
		put(t, o, 1)
		if err := <-ended; !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("the message ended with %v, want its deadline", err)
		}
	}
}

// Close does not wait beyond its context for a message that hangs.
func TestCloseIsBounded(t *testing.T) {
	t.Parallel()
	sending := make(chan struct{})
	o := New(Config[int]{Workers: 1, Size: 1, Timeout: time.Hour, Send: func(ctx context.Context, _ int) {
		close(sending)
		<-ctx.Done()
	}})
	put(t, o, 1)
	<-sending
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	o.Close(ended) // or the test never ends
}

func put(t *testing.T, o *Outbox[int], m int) {
	t.Helper()
	if err := o.Put(m); err != nil {
		t.Fatalf("put %d: %v", m, err)
	}
}
