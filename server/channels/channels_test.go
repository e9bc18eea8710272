package channels_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"

	"github.com/syncmanager/syncmanager/server/channels"
)

// pipes is a network without sockets, whose time is the test's.
type pipes struct {
	conns chan net.Conn
	once  sync.Once
	done  chan struct{}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	p.once.Do(func() { close(p.done) })
	return nil
}

func (p *pipes) Addr() net.Addr { return &net.TCPAddr{} }

// dial connects to the relay.
func (p *pipes) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	near, far := net.Pipe()
	select {
	case p.conns <- far:
		return near, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// env is a relay, to which devices connect from an address that their User-Agent begins with.
type env struct {
	t     *testing.T
	pipes *pipes
	relay *channels.Relay
	http  *http.Client
}

// counter is a source of randomness whose values differ.
type counter struct{ n byte }

func (c *counter) Read(b []byte) (int, error) {
	c.n++
	for i := range b {
		b[i] = c.n
	}
	return len(b), nil
}

// play runs a test with its own time.
func play(t *testing.T, run func(*env)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		e := &env{t: t, pipes: &pipes{conns: make(chan net.Conn), done: make(chan struct{})}}
		e.relay = channels.New(channels.Config{
			Sender: func(r *http.Request) channels.Sender {
				from, _, _ := strings.Cut(r.UserAgent(), " ")
				return channels.Sender{Address: from, Network: from, Shared: from == "proxy"}
			},
			Now: time.Now, Rand: &counter{}, Log: slog.New(slog.DiscardHandler),
		})
		mux := http.NewServeMux()
		mux.Handle("GET "+channels.Prefix+"{$}", e.relay)
		mux.Handle("GET "+channels.Prefix+"{id}", e.relay)
		server := &http.Server{Handler: mux}
		go func() { _ = server.Serve(e.pipes) }()
		transport := &http.Transport{DialContext: e.pipes.dial}
		e.http = &http.Client{Transport: transport}
		defer func() {
			e.relay.Close()
			transport.CloseIdleConnections()
			_ = server.Close()
		}()
		run(e)
	})
}

// dial connects as a device at an address; status is that of the answer.
func (e *env) dial(from, id string) (conn *websocket.Conn, status int) {
	e.t.Helper()
	conn, res, err := websocket.Dial(e.t.Context(), "ws://relay.test"+channels.Prefix+id, &websocket.DialOptions{
		HTTPClient: e.http, HTTPHeader: http.Header{"User-Agent": {from + " Firefox"}, "Origin": {"https://elsewhere.test"}},
		OnPingReceived: func(context.Context, []byte) bool { return from != "silent" },
	})
	if res == nil {
		e.t.Fatal(err)
	}
	if conn != nil {
		conn.SetReadLimit(1 << 20) // more than the relay passes on
	}
	if (err == nil) != (res.StatusCode == http.StatusSwitchingProtocols) {
		e.t.Fatalf("%v, HTTP %d", err, res.StatusCode)
	}
	return conn, res.StatusCode
}

// connect connects as dial does, and returns the channel's ID too.
func (e *env) connect(from, id string) (*websocket.Conn, string) {
	e.t.Helper()
	conn, status := e.dial(from, id)
	if conn == nil {
		e.t.Fatalf("HTTP %d", status)
	}
	var hello struct {
		ID   string `json:"channelid"`
		Link string `json:"link"`
	}
	e.read(conn, &hello)
	if hello.Link != channels.Prefix+hello.ID || len(hello.ID) != 22 || id != "" && hello.ID != id {
		e.t.Fatalf("%+v", hello)
	}
	return conn, hello.ID
}

func (e *env) read(conn *websocket.Conn, out any) {
	e.t.Helper()
	_, text, err := conn.Read(e.t.Context())
	if err != nil {
		e.t.Fatal(err)
	}
	if err := json.Unmarshal(text, out); err != nil {
		e.t.Fatalf("%v in %s", err, text)
	}
}

func (e *env) write(conn *websocket.Conn, text string) {
	e.t.Helper()
	if err := conn.Write(e.t.Context(), websocket.MessageText, []byte(text)); err != nil {
		e.t.Fatal(err)
	}
}

