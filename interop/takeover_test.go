package interop_test

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/internal/sqlite"
	"github.com/syncmanager/syncmanager/internal/test/firefoxsync"
	"github.com/syncmanager/syncmanager/internal/test/oldserver"
	"github.com/syncmanager/syncmanager/internal/test/pgtest"
	"github.com/syncmanager/syncmanager/internal/test/testenv"
	"github.com/syncmanager/syncmanager/server"
	"github.com/syncmanager/syncmanager/server/storage"
	files "github.com/syncmanager/syncmanager/server/storage/sqlite"
	"github.com/syncmanager/syncmanager/server/takeover"
	"github.com/syncmanager/syncmanager/server/takeover/mozilla"
)

// old copies all that the server in a data folder has into the database of another kind of server.
func old(t *testing.T, kind oldserver.Kind, dir string) *oldserver.Server {
	t.Helper()
	to := oldserver.New(t, kind)
	db, err := sql.Open(sqlite.Driver, filepath.Join(dir, "token.sqlite"))
	check(t, err)
	defer db.Close()
	rows, err := db.QueryContext(t.Context(), "SELECT uid, account, client_state, generation, keys_changed_at, created_at FROM users")
	check(t, err)
	defer rows.Close()
	records, err := files.New(files.Config{Dir: filepath.Join(dir, "storage"), Now: time.Now, Beside: true})
	check(t, err)
	defer func() { check(t, records.Close(context.Background())) }()
	for rows.Next() {
		var u oldserver.User
		var state []byte
		check(t, rows.Scan(&u.UID, &u.Email, &state, &u.Generation, &u.KeysChangedAt, &u.Created))
		u.Email, u.ClientState = u.Email+"@api.accounts.firefox.com", hex.EncodeToString(state)
		to.AddUser(u)
		check(t, records.View(t.Context(), u.UID, func(v storage.View) error { return oldRecords(to, u.UID, v) }))
	}
	check(t, rows.Err())
	return to
}

