package door_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/api"
	"github.com/syncmanager/syncmanager/api/door"
	"github.com/syncmanager/syncmanager/engines/bookmarks"
	"github.com/syncmanager/syncmanager/internal/test/apihome"
	_ "github.com/syncmanager/syncmanager/internal/test/cheapkeys"
	"github.com/syncmanager/syncmanager/internal/test/long"
	"github.com/syncmanager/syncmanager/internal/test/testenv"
)

// env is a door to a device.
type env struct {
	t       testing.TB
	device  *testenv.Device
	service *api.Service
	clients door.File
	handler http.Handler
}

func newEnv(t testing.TB, change func(*door.Config)) *env {
	t.Helper()
	w := testenv.New(t)
	d := w.Browser("Laptop", "user@example.com")
	events := api.NewEvents(nil)
	s, err := api.New(api.Config{Home: apihome.New(d, events), Events: events, Now: w.Clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	e := &env{t: t, device: d, service: s, clients: door.File{Path: filepath.Join(t.TempDir(), "clients.json")}}
	c := door.Config{Service: s, Clients: e.clients, Local: &api.NoSecrets}
	if change != nil {
		change(&c)
	}
	e.handler = door.New(c)
	return e
}

// request is a request as a client sends it; headers are pairs.
func request(method, path, body string, headers ...string) *http.Request {
	r := httptest.NewRequest(method, "http://127.0.0.1:4711"+path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(headers); i += 2 {
		if headers[i] == "Host" {
			r.Host = headers[i+1]
			continue
		}
		r.Header.Set(headers[i], headers[i+1])
	}
	return r
}

// do sends a request, and returns the status and the body.
func (e *env) do(r *http.Request) (int, string) {
	e.t.Helper()
	w := httptest.NewRecorder()
	e.handler.ServeHTTP(w, r)
	return w.Code, w.Body.String()
}

func (e *env) expect(status int, want string, r *http.Request) string {
	e.t.Helper()
	got, body := e.do(r)
	if got != status || !strings.Contains(body, want) {
		e.t.Errorf("%s %s: got %d %.300s; want %d with %s", r.Method, r.URL.Path, got, body, status, want)
	}
	return body
}

func TestVerbsOverHTTP(t *testing.T) {
	e := newEnv(t, nil)
	e.expect(200, `"title":"Go"`, request("POST", "/v1/bookmarks.add", `{"title": "Go", "url": "https://go.dev/"}`))
	e.expect(200, `"end":{"items":1}`, request("POST", "/v1/bookmarks.list", ``))
	e.expect(200, `"api":1`, request("POST", "/v1/version", `{}`, "Content-Type", "application/json; charset=utf-8"))
	e.expect(200, `"openapi":"3.1.0"`, request("GET", "/v1/openapi.json", ``))
	e.expect(404, `"code":"not_found"`, request("POST", "/v1/bookmarks.get", `{"id": "nothingthere"}`))
	e.expect(404, `"code":"not_found"`, request("POST", "/v1/bookmarks.children", `{"folder": "nothingthere"}`))
	e.expect(400, `"field":"titel"`, request("POST", "/v1/bookmarks.add", `{"titel": "Go"}`))
	e.expect(404, `"code":"unknown_verb"`, request("POST", "/v1/bookmarks.fly", `{}`))
	e.expect(404, `"code":"unknown_verb"`, request("POST", "/v2/version", `{}`))
	e.expect(405, `"code":"method_not_allowed"`, request("GET", "/v1/version", ``))
	e.expect(405, `"code":"method_not_allowed"`, request("POST", "/v1/events", ``))
	e.expect(413, `"code":"too_large"`, request("POST", "/v1/bookmarks.add", `{"title": "`+strings.Repeat("x", 1<<20)+`"}`))
	e.expect(403, `"code":"forbidden"`, request("POST", "/v1/passwords.reveal", `{"id": "x"}`))
}

func TestNoWebPageGetsThrough(t *testing.T) {
	e := newEnv(t, func(c *door.Config) { c.Hosts = []string{"127.0.0.1:4711"} })
	add := func(headers ...string) *http.Request {
		return request("POST", "/v1/bookmarks.add", `{"title": "evil"}`, headers...)
	}
	e.expect(403, "not the server", add("Host", "evil.example:4711"))
	e.expect(403, "not the server", add("Host", "localhost:4711"))
	e.expect(403, "not the server", add("Host", "127.0.0.1"))
	e.expect(403, "web pages", add("Origin", "https://evil.example"))
	e.expect(403, "web pages", add("Origin", "null"))
	e.expect(403, "web pages", add("Origin", "http://127.0.0.1:4711"))
	e.expect(403, "web pages", add("Sec-Fetch-Site", "same-origin"))
	e.expect(403, "web pages", add("Sec-Fetch-Mode", "no-cors"))
	e.expect(403, "web pages", request("GET", "/v1/events", "", "Sec-Fetch-Site", "cross-site"))
	e.expect(403, "web pages", request("OPTIONS", "/v1/bookmarks.add", "", "Origin", "https://evil.example"))
	// What a form of a page can send.
	for _, kind := range []string{"", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"} {
		e.expect(415, "application/json", add("Content-Type", kind))
	}
	if n, err := e.device.Bookmarks.Count(t.Context()); n != 0 || err != nil {
		t.Errorf("%d bookmarks came (%v)", n, err)
	}
	e.expect(200, `"title":"evil"`, add())
}

func TestClientsHaveTheirRights(t *testing.T) {
	e := newEnv(t, func(c *door.Config) { c.Local = nil })
	reader, err := e.clients.Add("reader", api.Rights{Engines: []string{"bookmarks"}})
	if err != nil {
		t.Fatal(err)
	}
	all, err := e.clients.Add("all", api.All)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := e.clients.Add("all", api.All); err == nil {
		t.Error("two clients have one name")
	}
	stored, err := os.ReadFile(e.clients.Path)
	if err != nil || bytes.Contains(stored, []byte(reader)) || bytes.Contains(stored, []byte(all)) {
		t.Errorf("the file has a token: %s (%v)", stored, err)
	}
	bearer := func(token string) []string { return []string{"Authorization", "Bearer " + token} }

	e.expect(401, "a token is needed", request("POST", "/v1/version", ""))
	for _, wrong := range []string{"Bearer " + reader + "x", "Bearer sm_", "Bearer", "Basic " + reader, reader} {
		e.expect(401, "not one of a client", request("POST", "/v1/version", "", "Authorization", wrong))
	}
	e.expect(200, `"end"`, request("POST", "/v1/bookmarks.list", "", bearer(reader)...))
	e.expect(403, "may only read", request("POST", "/v1/bookmarks.add", `{"title": "x"}`, bearer(reader)...))
	e.expect(403, "may not use history", request("POST", "/v1/history.list", "", bearer(reader)...))
	e.expect(200, `"title":"x"`, request("POST", "/v1/bookmarks.add", `{"title": "x"}`, bearer(all)...))
	e.expect(200, "timePasswordChanged", request("POST", "/v1/passwords.exportCSV", "", bearer(all)...))
	if err := e.clients.Remove("all"); err != nil {
		t.Fatal(err)
	}
	e.expect(401, "not one of a client", request("POST", "/v1/version", "", bearer(all)...))
	e.expect(200, `"end"`, request("POST", "/v1/bookmarks.list", "", bearer(reader)...))
}

func TestTooManyCallsAreRefused(t *testing.T) {
	now := time.Unix(1e9, 0)
	e := newEnv(t, func(c *door.Config) { c.PerSecond, c.Now = 3, func() time.Time { return now } })
	call := func() *http.Request { return request("POST", "/v1/version", "") }
	for range 3 {
		e.expect(200, "", call())
	}
	e.expect(429, `"code":"too_many_requests"`, call())
	now = now.Add(time.Second / 2)
	e.expect(200, "", call())
	e.expect(429, "slow down", call())
}

// fill adds n bookmarks in folders.
func fill(t testing.TB, e *bookmarks.Engine, n int) {
	t.Helper()
	for folder := 0; n > 0; folder++ {
		top := &bookmarks.Node{Item: bookmarks.Item{Title: fmt.Sprint("Folder ", folder)}}
		for range min(n-1, bookmarks.MaxTree-1) {
			top.Children = append(top.Children, &bookmarks.Node{Item: bookmarks.Item{
				Title: strings.Repeat("title ", 20), URL: fmt.Sprintf("https://example.com/%d/%d", folder, n),
			}})
			n--
		}
		n--
		if _, err := e.InsertTree(t.Context(), top, bookmarks.End); err != nil {
			t.Fatal(err)
		}
	}
}

// meter is a client that measures the heap while it reads.
type meter struct {
	http.ResponseWriter
	writes, lines int
	most          uint64
}

func (m *meter) Write(b []byte) (int, error) {
	m.lines += bytes.Count(b, []byte("\n"))
	if m.writes++; m.writes%64 == 1 {
		m.most = max(m.most, heap())
	}
	return len(b), nil
}

func heap() uint64 {
	var s runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&s)
	return s.HeapAlloc
}

func TestALongListTakesLittleMemory(t *testing.T) {
	n := long.Of(20_000, 100_000)
	e := newEnv(t, nil)
	fill(t, e.device.Bookmarks, n)
	m := &meter{ResponseWriter: httptest.NewRecorder()}
	before := heap()
	e.handler.ServeHTTP(m, request("POST", "/v1/bookmarks.list", ""))
	if m.lines != n+1 {
		t.Errorf("%d lines came; want %d and the end", m.lines, n)
	}
	// The page of the engine, the lines that wait, and what SQLite keeps.
	if grown := int64(m.most) - int64(before); grown > 3<<20 {
		t.Errorf("the heap grew by %d bytes for %d bookmarks", grown, n)
	}
}

// listen serves the door on a Unix socket, and returns it; served has an element for each
// request that ended.
func (e *env) listen() (path string, served chan struct{}) {
	e.t.Helper()
	path = filepath.Join(e.t.TempDir(), "s")
	l, err := new(net.ListenConfig).Listen(e.t.Context(), "unix", path)
	if err != nil {
		e.t.Fatal(err)
	}
	served = make(chan struct{}, 10)
	s := door.Server(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		e.handler.ServeHTTP(w, r)
		served <- struct{}{}
	}))
	go func() { _ = s.Serve(l) }()
	e.t.Cleanup(func() { _ = s.Close() })
	return path, served
}

