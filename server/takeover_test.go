package server_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/bso"
	"github.com/syncmanager/syncmanager/internal/inproc"
	"github.com/syncmanager/syncmanager/internal/test/oldserver"
	"github.com/syncmanager/syncmanager/internal/test/pgtest"
	"github.com/syncmanager/syncmanager/server"
	"github.com/syncmanager/syncmanager/server/storage"
	"github.com/syncmanager/syncmanager/server/storage/sqlite"
	"github.com/syncmanager/syncmanager/server/takeover"
	"github.com/syncmanager/syncmanager/server/takeover/mozilla"
)

// importing is a server with storage nodes that takes over another server.
type importing struct {
	*env
	old   *oldserver.Server
	nodes map[string]*server.Server   // by host
	files map[string]*sqlite.Backend  // by host
	fails func(r *http.Request) error // of requests to nodes
}

func (w *importing) RoundTrip(r *http.Request) (*http.Response, error) {
	if w.fails != nil {
		if err := w.fails(r); err != nil {
			return nil, err
		}
	}
	return inproc.New(w.nodes[r.URL.Host].Handler()).RoundTrip(r)
}

func (w *importing) add(host string, capacity int64) {
	w.t.Helper()
	url := "https://" + host
	secret, _, err := w.server.AddNode(w.t.Context(), url, capacity)
	if err != nil {
		w.t.Fatal(err)
	}
	if w.nodes[host] != nil {
		return
	}
	if w.files[host], err = sqlite.New(sqlite.Config{Dir: filepath.Join(w.t.TempDir(), "files"), Now: w.Now}); err != nil {
		w.t.Fatal(err)
	}
	w.nodes[host], err = server.New(w.t.Context(), server.Config{
		Dir: filepath.Join(w.t.TempDir(), "node"), PublicURL: url, Node: &server.Node{URL: url, Secret: secret}, Backend: w.files[host],
		Now: w.Now, Rand: rand.Reader, Log: slog.New(slog.DiscardHandler), PurgeTicks: make(chan time.Time),
	})
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = w.nodes[host].Close(context.Background()) })
}

func (w *importing) take() (takeover.Report, error) {
	w.t.Helper()
	src, err := mozilla.Open(w.t.Context(), w.old.From, mozilla.Options{Getenv: func(string) string { return "" }})
	if err != nil {
		w.t.Fatal(err)
	}
	defer src.Close()
	return w.server.TakeOver(w.t.Context(), src, takeover.Options{})
}

// takes takes over what there is, and expects counts and where the users are then.
func (w *importing) takes(want string, where ...string) {
	w.t.Helper()
	r, err := w.take()
	if got := fmt.Sprintf("%d new, %d updated, %d merged, %d unchanged, %d skipped", r.New, r.Updated, r.Merged, r.Unchanged, r.SkippedUsers); err != nil || got != want {
		w.t.Errorf("it took %s, want %s: %v %v", got, want, r.Skips, err)
	}
	w.are(where...)
}

