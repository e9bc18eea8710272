package server_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/internal/hawk"
	"github.com/syncmanager/syncmanager/internal/inproc"
	"github.com/syncmanager/syncmanager/internal/test/pgtest"
	"github.com/syncmanager/syncmanager/server"
)

// stream is what a device hears.
type stream struct {
	t     *testing.T
	lines *bufio.Reader
	body  io.Closer
}

// listen opens the events, and returns the stream unless they are refused.
func (d *device) listen(header ...string) (*stream, *http.Response) {
	t := d.w.t
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, d.token.Endpoint+"/info/events?heartbeat=300", nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	nonce, err := hawk.Nonce(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	hawk.Sign(r, hawk.Credentials{ID: d.token.ID, Key: []byte(d.token.Key)}, d.w.Now().Unix(), nonce, "")
	res, err := d.via.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	if res.StatusCode != http.StatusOK {
		_ = res.Body.Close()
		return nil, res
	}
	t.Cleanup(func() { _ = res.Body.Close() })
	return &stream{t, bufio.NewReader(res.Body), res.Body}, res
}

// next returns the next event, without the times of collections; "" at the end of the stream.
func (s *stream) next() (id, data string) {
	s.t.Helper()
	for {
		line, err := s.lines.ReadString('\n')
		if err != nil {
			return "", ""
		}
		line = strings.TrimSpace(line)
		if rest, ok := strings.CutPrefix(line, "id: "); ok {
			id = rest
		}
		if rest, ok := strings.CutPrefix(line, "data: "); ok {
			data = rest
		}
		if line == "" && data != "" {
			return id, data
		}
	}
}

// told expects an event about these collections, and returns its ID.
func (s *stream) told(names ...string) (id string) {
	s.t.Helper()
	id, data := s.next()
	for _, name := range names {
		if !strings.Contains(data, `"`+name+`":`) {
			s.t.Errorf("the event is %q, want one about %v", data, names)
		}
	}
	if strings.Count(data, ":") != len(names) {
		s.t.Errorf("the event is %q, want one about %v", data, names)
	}
	return id
}

func TestADeviceHearsWhatMoves(t *testing.T) {
	t.Parallel()
	w := newEnv(t, nil)
	a := w.device(true)
	b := w.device(false)
	b.must("PUT", "/storage/forms/x", `{"payload":"secret words"}`)
	s, res := a.listen()
	for name, want := range map[string]string{"Content-Type": "text/event-stream", "Cache-Control": "no-store", "X-Accel-Buffering": "no"} {
		if got := res.Header.Get(name); got != want {
			t.Errorf("%s: %q", name, got)
		}
	}
	s.told("forms") // what there is
	b.must("POST", "/storage/bookmarks", `[{"id":"x","payload":"secret words"}]`)
	s.told("bookmarks")
	b.do("POST", "/storage/history?batch=true", `[{"id":"x","payload":"no record before its commit"}]`)
	w.Pass(time.Hour / 3)
	b.must("DELETE", "/storage/bookmarks/x", "")
	s.told("bookmarks")
	b.must("DELETE", "/storage/bookmarks", "")
	id := s.told("bookmarks")
	_ = s.body.Close()

	// A connection that goes on hears what it missed, but no more.
	w.Pass(time.Hour / 3)
	b.must("DELETE", "/storage/forms", "")
	s, _ = a.listen("Last-Event-ID", id)
	s.told("meta") // something was deleted
	b.must("PUT", "/storage/tabs/x", `{"payload":"y"}`)
	s.told("tabs")
	_ = s.body.Close()
	b.must("PUT", "/storage/prefs/x", `{"payload":"y"}`)
	s, _ = a.listen("Last-Event-ID", id)
	s.told("prefs", "tabs")
	b.must("DELETE", "/storage", "")
	s.told("meta")

	for name, want := range map[string]int{"x": 400, "1.2.3": 400, "-1": 400} {
		if _, res := a.listen("Last-Event-ID", name); res.StatusCode != want {
			t.Errorf("Last-Event-ID %s: %d", name, res.StatusCode)
		}
	}
	if code, _ := a.do("POST", "/info/events", "{}"); code != http.StatusMethodNotAllowed {
		t.Errorf("POST: %d", code)
	}
	if code, _ := a.do("HEAD", "/info/events", ""); code != http.StatusMethodNotAllowed {
		t.Errorf("HEAD: %d", code)
	}
	if log := w.log.String(); strings.Contains(log, "secret") {
		t.Errorf("the log has %s", log)
	}
}

// Whatever ends a token, ends the events too.
func TestEventsEndWithTheirToken(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(t *testing.T, w *env, a *device) error{
		"the device is signed out": func(t *testing.T, _ *env, a *device) error { return a.account.SignOut(t.Context()) },
		"the account is disabled":  func(t *testing.T, w *env, _ *device) error { return w.server.SetDisabled(t.Context(), email, true) },
		"the account is removed":   func(t *testing.T, w *env, _ *device) error { return w.server.RemoveUser(t.Context(), email) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newEnv(t, nil)
			a := w.device(true)
			b := w.device(false)
			sa, _ := a.listen()
			sa.told()
			sb, _ := b.listen()
			sb.told()
			check := func() {
				t.Helper()
				if err := w.server.CheckListeners(t.Context()); err != nil {
					t.Error(err)
				}
			}
			check()
			b.must("PUT", "/storage/forms/x", `{"payload":"x"}`)
			sa.told("forms")
			sb.told("forms")
			if err := end(t, w, a); err != nil {
				t.Fatal(err)
			}
			check()
			if id, data := sa.next(); id != "" {
				t.Errorf("after that it heard %s %s", id, data)
			}
			if _, res := a.listen(); res.StatusCode != http.StatusUnauthorized {
				t.Errorf("a new connection: %d", res.StatusCode)
			}
			if name == "the device is signed out" { // the other one goes on
				b.must("PUT", "/storage/forms/y", `{"payload":"x"}`)
				sb.told("forms")
			}
			if log := w.log.String(); strings.Count(log, "token_refused") != 1 { // by the new connection
				t.Errorf("the security log tells of %d refused tokens:\n%s", strings.Count(log, "token_refused"), log)
			}
		})
	}
}

