package sync15_test

import (
	"compress/gzip"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/bso"
	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/internal/hawk"
	"github.com/syncmanager/syncmanager/sync15"
)

// endlessly is a body that repeats a text without end.
func endlessly(text string) io.ReadCloser { return &endless{text: text} }

type endless struct {
	text string
	at   int
}

func (e *endless) Read(p []byte) (n int, err error) {
	for n < len(p) {
		some := copy(p[n:], e.text[e.at:])
		e.at = (e.at + some) % len(e.text)
		n += some
	}
	return n, nil
}

func (*endless) Close() error { return nil }

// What a hostile server sends without end, or far too large, ends the sync with an error
// that says so, before it fills the memory or the disk.
func TestAHostileServerIsBounded(t *testing.T) {
	t.Parallel()
	lines := func(body io.ReadCloser, header ...string) *http.Response {
		resp := answer(200, "application/newlines", "", append(header, "X-Last-Modified", "1793534400.00")...)
		resp.Body, resp.ContentLength = body, -1
		return resp
	}
	record := `{"id":"x","modified":1.00,"payload":"{}"}` + "\n"
	n := 0
	for name, c := range map[string]struct {
		path string
		send func() *http.Response
		says string
	}{
		"records without end":     {"/storage/notes", func() *http.Response { return lines(endlessly(record)) }, "more than 5000 records"},
		"empty lines without end": {"/storage/notes", func() *http.Response { return lines(endlessly("\n")) }, "more than 1048576 bytes"},
		"a line without end":      {"/storage/notes", func() *http.Response { return lines(endlessly("x")) }, "more than 1048576 bytes"},
		"pages without end": {"/storage/notes", func() *http.Response {
			n++
			return lines(http.NoBody, "X-Weave-Next-Offset", fmt.Sprint(n))
		}, "more than 10 pages"},
		"a page's long name": {"/storage/notes", func() *http.Response {
			return lines(http.NoBody, "X-Weave-Next-Offset", strings.Repeat("x", 5000))
		}, "the name of its next page"},
		"a long list of collections": {"/info/collections", func() *http.Response {
			resp := answer(200, "application/json", "")
			resp.Body = endlessly(" ")
			return resp
		}, "larger than"},
		"a large meta/global": {"/storage/meta/global", func() *http.Response {
			payload, _ := json.Marshal(`{"syncID":"x","storageVersion":5,"declined":["` + strings.Repeat("x", 300<<10) + `"]}`)
			return answer(200, "application/json", `{"id":"global","payload":`+string(payload)+`}`, "X-Last-Modified", "1793534400.00")
		}, "307"},
		"a large token": {"/token/1.0/sync/1.5", func() *http.Response {
			return answer(200, "application/json", `{"id":"`+strings.Repeat("x", 10_000)+`","key":"k","uid":1,"api_endpoint":"http://sync.test/storage","duration":60}`)
		}, "a part of the token in it has more than"},
		"a token without end": {"/token/1.0/sync/1.5", func() *http.Response {
			resp := answer(200, "application/json", "")
			resp.Body = endlessly(" ")
			return resp
		}, "larger than"},
		"a batch's long name": {"POST /storage/notes", func() *http.Response {
			return answer(202, "application/json", `{"batch":"`+strings.Repeat("x", 5000)+`","success":[],"failed":{}}`, "X-Last-Modified", "1793534400.00")
		}, "the name of the batch"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newEnv(t, func(w *env) { w.limits = bso.Limits{MaxPostRecords: 10} })
			other := w.device("other")
			other.shelf.put("note-0", "theirs")
			other.mustSync()
			d := w.device("a")
			for i := range 25 {
				d.shelf.put(bso.ID(fmt.Sprint("mine-", i)), "text")
			}
			method, path, posted := strings.Cut(c.path, " ")
			if !posted {
				method, path = http.MethodGet, c.path
			}
			w.before = func(r *http.Request) *http.Response {
				if r.Method == method && strings.HasSuffix(r.URL.Path, path) {
					return c.send()
				}
				return nil
			}
			client := d.client()
			client.Bound(5000, 1<<20, 2)
			client.StartRun()
			run, err := client.Setup(t.Context(), sync15.Choice{Engines: []engine.Engine{d.shelf}})
			if err == nil {
				_, err = run.SyncEngine(t.Context(), d.shelf, engine.Start{Run: "run"})
			}
			if err == nil || !strings.Contains(err.Error(), c.says) || !errors.Is(err, sync15.ErrProtocol) && !errors.Is(err, sync15.ErrGlobal) {
				t.Errorf("the sync ended with: %v\nwant: %s", err, c.says)
			}
		})
	}
}

