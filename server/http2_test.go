package server_test

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/syncmanager/syncmanager/internal/test/pgtest"
	"github.com/syncmanager/syncmanager/server"
)

// hanging is a body that brings so many bytes, and then waits.
type hanging struct {
	left  int
	until context.Context
}

func (h *hanging) Read(b []byte) (int, error) {
	if h.left == 0 {
		<-h.until.Done()
		return 0, h.until.Err()
	}
	n := min(len(b), h.left)
	h.left -= n
	return n, nil
}

func (h *hanging) Close() error { return nil }

// counted is a connection that counts what is written to it.
type counted struct {
	net.Conn
	n *atomic.Int64
}

func (c counted) Write(b []byte) (int, error) {
	n, err := c.Conn.Write(b)
	c.n.Add(int64(n))
	return n, err
}

// Over HTTP/2, one connection carries many requests: their number is bounded for each
// connection and each address, and so are the bytes of their bodies.
func TestHTTP2IsBounded(t *testing.T) {
	t.Parallel()
	front := httptest.NewUnstartedServer(nil) // for its certificate
	front.EnableHTTP2 = true
	front.StartTLS()
	certificate := front.TLS.Certificates
	roots := front.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
	front.Close()
	pgtest.OnFiles(t) // a server that listens to a database never rests, and the bubble's clock would stand still
	synctest.Test(t, func(t *testing.T) {
		const (
			memory = 64 << 20
			share  = memory / 8 / 4 // of all bodies, what one address may have
			size   = 200 << 10      // that a request announces
			part   = 128 << 10      // that it sends
			buffer = 128 << 10      // of a connection, for what nobody asked for yet
			heads  = 64 << 10       // around the bodies
		)
		w := newEnv(t, func(c *server.Config) { c.Memory, c.PublicURL = memory, "https://example.com" })
		p := newPipes()
		ctx, stop := context.WithCancel(context.Background())
		ended := make(chan error, 1)
		go func() {
			ended <- w.server.Serve(ctx, tls.NewListener(p, &tls.Config{Certificates: certificate, NextProtos: []string{"h2"}, MinVersion: tls.VersionTLS12}))
		}()
		conns := 0
		var taken atomic.Int64
		transport := &http.Transport{
			ForceAttemptHTTP2: true,
			DialTLSContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
				conns++
				c := tls.Client(counted{p.dial(t, "203.0.113.5:1"), &taken}, &tls.Config{RootCAs: roots, ServerName: "example.com", NextProtos: []string{"h2"}, MinVersion: tls.VersionTLS12})
				return c, c.HandshakeContext(ctx)
			},
		}
		clients, leave := context.WithCancel(t.Context())
		answers := make(chan *http.Response, 200)
		ask := func() {
			r, err := http.NewRequestWithContext(clients, "POST", "https://example.com/auth/v1/account/create", &hanging{part, clients})
			if err != nil {
				t.Fatal(err)
			}
			r.ContentLength = size
			go func() {
				res, err := transport.RoundTrip(r)
				if err != nil {
					return // let go at the end
				}
				answers <- res
			}()
			synctest.Wait()
		}
		for n := range 40 {
			ask()
			if want := 1 + n/32; conns != want {
				t.Fatalf("%d requests go over %d connections, want %d", n+1, conns, want)
			}
		}
		if most := int64(share/size*part + 2*buffer + heads); taken.Load() > most {
			t.Errorf("%d bytes were taken, want at most %d", taken.Load(), most)
		}
		if len(answers) != 0 {
			t.Fatalf("a request that hangs was answered: %d", (<-answers).StatusCode)
		}
		for range 128 - 40 {
			ask()
		}
		ask()
		if len(answers) != 1 {
			t.Fatalf("of 129 requests of one address, %d were answered, want 1", len(answers))
		}
		res := <-answers
		body, _ := io.ReadAll(res.Body)
		if res.ProtoMajor != 2 || res.StatusCode != http.StatusServiceUnavailable || res.Header.Get("Retry-After") == "" || strings.TrimSpace(string(body)) != "{}" {
			t.Errorf("one too many: %s %d %v %s", res.Proto, res.StatusCode, res.Header, body)
		}
		leave()
		transport.CloseIdleConnections()
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}