// One device has one connection, which is its newest.
func TestADeviceHasOneConnection(t *testing.T) {
	t.Parallel()
	w := newEnv(t, nil)
	a := w.device(true)
	first, _ := a.listen()
	first.told()
	second, _ := a.listen()
	second.told()
	if id, _ := first.next(); id != "" {
		t.Error("the first connection goes on")
	}
	a.must("PUT", "/storage/forms/x", `{"payload":"x"}`)
	second.told("forms")
	if text := scrape(t, w.server); !strings.Contains(text, "syncmanager_event_listeners 1\n") ||
		!strings.Contains(text, `syncmanager_event_listeners_ended_total{reason="replaced"} 1`) || !strings.Contains(text, "syncmanager_events_sent_total 1") {
		t.Error("the metrics do not tell of one connection, one replaced and one event")
	}
}

// What is written at one server is heard at the others on the same database, in about a twentieth of a second.
func TestEventsOfAnotherServer(t *testing.T) {
	t.Parallel()
	database := pgtest.Database(t)
	shared := func(c *server.Config) { c.Database = database }
	one, two := newEnv(t, shared), newEnv(t, shared)
	a := one.device(true)
	b := two.device(false)
	// The servers hear each other only after a moment, so the first write may be missed.
	s, _ := a.listen()
	s.told()
	heard := make(chan string)
	go func() {
		defer close(heard)
		for {
			_, data := s.next()
			if data == "" {
				return
			}
			heard <- data
		}
	}()
	for i := 0; ; i++ {
		b.must("PUT", "/storage/forms/x", `{"payload":"from the other server"}`)
		select {
		case data := <-heard:
			if !strings.HasPrefix(data, `{"forms":`) {
				t.Fatalf("heard %s", data)
			}
		case <-time.After(300 * time.Millisecond):
			if i == 100 {
				t.Fatal("nothing was heard")
			}
			continue
		}
		break
	}
	if err := a.account.SignOut(t.Context()); err != nil { // at one
		t.Fatal(err)
	}
	sb, _ := b.listen()
	sb.told("forms")
	for _, w := range []*env{one, two} {
		if err := w.server.CheckListeners(t.Context()); err != nil {
			t.Error(err)
		}
	}
	for range heard {
	}
}