func TestAClientThatDoesNotReadIsDropped(t *testing.T) {
	e := newEnv(t, func(c *door.Config) { c.Stall = 50 * time.Millisecond })
	fill(t, e.device.Bookmarks, 10_000)
	path, served := e.listen()
	c, err := new(net.Dialer).DialContext(t.Context(), "unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := io.WriteString(c, "POST /v1/bookmarks.list HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 0\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	<-served // without a read of the client
	got, _ := io.ReadAll(c)
	if len(got) == 0 || bytes.Contains(got, []byte(`"end"`)) {
		t.Errorf("of the list came %d bytes, with its end", len(got))
	}
}

// reader reads server-sent events.
type reader struct {
	t     testing.TB
	lines *bufio.Scanner
}

func (e *env) read(ctx context.Context, path, after string) *reader {
	e.t.Helper()
	client := http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", path)
	}}}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://localhost/v1/events", nil)
	if err != nil {
		e.t.Fatal(err)
	}
	if after != "" {
		r.Header.Set("Last-Event-ID", after)
	}
	response, err := client.Do(r)
	if err != nil {
		e.t.Fatal(err)
	}
	e.t.Cleanup(func() {
		_ = response.Body.Close()
		client.CloseIdleConnections()
	})
	return &reader{e.t, bufio.NewScanner(response.Body)}
}

