package browsers_test

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/engines/bookmarks"
	"github.com/syncmanager/syncmanager/engines/history"
	"github.com/syncmanager/syncmanager/internal/browsers"
	"github.com/syncmanager/syncmanager/internal/profile"
)

// env is a profile with its handler.
type env struct {
	t       *testing.T
	dir     string
	now     time.Time
	profile *profile.Profile
	handler http.Handler
}

type noNetwork struct{}

func (noNetwork) RoundTrip(*http.Request) (*http.Response, error) {
	return nil, errors.New("there is no network")
}

func newEnv(t *testing.T) *env {
	t.Helper()
	e := &env{t: t, dir: t.TempDir(), now: time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)}
	log := slog.New(slog.DiscardHandler)
	now := func() time.Time { return e.now }
	p, err := profile.Open(t.Context(), profile.Config{Dir: e.dir, Hostname: "test", Version: "0", Now: now, Rand: rand.Reader, Transport: noNetwork{}, Log: log})
	check(t, err)
	t.Cleanup(func() { check(t, p.Close()) })
	e.profile, e.handler = p, browsers.New(browsers.Config{Profile: p, Now: now, Log: log})
	return e
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (e *env) post(path, body string) (status int, answer string) {
	r := httptest.NewRequestWithContext(e.t.Context(), http.MethodPost, "/v1/browser/"+path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	e.handler.ServeHTTP(w, r)
	return w.Code, w.Body.String()
}

// ask asks, and decodes the answer.
func ask[T any](e *env, path, body string) (v T) {
	e.t.Helper()
	status, text := e.post(path, body)
	if status != http.StatusOK {
		e.t.Fatalf("%s: %d %s", path, status, text)
	}
	check(e.t, json.Unmarshal([]byte(text), &v))
	return v
}

const tree = `[{"id":"1","parent":"0","title":"Bar","type":"bookmarks-bar"},{"id":"2","parent":"0","title":"Other","type":"other"},
	{"id":"5","parent":"1","title":"Go","url":"https://go.dev/","added":1700000000000}]`

func request(install, more string) string {
	return `{"install":"` + install + `","session":"session-1","nodes":` + tree + more + `}`
}

// A browser's bookmarks are merged when the user agrees, and what is known of it outlives the
// process, in a file of the user's alone, until it is to be forgotten or the data is wiped.
func TestBookmarks(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	type result struct {
		Status string
		Store  struct{ Added int }
	}
	if r := ask[result](e, "bookmarks", request("install-1", "")); r.Status != "first" || r.Store.Added != 1 {
		t.Errorf("the first report: %+v", r)
	}
	if s := ask[browsers.Status](e, "status", `{"install":"install-1"}`); s.Merged || s.Bookmarks != 0 || s.Account != "" || s.Device == "" {
		t.Errorf("the status is %+v", s)
	}
	if r := ask[result](e, "bookmarks", request("install-1", `,"agreed":true`)); r.Status != "done" {
		t.Errorf("the second report: %+v", r)
	}
	if r := ask[result](e, "bookmarks", request("install-1", "")); r.Status != "done" || r.Store.Added != 0 {
		t.Errorf("the third report: %+v", r)
	}
	if s := ask[browsers.Status](e, "status", `{"install":"install-1"}`); !s.Merged || s.Bookmarks != 1 {
		t.Errorf("the status is %+v", s)
	}
	info, err := os.Stat(filepath.Join(e.dir, "browser-install-1.sealed"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("its file is %v: %v", info, err)
	}
	ask[struct{}](e, "forget", `{"install":"install-1"}`)
	if r := ask[result](e, "bookmarks", request("install-1", "")); r.Status != "first" {
		t.Errorf("after it was forgotten: %+v", r)
	}
	b, err := e.profile.Bookmarks(t.Context())
	check(t, err)
	if n, err := b.CountBookmarks(t.Context(), bookmarks.Toolbar); n != 1 || err != nil {
		t.Errorf("%d bookmarks are stored: %v", n, err)
	}
}

// What is malformed, and what comes from a page of the web, is refused with a sentence.
func TestRefused(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	for path, body := range map[string]string{
		"bookmarks":  `{"install":"install-1","session":"session-1","nodes":[]}`,
		"bookmarks?": request("../../evil", ""),
		"status":     `{"install":"a b c d e f g"}`,
		"tabs":       `{"install":""}`,
		"visits":     `{"install":"install-1","visits":[` + strings.Repeat(`{"url":"https://a.example/","at":1},`, 500) + `{}]}`,
		"forget":     `[`,
	} {
		status, text := e.post(strings.TrimSuffix(path, "?"), body)
		if status != http.StatusBadRequest || !strings.Contains(text, `"message"`) {
			t.Errorf("%s: %d %s", path, status, text)
		}
	}
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/v1/browser/status", strings.NewReader(`{"install":"install-1"}`))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Origin", "https://evil.example")
	w := httptest.NewRecorder()
	if e.handler.ServeHTTP(w, r); w.Code != http.StatusForbidden {
		t.Errorf("a page of the web: %d", w.Code)
	}
	// A file that is damaged is not taken for one that is not there.
	ask[browsers.Status](e, "status", `{"install":"install-1"}`)
	check(t, os.WriteFile(filepath.Join(e.dir, "browser-install-1.sealed"), []byte("damaged"), 0o600))
	if status, text := e.post("bookmarks", request("install-1", `,"agreed":true`)); status != http.StatusInternalServerError {
		t.Errorf("with a damaged file: %d %s", status, text)
	}
}

// The tabs of two browsers are those of one device; each replaces its own, and what other apps
// opened stays.
func TestTabs(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	store, err := e.profile.Tabs(t.Context())
	check(t, err)
	check(t, store.OpenTab(t.Context(), "https://app.example/", "App"))
	set := func(install string, names ...string) {
		t.Helper()
		var list []string
		for _, n := range names {
			list = append(list, fmt.Sprintf(`{"url":"https://%s.example/","title":"%s","window":"7"}`, n, n))
		}
		ask[struct{}](e, "tabs", `{"install":"`+install+`","tabs":[`+strings.Join(append(list, `{"url":"chrome://settings/","title":"none"}`), ",")+`]}`)
	}
	want := func(want ...string) {
		t.Helper()
		all, err := store.OpenTabs(t.Context())
		check(t, err)
		var got []string
		for _, tab := range all.Tabs {
			got = append(got, tab.Title)
		}
		if slices.Sort(got); !slices.Equal(got, want) {
			t.Errorf("the tabs are %q, want %q", got, want)
		}
	}
	set("install-1", "a", "b")
	set("install-2", "b", "c")
	want("App", "a", "b", "c")
	set("install-1", "d")
	want("App", "c", "d")
	ask[struct{}](e, "forget", `{"install":"install-2"}`)
	want("App", "d")
}

// Visits of a browser are kept, and are not given back to it.
func TestVisits(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	first := ask[browsers.Visits](e, "history", `{"install":"install-1"}`)
	e.now = e.now.Add(time.Hour)
	ask[struct{}](e, "visits", fmt.Sprintf(`{"install":"install-1","visits":[{"url":"https://a.example/","title":"A","at":%d},{"url":"file:///etc/passwd","at":1},{"url":"https://b.example/","at":-5}]}`, e.now.UnixMilli()))
	h, err := e.profile.History(t.Context())
	check(t, err)
	n, err := h.CountVisits(t.Context(), history.Visits{})
	again := ask[browsers.Visits](e, "history", `{"install":"install-1"}`)
	if err != nil || n != 1 || len(first.Visits)+len(again.Visits) != 0 {
		t.Errorf("%d visits are kept (%v), %+v and %+v given back", n, err, first, again)
	}
}