// closed waits until the relay closes conn, and returns the reason that it gives.
func (e *env) closed(conn *websocket.Conn) (reason string) {
	e.t.Helper()
	for {
		if _, _, err := conn.Read(e.t.Context()); err != nil {
			closed, _ := errors.AsType[websocket.CloseError](err)
			return closed.Reason
		}
	}
}

type message struct {
	Message string `json:"message"`
	Sender  struct {
		UserAgent string `json:"ua"`
		Remote    string `json:"remote"`
	} `json:"sender"`
}

func TestRelay(t *testing.T) {
	t.Parallel()
	play(t, func(e *env) {
		a, id := e.connect("192.0.2.1", "")
		e.write(a, "lost") // nobody is there yet
		synctest.Wait()
		b, _ := e.connect("192.0.2.2", id)
		e.write(b, "aGVsbG8")
		var got message
		if e.read(a, &got); got.Message != "aGVsbG8" || got.Sender.Remote != "192.0.2.2" || got.Sender.UserAgent != "192.0.2.2 Firefox" {
			t.Errorf("%+v", got)
		}
		for _, want := range []string{"Zm9v", "YmFyYg=="} {
			e.write(a, want)
			if e.read(b, &got); got.Message != want || got.Sender.Remote != "192.0.2.1" {
				t.Errorf("%+v", got)
			}
		}
		// When one leaves, the other is told, after all messages.
		e.write(a, "bGFzdA")
		go func() { _ = a.Close(websocket.StatusNormalClosure, "") }()
		if e.read(b, &got); got.Message != "bGFzdA" {
			t.Errorf("%+v", got)
		}
		if why := e.closed(b); why != "the other device left" {
			t.Error(why)
		}
	})
}

// A channel is for two, and used once.
func TestChannelIsForTwo(t *testing.T) {
	t.Parallel()
	play(t, func(e *env) {
		a, id := e.connect("192.0.2.1", "")
		b, _ := e.connect("192.0.2.2", id)
		if _, status := e.dial("192.0.2.1", id); status != http.StatusNotFound {
			t.Errorf("a third party: HTTP %d", status)
		}
		_ = b.Close(websocket.StatusNormalClosure, "")
		e.closed(a)
		if _, status := e.dial("192.0.2.2", id); status != http.StatusNotFound {
			t.Errorf("after its end: HTTP %d", status)
		}
		for _, other := range []string{"AAAAAAAAAAAAAAAAAAAAAA", "x", strings.Repeat("x", 5000), "%2e%2e"} {
			if _, status := e.dial("192.0.2.2", other); status != http.StatusNotFound {
				t.Errorf("channel %.30s: HTTP %d", other, status)
			}
		}
	})
}

// A request that is not for a WebSocket does not use up a channel.
func TestOrdinaryRequest(t *testing.T) {
	t.Parallel()
	play(t, func(e *env) {
		_, id := e.connect("192.0.2.1", "")
		for _, path := range []string{"", id} {
			res, err := e.http.Get("http://relay.test" + channels.Prefix + path)
			if err != nil {
				t.Fatal(err)
			}
			if res.Body.Close(); res.StatusCode != http.StatusUpgradeRequired {
				t.Errorf("HTTP %d", res.StatusCode)
			}
		}
		e.connect("192.0.2.2", id)
	})
}

func TestExpiry(t *testing.T) {
	t.Parallel()
	play(t, func(e *env) {
		began := time.Now()
		a, id := e.connect("192.0.2.1", "")
		b, _ := e.connect("192.0.2.2", id)
		why, other := make(chan string), make(chan string)
		go func() { why <- e.closed(a) }() // answers pings too
		go func() { other <- e.closed(b) }()
		for _, got := range []string{<-why, <-other} {
			if got != "the channel expired" {
				t.Error(got)
			}
		}
		if took := time.Since(began); took != channels.Lifetime {
			t.Errorf("after %v", took)
		}
	})
}

