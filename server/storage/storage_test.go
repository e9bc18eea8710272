package storage_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/internal/test/testclock"
	"github.com/syncmanager/syncmanager/server/storage"
	"github.com/syncmanager/syncmanager/server/storage/sqlite"
)

func newClock() *testclock.Clock {
	return testclock.At(time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC))
}

// tokens is an Authenticator that trusts the header Authorization: "7" is
// user 7, "7 expired" is user 7 with an expired token.
type tokens struct{}

func (tokens) Authenticate(r *http.Request) (int64, bool, error) {
	user, state, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if user == "broken" {
		return 0, false, io.ErrUnexpectedEOF
	}
	uid, err := strconv.ParseInt(user, 10, 64)
	if err != nil {
		return 0, false, fmt.Errorf("whose is %q: %w", user, storage.ErrUnauthorized)
	}
	return uid, state == "expired", nil
}

// server is a storage service under test.
type server struct {
	*storage.Service
	storage.Backend
	t     testing.TB
	clock *testclock.Clock
	dir   string
	log   *strings.Builder
}

// config configures a service. If it has no Backend, files configures one.
type config struct {
	storage.Config
	files sqlite.Config
}

// start starts a service, with changes to its configuration.
func start(t testing.TB, change ...func(*config)) *server {
	t.Helper()
	s := &server{t: t, clock: newClock(), dir: t.TempDir(), log: &strings.Builder{}}
	c := config{
		storage.Config{
			Prefix: "/storage", Auth: tokens{}, Now: s.clock.Now, Rand: rand.Reader,
			Log: slog.New(slog.NewTextHandler(s.log, nil)),
		},
		sqlite.Config{Dir: s.dir, Now: s.clock.Now},
	}
	for _, f := range change {
		f(&c)
	}
	if c.Backend == nil {
		var err error
		if c.Backend, err = sqlite.New(c.files); err != nil {
			t.Fatal(err)
		}
	}
	s.Service, s.Backend = storage.New(c.Config), c.Backend
	t.Cleanup(func() {
		if err := s.Close(context.Background()); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return s
}

// header is a set of request headers.
type header map[string]string

// response is the answer to a request.
type response struct {
	*httptest.ResponseRecorder
	t testing.TB
}

// do sends a request as user 1, JSON unless the headers say otherwise. The path
// is what follows the user's endpoint.
func (s *server) do(method, path, body string, headers ...header) *response {
	s.t.Helper()
	return s.raw(method, "/storage/1.5/1"+path, body, headers...)
}

func (s *server) raw(method, path, body string, headers ...header) *response {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), method, "http://sync.example"+path, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	h := header{"Authorization": "1", "Content-Type": "application/json"}
	for _, more := range headers {
		maps.Copy(h, more)
	}
	for k, v := range h {
		if v != "" {
			r.Header.Set(k, v)
		}
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	res := &response{w, s.t}
	if w.Header().Get("X-Weave-Timestamp") == "" {
		s.t.Errorf("%s %s: no X-Weave-Timestamp", method, path)
	}
	if w.Code < 300 {
		if w.Header().Get("X-Last-Modified") == "" {
			s.t.Errorf("%s %s: a success without X-Last-Modified", method, path)
		}
	}
	return res
}

// want fails unless the status is so.
func (r *response) want(status int) *response {
	r.t.Helper()
	if r.Code != status {
		r.t.Fatalf("status %d, want %d; body %.200s", r.Code, status, r.Body)
	}
	return r
}

// wantBody fails unless the body is so.
func (r *response) wantBody(body string) *response {
	r.t.Helper()
	if got := r.Body.String(); got != body {
		r.t.Fatalf("body %.300s, want %s", got, body)
	}
	return r
}

// refused fails unless the answer is an error with that status and code.
func (r *response) refused(status int, code string) *response {
	r.t.Helper()
	r.want(status).wantBody(code)
	if got := r.Header().Get("Content-Type"); got != "application/json" {
		r.t.Fatalf("content type %q", got)
	}
	return r
}

func (r *response) modified() string { return r.Header().Get("X-Last-Modified") }

// decode reads the body as JSON.
func decode[T any](r *response) T {
	r.t.Helper()
	var v T
	if err := json.Unmarshal(r.Body.Bytes(), &v); err != nil {
		r.t.Fatalf("%v in %.200s", err, r.Body)
	}
	return v
}

// ids reads the body as a list of IDs and joins them.
func (r *response) ids() string {
	r.t.Helper()
	return strings.Join(decode[[]string](r), " ")
}

// posted is the body of an answer to a POST.
type posted struct {
	Modified json.Number
	Batch    string
	Success  []string
	Failed   map[string]string
}

// wire is a record as the server sends it.
type wire struct {
	ID        string
	Modified  json.Number
	SortIndex *int
	Payload   string
	TTL       *int
}
