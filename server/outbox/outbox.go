// Package outbox sends messages in the background. Messages wait in a [Queue] until they are sent,
// and a message that could not be sent is tried again until its time ends. In a [Database], they
// outlive the process: another server that shares it, or the next process, sends them.
//
// A message is sent once, unless a process ends, or loses its database, between sending it and
// noting that.
package outbox

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// drainTimeout bounds how long Close waits for queued messages.
	drainTimeout = 10 * time.Second
	// noteTimeout bounds how long noting the result of a message takes.
	noteTimeout = 10 * time.Second
	// pollEvery is how often an Outbox looks for messages to send again, and for those that
	// another server left behind.
	pollEvery = 10 * time.Second
	// firstDelay is the time until the second try. Each delay is twice the one before, up to
	// maxDelay.
	firstDelay, maxDelay = 10 * time.Second, 10 * time.Minute
	idSize               = 16
)

var (
	// ErrFull means that too many messages are waiting already.
	ErrFull = errors.New("outbox: too many messages are waiting")
	// ErrClosed means that the outbox was closed.
	ErrClosed = errors.New("outbox: closed")
	// ErrRefused is wrapped by an error of Config.Send if it is useless to try again.
	ErrRefused = errors.New("the message was refused")
)

// Config configures an [Outbox]. All fields without a default must be set.
type Config[M any] struct {
	// Kind names the messages in the queue.
	Kind string
	// Queue is where they wait; default: in memory.
	Queue Queue
	// Workers is how many messages are sent at once. Size is how many may wait, with those that are
	// being sent, and SizeOf how many of one owner; 0: Size.
	Workers, Size, SizeOf int
	// Timeout bounds the context of one Send.
	Timeout time.Duration
	// Send sends a message. The workers call it concurrently. After an error that does not wrap
	// [ErrRefused] it is tried again later.
	Send func(context.Context, M) error
	// Soon says that a message may be lost if the machine loses power.
	Soon bool
	Now  func() time.Time
	Rand io.Reader // default [crypto/rand.Reader]
	Log  *slog.Logger
	// Ticks, if set, say when to look for messages to send again; default every ten seconds.
	Ticks <-chan time.Time
}

// Outbox sends messages of one kind, which JSON can keep. It is safe for concurrent use.
type Outbox[M any] struct {
	cfg     Config[M]
	handed  chan job[M]   // to a worker that is free
	wake    chan struct{} // one worker looks at the queue
	stop    chan struct{}
	workers sync.WaitGroup
	ctx     context.Context // ends when Close stops waiting
	cancel  context.CancelFunc

	mu     sync.RWMutex // held by those who put, and by Close
	closed bool

	waiting sync.Map // the *caller of each first try, by the message's ID
}

// job is a message in the hands of this server.
type job[M any] struct {
	Item
	message M
}

// caller waits for the result of a first try, until one of both settles it.
type caller struct {
	settled atomic.Bool
	result  chan error
}

// answer passes the result of a first try on to its caller, and reports whether it was still there.
func (o *Outbox[M]) answer(i Item, err error) bool {
	c, ok := o.waiting.LoadAndDelete(string(i.ID))
	if !ok || !c.(*caller).settled.CompareAndSwap(false, true) {
		return false
	}
	c.(*caller).result <- err
	return true
}

// New starts an Outbox. The caller must call [Outbox.Close].
func New[M any](cfg Config[M]) *Outbox[M] {
	if cfg.Queue == nil {
		cfg.Queue = &memory{}
	}
	if cfg.SizeOf == 0 {
		cfg.SizeOf = cfg.Size
	}
	if cfg.Rand == nil {
		cfg.Rand = rand.Reader //nolint:forbidigo // the app's real randomness
	}
	o := &Outbox[M]{cfg: cfg, handed: make(chan job[M]), wake: make(chan struct{}, 1), stop: make(chan struct{})}
	o.ctx, o.cancel = context.WithCancel(context.Background())
	for range cfg.Workers {
		o.workers.Go(o.work)
	}
	o.workers.Go(o.poll)
	o.look() // for what an earlier process left
	return o
}

// work sends messages until the outbox is closed, and then those that wait.
func (o *Outbox[M]) work() {
	for {
		stopping := false
		select {
		case j := <-o.handed:
			o.send(j)
		case <-o.wake:
		case <-o.stop:
			stopping = true
		}
		for o.next() {
			o.look() // another worker may help
		}
		if stopping {
			return
		}
	}
}

// poll makes a worker look at each tick, and drops what has ended.
func (o *Outbox[M]) poll() {
	ticks := o.cfg.Ticks
	if ticks == nil {
		t := time.NewTicker(pollEvery)
		defer t.Stop()
		ticks = t.C
	}
	for {
		select {
		case <-o.stop:
			return
		case <-ticks:
		}
		dropped, err := o.cfg.Queue.Drop(o.ctx, o.cfg.Kind, o.cfg.Now())
		if dropped > 0 || err != nil {
			o.cfg.Log.WarnContext(o.ctx, "messages could not be sent in time", "kind", o.cfg.Kind, "number", dropped, "err", err)
		}
		o.look()
	}
}