// A party that does not answer, such as one whose network is gone, ends the channel.
func TestSilentParty(t *testing.T) {
	t.Parallel()
	play(t, func(e *env) {
		began := time.Now()
		a, id := e.connect("192.0.2.1", "")
		_, _ = e.connect("192.0.2.2", id) // never reads
		e.closed(a)
		if took := time.Since(began); took > time.Minute {
			t.Errorf("after %v", took)
		}
		// Nor does one that reads, and answers nothing.
		began = time.Now()
		a, id = e.connect("192.0.2.1", "")
		b, _ := e.connect("silent", id)
		ended := make(chan string)
		go func() { ended <- e.closed(b) }()
		e.closed(a)
		<-ended
		if took := time.Since(began); took > time.Minute {
			t.Errorf("after %v", took)
		}
	})
}

func TestMisuse(t *testing.T) {
	t.Parallel()
	for name, misuse := range map[string]func(*env, *websocket.Conn){
		"too large": func(e *env, c *websocket.Conn) {
			// The relay may close before all of it is written.
			_ = c.Write(e.t.Context(), websocket.MessageText, []byte(strings.Repeat("A", 100<<10)))
		},
		"binary": func(e *env, c *websocket.Conn) {
			if err := c.Write(e.t.Context(), websocket.MessageBinary, []byte("AAAA")); err != nil {
				e.t.Error(err)
			}
		},
		"not base64url":  func(e *env, c *websocket.Conn) { e.write(c, `<script>`) },
		"padding within": func(e *env, c *websocket.Conn) { e.write(c, "AA==AA") },
		"empty":          func(e *env, c *websocket.Conn) { e.write(c, "") },
		"too many": func(e *env, c *websocket.Conn) {
			for range 65 {
				_ = c.Write(e.t.Context(), websocket.MessageText, []byte("AAAA"))
			}
		},
		"too much": func(e *env, c *websocket.Conn) {
			for range 14 {
				_ = c.Write(e.t.Context(), websocket.MessageText, []byte(strings.Repeat("A", 20<<10)))
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			play(t, func(e *env) {
				a, id := e.connect("192.0.2.1", "")
				b, _ := e.connect("192.0.2.2", id)
				ended := make(chan string, 2)
				go func() { ended <- e.closed(a) }()
				go func() { ended <- e.closed(b) }()
				began := time.Now()
				misuse(e, b)
				<-ended
				<-ended
				if took := time.Since(began); took > time.Minute {
					t.Errorf("it ended after %v", took)
				}
				if _, status := e.dial("192.0.2.2", id); status != http.StatusNotFound {
					t.Errorf("HTTP %d", status)
				}
			})
		})
	}
}

// One network cannot take all channels, and gets some again later.
func TestManyChannels(t *testing.T) {
	t.Parallel()
	play(t, func(e *env) {
		create := func(from string) int {
			conn, status := e.dial(from, "")
			if conn != nil {
				_ = conn.CloseNow() // it counts nevertheless
			}
			return status
		}
		n := 0
		for create("192.0.2.1") == http.StatusSwitchingProtocols {
			if n++; n > 100 {
				t.Fatal("there is no bound")
			}
		}
		if n != 32 {
			t.Errorf("one network got %d", n)
		}
		if status := create("192.0.2.1"); status != http.StatusTooManyRequests {
			t.Errorf("HTTP %d", status)
		}
		if status := create("192.0.2.2"); status != http.StatusSwitchingProtocols {
			t.Errorf("another network: HTTP %d", status)
		}
		if status := create("proxy"); status != http.StatusSwitchingProtocols {
			t.Errorf("a proxy: HTTP %d", status)
		}
		time.Sleep(channels.Lifetime)
		if status := create("192.0.2.1"); status != http.StatusSwitchingProtocols {
			t.Errorf("later: HTTP %d", status)
		}
	})
}

func TestClose(t *testing.T) {
	t.Parallel()
	play(t, func(e *env) {
		a, _ := e.connect("192.0.2.1", "")
		e.relay.Close()
		e.closed(a)
		if _, status := e.dial("192.0.2.1", ""); status != http.StatusServiceUnavailable {
			t.Errorf("HTTP %d", status)
		}
	})
}
