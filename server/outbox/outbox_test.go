package outbox

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/internal/sqlite"
	"github.com/syncmanager/syncmanager/internal/test/pgtest"
	"github.com/syncmanager/syncmanager/internal/test/plantest"
	"github.com/syncmanager/syncmanager/internal/test/testclock"
	"github.com/syncmanager/syncmanager/server/internal/sqldb"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }

// env is a queue that servers share, and their clock.
type env struct {
	*testclock.Clock
	t     *testing.T
	place Place
	queue Queue // nil: in memory
	log   bytes.Buffer
	ticks chan time.Time
	sent  chan string // what was sent
}

func newEnv(t *testing.T) *env {
	return &env{t: t, Clock: testclock.At(time.Unix(1_700_000_000, 0)), ticks: make(chan time.Time), sent: make(chan string, 1000)}
}

// everywhere runs a test on each kind of queue.
func everywhere(t *testing.T, f func(*env)) {
	t.Parallel()
	for name, place := range map[string]func(*testing.T) Place{
		"memory":     nil,
		"SQLite":     func(t *testing.T) Place { return Place{Dir: t.TempDir()} },
		"PostgreSQL": func(t *testing.T) Place { return Place{Database: pgtest.Database(t)} },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEnv(t)
			if place != nil {
				e.place = place(t)
				e.place.Key = bytes.Repeat([]byte("k"), 32)
				e.queue = e.open()
			} else {
				e.queue = &memory{}
			}
			f(e)
		})
	}
}

// open opens the queue, as another server or process does.
func (e *env) open() *Database {
	e.t.Helper()
	d, err := Open(e.t.Context(), e.place)
	if err != nil {
		e.t.Fatal(err)
	}
	e.t.Cleanup(func() { _ = d.Close() })
	return d
}

// start starts an outbox with one worker, and room for three messages.
func (e *env) start(change func(*Config[string])) *Outbox[string] {
	cfg := Config[string]{
		Kind: "test", Queue: e.queue, Workers: 1, Size: 3, Timeout: time.Minute, Now: e.Now, Log: slog.New(slog.NewTextHandler(&e.log, nil)), Ticks: e.ticks,
		Send: func(_ context.Context, m string) error {
			e.sent <- m
			return nil
		},
	}
	if change != nil {
		change(&cfg)
	}
	o := New(cfg)
	e.t.Cleanup(func() { o.Close(context.Background()) })
	return o
}

func (e *env) put(o *Outbox[string], owner, m string) {
	e.t.Helper()
	if err := o.Put(e.t.Context(), owner, m, time.Hour); err != nil {
		e.t.Fatalf("put %s: %v", m, err)
	}
}

// wants waits for what is sent next.
func (e *env) wants(want ...string) {
	e.t.Helper()
	for _, m := range want {
		if got := <-e.sent; got != m {
			e.t.Errorf("sent %q, want %q", got, m)
		}
	}
}

// A message past the bounds is refused; what waits is sent when a worker is free.
func TestBounds(t *testing.T) {
	everywhere(t, func(e *env) {
		sending, proceed := make(chan string, 9), make(chan struct{})
		o := e.start(func(c *Config[string]) {
			c.SizeOf = 2
			c.Send = func(_ context.Context, m string) error {
				sending <- m
				<-proceed
				e.sent <- m
				return nil
			}
		})
		e.put(o, "a", "1")
		<-sending
		e.put(o, "a", "2")
		if err := o.Put(e.t.Context(), "a", "more", time.Hour); !errors.Is(err, ErrFull) {
			e.t.Errorf("a third message of one owner: %v, want ErrFull", err)
		}
		e.put(o, "b", "3")
		if err := o.Put(e.t.Context(), "c", "more", time.Hour); !errors.Is(err, ErrFull) {
			e.t.Errorf("a fourth message: %v, want ErrFull", err)
		}
		if n := o.Waiting(); n != 3 {
			e.t.Errorf("%d messages wait, want 3", n)
		}
		close(proceed)
		o.Close(e.t.Context())
		e.wants("1", "2", "3")
		if err := o.Put(e.t.Context(), "a", "more", time.Hour); !errors.Is(err, ErrClosed) {
			e.t.Errorf("after Close: %v, want ErrClosed", err)
		}
		o.Close(e.t.Context())
		if n, err := e.queue.Count(e.t.Context(), "test"); n != 0 || err != nil {
			e.t.Errorf("%d messages are left, %v", n, err)
		}
	})
}