func oldRecords(to *oldserver.Server, uid int64, v storage.View) error {
	collections, err := v.Collections()
	if err != nil {
		return err
	}
	for _, c := range collections {
		to.Touch(uid, c.Name, int64(c.Modified)*10)
		err := v.(storage.Exporter).Export(c.Name, func(d *storage.Dated) error {
			r := oldserver.Record{Collection: c.Name, ID: string(d.ID), Modified: int64(d.Modified) * 10, SortIndex: d.SortIndex, Payload: string(d.Payload)}
			if d.Expires != 0 {
				r.TTL = int64(d.Expires-d.Modified) / 100
			}
			to.Put(uid, r)
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// counted is a server over loopback that notes what it is asked.
type counted struct {
	*server.Server
	root string

	mu    sync.Mutex
	asked []string
}

// count starts one. It adds the address, the database or the folder, randomness and the log to what config returns.
func count(t *testing.T, config func(root string) server.Config) *counted {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	s := &counted{root: "http://" + l.Addr().String()}
	cfg := config(s.root)
	cfg.Database, cfg.Dir, cfg.PublicURL, cfg.Rand = pgtest.IfChosen(t), t.TempDir(), s.root, rand.Reader
	cfg.Log, cfg.PurgeTicks = slog.New(slog.DiscardHandler), make(chan time.Time)
	s.Server, err = server.New(t.Context(), cfg)
	check(t, err)
	h := &http.Server{Handler: http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.asked = append(s.asked, r.Method+" "+r.URL.Path)
		s.mu.Unlock()
		s.Handler().ServeHTTP(rw, r)
	})}
	ended := make(chan error, 1)
	go func() { ended <- h.Serve(l) }()
	t.Cleanup(func() {
		check(t, h.Close())
		if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
		check(t, s.Close(context.Background()))
	})
	return s
}

// successor is a server without accounts, into which another server is taken over.
type successor struct{ *counted }

// succeed starts one, for the accounts of w.
func succeed(t *testing.T, w *testenv.Env) *successor {
	t.Helper()
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	return &successor{count(t, func(string) server.Config {
		return server.Config{Now: w.Clock.Now, External: &server.External{URL: w.URL, AllowAll: true, Transport: transport}}
	})}
}

// data are the collections that must not be uploaded again. A device tells of itself in another.
var data = []string{"passwords", "bookmarks", "history", "tabs", "forms", "prefs", "crypto", "meta"}

// uploads returns the requests since the last call that change one of some collections.
func (s *counted) uploads(collections ...string) (all []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, asked := range s.asked {
		method, path, _ := strings.Cut(asked, " ")
		_, collection, _ := strings.Cut(path, "/storage/1.5/")
		_, collection, _ = strings.Cut(collection, "/storage/")
		collection, _, _ = strings.Cut(collection, "/")
		if method != http.MethodGet && slices.Contains(collections, collection) {
			all = append(all, asked)
		}
	}
	s.asked = nil
	return all
}

// takeOver copies a server's users, and expects so many.
func (s *successor) takeOver(t *testing.T, from *oldserver.Server, users int) {
	t.Helper()
	src, err := mozilla.Open(t.Context(), from.From, mozilla.Options{Getenv: func(string) string { return "" }})
	check(t, err)
	defer func() { check(t, src.Close()) }()
	r, err := s.TakeOver(t.Context(), src, takeover.Options{})
	check(t, err)
	if r.New != users || r.SkippedUsers != 0 || r.SkippedRecords != 0 {
		t.Fatalf("it took over %+v", r)
	}
}

// TestOurDeviceAfterATakeover: a device that is led to a server that was taken over goes on, and uploads
// nothing that is there.
func TestOurDeviceAfterATakeover(t *testing.T) {
	t.Parallel()
	w := testenv.ListenOnFiles(t) // the old server, whose files are read
	d := w.Browser("our device", ann)
	d.Add("https://before.example", "ann", "at the old server")
	d.Sync()
	s := succeed(t, w)
	s.takeOver(t, old(t, oldserver.PythonSQLite, w.Dir), 1)

	// The user gives the app the address of another token server. The token that it has ends.
	w.Net.Before(func(r *http.Request) (*http.Response, error) {
		path, isToken := strings.CutPrefix(r.URL.Path, "/token/")
		switch {
		case isToken:
			to := r.Clone(r.Context())
			to.Host, to.URL.Host, to.URL.Path = strings.TrimPrefix(s.root, "http://"), strings.TrimPrefix(s.root, "http://"), "/token/"+path
			return http.DefaultTransport.RoundTrip(to)
		case strings.HasPrefix(w.URL+r.URL.Path, w.URL+"/storage/") && r.URL.Host == strings.TrimPrefix(w.URL, "http://"):
			return testenv.Answer(r, http.StatusUnauthorized, "application/json", "0"), nil
		}
		return nil, nil
	})
	s.uploads()
	d.Sync()
	if got := s.uploads(data...); len(got) != 0 {
		t.Errorf("it uploaded what is there: %v", got)
	}
	d.Add("https://after.example", "ann", "at the new server")
	d.Sync()
	if got := s.uploads("passwords"); len(got) != 1 {
		t.Errorf("for one login: %v", got)
	}
	// A new device gets all of it from the new server.
	other := w.Browser("another device", ann)
	other.Sync()
	want := d.Logins()
	if got := other.Logins(); len(want) != 2 || len(got) != 2 || got["https://before.example ann"] != want["https://before.example ann"] {
		t.Errorf("another device has %v, the first %v", got, want)
	}
}

// TestFirefoxAfterATakeover: a Firefox whose one preference is changed goes on at the server that took
// the other one over: it keeps its data, and uploads none of it again.
func TestFirefoxAfterATakeover(t *testing.T) {
	t.Parallel()
	w := testenv.ListenOnFiles(t) // the old server, whose files are read
	profile := t.TempDir()
	ff := firefoxsync.Start(t, firefoxsync.Options{Root: w.URL, Profile: profile})
	a := w.SignIn(ann).Session()
	_, err := ff.SignIn(t.Context(), firefoxsync.Account{
		UID: a.UID, Email: a.Email, SessionToken: a.Token, Key: base64.RawURLEncoding.EncodeToString(a.Key), KeyID: a.KeyID,
	})
	check(t, err)
	addToFirefox(t, ff, "https://before.example", "ann", "at the old server")
	addBookmark(t, ff, firefoxsync.Bookmark{Kind: firefoxsync.PlainBookmark, Parent: firefoxsync.Unfiled, Title: "before", URL: "https://before.example/"})
	syncFirefox(t, ff)
	check(t, ff.Quit(t.Context()))
	s := succeed(t, w)
	s.takeOver(t, old(t, oldserver.PythonSQLite, w.Dir), 1)

	ff = firefoxsync.Start(t, firefoxsync.Options{Root: w.URL, Profile: profile, Prefs: map[string]any{
		"identity.sync.tokenserver.uri": s.root + "/token/1.0/sync/1.5",
	}})
	syncFirefox(t, ff)
	if url, err := ff.StorageURL(t.Context()); err != nil || !strings.HasPrefix(url, s.root) {
		t.Fatalf("Firefox syncs with %s, %v", url, err)
	}
	if got := s.uploads("passwords", "bookmarks", "forms", "crypto", "meta"); len(got) != 0 {
		t.Errorf("it uploaded what is there: %v", got)
	}
	addToFirefox(t, ff, "https://after.example", "ann", "at the new server")
	syncFirefox(t, ff)
	if got := s.uploads("passwords"); len(got) != 1 {
		t.Errorf("for one login: %v", got)
	}
	if got := loginsOf(t, ff); len(got) != 2 {
		t.Errorf("Firefox has %v", got)
	}
}
