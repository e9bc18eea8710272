package events_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/syncmanager/syncmanager/bso"
	"github.com/syncmanager/syncmanager/server/events"
)

var errRefused = errors.New("the token has ended")

// env is a hub, and what its connections ended with.
type env struct {
	*events.Hub
	mu    sync.Mutex
	ended map[events.End]int
	sent  int
}

func newEnv(t testing.TB, most int) *env {
	e := &env{ended: map[events.End]int{}}
	e.Hub = events.New(events.Config{
		Now: time.Now, Max: most, Refused: func(err error) bool { return errors.Is(err, errRefused) },
		Sent: func() {
			e.mu.Lock()
			defer e.mu.Unlock()
			e.sent++
		},
		Ended: func(why events.End) {
			e.mu.Lock()
			defer e.mu.Unlock()
			e.ended[why]++
		},
	})
	t.Cleanup(e.Close)
	return e
}

func (e *env) ends(why events.End) int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.ended[why]
}

// socket answers on a connection that a handler takes over, like that of HTTP/1.1.
type socket struct {
	http.ResponseWriter
	conn net.Conn
}

func (s socket) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return s.conn, bufio.NewReadWriter(bufio.NewReader(s.conn), bufio.NewWriter(s.conn)), nil
}

func nothing(context.Context) (map[string]bso.Timestamp, bso.Timestamp, error) { return nil, 0, nil }

func listener(uid int64, device string) events.Listener {
	return events.Listener{UID: uid, Account: fmt.Sprint("account ", uid), Device: device, Expires: time.Now().Add(time.Hour), Read: nothing}
}

func request(t testing.TB, query string) *http.Request {
	return httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/info/events"+query, nil)
}

// connect opens events on a connection, and returns the device's end of it.
func (e *env) connect(t testing.TB, l events.Listener, query string) (net.Conn, error) {
	server, client := net.Pipe()
	t.Cleanup(func() { _ = client.Close() })
	failed := make(chan error, 1)
	go func() { failed <- e.Serve(socket{httptest.NewRecorder(), server}, request(t, query), l) }()
	first := bufio.NewReaderSize(client, 16)
	for {
		type read struct {
			line string
			err  error
		}
		lines := make(chan read, 1)
		go func() {
			line, err := first.ReadString('\n')
			lines <- read{line, err}
		}()
		select {
		case err := <-failed:
			if err != nil {
				return nil, err
			}
			failed = nil
			r := <-lines
			if strings.HasPrefix(r.line, "data:") || r.err != nil {
				_, _ = first.ReadString('\n')
				return client, r.err
			}
		case r := <-lines:
			if strings.HasPrefix(r.line, "data:") || r.err != nil {
				_, _ = first.ReadString('\n')
				return client, r.err
			}
		}
	}
}

// heard collects what comes on a connection until it ends.
func heard(conn net.Conn) func() string {
	var mu sync.Mutex
	var all strings.Builder
	go func() {
		b := make([]byte, 1000)
		for {
			n, err := conn.Read(b)
			mu.Lock()
			all.Write(b[:n])
			if err != nil {
				all.WriteString("end")
				mu.Unlock()
				return
			}
			mu.Unlock()
		}
	}()
	return func() string {
		synctest.Wait()
		mu.Lock()
		defer mu.Unlock()
		text := all.String()
		all.Reset()
		return text
	}
}

func TestHeartbeatsComeInSilenceOnly(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t, 10)
		conn, err := e.connect(t, listener(1, ""), "?heartbeat=240")
		if err != nil {
			t.Fatal(err)
		}
		said := heard(conn)
		time.Sleep(239 * time.Second)
		if got := said(); got != "" {
			t.Errorf("before the heartbeat came %q", got)
		}
		time.Sleep(time.Second)
		if got := said(); got != ":\n\n" {
			t.Errorf("the heartbeat is %q", got)
		}
		time.Sleep(200 * time.Second)
		e.Moved(1, "forms", 150)
		e.Moved(2, "history", 151)
		if got := said(); got != "id: 1.50\ndata: {\"forms\":1.50}\n\n" {
			t.Errorf("the event is %q", got)
		}
		time.Sleep(239 * time.Second)
		if got := said(); got != "" {
			t.Errorf("%q after an event", got)
		}
		time.Sleep(2 * time.Second)
		if got := said(); got != ":\n\n" {
			t.Errorf("the heartbeat after an event is %q", got)
		}
		// It does not outlive the token.
		time.Sleep(time.Hour)
		if got := said(); !strings.HasSuffix(got, "end") || e.ends(events.EndExpired) != 1 || e.Count() != 0 {
			t.Errorf("after an hour: %q, %v", got, e.ended)
		}
	})
}

