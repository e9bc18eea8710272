package nativehost

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// agent answers as an agent does, on no socket.
type agent struct {
	answer func(path string, body []byte) (status int, answer string)
	// events are sent to the one who reads events.
	events chan string
}

func (a *agent) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Path == "/v1/events" {
		out, in := io.Pipe()
		go func() {
			defer in.Close()
			for {
				select {
				case e, ok := <-a.events:
					if !ok {
						return
					}
					_, _ = io.WriteString(in, "data: "+e+"\n\n")
				case <-r.Context().Done():
					return
				}
			}
		}()
		return &http.Response{StatusCode: http.StatusOK, Body: out}, nil
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	w := httptest.NewRecorder()
	status, text := a.answer(r.URL.Path, body)
	w.WriteHeader(status)
	_, _ = w.WriteString(text)
	return w.Result(), nil
}

// browser is the other side of a host.
type browser struct {
	t    *testing.T
	in   *io.PipeWriter
	out  *io.PipeReader
	done chan error
	id   int64
}

func start(t *testing.T, a *agent) *browser {
	t.Helper()
	in, toHost := io.Pipe()
	fromHost, out := io.Pipe()
	b := &browser{t: t, in: toHost, out: fromHost, done: make(chan error, 1)}
	h := Host{In: in, Out: out, Agent: &http.Client{Transport: a}, Version: "1", Now: func() time.Time { return time.UnixMilli(0) }, Log: slog.New(slog.DiscardHandler)}
	ctx, cancel := context.WithCancel(t.Context())
	go func() { b.done <- h.Run(ctx); _ = out.Close() }()
	t.Cleanup(func() {
		_ = toHost.Close()
		cancel()
		_, _ = io.Copy(io.Discard, fromHost)
	})
	return b
}

type message struct {
	ID    int64
	OK    json.RawMessage
	Error *Failure
	Push  string
}

func (b *browser) read() (m message) {
	b.t.Helper()
	raw, err := readMessage(b.out)
	if err == nil {
		err = json.Unmarshal(raw, &m)
	}
	if err != nil {
		b.t.Fatal(err)
	}
	return m
}

func (b *browser) ask(what string, fields map[string]any) message {
	b.t.Helper()
	b.id++
	q := map[string]any{"id": b.id, "do": what}
	for k, v := range fields {
		q[k] = v
	}
	if err := writeMessage(b.in, q); err != nil {
		b.t.Fatal(err)
	}
	m := b.read()
	if m.ID != b.id {
		b.t.Fatalf("the answer to %d is %+v", b.id, m)
	}
	return m
}

func (b *browser) greet() {
	b.t.Helper()
	if m := b.ask("hello", map[string]any{"protocol": Protocol, "install": "install-1", "session": "session-1", "browser": "Chromium"}); m.Error != nil {
		b.t.Fatal(m.Error)
	}
}

func ok(string, []byte) (int, string) { return http.StatusOK, "{}" }

// Another version is told which side to update; what is malformed is refused, and the host goes on.
func TestGreetings(t *testing.T) {
	t.Parallel()
	b := start(t, &agent{answer: ok})
	for name, c := range map[string]struct {
		do     string
		fields map[string]any
		want   string
	}{
		"not greeted":     {"status", nil, "first request must be hello"},
		"unknown":         {"reboot", nil, "does not know the request"},
		"older":           {"hello", map[string]any{"protocol": 0}, "older than syncmanager 1: update it"},
		"newer":           {"hello", map[string]any{"protocol": 2}, "update syncmanager"},
		"without install": {"hello", map[string]any{"protocol": 1}, "which browser"},
		"a path":          {"hello", map[string]any{"protocol": 1, "install": "../../etc/passwd", "session": "session-1"}, "which browser"},
		"wrong type":      {"hello", map[string]any{"protocol": "one"}, "malformed"},
	} {
		if m := b.ask(c.do, c.fields); m.Error == nil || !strings.Contains(m.Error.Message, c.want) {
			t.Errorf("%s: %+v", name, m.Error)
		}
	}
	b.greet()
	if m := b.ask("hello", map[string]any{"protocol": 1, "install": "install-2", "session": "session-1"}); m.Error == nil {
		t.Error("it is in another browser now")
	}
	b.greet()
}

// Something that is not JSON is answered; something that is not a message ends the host with a
// sentence.
func TestHostile(t *testing.T) {
	t.Parallel()
	b := start(t, &agent{answer: ok})
	_, _ = b.in.Write([]byte("\x05\x00\x00\x00hello"))
	if m := b.read(); m.Error == nil || m.Error.Code != "malformed" {
		t.Errorf("the answer is %+v", m)
	}
	b.greet()
	_, _ = b.in.Write([]byte("\xff\xff\xff\xff"))
	if m := b.read(); m.Push != "error" || !strings.Contains(m.Error.Message, "too long") {
		t.Errorf("the answer is %+v", m)
	}
	if err := <-b.done; err == nil {
		t.Error("the host ended well")
	}
}