// look makes a worker that is free look at the queue.
func (o *Outbox[M]) look() {
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

// next sends one message of the queue, and reports whether there was one.
func (o *Outbox[M]) next() bool {
	if o.ctx.Err() != nil {
		return false
	}
	now := o.cfg.Now()
	item, found, err := o.cfg.Queue.Take(o.ctx, o.cfg.Kind, now, now.Add(o.lease()))
	if err != nil && o.ctx.Err() == nil {
		o.cfg.Log.WarnContext(o.ctx, "cannot read which messages wait", "kind", o.cfg.Kind, "err", err)
	}
	if err != nil || !found {
		return false
	}
	j := job[M]{Item: item}
	if err := json.Unmarshal(item.Body, &j.message); err != nil {
		o.cfg.Log.WarnContext(o.ctx, "a message that waits is damaged", "kind", o.cfg.Kind)
		o.note(func(ctx context.Context) error { return o.cfg.Queue.Remove(ctx, item) })
		return true
	}
	o.send(j)
	return true
}

// lease is how long nobody else takes a message that a worker has.
func (o *Outbox[M]) lease() time.Duration { return 2*o.cfg.Timeout + noteTimeout }

func (o *Outbox[M]) send(j job[M]) {
	ctx, cancel := context.WithTimeout(o.ctx, o.cfg.Timeout)
	err := o.cfg.Send(ctx, j.message)
	cancel()
	if waits := o.answer(j.Item, err); err == nil || waits || errors.Is(err, ErrRefused) {
		o.note(func(ctx context.Context) error { return o.cfg.Queue.Remove(ctx, j.Item) })
		return
	}
	now := o.cfg.Now()
	due := now.Add(min(firstDelay<<min(j.Tries, 10), maxDelay))
	if o.ctx.Err() != nil { // it was interrupted
		due = now
	}
	j.Tries++
	o.note(func(ctx context.Context) error { return o.cfg.Queue.Later(ctx, j.Item, due) })
}

// note runs f, which notes a result also if the outbox is closing.
func (o *Outbox[M]) note(f func(context.Context) error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(o.ctx), noteTimeout)
	defer cancel()
	if err := f(ctx); err != nil {
		o.cfg.Log.WarnContext(ctx, "cannot note what became of a message: it may be sent twice", "kind", o.cfg.Kind, "err", err)
	}
}

// Put queues a message of an owner, which is dropped if it is not sent within life. It does not wait
// until it is sent. The error is [ErrFull] or [ErrClosed], or one of the queue.
func (o *Outbox[M]) Put(ctx context.Context, owner string, m M, life time.Duration) error {
	_, err := o.put(ctx, owner, m, life, nil)
	return err
}

// Send queues a message like [Outbox.Put], and waits for the result of the first try until ctx
// ends. If that failed meanwhile, the error is that of Config.Send, and the message is dropped.
// nil means that it was sent, or is tried until its life ends.
func (o *Outbox[M]) Send(ctx context.Context, owner string, m M, life time.Duration) error {
	c := &caller{result: make(chan error, 1)}
	id, err := o.put(context.WithoutCancel(ctx), owner, m, life, c)
	if err != nil {
		return err
	}
	select {
	case err := <-c.result:
		return err
	case <-ctx.Done():
	}
	o.waiting.Delete(string(id))
	if c.settled.CompareAndSwap(false, true) {
		return nil
	}
	return <-c.result
}

// put queues a message, and returns its ID. c waits for its result, unless it is nil.
func (o *Outbox[M]) put(ctx context.Context, owner string, m M, life time.Duration, c *caller) (id []byte, err error) {
	o.mu.RLock()
	defer o.mu.RUnlock()
	if o.closed {
		return nil, ErrClosed
	}
	body, err := json.Marshal(m)
	if err != nil {
		return nil, err
	}
	id = make([]byte, idSize)
	if _, err := io.ReadFull(o.cfg.Rand, id); err != nil {
		return nil, fmt.Errorf("no randomness: %w", err)
	}
	if c != nil {
		o.waiting.Store(string(id), c)
		defer func() {
			if err != nil {
				o.waiting.Delete(string(id))
			}
		}()
	}
	now := o.cfg.Now()
	j := job[M]{Item{Owner: owner, ID: id, Body: body, Ends: now.Add(life)}, m}
	bounds := Bounds{Size: o.cfg.Size, SizeOf: o.cfg.SizeOf, Soon: o.cfg.Soon}
	// It is this server's for as long as a first try takes, so that its caller learns the result.
	if err := o.cfg.Queue.Add(ctx, o.cfg.Kind, j.Item, now.Add(o.lease()), bounds); err != nil {
		return nil, err
	}
	select {
	case o.handed <- j:
	default: // the next worker that is free takes it
		if err := o.cfg.Queue.Later(ctx, j.Item, now); err != nil {
			return nil, err
		}
		o.look()
	}
	return id, nil
}

// Waiting returns how many messages wait or are being sent, by any server that shares the queue.
func (o *Outbox[M]) Waiting() int {
	ctx, cancel := context.WithTimeout(o.ctx, noteTimeout)
	defer cancel()
	n, err := o.cfg.Queue.Count(ctx, o.cfg.Kind)
	if err != nil {
		o.cfg.Log.WarnContext(ctx, "cannot count which messages wait", "kind", o.cfg.Kind, "err", err)
	}
	return n
}

// Close accepts no more messages, and sends those that wait, for at most ten seconds and not
// beyond the end of ctx. Then the context of every Send ends; messages that were not sent
// are lost only if the queue is in memory. Close returns when every Send has returned.
func (o *Outbox[M]) Close(ctx context.Context) {
	o.mu.Lock()
	if !o.closed {
		o.closed = true
		close(o.stop)
	}
	o.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, drainTimeout)
	defer cancel()
	stop := context.AfterFunc(ctx, o.cancel)
	o.workers.Wait()
	stop()
	o.cancel()
}
