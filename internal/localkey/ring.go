package localkey

import (
	"context"
	"errors"
	"time"
)

// errSilent means that the keyring did not answer in time.
var errSilent = errors.New("it does not answer")

// deadlined bounds the calls of a ring, because the Secret Service waits for ever for a
// daemon that does not answer. A call that is too late continues in the background, and its
// result is dropped.
type deadlined struct {
	ring     Ring
	deadline time.Duration
}

func (d deadlined) get(ctx context.Context, service, account string) (string, error) {
	var secret string
	err := d.wait(ctx, func() (func(), error) {
		s, err := d.ring.Get(service, account)
		return func() { secret = s }, err
	})
	return secret, err
}

func (d deadlined) set(ctx context.Context, service, account, secret string) error {
	return d.wait(ctx, func() (func(), error) {
		return func() {}, d.ring.Set(service, account, secret)
	})
}

// wait runs call in a goroutine. If it returns in time, wait runs its keep in the caller's
// goroutine.
func (d deadlined) wait(ctx context.Context, call func() (keep func(), err error)) error {
	limit := d.deadline
	if limit == 0 {
		limit = 3 * time.Second
	}
	ctx, cancel := context.WithTimeoutCause(ctx, limit, errSilent)
	defer cancel()
	type answer struct {
		keep func()
		err  error
	}
	done := make(chan answer, 1)
	go func() {
		keep, err := call()
		done <- answer{keep, err}
	}()
	select {
	case a := <-done:
		a.keep()
		return a.err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