// A node ends the events of tokens that it is told of, and of a storage that moved away.
func TestEventsAtANode(t *testing.T) {
	t.Parallel()
	w := newWithNode(t)
	a := w.device(true)
	b := w.device(false)
	s, _ := a.listen()
	s.told()
	b.must("PUT", "/storage/forms/x", `{"payload":"x"}`)
	s.told("forms")
	w.tell()
	if err := a.account.SignOut(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.tell()
	if id, _ := s.next(); id != "" {
		t.Error("a device that was signed out goes on hearing")
	}
	s, _ = b.listen()
	s.told("forms")
	if _, _, err := w.server.AddNode(t.Context(), server.Self, 10); err != nil {
		t.Fatal(err)
	}
	if _, err := w.server.DrainNode(t.Context(), nodeURL); err != nil {
		t.Fatal(err)
	}
	if id, data := s.next(); id != "" {
		t.Errorf("of a storage that moved away came %s", data)
	}
}

// Over a socket, a connection is taken over from net/http; a client that does not read is cut, and a server that stops ends
// all at once.
func TestEventsOverASocket(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	root := "http://" + l.Addr().String()
	w := newEnv(t, func(c *server.Config) { c.PublicURL, c.Now = root, time.Now })
	w.rootURL = root
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- w.server.Serve(ctx, l) }()
	a := w.device(true)
	transport := &http.Transport{DisableKeepAlives: true}
	a.via = transport
	s, res := a.listen()
	if res.Header.Get("X-Content-Type-Options") != "nosniff" || !res.Close {
		t.Errorf("the answer's header is %v", res.Header)
	}
	s.told()
	a.via = inproc.New(w.server.Handler())
	a.must("PUT", "/storage/forms/x", `{"payload":"x"}`)
	s.told("forms")
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if id, _ := s.next(); id != "" {
		t.Error("it goes on after the server stopped")
	}
	if _, res := a.listen(); res.StatusCode != http.StatusTooManyRequests {
		t.Errorf("a new connection to a server that stops: %d", res.StatusCode)
	}
	if log := w.log.String(); bytes.Count([]byte(log), []byte("/info/events")) != 2 {
		t.Errorf("the log has not one line for each request:\n%s", log)
	}
}

// HTTP/2 has the events as one of its streams, which lasts longer than any other answer may.
func TestEventsOverHTTP2(t *testing.T) {
	t.Parallel()
	w := newEnv(t, nil)
	front := httptest.NewUnstartedServer(w.server.Handler())
	front.EnableHTTP2 = true
	front.Config.WriteTimeout = 500 * time.Millisecond
	front.StartTLS()
	t.Cleanup(front.Close)
	a := w.device(true)
	transport := front.Client().Transport.(*http.Transport)
	transport.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, front.Listener.Addr().String())
	}
	a.via = roundTripper(func(r *http.Request) (*http.Response, error) {
		r.URL.Scheme, r.URL.Host = "https", "example.com" // the certificate's name; the request is signed already
		return transport.RoundTrip(r)
	})
	s, res := a.listen()
	if res.ProtoMajor != 2 {
		t.Fatalf("it is %s", res.Proto)
	}
	s.told()
	a.via = inproc.New(w.server.Handler())
	for began := time.Now(); time.Since(began) < 2*front.Config.WriteTimeout; {
		a.must("PUT", "/storage/forms/x", `{"payload":"x"}`)
		s.told("forms")
	}
	_ = w.server.Close(t.Context())
	if id, _ := s.next(); id != "" {
		t.Error("it goes on after the server was closed")
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
