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
	// window is how long a body may take to deliver the next windowBytes, or to end: 4 KiB a
	// second.
	window      = 20 * time.Second
	windowBytes = 80 << 10
)

// body is a request's body that reserves its bytes in the budget when it is first read.
type body struct {
	io.ReadCloser
	budget  *Budget
	ctx     context.Context
	size    int64
	senders []string
	expire  func() // ends a blocked read

	give  func()
	watch *time.Timer
	got   atomic.Int64
	seen  int64 // the value of got at the last check
	slow  atomic.Bool
}

// Limit makes the body of r reserve its size in b for sender when it is first read. The
// reservation is at most size bytes. The caller must call done when the request has been
// answered. A read fails with [ErrBusy] or [ErrSlow].
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
		// A time in the past, on any clock.
		expire: func() { _ = control.SetReadDeadline(time.Unix(1, 0)) },
	}
	r.Body = in
	return in.done
}

// Charge makes a limited body that has not been read yet count for another sender too.
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

// check checks at the end of each window how much of the body arrived in it.
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