// The browser's tree comes in parts, and operations go in batches that are within the limits.
func TestPartsAndBatches(t *testing.T) {
	t.Parallel()
	const ops = 3000
	var nodes int
	a := &agent{answer: func(path string, body []byte) (int, string) {
		if path != "/v1/browser/bookmarks" {
			t.Errorf("asked for %s", path)
		}
		var q struct {
			Install, Session string
			Nodes            []json.RawMessage
		}
		if err := json.Unmarshal(body, &q); err != nil || q.Install != "install-1" || q.Session != "session-1" {
			t.Errorf("the request is %.200s: %v", body, err)
		}
		nodes = len(q.Nodes)
		list := strings.Repeat(`{"n":1,"do":"create","title":"`+strings.Repeat("x", 1000)+`"},`, ops)
		return http.StatusOK, `{"status":"done","ops":[` + list[:len(list)-1] + `]}`
	}}
	b := start(t, a)
	b.greet()
	node := map[string]any{"id": "1", "parent": "0"}
	b.ask("nodes", map[string]any{"first": true, "nodes": []any{node, node, node}})
	b.ask("nodes", map[string]any{"first": true, "nodes": []any{node}})
	b.ask("nodes", map[string]any{"nodes": []any{node, node}})
	m := b.ask("bookmarks", nil)
	if m.Error != nil || nodes != 3 || !bytes.Contains(m.OK, []byte(`"waiting":3000`)) {
		t.Fatalf("%d items went to the agent: %s, %+v", nodes, m.OK, m.Error)
	}
	got := 0
	for waiting := 1; waiting > 0; {
		m := b.ask("ops", nil)
		var batch struct {
			Ops     []json.RawMessage
			Waiting int
		}
		if err := json.Unmarshal(m.OK, &batch); err != nil || len(m.OK) > maxBatch+1000 || len(batch.Ops) == 0 {
			t.Fatalf("a batch of %d bytes and %d operations: %v", len(m.OK), len(batch.Ops), err)
		}
		got, waiting = got+len(batch.Ops), batch.Waiting
	}
	if got != ops {
		t.Errorf("%d operations came", got)
	}
}

// An extension that floods is slowed down: after the first requests it gets no more than a few each
// second. The test's clock stands still, so each request waits for the timer.
func TestFlood(t *testing.T) {
	t.Parallel()
	b := start(t, &agent{answer: ok})
	b.greet()
	for range burst + 5 {
		if m := b.ask("status", nil); m.Error != nil {
			t.Fatal(m.Error)
		}
	}
}

// An error of the agent is passed on, without what could control a terminal. Its events come as
// pushes, and its end ends the host.
func TestTheAgent(t *testing.T) {
	t.Parallel()
	a := &agent{events: make(chan string), answer: func(path string, _ []byte) (int, string) {
		switch path {
		case "/v1/browser/status":
			return http.StatusConflict, `{"error":{"code":"conflict","message":"a\u001b[31mb"}}`
		case "/v1/browser/received":
			return http.StatusBadGateway, "no JSON"
		}
		return http.StatusOK, `{"big":"` + strings.Repeat("x", maxOut) + `"}`
	}}
	b := start(t, a)
	b.greet()
	if m := b.ask("status", nil); m.Error == nil || *m.Error != (Failure{"conflict", "a [31mb"}) {
		t.Errorf("the error is %+v", m.Error)
	}
	if m := b.ask("received", nil); m.Error == nil || m.Error.Code != "agent" {
		t.Errorf("the error is %+v", m.Error)
	}
	if m := b.ask("others", nil); m.Error == nil || m.Error.Code != "tooLarge" {
		t.Errorf("the error is %+v", m.Error)
	}
	for _, c := range []struct{ event, push string }{
		{`{"type":"changed","changed":{"engine":"bookmarks","by":"sync"}}`, "bookmarks"},
		{`{"type":"changed","changed":{"engine":"passwords","by":"sync"}}`, ""},
		{`{"type":"received","received":1}`, "received"},
	} {
		a.events <- c.event
		if c.push == "" {
			continue
		}
		if m := b.read(); m.Push != c.push {
			t.Errorf("%s was pushed as %+v", c.event, m)
		}
	}
	close(a.events)
	if m := b.read(); m.Push != "error" || !strings.Contains(m.Error.Message, "agent") {
		t.Errorf("the end of the agent was pushed as %+v", m)
	}
	if err := <-b.done; err == nil {
		t.Error("the host ended well")
	}
}