// A message that cannot be sent is tried again, later each time, until its life ends; one that is
// refused is not.
func TestRetries(t *testing.T) {
	everywhere(t, func(e *env) {
		o := e.start(func(c *Config[string]) {
			c.Send = func(_ context.Context, m string) error {
				e.sent <- m
				if m == "refused" {
					return fmt.Errorf("no: %w", ErrRefused)
				}
				return errors.New("host down")
			}
		})
		e.put(o, "a", "refused")
		e.wants("refused")
		e.put(o, "a", "m")
		e.wants("m")
		e.idle(o)       // it has noted the failure, before the clock moves
		var waits []int // in ticks of five seconds
		for range 5 {
			n := 0
			for len(e.sent) == 0 {
				n++
				e.Pass(5 * time.Second)
				e.ticks <- e.Now()
				e.ticks <- e.Now() // the poller has looked after the one before
				e.idle(o)
			}
			e.wants("m")
			waits = append(waits, n)
		}
		if want := []int{2, 4, 8, 16, 32}; !slices.Equal(waits, want) {
			e.t.Errorf("the waits are %v, want %v", waits, want)
		}
		e.Pass(time.Hour)
		e.ticks <- e.Now()
		e.ticks <- e.Now()
		if n := o.Waiting(); n != 0 || len(e.sent) > 0 {
			e.t.Errorf("%d wait after their end", n)
		}
		if text := e.log.String(); !strings.Contains(text, "number=1") {
			e.t.Errorf("the log: %s", text)
		}
	})
}

// idle waits until the worker of o looks for work.
func (e *env) idle(o *Outbox[string]) {
	for range 2 { // it has taken the first when there is room for the second
		o.wake <- struct{}{}
	}
	o.wake <- struct{}{}
}

// A message that takes longer than its bound is interrupted, and tried again later.
func TestSendIsBounded(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	ended := make(chan error)
	o := e.start(func(c *Config[string]) {
		c.Timeout = time.Nanosecond
		c.Send = func(ctx context.Context, _ string) error {
			<-ctx.Done()
			ended <- context.Cause(ctx)
			return ctx.Err()
		}
	})
	e.put(o, "a", "m")
	for range 2 {
		if err := <-ended; !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("the message ended with %v, want its deadline", err)
		}
		e.idle(o)
		e.Pass(time.Minute)
		go func() { e.ticks <- e.Now() }()
	}
	if err := <-ended; !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("the message ended at last with %v", err)
	}
}

// The caller who waits learns why a first try failed, and the message is dropped; one who has
// gone does not, and it is tried again.
func TestSend(t *testing.T) {
	everywhere(t, func(e *env) {
		failure, proceed := errors.New("host down"), make(chan error)
		o := e.start(func(c *Config[string]) {
			c.Send = func(_ context.Context, m string) error {
				e.sent <- m
				return <-proceed
			}
		})
		result := make(chan error)
		go func() { result <- o.Send(e.t.Context(), "a", "m", time.Hour) }()
		e.wants("m")
		proceed <- failure
		if err := <-result; !errors.Is(err, failure) {
			e.t.Errorf("a failure: %v", err)
		}
		e.idle(o)
		if n := o.Waiting(); n != 0 {
			e.t.Errorf("%d wait", n)
		}
		gone, cancel := context.WithCancel(e.t.Context())
		go func() { result <- o.Send(gone, "a", "n", time.Hour) }()
		e.wants("n")
		cancel()
		if err := <-result; err != nil {
			e.t.Errorf("of a caller who did not wait: %v", err)
		}
		proceed <- failure
		e.idle(o)
		e.Pass(time.Minute)
		e.ticks <- e.Now()
		e.wants("n")
		proceed <- nil
		e.idle(o)
		if n := o.Waiting(); n != 0 {
			e.t.Errorf("%d wait", n)
		}
	})
}

