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
	"github.com/syncmanager/syncmanager/internal/test/pgtest"
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

// on serves a env's server on pipes until the test ends.
func (w *env) on() *pipes {
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

// Of 100 MB, the server reads only what a request may have, and the little that net/http
// reads so that the client gets the response.
func TestUploadsOf100MB(t *testing.T) {
	t.Parallel()
	w := newEnv(t, nil)
	d := w.device(true)
	p := w.on()
	// 256 KiB behind the handler's last read, as much again when the body is closed, and
	// what stands in the buffer of the connection then.
	const courtesy = 2*(256<<10) + 8<<10
	stranger := hawk.Credentials{ID: strings.Repeat("0", 64), Key: []byte("guessed")}
	for _, c := range []struct {
		name   string
		path   string
		signed bool
		want   int
		most   int
	}{
		{"an account", root + "/auth/v1/account/create", false, 413, 256<<10 + courtesy},
		{"a token", root + "/oauth/v1/token", false, 413, 256<<10 + courtesy},
		{"nobody's device", root + "/auth/v1/account/device", false, 401, courtesy},
		{"nobody's session", root + "/auth/v1/session/destroy", false, 401, courtesy},
		{"no session", root + "/auth/v1/account/device", false, -401, courtesy},
		{"no picture", root + "/profile/v1/avatar/upload", false, -401, courtesy},
		{"a picture by nobody's token", root + "/profile/v1/avatar/upload?a.b.c", false, 401, courtesy},
		{"a refresh token of nobody's", root + "/auth/v1/account/device?0123456789abcdef", false, 401, courtesy},
		{"a phone's session of nobody's", root + "/auth/v1/account/device?fxs_0123456789abcdef", false, 401, courtesy},
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
			if c.want == 401 && r.URL.RawQuery != "" {
				r.Header.Set("Authorization", "Bearer "+r.URL.RawQuery)
				r.URL.RawQuery = ""
			} else if c.want == 401 {
				hawk.Sign(r, stranger, w.Now().Unix(), fmt.Sprint("n", chunked), "")
			}
			if c.signed {
				r.Header.Set("Content-Type", "application/json")
				hawk.Sign(r, hawk.Credentials{ID: d.token.ID, Key: []byte(d.token.Key)}, w.Now().Unix(), fmt.Sprint("n", chunked), "")
			}
			status, taken := flood(t, p.dial(t, "192.0.2.1:1"), r, chunked)
			if status != max(c.want, -c.want) && (c.want != 405 || status != 404) || taken > c.most {
				t.Errorf("%s, chunked %v: %d after %d bytes", c.name, chunked, status, taken)
			}
		}
	}
}

// Clients that are slow to send a request or to read a response, or are idle, are
// disconnected, and do not affect others meanwhile.
func TestSlowClients(t *testing.T) {
	t.Parallel()
	pgtest.OnFiles(t) // a server that listens to a database never rests, and the bubble's clock would stand still
	synctest.Test(t, func(t *testing.T) {
		w := newEnv(t, nil)
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
		if took := ends(body); took > 41*time.Second {
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

// slowBody begins a request whose body never ends, and drips.
func slowBody(t *testing.T, conn net.Conn, forwardedFor string) {
	t.Helper()
	fmt.Fprintf(conn, "POST /auth/v1/account/login HTTP/1.1\r\nHost: sync.test\r\nX-Forwarded-For: %s\r\nContent-Length: 200000\r\n\r\n{", forwardedFor)
}

// A client that sends bodies slowly, through a proxy or from this machine, does not block
// others behind the same proxy.
func TestSlowBodiesKeepNobodyOut(t *testing.T) {
	t.Parallel()
	pgtest.OnFiles(t) // a server that listens to a database never rests, and the bubble's clock would stand still
	synctest.Test(t, func(t *testing.T) {
		w := newEnv(t, func(c *server.Config) { c.Proxies = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")} })
		p := w.on()
		for _, proxy := range []string{"10.0.0.1", "127.0.0.1"} {
			began := time.Now()
			var conns []net.Conn
			for n := range 200 {
				conn := p.dial(t, fmt.Sprintf("%s:%d", proxy, n+1))
				go slowBody(t, conn, "192.0.2.1")
				conns = append(conns, conn)
			}
			synctest.Wait()
			conn := p.dial(t, proxy+":1000")
			go fmt.Fprintf(conn, "POST /auth/v1/account/credentials/status HTTP/1.1\r\nHost: sync.test\r\nX-Forwarded-For: 192.0.2.2\r\nContent-Length: 26\r\n\r\n{\"email\":\"bob@example.org\"}")
			res, err := http.ReadResponse(bufio.NewReader(conn), nil)
			if err != nil || res.StatusCode != http.StatusOK && res.StatusCode != http.StatusBadRequest {
				t.Fatalf("behind %s: %v, %v", proxy, res, err)
			}
			// Through a proxy at once; on this machine nobody can tell who is who, and the
			// slow ones have to be let go first.
			if took := time.Since(began); took > 10*time.Second {
				t.Errorf("behind %s: answered after %v", proxy, took)
			}
			for _, c := range conns {
				c.Close()
			}
			synctest.Wait()
		}
	})
}

// One address cannot take all connections, and one that speaks for many leaves some for
// others, too.
func TestConnectionsPerAddress(t *testing.T) {
	t.Parallel()
	answered := func(conn net.Conn) bool {
		t.Helper()
		if _, err := io.WriteString(conn, "GET /__lbheartbeat__ HTTP/1.1\r\nHost: sync.test\r\n\r\n"); err != nil {
			return false
		}
		res, err := http.ReadResponse(bufio.NewReader(conn), nil)
		return err == nil && res.StatusCode == http.StatusOK
	}
	for _, c := range []struct {
		from string
		want int
	}{
		{"192.0.2.1", 128},
		{"[2001:db8::%x]", 128},     // one network of many addresses
		{"[2001:db8:1:%x::1]", 512}, // one site of many networks
		{"10.0.0.1", 768},
		{"[2001:db8:2::5]", 768},
		{"127.0.0.1", 768},
	} {
		w := newEnv(t, func(c *server.Config) {
			c.Proxies = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("2001:db8:2::5/128")}
		})
		p := w.on()
		var open []net.Conn
		for n := range 800 {
			from := c.from
			if strings.Contains(from, "%") {
				from = fmt.Sprintf(from, n+1)
			}
			if conn := p.dial(t, fmt.Sprintf("%s:%d", from, n+1)); answered(conn) {
				open = append(open, conn)
			}
		}
		if len(open) != c.want {
			t.Errorf("from %s: %d connections, want %d", c.from, len(open), c.want)
			continue
		}
		if !answered(p.dial(t, "192.0.2.2:1")) {
			t.Errorf("from %s: another address is kept out", c.from)
		}
		// What is closed may be opened again. A pipe's close is seen by the server's
		// next read, so the new one may need some tries.
		open[0].Close()
		for n := 0; !answered(p.dial(t, strings.ReplaceAll(c.from, "%x", "1")+":1")); n++ {
			if t.Context().Err() != nil || n > 1_000_000 {
				t.Fatal("no connection after one was closed")
			}
		}
	}
}
