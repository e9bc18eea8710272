package node_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/bso"
	"github.com/syncmanager/syncmanager/server/node"
	"github.com/syncmanager/syncmanager/server/storage"
	"github.com/syncmanager/syncmanager/server/storage/sqlite"
	"github.com/syncmanager/syncmanager/server/storage/transfer"
)

var secret = bytes.Repeat([]byte{7}, 32)

// one is a node over loopback.
type one struct {
	transfer.Local
	*httptest.Server
	moved []int64
}

func start(t *testing.T) *one {
	t.Helper()
	b, err := sqlite.New(sqlite.Config{Dir: t.TempDir(), Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close(context.Background()) })
	n := &one{Local: transfer.Local{Backend: b}}
	var handler http.Handler
	n.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { handler.ServeHTTP(w, r) }))
	t.Cleanup(n.Server.Close)
	root, err := url.Parse(n.URL)
	if err != nil {
		t.Fatal(err)
	}
	handler, err = node.NewHandler(node.Config{
		Secret: secret, URL: func(context.Context) *url.URL { return root }, Peer: n.Local, Storages: own{b},
		Moved: func(uid int64) { n.moved = append(n.moved, uid) }, Now: time.Now, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func client(t *testing.T, url string, secret []byte) *node.Client {
	t.Helper()
	c, err := node.NewClient(url, secret, http.DefaultTransport, time.Now, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestCopyBetweenNodes(t *testing.T) {
	t.Parallel()
	a, b := start(t), start(t)
	from, to := client(t, a.URL, secret), client(t, b.URL, secret)
	payload := bytes.Repeat([]byte("x\x00"), 600_000)
	put := func(id bso.ID) error {
		return a.Update(t.Context(), 1, storage.Durable, func(tx storage.Tx) error {
			return tx.Put("c", []storage.Change{{ID: id, Fields: storage.FieldPayload, Payload: payload}})
		})
	}
	for _, id := range []bso.ID{"a", "b", "c"} {
		if err := put(id); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(from.Ping(t.Context()), from.Fence(t.Context(), 1, true)); err != nil {
		t.Fatal(err)
	}
	if err := put("d"); !errors.Is(err, storage.ErrFenced) {
		t.Errorf("a write to the fenced storage: %v", err)
	}
	sum, err := transfer.Copy(t.Context(), bso.TimestampOf(time.Now()), from, 1, to, 2)
	if err != nil || sum.Records != 3 || sum.Bytes != int64(3*len(payload)) {
		t.Fatalf("%+v, %v", sum, err)
	}
	if got, err := b.Sum(t.Context(), 2, 0); err != nil || got != sum {
		t.Errorf("the copy is %+v, %v", got, err)
	}
	if err := to.Import(t.Context(), 1, []byte("nonsense\n")); !errors.Is(err, transfer.ErrStream) {
		t.Errorf("an import of nonsense: %v", err)
	}
	err = errors.Join(from.Moved(t.Context(), 1), from.Fence(t.Context(), 1, false), put("d"), from.Delete(t.Context(), 1))
	if err != nil || len(a.moved) != 1 {
		t.Errorf("%v, moved: %v", err, a.moved)
	}
	if got, err := a.Sum(t.Context(), 1, 0); err != nil || got.Records != 0 {
		t.Errorf("after its deletion: %+v, %v", got, err)
	}
}

// own are the storages of one for its operator.
type own struct{ *sqlite.Backend }

func (o own) Examine(context.Context, int64) error {
	return fmt.Errorf("the file of 7: %w", storage.ErrDamaged)
}

func (o own) SetAside(context.Context, int64) error {
	return &fs.PathError{Op: "set aside", Err: fs.ErrNotExist}
}

func TestWhatAnOperatorAsks(t *testing.T) {
	t.Parallel()
	n := start(t)
	c := client(t, n.URL, secret)
	for uid := range int64(40) {
		err := n.Update(t.Context(), uid+1, storage.Deferred, func(tx storage.Tx) error {
			return tx.Put("c", []storage.Change{{ID: "a", Fields: storage.FieldPayload, Payload: make([]byte, uid)}})
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	list := func(c *node.Client) (all map[int64]storage.State, err error) {
		all = make(map[int64]storage.State)
		return all, c.States(t.Context(), func(s storage.State) error {
			all[s.UID] = s
			return nil
		})
	}
	want := make(map[int64]storage.State)
	if err := n.States(t.Context(), func(s storage.State) error { want[s.UID] = s; return nil }); err != nil {
		t.Fatal(err)
	}
	got, err := list(c)
	if err != nil || len(got) != 40 || !maps.Equal(got, want) {
		t.Errorf("%d storages: %v", len(got), err)
	}
	if before, after, err := c.Compact(t.Context(), 7); err != nil || before == 0 || after == 0 {
		t.Errorf("compacted: %d, %d, %v", before, after, err)
	}
	if err := c.Examine(t.Context(), 7); !errors.Is(err, storage.ErrDamaged) || !strings.Contains(err.Error(), "the file of 7") {
		t.Errorf("examined: %v", err)
	}
	if err := c.SetAside(t.Context(), 7); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("set aside: %v", err)
	}
	if err := client(t, n.URL, bytes.Repeat([]byte{8}, 32)).SetAside(t.Context(), 7); !errors.Is(err, node.ErrSecret) {
		t.Errorf("another secret: %v", err)
	}

	// A list that is cut anywhere, or that is none, is not taken for the whole.
	for _, text := range []string{"", "nonsense", "{}\n", `{"uid":1}` + "\n", `{"uid":1}` + "\n" + `{"end":2}` + "\n", `{"uid":1` + strings.Repeat(" ", 100_000) + "}\n" + `{"end":1}`} {
		web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, text) }))
		if _, err := list(client(t, web.URL, secret)); !errors.Is(err, node.ErrAway) {
			t.Errorf("the list %.40q: %v", text, err)
		}
		if _, _, err := client(t, web.URL, secret).Compact(t.Context(), 1); text != "{}\n" && !strings.HasPrefix(text, `{"uid":1}`) && !errors.Is(err, node.ErrAway) {
			t.Errorf("the answer %.40q: %v", text, err)
		}
		web.Close()
	}
}

func TestStrangers(t *testing.T) {
	t.Parallel()
	n := start(t)
	if err := client(t, n.URL, bytes.Repeat([]byte{8}, 32)).Delete(t.Context(), 1); !errors.Is(err, node.ErrSecret) {
		t.Errorf("another secret: %v", err)
	}
	web := httptest.NewServer(http.NotFoundHandler())
	defer web.Close()
	if err := client(t, web.URL, secret).Ping(t.Context()); !errors.Is(err, node.ErrSecret) {
		t.Errorf("a web server: %v", err)
	}
	gone := httptest.NewServer(nil)
	gone.Close()
	if err := client(t, gone.URL, secret).Ping(t.Context()); !errors.Is(err, node.ErrAway) {
		t.Errorf("an empty port: %v", err)
	}

	// A request that was seen on its way is good neither again nor with another body.
	var seen *http.Request
	var body []byte
	c, err := node.NewClient(n.URL, secret, transport(func(r *http.Request) (*http.Response, error) {
		seen = r.Clone(context.Background())
		body, _ = io.ReadAll(r.Body)
		r.Body = io.NopCloser(bytes.NewReader(body))
		return http.DefaultTransport.RoundTrip(r)
	}), time.Now, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	chunk := `{"storage":5}` + "\n"
	if err := c.Import(t.Context(), 3, []byte(chunk)); err != nil {
		t.Fatal(err)
	}
	send := func(what string, change func(*http.Request)) {
		t.Helper()
		r := seen.Clone(t.Context())
		r.Body = io.NopCloser(bytes.NewReader(body))
		change(r)
		res, err := http.DefaultTransport.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		if text, _ := io.ReadAll(res.Body); res.StatusCode != 401 || strings.Contains(string(text), "hawk") {
			t.Errorf("%s: %d %s", what, res.StatusCode, text)
		}
	}
	send("again", func(*http.Request) {})
	if err := c.Import(t.Context(), 3, []byte(chunk)); err != nil {
		t.Fatal(err)
	}
	send("for another user", func(r *http.Request) { r.URL.RawQuery = "uid=4" })
	send("unsigned", func(r *http.Request) { r.Header.Del("Authorization") })
	if got, err := n.Sum(t.Context(), 4, 0); err != nil || got.Modified != 0 {
		t.Errorf("stored by a stranger: %+v, %v", got, err)
	}
	if err := c.Fence(t.Context(), 0, true); err == nil || !strings.Contains(err.Error(), "uid") && !errors.Is(err, node.ErrSecret) {
		t.Errorf("no user: %v", err)
	}
}

type transport func(*http.Request) (*http.Response, error)

func (f transport) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestSecretFile(t *testing.T) {
	t.Parallel()
	u, got, err := node.ParseSecret(node.FormatSecret("https://node1.example.org", secret))
	if err != nil || u != "https://node1.example.org" || !bytes.Equal(got, secret) {
		t.Errorf("%q, %x, %v", u, got, err)
	}
	for _, text := range []string{"", "https://node1.example.org", "https://node1.example.org 00ff", "https://node1.example.org " + strings.Repeat("x", 64)} {
		if _, _, err := node.ParseSecret([]byte(text)); err == nil {
			t.Errorf("%q is taken", text)
		} else if strings.Contains(err.Error(), "00ff") {
			t.Error("the error tells the secret")
		}
	}
}
