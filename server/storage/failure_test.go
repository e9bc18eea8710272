package storage_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/server/storage"
	"github.com/syncmanager/syncmanager/server/storage/sqlite"
)

// childDir names the variable that makes the test binary a server.
const childDir = "STORAGE_TEST_SERVE"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		if err := serveChild(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// serveChild serves until it is killed, and prints its address.
func serveChild(dir string) error {
	// Few files stay open, so that some are being opened and closed when it is killed.
	backend, err := sqlite.New(sqlite.Config{Dir: dir, Now: time.Now, MaxOpen: 8})
	if err != nil {
		return err
	}
	s := storage.New(storage.Config{Backend: backend, Prefix: "/storage", Auth: tokens{}, Now: time.Now, Rand: rand.Reader})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println(l.Addr())
	return http.Serve(l, s)
}

func TestWhatWasAnsweredSurvivesAKill(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	batch := ""
	for round := range 3 {
		child := exec.CommandContext(t.Context(), os.Args[0])
		child.Env = append(os.Environ(), childDir+"="+dir)
		child.Stderr = os.Stderr
		out, err := child.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		line, err := bufio.NewReader(out).ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		endpoint := "http://" + strings.TrimSpace(line) + "/storage/1.5/1/storage/c"
		client := &http.Client{Transport: &http.Transport{}}
		send := func(query, body string, status int) string {
			t.Helper()
			r, err := http.NewRequestWithContext(t.Context(), "POST", endpoint+query, strings.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Authorization", "1")
			r.Header.Set("Content-Type", "application/json")
			res, err := client.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			var b bytes.Buffer
			if _, err := b.ReadFrom(res.Body); err != nil || res.StatusCode != status {
				t.Fatalf("%s: %s %v", res.Status, &b, err)
			}
			_ = res.Body.Close()
			_, token, _ := strings.Cut(b.String(), `"batch":"`)
			token, _, _ = strings.Cut(token, `"`)
			return token
		}
		if round == 2 {
			send("?commit=true&batch="+batch, `[]`, 200)
		} else {
			send("", fmt.Sprintf(`[{"id":"%d","payload":"x"}]`, round), 200)
			if round == 0 {
				batch = "true"
			}
			batch = send("?batch="+batch, fmt.Sprintf(`[{"id":"b%d","payload":"x"}]`, round), 202)
		}
		if err := child.Process.Kill(); err != nil { // SIGKILL, right after the answer
			t.Fatal(err)
		}
		_ = child.Wait()
		client.CloseIdleConnections()
	}
	s := start(t, func(c *config) { c.files.Dir = dir })
	if got := s.do("GET", "/storage/c", "").want(200); got.ids() != "0 1 b0 b1" {
		t.Errorf("left after the kills: %s", got.Body)
	}
}

func TestAFullDiskKeepsWhatIsThere(t *testing.T) {
	t.Parallel()
	s := start(t, func(c *config) { c.files.MaxPages = 60 })
	s.do("POST", "/storage/c", list(0, 10, 1000)).want(200)
	before := s.do("GET", "/storage/c?full=1", "").want(200).Body.String()
	for _, write := range []func() *response{
		func() *response { return s.do("POST", "/storage/c", list(5, 100, 3000)) },
		func() *response { return s.do("POST", "/storage/c?batch=true", list(5, 100, 3000)) },
		func() *response {
			return s.do("PUT", "/storage/c/a", `{"payload":"`+strings.Repeat("x", 300_000)+`"}`)
		},
	} {
		if got := write().refused(503, "0"); got.Header().Get("Retry-After") == "" {
			t.Error("no Retry-After")
		}
	}
	s.do("GET", "/storage/c?full=1", "").want(200).wantBody(before)
	if !strings.Contains(s.log.String(), "1.sqlite") || strings.Contains(s.log.String(), "xxx") {
		t.Errorf("logged: %s", s.log)
	}
	// Deleting makes room.
	s.do("DELETE", "/storage/c?ids=0,1,2,3,4,5,6,7,8,9", "").want(200)
	s.do("POST", "/storage/c", list(0, 10, 1000)).want(200)
}

func TestABrokenFileIsItsOwnersAlone(t *testing.T) {
	t.Parallel()
	for name, breakFile := range map[string]func(t *testing.T, dir string){
		"not a database": func(t *testing.T, dir string) {
			if err := os.WriteFile(userFile(dir, 1), bytes.Repeat([]byte("junk "), 5000), 0o600); err != nil {
				t.Fatal(err)
			}
		},
		"newer": func(t *testing.T, dir string) {
			if _, err := openFile(t, dir, 1).Exec("PRAGMA user_version = 1000"); err != nil {
				t.Fatal(err)
			}
		},
		"torn": func(t *testing.T, dir string) {
			b, err := os.ReadFile(userFile(dir, 1))
			if err != nil {
				t.Fatal(err)
			}
			clear(b[4096:]) // all but the first page
			if err := os.WriteFile(userFile(dir, 1), b, 0o600); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			first := start(t)
			first.do("PUT", "/storage/secretcollection/secretid", `{"payload":"secretpayload"}`).want(200)
			if err := first.Close(t.Context()); err != nil {
				t.Fatal(err)
			}
			breakFile(t, first.dir)
			before, err := os.ReadFile(userFile(first.dir, 1))
			if err != nil {
				t.Fatal(err)
			}
			s := start(t, func(c *config) { c.files.Dir = first.dir })
			s.do("GET", "/storage/secretcollection/secretid", "").refused(500, "0")
			s.do("PUT", "/storage/secretcollection/secretid", `{"payload":"secretpayload"}`).refused(500, "0")
			log := s.log.String()
			if !strings.Contains(log, filepath.Join("01", "1.sqlite")) || strings.Contains(log, "secret") {
				t.Errorf("logged: %s", log)
			}
			s.raw("PUT", "/storage/1.5/2/storage/c/a", `{}`, header{"Authorization": "2"}).want(200)
			if err := s.Purge(t.Context()); err == nil || !strings.Contains(err.Error(), "1.sqlite") {
				t.Errorf("purge: %v", err)
			}
			if after, err := os.ReadFile(userFile(first.dir, 1)); err != nil || !bytes.Equal(before, after) {
				t.Errorf("the file was touched, %v", err)
			}
			if err := s.DeleteUser(t.Context(), 1); err != nil {
				t.Fatal(err)
			}
			s.do("GET", "/info/collections", "").want(200).wantBody(`{}`)
		})
	}
}

func TestALockThatIsHeldIsNotWaitedForForever(t *testing.T) {
	t.Parallel()
	clock, dir := newClock(), t.TempDir()
	backend, err := sqlite.New(sqlite.Config{Dir: dir, Now: clock.Now, BusyTimeout: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	s := start(t, func(c *config) { c.Backend = backend })
	s.do("PUT", "/storage/c/a", `{"payload":"x"}`).want(200)
	db := openFile(t, dir, 1)
	db.SetMaxOpenConns(1)
	if _, err := db.Exec("BEGIN IMMEDIATE"); err != nil {
		t.Fatal(err)
	}
	if got := s.do("PUT", "/storage/c/a", `{"payload":"y"}`).refused(503, "0"); got.Header().Get("Retry-After") != "10" {
		t.Errorf("Retry-After %q", got.Header().Get("Retry-After"))
	}
	s.do("GET", "/storage/c/a", "").want(200) // readers need no turn
	if _, err := db.Exec("ROLLBACK"); err != nil {
		t.Fatal(err)
	}
	s.do("PUT", "/storage/c/a", `{"payload":"y"}`).want(200)
}

// Where a user's quota cannot be looked up, a write comes again later, and a read needs no quota.
func TestAQuotaThatCannotBeLookedUp(t *testing.T) {
	t.Parallel()
	s := start(t, func(c *config) {
		c.QuotaOf = func(context.Context, int64) (int64, error) { return 0, errors.New("unexpected EOF") }
	})
	for _, got := range []*response{s.do("PUT", "/storage/c/a", `{"payload":"x"}`), s.do("GET", "/info/quota", "")} {
		if got.refused(503, "0"); got.Header().Get("Retry-After") != "10" {
			t.Errorf("Retry-After %q", got.Header().Get("Retry-After"))
		}
	}
	s.do("GET", "/storage/c", "").want(200)
}

func TestOnlyTheOwnerOfTheDiskReadsIt(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.do("PUT", "/storage/c/a", `{"payload":"x"}`).want(200)
	err := filepath.WalkDir(s.dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || path == s.dir {
			return err
		}
		info, err := e.Info()
		if err == nil && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s is %v", path, info.Mode())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// brokenPipe is a client that disconnects during an answer.
type brokenPipe struct{ http.ResponseWriter }

func (brokenPipe) Write([]byte) (int, error) { return 0, errors.New("broken pipe") }

// nobody is a client that discards the answer.
type nobody struct{ h http.Header }

func (n nobody) Header() http.Header        { return n.h }
func (nobody) Write(b []byte) (int, error)  { return len(b), nil }
func (nobody) WriteHeader(int)              {}
func newNobody() nobody                     { return nobody{http.Header{}} }
func serve(s http.Handler, r *http.Request) { s.ServeHTTP(newNobody(), r) }

func TestHalfAListingDoesNotPassForAWholeOne(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.do("POST", "/storage/c", list(0, 100, 1000)).want(200)
	defer func() {
		if got, _ := recover().(error); !errors.Is(got, http.ErrAbortHandler) {
			t.Errorf("the connection was not cut: %v", got)
		}
		s.do("GET", "/storage/c", "").want(200)
	}()
	s.ServeHTTP(brokenPipe{newNobody()}, s.request("GET", "/storage/c?full=1", "")())
}

// tornBackend is a backend whose listings fail after the first record.
type tornBackend struct{ storage.Backend }

func (b tornBackend) View(ctx context.Context, uid int64, f func(storage.View) error) error {
	return b.Backend.View(ctx, uid, func(v storage.View) error { return f(tornView{v}) })
}

type tornView struct{ storage.View }

func (v tornView) Records(q storage.Query, f func(*storage.Record) error) error {
	q.Limit = 1
	if err := v.View.Records(q, f); err != nil {
		return err
	}
	return errors.New("torn")
}

func TestAListingThatBreaksOffInTimeIsAnError(t *testing.T) {
	t.Parallel()
	clock := newClock()
	backend, err := sqlite.New(sqlite.Config{Dir: t.TempDir(), Now: clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	s := start(t, func(c *config) { c.Backend = tornBackend{backend} })
	s.do("POST", "/storage/c", list(0, 3, 10)).want(200)
	got := s.do("GET", "/storage/c?full=1&limit=2", "").refused(500, "0")
	if len(got.Header().Values("X-Weave-Records"))+len(got.Header().Values("X-Weave-Next-Offset")) > 0 {
		t.Errorf("an error that speaks of records: %v", got.Header())
	}
}

func TestAClientThatLeavesLeavesNothingHalfDone(t *testing.T) {
	t.Parallel()
	s := start(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r, err := http.NewRequestWithContext(ctx, "POST", "/storage/1.5/1/storage/c", strings.NewReader(list(0, 10, 10)))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "1")
	r.Header.Set("Content-Type", "text/plain")
	serve(s, r)
	s.do("GET", "/info/collections", "").wantBody(`{}`)
	if s.log.Len() > 0 {
		t.Errorf("logged: %s", s.log)
	}
}
