// Package outbox sends messages in the background. Messages wait in a bounded queue for a
// worker, and each is sent within a time limit. The queue is in memory only, so it is lost
// when the process ends.
package outbox

import (
	"context"
	"errors"
	"sync"
	"time"
)

// drainTimeout bounds how long Close waits for queued messages.
const drainTimeout = 10 * time.Second

var (
	// ErrFull means that too many messages are waiting already.
	ErrFull = errors.New("outbox: too many messages are waiting")
	// ErrClosed means that the outbox was closed.
	ErrClosed = errors.New("outbox: closed")
)

// Config configures an [Outbox]. All fields must be set.
type Config[M any] struct {
	// Workers is how many messages are sent at once, and Size how many may wait.
	Workers, Size int
	// Timeout bounds the context of one Send.
	Timeout time.Duration
	// Send sends a message, and reports the result itself. The workers call it concurrently.
	Send func(context.Context, M)
}

// Outbox sends messages of one kind. It is safe for concurrent use.
type Outbox[M any] struct {
	cfg     Config[M]
	queue   chan M
	workers sync.WaitGroup
	ctx     context.Context // ends when Close stops waiting
	cancel  context.CancelFunc

	mu     sync.Mutex // guards closed, and puts on queue against its close
	closed bool
}

// New starts an Outbox. The caller must call [Outbox.Close].
func New[M any](cfg Config[M]) *Outbox[M] {
	o := &Outbox[M]{cfg: cfg, queue: make(chan M, cfg.Size)}
	o.ctx, o.cancel = context.WithCancel(context.Background())
	for range cfg.Workers {
		o.workers.Go(func() {
			for m := range o.queue {
				o.send(m)
			}
		})
	}
	return o
}

func (o *Outbox[M]) send(m M) {
	ctx, cancel := context.WithTimeout(o.ctx, o.cfg.Timeout)
	defer cancel()
	o.cfg.Send(ctx, m)
}

// Put queues a message, and does not wait until it is sent. The error is [ErrFull] or
// [ErrClosed].
func (o *Outbox[M]) Put(m M) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed {
		return ErrClosed
	}
	select {
	case o.queue <- m:
		return nil
	default:
		return ErrFull
	}
}

// Waiting returns how many messages wait for a worker.
func (o *Outbox[M]) Waiting() int { return len(o.queue) }

// Close accepts no more messages, and sends those that wait, for at most ten seconds and not
// beyond the end of ctx. Then the context of every Send ends, and messages that were not sent
// are lost. Close returns when every Send has returned.
func (o *Outbox[M]) Close(ctx context.Context) {
	o.mu.Lock()
	if !o.closed {
		o.closed = true
		close(o.queue)
	}
	o.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, drainTimeout)
	defer cancel()
	stop := context.AfterFunc(ctx, o.cancel)
	o.workers.Wait()
	stop()
	o.cancel()
}