// What a device does not read yet is told in one event, however much moved; if it does not read at all, it is cut.
func TestADeviceThatDoesNotRead(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t, 10)
		slow, err := e.connect(t, listener(1, "slow"), "")
		if err != nil {
			t.Fatal(err)
		}
		other, err := e.connect(t, listener(1, "other"), "")
		if err != nil {
			t.Fatal(err)
		}
		said := heard(other)
		for i := range 10_000 {
			e.Moved(1, fmt.Sprintf("c%d", i%1000), bso.Timestamp(1000+i))
		}
		synctest.Wait()
		if got := said(); !strings.Contains(got, `"meta":109.99`) {
			t.Errorf("a device that reads was not told that all moved: %.200q", got)
		}
		time.Sleep(5 * time.Second)
		b := make([]byte, 1<<20)
		if n, err := slow.Read(b); err != nil || n > 10_000 {
			t.Errorf("the first event has %d bytes, %v", n, err)
		}
		if n, err := slow.Read(b); err != nil || n > 10_000 {
			t.Errorf("the second event has %d bytes, %v", n, err)
		}
		e.Moved(1, "forms", 20_000)
		time.Sleep(11 * time.Second)
		if e.ends(events.EndGone) != 1 || e.Count() != 1 {
			t.Errorf("%d connections, ended %v", e.Count(), e.ended)
		}
		said()
		e.Moved(1, "forms", 20_001)
		if got := said(); !strings.Contains(got, `"forms":200.01`) {
			t.Errorf("the other device was told %q", got)
		}
	})
}

func TestConnectionsAreBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t, 100)
		for i := range 64 {
			if _, err := e.connect(t, listener(1, fmt.Sprint(i)), ""); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := e.connect(t, listener(1, "one more"), ""); !errors.Is(err, events.ErrTooMany) {
			t.Errorf("the 65th device of a user: %v", err)
		}
		if _, err := e.connect(t, listener(1, "3"), ""); err != nil {
			t.Errorf("a device that connects again: %v", err)
		}
		for i := range 36 {
			if _, err := e.connect(t, listener(int64(i+2), ""), ""); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := e.connect(t, listener(99, ""), ""); !errors.Is(err, events.ErrTooMany) {
			t.Errorf("the 101st connection: %v", err)
		}
		if e.Count() != 100 || e.ends(events.EndReplaced) != 1 {
			t.Errorf("%d connections, ended %v", e.Count(), e.ended)
		}
		e.Close()
		if e.Count() != 0 || e.ends(events.EndStopped) != 100 {
			t.Errorf("after Close: %d connections, ended %v", e.Count(), e.ended)
		}
		if _, err := e.connect(t, listener(1, ""), ""); !errors.Is(err, events.ErrClosed) {
			t.Errorf("after Close: %v", err)
		}
	})
}

// A token that ends while a connection opens ends it, and what moves meanwhile is told.
func TestWhatHappensWhileAConnectionOpens(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t, 10)
		l := listener(1, "")
		ended := false
		l.Read = func(context.Context) (map[string]bso.Timestamp, bso.Timestamp, error) {
			if ended {
				return nil, 0, errRefused
			}
			e.Moved(1, "forms", 700)
			return map[string]bso.Timestamp{"bookmarks": 500}, 500, nil
		}
		conn, err := e.connect(t, l, "")
		if err != nil {
			t.Fatal(err)
		}
		said := heard(conn)
		if got := said(); got != "id: 7.00\ndata: {\"forms\":7.00}\n\n" {
			t.Errorf("it was told %q", got)
		}
		e.Reread(t.Context())
		if got := said(); got != "id: 7.00\ndata: {\"bookmarks\":5.00,\"forms\":7.00}\n\n" {
			t.Errorf("after events were lost, it was told %q", got)
		}
		ended = true
		e.Check(t.Context(), func(account string) bool { return account == "account 2" })
		if got := said(); got != "" {
			t.Errorf("another account ended, and it was told %q", got)
		}
		e.Check(t.Context(), func(account string) bool { return account == "account 1" })
		if got := said(); got != "end" || e.ends(events.EndRefused) != 1 {
			t.Errorf("it ended with %q, %v", got, e.ended)
		}
		if _, err := e.connect(t, l, ""); !errors.Is(err, errRefused) || e.Count() != 0 {
			t.Errorf("a token that has ended: %v, %d connections", err, e.Count())
		}
	})
}

// idle is a connection on which nothing happens.
type idle struct{ net.Conn }

func (idle) Write(b []byte) (int, error)      { return len(b), nil }
func (idle) SetWriteDeadline(time.Time) error { return nil }
func (idle) Close() error                     { return nil }
func (idle) Read([]byte) (int, error)         { return 0, io.EOF }

// A connection that waits takes a few hundred bytes besides its socket, and no goroutine.
func TestAConnectionThatWaitsIsSmall(t *testing.T) {
	const connections = 1000
	e := newEnv(t, connections)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	goroutines := runtime.NumGoroutine()
	for i := range connections {
		if err := e.Serve(socket{httptest.NewRecorder(), idle{}}, request(t, ""), listener(int64(i), "device")); err != nil {
			t.Fatal(err)
		}
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if n := (int64(after.HeapAlloc) - int64(before.HeapAlloc)) / connections; n > 2048 {
		t.Errorf("a connection takes %d bytes", n)
	}
	if n := runtime.NumGoroutine() - goroutines; n > 10 {
		t.Errorf("%d goroutines for %d connections", n, connections)
	}
	// A write of a user without devices that listen costs next to nothing, whoever else listens.
	if n := testing.AllocsPerRun(100, func() { e.Moved(connections, "forms", 5) }); n != 0 {
		t.Errorf("%v allocations for a user who does not listen", n)
	}
}