// are compares where the users are, and that the nodes count them so. Nothing of them is left at the server.
func (w *importing) are(where ...string) {
	w.t.Helper()
	users, err := w.server.Users(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	var got []string
	counts := make(map[string]int64)
	for _, u := range users {
		got = append(got, fmt.Sprintf("%.1s %s %d", u.UID, strings.TrimPrefix(u.Node, "https://"), u.Bytes))
		counts[u.Node]++
	}
	if slices.Sort(got); !slices.Equal(got, where) {
		w.t.Errorf("users: %q, want %q", got, where)
	}
	nodes, err := w.server.Nodes(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	for _, n := range nodes {
		if n.Users != counts[n.URL] {
			w.t.Errorf("%s counts %d users of %d", n.URL, n.Users, counts[n.URL])
		}
	}
	if left, err := filepath.Glob(filepath.Join(w.cfg.Dir, "storage", "*", "*.sqlite")); err != nil || len(left) != 0 {
		w.t.Errorf("left at the server: %v, %v", left, err)
	}
}

// put does what a device does that writes to a storage.
func (w *importing) put(host string, uid int64, id bso.ID, payload string) error {
	return w.files[host].Update(w.t.Context(), uid, storage.Durable, func(tx storage.Tx) error {
		return tx.Put("bookmarks", []storage.Change{{ID: id, Fields: storage.FieldPayload, Payload: []byte(payload)}})
	})
}

// uid returns the number of the storage of the user whose uid begins with a letter.
func (w *importing) uid(letter string) int64 {
	w.t.Helper()
	users, err := w.server.Users(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	for _, u := range users {
		if strings.HasPrefix(u.UID, letter) {
			return u.Storage
		}
	}
	w.t.Fatalf("no user %s", letter)
	return 0
}

// Users of another server are taken over to nodes as a sign-in would assign them; what has changed since is taken again there,
// and an interruption loses nothing.
func TestTakeOverToNodes(t *testing.T) {
	pgtest.OnFiles(t)
	t.Parallel()
	w := &importing{nodes: make(map[string]*server.Server), files: make(map[string]*sqlite.Backend)}
	w.env = newEnv(t, func(cfg *server.Config) {
		cfg.External = &server.External{URL: "https://accounts.test", AllowAll: true, Transport: http.NewFileTransport(http.Dir(t.TempDir()))}
		cfg.NodeTransport = w
	})
	w.old = oldserver.New(t, oldserver.PythonSQLite)
	at := func() int64 { return w.Now().UnixMilli() }
	user := func(uid int64, letter string) {
		w.old.AddUser(oldserver.User{UID: uid, Email: strings.Repeat(letter, 32) + "@api.accounts.firefox.com", ClientState: strings.Repeat("ab", 16), Generation: 2, KeysChangedAt: 1, Created: at()})
		w.old.Put(uid, oldserver.Record{Collection: "bookmarks", ID: "menu", Modified: at(), Payload: strings.Repeat("x", int(100*uid))})
	}
	user(1, "a")
	user(2, "b")
	w.add("one.test", 1)
	w.add("two.test", 10)
	w.add("off.test", 1000)
	if _, err := w.server.DrainNode(t.Context(), "https://off.test"); err != nil {
		t.Fatal(err)
	}

	// A node breaks while the first user is copied; the same run goes on later.
	away := errors.New("cut")
	w.fails = func(r *http.Request) error {
		if strings.HasSuffix(r.URL.Path, "/sum") {
			return away
		}
		return nil
	}
	if _, err := w.take(); !errors.Is(err, server.ErrNodeAway) {
		t.Errorf("a node broke: %v", err)
	}
	w.fails = nil
	w.are()
	w.takes("2 new, 0 updated, 0 merged, 0 unchanged, 0 skipped", "a one.test 100", "b two.test 200")
	// Also if the last run ended before it wrote down what it took.
	if err := os.Remove(filepath.Join(w.cfg.Dir, "takeover.sqlite")); err != nil {
		t.Fatal(err)
	}
	w.takes("0 new, 0 updated, 0 merged, 2 unchanged, 0 skipped", "a one.test 100", "b two.test 200")
	w.takes("0 new, 0 updated, 0 merged, 2 unchanged, 0 skipped", "a one.test 100", "b two.test 200")

	// Only the other server has changed: the users stay on their nodes, also on a full one.
	w.Pass(time.Minute)
	w.old.Put(1, oldserver.Record{Collection: "bookmarks", ID: "late", Modified: at(), Payload: "late"})
	w.old.Touch(1, "bookmarks", at())
	w.takes("0 new, 1 updated, 0 merged, 1 unchanged, 0 skipped", "a one.test 104", "b two.test 200")

	// Devices write to both. What is newer there is added; a break lets the devices write again.
	w.Pass(time.Minute)
	if err := w.put("two.test", w.uid("b"), "here", "here!"); err != nil {
		t.Fatal(err)
	}
	w.Pass(time.Minute)
	w.old.Put(2, oldserver.Record{Collection: "bookmarks", ID: "there", Modified: at(), Payload: "there"})
	w.old.Touch(2, "bookmarks", at())
	w.fails = func(r *http.Request) error {
		if strings.HasSuffix(r.URL.Path, "/import") {
			return away
		}
		return nil
	}
	if _, err := w.take(); !errors.Is(err, server.ErrNodeAway) {
		t.Errorf("a node broke in a merge: %v", err)
	}
	w.fails = nil
	if err := w.put("two.test", w.uid("b"), "here", "again"); err != nil {
		t.Errorf("a device writes after a merge that broke: %v", err)
	}
	w.takes("0 new, 0 updated, 1 merged, 1 unchanged, 0 skipped", "a one.test 104", "b two.test 210")
	w.takes("0 new, 0 updated, 0 merged, 2 unchanged, 0 skipped", "a one.test 104", "b two.test 210")

	// A user is never given to a node without a free place.
	w.add("two.test", 1)
	user(3, "c")
	if _, err := w.take(); !errors.Is(err, server.ErrNoRoom) {
		t.Errorf("no node has room: %v", err)
	}
	w.add("two.test", 5)
	w.takes("1 new, 0 updated, 0 merged, 2 unchanged, 0 skipped", "a one.test 104", "b two.test 210", "c two.test 300")
	w.Pass(48 * time.Hour)
	if err := w.server.Purge(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.are("a one.test 104", "b two.test 210", "c two.test 300")
}