func (r *reader) next() (v api.Event) {
	r.t.Helper()
	for r.lines.Scan() {
		if data, ok := strings.CutPrefix(r.lines.Text(), "data: "); ok {
			if err := json.Unmarshal([]byte(data), &v); err != nil {
				r.t.Fatal(err)
			}
			return v
		}
	}
	r.t.Fatalf("the events ended: %v", r.lines.Err())
	return v
}

func TestEventsGoOnWhereTheReaderWas(t *testing.T) {
	e := newEnv(t, nil)
	path, served := e.listen()
	ctx, cancel := context.WithCancel(t.Context())
	first := e.read(ctx, path, "")
	e.service.Events().Received(1)
	one := first.next()
	if one.Type != api.EventReceived || one.Received != 1 {
		t.Errorf("the first event is %+v", one)
	}
	cancel()
	<-served
	e.service.Events().Received(2)
	again := e.read(t.Context(), path, one.ID)
	if v := again.next(); v.Received != 2 {
		t.Errorf("after %s came %+v", one.ID, v)
	}
	for range 1100 {
		e.service.Events().Received(3)
	}
	late := e.read(t.Context(), path, one.ID)
	if v := late.next(); v.Type != api.EventLost {
		t.Errorf("a reader that was away for long got %+v", v)
	}
	if v := late.next(); v.Received != 3 {
		t.Errorf("after what was lost came %+v", v)
	}
	if v := e.read(t.Context(), path, "other-7").next(); v.Type != api.EventLost {
		t.Errorf("a reader of another run got %+v", v)
	}
}

// TestAReaderOfEventsThatStopsIsDropped shows that it holds back nobody, and that its connection ends.
func TestAReaderOfEventsThatStopsIsDropped(t *testing.T) {
	e := newEnv(t, func(c *door.Config) { c.Stall = 50 * time.Millisecond })
	path, served := e.listen()
	c, err := new(net.Dialer).DialContext(t.Context(), "unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := io.WriteString(c, "GET /v1/events HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	other := e.read(t.Context(), path, "")
	for n := 1; ; n++ {
		e.service.Events().Received(n)
		if v := other.next(); v.Received != n {
			t.Fatalf("the other reader got %+v; want %d", v, n)
		}
		select {
		case <-served: // without a read of the client
			return
		default:
		}
	}
}

// begun is a client that tells when the first bytes came.
type begun struct {
	http.ResponseWriter
	came chan struct{}
	once sync.Once
}

func (b *begun) Write(p []byte) (int, error) {
	b.once.Do(func() { close(b.came) })
	return len(p), nil
}

func (b *begun) Flush() {}

func TestAReaderWhoseClientWasRemovedIsDropped(t *testing.T) {
	e := newEnv(t, func(c *door.Config) { c.Heartbeat = 10 * time.Millisecond })
	token, err := e.clients.Add("reader", api.Rights{Engines: []string{"bookmarks"}})
	if err != nil {
		t.Fatal(err)
	}
	w, ended := &begun{ResponseWriter: httptest.NewRecorder(), came: make(chan struct{})}, make(chan struct{})
	go func() {
		e.handler.ServeHTTP(w, request("GET", "/v1/events", "", "Authorization", "Bearer "+token))
		close(ended)
	}()
	<-w.came
	if err := e.clients.Remove("reader"); err != nil {
		t.Fatal(err)
	}
	<-ended
}
