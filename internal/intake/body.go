package intake

import (
	"context"
	"errors"
	"io"
	"net/http"
	"sync/atomic"
	"time"
)

const (
	// window is how long a body may take to bring the next windowBytes, or to end:
	// 4 KiB a second.
	window      = 20 * time.Second
	windowBytes = 80 << 10
)

// body is a request's body that takes its room when it is first read.
type body struct {
	io.ReadCloser
	budget  *Budget
	ctx     context.Context
	size    int64
	senders []string
	expire  func() // ends a read that waits

	give  func()
	watch *time.Timer
	got   atomic.Int64
	seen  int64 // of got, by the watch
	slow  atomic.Bool
}

// Limit makes the body of r, of at most size bytes, take its room of b in the name of
// sender, and returns what must be called when the request was answered.
func Limit(b *Budget, w http.ResponseWriter, r *http.Request, size int64, sender string) (done func()) {
	if r.Body == nil || r.Body == http.NoBody || r.ContentLength == 0 {
		return func() {}
	}
	if r.ContentLength > 0 {
		size = min(size, r.ContentLength)
	}
	control := http.NewResponseController(w)
	in := &body{
		ReadCloser: r.Body, budget: b, ctx: r.Context(), size: size, senders: []string{sender},
		// A moment that is past, by any clock.
		expire: func() { _ = control.SetReadDeadline(time.Unix(1, 0)) },
	}
	r.Body = in
	return in.done
}

// Charge makes a body that was limited, and not yet read, count for another sender too.
func Charge(from io.Reader, sender string) {
	for {
		if b, ok := from.(*body); ok && b.give == nil {
			b.senders = append(b.senders, sender)
		}
		wrapped, ok := from.(interface{ Unwrap() io.ReadCloser })
		if !ok {
			return
		}
		from = wrapped.Unwrap()
	}
}

func (b *body) Read(p []byte) (n int, err error) {
	if b.give == nil {
		if b.give, err = b.budget.take(b.ctx, b.senders, b.size); err != nil {
			return 0, err
		}
		b.watch = time.AfterFunc(window, b.check)
	}
	n, err = b.ReadCloser.Read(p)
	b.got.Add(int64(n))
	if err != nil {
		b.watch.Stop()
		if b.slow.Load() && !errors.Is(err, io.EOF) {
			err = ErrSlow
		}
	}
	return n, err
}

// check looks at the end of a window how much of the body came in it.
func (b *body) check() {
	got := b.got.Load()
	if got-b.seen >= windowBytes {
		b.seen = got
		b.watch.Reset(window)
		return
	}
	b.slow.Store(true)
	b.expire()
}

func (b *body) done() {
	if b.watch != nil {
		b.watch.Stop()
	}
	if b.give != nil {
		b.give()
	}
}