// A small answer may be a large one once it is decompressed.
func TestADecompressedAnswerIsBounded(t *testing.T) {
	t.Parallel()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		w.Header().Set("Content-Type", "application/json")
		z := gzip.NewWriter(w)
		_, _ = io.CopyN(z, endlessly(" "), 64<<20)
		_ = z.Close()
	}))
	defer s.Close()
	w := newEnv(t)
	d := w.device("a")
	c := sync15.New(sync15.Config{Account: at{d.account, s.URL}, Now: w.Now, Rand: rand.Reader}, d.state)
	defer c.Close()
	if _, err := c.Setup(t.Context(), sync15.Choice{}); !errors.Is(err, sync15.ErrProtocol) || !strings.Contains(err.Error(), "larger than") {
		t.Errorf("the sync ended with: %v", err)
	}
}

// at returns an account whose token server is at another URL.
type at struct {
	*account
	url string
}

func (a at) TokenServer() string { return a.url }

// The limits, the waiting times and the devices that a server names are cut to plausible
// values.
func TestWhatAServerNamesIsCut(t *testing.T) {
	t.Parallel()
	w := newEnv(t)
	a, b, c := w.device("a"), w.device("b"), w.device("c")
	a.mustSync()
	b.mustSync()
	c.mustSync()
	w.before = func(r *http.Request) *http.Response {
		if strings.HasSuffix(r.URL.Path, "/info/configuration") {
			return answer(200, "application/json", `{"max_record_payload_bytes":1099511627776,"max_post_records":1}`, "X-Weave-Backoff", "1e300")
		}
		return nil
	}
	d := w.device("d")
	client := d.client()
	client.Bound(5000, 1<<20, 2)
	run, err := client.Setup(t.Context(), sync15.Choice{Engines: []engine.Engine{d.shelf}})
	if err != nil {
		t.Fatal(err)
	}
	if got := d.state.Inner().Limits.MaxRecordPayloadBytes; got != 16<<20 {
		t.Errorf("a record may have %d bytes", got)
	}
	if wait := d.state.NextAllowed(w.Now()).Sub(w.Now()); wait <= 0 || wait > 24*time.Hour {
		t.Errorf("it waits %v", wait)
	}
	if _, err := run.SyncClients(t.Context(), sync15.Device{Name: "d"}, nil); err != nil {
		t.Fatal(err)
	}
	if n := len(d.state.Inner().Clients.Records); n != 3 { // two others and this one
		t.Errorf("it keeps %d devices", n)
	}
}

// The hash of each body goes with the signature of its request.
func TestBodiesAreSigned(t *testing.T) {
	t.Parallel()
	w := newEnv(t)
	signed := 0
	w.before = func(r *http.Request) *http.Response {
		if r.Body == nil || !strings.HasPrefix(r.URL.Path, "/storage/") {
			return nil
		}
		body, err := r.GetBody()
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(body)
		if err != nil {
			t.Fatal(err)
		}
		h, err := hawk.Parse(r.Header.Get("Authorization"))
		if err != nil || h.Hash == "" {
			t.Errorf("%s %s: the header has no hash: %v", r.Method, r.URL.Path, err)
		} else if err := h.VerifyPayload(r.Header.Get("Content-Type"), text); err != nil {
			t.Errorf("%s %s: %v", r.Method, r.URL.Path, err)
		}
		signed++
		return nil
	}
	d := w.device("a")
	d.shelf.put("note-1", "x")
	d.mustSync()
	if signed < 4 {
		t.Errorf("%d requests had a body", signed)
	}
}