// What a process leaves, because it was killed or had no time, another one sends.
func TestProcessThatEnds(t *testing.T) {
	everywhere(t, func(e *env) {
		sending := make(chan struct{})
		o := e.start(func(c *Config[string]) {
			c.Send = func(ctx context.Context, _ string) error {
				close(sending)
				<-ctx.Done()
				return ctx.Err()
			}
		})
		e.put(o, "a", "interrupted")
		<-sending
		e.put(o, "a", "waiting")
		ended, cancel := context.WithCancel(e.t.Context())
		cancel()
		o.Close(ended) // does not wait, or the test never ends

		// This one was killed while it sent a message.
		killed := Item{Owner: "a", ID: []byte("killed"), Body: []byte(`"killed"`), Ends: e.Now().Add(time.Hour)}
		if err := e.queue.Add(e.t.Context(), "test", killed, e.Now().Add(time.Minute), Bounds{Size: 9, SizeOf: 9}); err != nil {
			e.t.Fatal(err)
		}
		if e.place.Key != nil {
			e.queue = e.open()
		}
		next := e.start(nil)
		got := []string{<-e.sent, <-e.sent}
		slices.Sort(got)
		if !slices.Equal(got, []string{"interrupted", "waiting"}) {
			e.t.Errorf("sent %q", got)
		}
		e.idle(next)
		if len(e.sent) > 0 {
			e.t.Error("it was taken from a server that had time to send it")
		}
		e.Pass(time.Minute)
		e.ticks <- e.Now()
		e.wants("killed")
		next.Close(e.t.Context())
		if n, err := e.queue.Count(e.t.Context(), "test"); n != 0 || err != nil {
			e.t.Errorf("%d messages are left, %v", n, err)
		}
	})
}

// Of several servers, one sends a message, once.
func TestSeveralServers(t *testing.T) {
	everywhere(t, func(e *env) {
		const messages = 60
		open := func(c *Config[string]) { c.Workers, c.Size, c.Ticks = 2, messages, make(chan time.Time) }
		servers := []*Outbox[string]{e.start(open)}
		if e.place.Key != nil {
			e.queue = e.open()
		}
		servers = append(servers, e.start(open))
		var all sync.WaitGroup
		for i := range messages {
			all.Go(func() { e.put(servers[i%2], "a", fmt.Sprint(i)) })
			servers[(i+1)%2].look()
		}
		all.Wait()
		for _, o := range servers {
			o.Close(e.t.Context())
		}
		close(e.sent)
		got := make(map[string]int)
		for m := range e.sent {
			got[m]++
		}
		for i := range messages {
			if n := got[fmt.Sprint(i)]; n != 1 {
				e.t.Errorf("message %d was sent %d times", i, n)
			}
		}
	})
}

// Who has the database and not the key reads no message, and changes none.
func TestSealed(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	e.place = Place{Dir: t.TempDir(), Key: bytes.Repeat([]byte("k"), 32)}
	item := Item{Owner: "a", ID: []byte("1"), Body: []byte(`"the code is 123456"`), Ends: e.Now().Add(time.Hour)}
	if err := e.open().Add(t.Context(), "test", item, e.Now(), Bounds{Size: 9, SizeOf: 9}); err != nil {
		t.Fatal(err)
	}
	files, err := os.ReadDir(e.place.Dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if text, err := os.ReadFile(e.place.Dir + "/" + file.Name()); err != nil || bytes.Contains(text, []byte("123456")) {
			t.Errorf("%s has the message, %v", file.Name(), err)
		}
	}
	e.place.Key = bytes.Repeat([]byte("x"), 32)
	e.queue = e.open()
	o := e.start(nil)
	e.idle(o)
	if n := o.Waiting(); n != 0 || len(e.sent) > 0 {
		t.Errorf("%d messages wait, %d were sent, with another key", n, len(e.sent))
	}
	o.Close(t.Context())
	if text := e.log.String(); !strings.Contains(text, "damaged") || strings.Contains(text, "123456") {
		t.Errorf("the log: %s", text)
	}
}

func TestPlans(t *testing.T) {
	t.Parallel()
	db, err := sqldb.OpenPostgres(t.Context(), pgtest.Database(t)+"&enable_seqscan=off", "outbox", Schema(), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	plantest.CheckPostgres(t, db.Read(t.Context()), plantest.Statements(t, "sql.go"), nil)
}

func TestPlansInAFile(t *testing.T) {
	t.Parallel()
	db, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "outbox.sqlite"), sqlite.Options{Migrations: Schema()})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	plantest.Check(t, db.Read(), "sql.go", nil)
}
