package server_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/syncmanager/syncmanager/internal/hawk"
	"github.com/syncmanager/syncmanager/server"
)

// pipes is a network without sockets: what is written waits until it is read, so
// a test counts what the server took, and its time is the test's.
type pipes struct {
	conns chan net.Conn
	once  sync.Once
	done  chan struct{}
}

func newPipes() *pipes { return &pipes{conns: make(chan net.Conn), done: make(chan struct{})} }

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

func (p *pipes) Addr() net.Addr { return addr("server") }

type addr string

func (addr) Network() string  { return "pipe" }
func (a addr) String() string { return string(a) }

type fromConn struct {
	net.Conn
	from addr
}

func (c fromConn) RemoteAddr() net.Addr { return c.from }

// dial connects from an address.
func (p *pipes) dial(t *testing.T, from string) net.Conn {
	t.Helper()
	near, far := net.Pipe()
	p.conns <- fromConn{far, addr(from)}
	t.Cleanup(func() { near.Close() })
	return near
}

// on serves a world's server on pipes until the test ends.
func (w *world) on() *pipes {
	p := newPipes()
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- w.server.Serve(ctx, p) }()
	w.t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			w.t.Error(err)
		}
	})
	return p
}

// flood sends a request with a body of 100 MB, and returns the answer and how
// much of the body was taken.
func flood(t *testing.T, conn net.Conn, r *http.Request, chunked bool) (status, taken int) {
	t.Helper()
	const size = 100 << 20
	length := fmt.Sprintf("Content-Length: %d", size)
	if chunked {
		length = "Transfer-Encoding: chunked"
	}
	var head strings.Builder
	fmt.Fprintf(&head, "%s %s HTTP/1.1\r\nHost: %s\r\n%s\r\n", r.Method, r.URL.RequestURI(), r.URL.Host, length)
	if err := r.Header.Write(&head); err != nil {
		t.Fatal(err)
	}
	sent := make(chan int, 1)
	go func() {
		n := 0
		defer func() { sent <- n }()
		if _, err := io.WriteString(conn, head.String()+"\r\n"); err != nil {
			return
		}
		part := strings.Repeat(" ", 32<<10)
		if chunked {
			part = fmt.Sprintf("%x\r\n%s\r\n", len(part), part)
		}
		for n < size {
			m, err := io.WriteString(conn, part)
			n += m
			if err != nil {
				return
			}
		}
	}()
	res, err := http.ReadResponse(bufio.NewReader(conn), r)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, res.Body); err != nil {
		t.Fatal(err)
	}
	conn.Close()
	return res.StatusCode, <-sent
}

// Of 100 MB no more is taken than a request may have, and the little that
// net/http reads so that the client hears the answer.
func TestUploadsOf100MB(t *testing.T) {
	w := newWorld(t, nil)
	d := w.device(true)
	p := w.on()
	// 256 KiB behind the handler's last read, as much again when the body is closed, and
	// what stands in the buffer of the connection then.
	const courtesy = 2*(256<<10) + 8<<10
	for _, c := range []struct {
		name   string
		path   string
		signed bool
		want   int
		most   int
	}{
		{"an account", root + "/auth/v1/account/create", false, 413, 256<<10 + courtesy},
		{"a token", root + "/oauth/v1/token", false, 413, 256<<10 + courtesy},
		{"nobody's records", d.token.Endpoint + "/storage/forms", false, 401, courtesy},
		{"records", d.token.Endpoint + "/storage/forms", true, 413, 3<<20 + courtesy},
		{"the token server", root + "/token/1.0/sync/1.5", false, 405, courtesy},
		{"nothing", root + "/nowhere", false, 405, courtesy},
	} {
		for _, chunked := range []bool{false, true} {
			r, err := http.NewRequestWithContext(t.Context(), "POST", c.path, nil)
			if err != nil {
				t.Fatal(err)
			}
			if c.signed {
				r.Header.Set("Content-Type", "application/json")
				hawk.Sign(r, hawk.Credentials{ID: d.token.ID, Key: []byte(d.token.Key)}, w.Now().Unix(), fmt.Sprint("n", chunked), "")
			}
			status, taken := flood(t, p.dial(t, "192.0.2.1:1"), r, chunked)
			if status != c.want && (c.want != 405 || status != 404) || taken > c.most {
				t.Errorf("%s, chunked %v: %d after %d bytes", c.name, chunked, status, taken)
			}
		}
	}
}

// Who is slow to ask, to send, to read, or just stays, is let go, and takes
// nothing from others meanwhile.
func TestSlowClients(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		p := w.on()
		began := time.Now()
		ends := func(conn net.Conn) time.Duration {
			t.Helper()
			if _, err := io.Copy(io.Discard, conn); err != nil {
				t.Fatal(err)
			}
			return time.Since(began)
		}
		header := p.dial(t, "192.0.2.1:1")
		io.WriteString(header, "GET /__lbheartbeat__ HTTP/1.1\r\nX-Slow: ")
		body := p.dial(t, "192.0.2.1:2")
		io.WriteString(body, "POST /auth/v1/account/login HTTP/1.1\r\nHost: sync.test\r\nContent-Length: 100\r\n\r\n{")
		silent := p.dial(t, "192.0.2.1:3")
		for conn, most := range map[net.Conn]time.Duration{header: 10 * time.Second, silent: 10 * time.Second} {
			if took := ends(conn); took > most {
				t.Errorf("a slow header was waited for %v, want %v", took, most)
			}
		}
		// A drop at a time keeps nobody waiting longer.
		go func() {
			for range 1000 {
				if _, err := io.WriteString(body, " "); err != nil {
					return
				}
				<-time.After(10 * time.Second) // of the bubble
			}
		}()
		if took := ends(body); took > 6*time.Minute {
			t.Errorf("a slow body was waited for %v", took)
		}
		idle := p.dial(t, "192.0.2.1:4")
		began = time.Now()
		io.WriteString(idle, "GET /__lbheartbeat__ HTTP/1.1\r\nHost: sync.test\r\n\r\n")
		if took := ends(idle); took > 2*time.Minute {
			t.Errorf("an idle connection was kept for %v", took)
		}
	})
}

// One address cannot take all connections, unless it speaks for many.
func TestConnectionsPerAddress(t *testing.T) {
	w := newWorld(t, func(c *server.Config) { c.Proxies = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")} })
	p := w.on()
	answered := func(conn net.Conn) bool {
		t.Helper()
		if _, err := io.WriteString(conn, "GET /__lbheartbeat__ HTTP/1.1\r\nHost: sync.test\r\n\r\n"); err != nil {
			return false
		}
		res, err := http.ReadResponse(bufio.NewReader(conn), nil)
		return err == nil && res.StatusCode == http.StatusOK
	}
	open := map[string][]net.Conn{}
	for _, c := range []struct {
		from string
		want int
	}{{"192.0.2.1", 128}, {"[2001:db8::%x]", 128}, {"10.0.0.1", 200}, {"127.0.0.1", 200}} {
		got := 0
		for n := range 200 {
			from := c.from
			if strings.Contains(from, "%") {
				from = fmt.Sprintf(from, n+1) // one network of many addresses
			}
			conn := p.dial(t, fmt.Sprintf("%s:%d", from, n+1))
			if answered(conn) {
				got++
				open[c.from] = append(open[c.from], conn)
			}
		}
		if got != c.want {
			t.Errorf("from %s: %d connections, want %d", c.from, got, c.want)
		}
	}
	if !answered(p.dial(t, "192.0.2.2:1")) {
		t.Error("another address is kept out")
	}
	// What is closed may be opened again. A pipe's close is seen by the server's
	// next read, so the new one may need some tries.
	open["192.0.2.1"][0].Close()
	for n := 0; !answered(p.dial(t, "192.0.2.1:1")); n++ {
		if t.Context().Err() != nil || n > 1_000_000 {
			t.Fatal("no connection after one was closed")
		}
	}
}
