package server_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/internal/inproc"
	"github.com/syncmanager/syncmanager/internal/test/pgtest"
	"github.com/syncmanager/syncmanager/server"
	"github.com/syncmanager/syncmanager/server/mail"
)

// beat requests the heartbeat after the cached result has expired.
func (w *env) beat() (code int, answer map[string]string) {
	w.t.Helper()
	w.Pass(time.Minute)
	rec := httptest.NewRecorder()
	w.server.Handler().ServeHTTP(rec, httptest.NewRequestWithContext(w.t.Context(), "GET", root+"/__heartbeat__", nil))
	if err := json.Unmarshal(rec.Body.Bytes(), &answer); err != nil {
		w.t.Fatal(err)
	}
	return rec.Code, answer
}

// The heartbeat fails with a reason when sign-ins or uploads would fail.
func TestHeartbeatFailsWithWhatItStandsFor(t *testing.T) {
	pgtest.OnFiles(t)
	t.Parallel()
	for name, c := range map[string]struct {
		spoil         func(t *testing.T, dir string)
		check, reason string
	}{
		"accounts that are damaged": {func(t *testing.T, dir string) { overwrite(t, filepath.Join(dir, "accounts.sqlite")) }, "accounts", "damaged"},
		"tokens that are damaged":   {func(t *testing.T, dir string) { overwrite(t, filepath.Join(dir, "token.sqlite")) }, "tokens", "damaged"},
		"a storage that cannot be written": {func(t *testing.T, dir string) {
			if err := os.Rename(filepath.Join(dir, "storage"), filepath.Join(dir, "elsewhere")); err != nil {
				t.Fatal(err)
			}
		}, "storage", "failed"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newEnv(t, nil)
			w.device(true)
			if code, answer := w.beat(); code != http.StatusOK || answer["reason"] != "" {
				t.Fatalf("sound: %d %v", code, answer)
			}
			if err := w.server.Close(t.Context()); err != nil { // so that all is in the files
				t.Fatal(err)
			}
			w.open()
			if code, _ := w.beat(); code != http.StatusOK {
				t.Fatal(code)
			}
			c.spoil(t, w.cfg.Dir)
			code, answer := w.beat()
			if code != http.StatusServiceUnavailable || answer[c.check] != "Err" || answer["reason"] != c.reason {
				t.Errorf("%d %v", code, answer)
			}
			if text := scrape(t, w.server); !strings.Contains(text, "syncmanager_healthy 0") {
				t.Error("the metrics say that it is healthy")
			} else if c.reason == "damaged" && strings.Contains(text, `syncmanager_database_errors_total{reason="damaged"} 0`) {
				t.Error("the metrics do not count the failure")
			}
		})
	}
}

// A journal that failed takes nothing more from anyone: the heartbeat says so, and writes are answered with 503.
func TestHeartbeatOfAJournalThatFailed(t *testing.T) {
	pgtest.OnFiles(t)
	t.Parallel()
	w := newEnv(t, nil)
	d := w.device(true)
	bob := &device{w: w, via: inproc.New(w.server.Handler())}
	var err error
	if bob.account, err = w.accounts(bob.via).CreateAccount(t.Context(), "bob@example.org", password); err != nil {
		t.Fatal(err)
	}
	bob.renew()
	for range 2 { // the first write of a file is not in the journal
		for _, one := range []*device{d, bob} {
			one.must("PUT", "/storage/bookmarks/one", `{"payload":"x"}`)
		}
	}
	if text := scrape(t, w.server); !strings.Contains(text, "syncmanager_journal_wait_seconds_count 2") {
		t.Error("the metrics do not count the waits for the journal")
	}
	if code, answer := w.beat(); code != http.StatusOK {
		t.Fatalf("sound: %d %v", code, answer)
	}
	// A user leaves, so that the files of the others are brought to the disk; one of them cannot be.
	files, err := filepath.Glob(filepath.Join(w.cfg.Dir, "storage", "*", "*.sqlite-wal"))
	if err != nil || len(files) != 2 {
		t.Fatalf("%v, %v", files, err)
	}
	for _, path := range files {
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(path, path); err != nil { // which leads to itself
			t.Fatal(err)
		}
	}
	if err := w.server.RemoveUser(t.Context(), "bob@example.org"); err != nil {
		t.Log(err)
	}
	code, answer := w.beat()
	if code != http.StatusServiceUnavailable || answer["storage"] != "Err" || answer["reason"] != "unreachable" {
		t.Errorf("%d %v", code, answer)
	}
	if code, body := d.do("PUT", "/storage/bookmarks/one", `{"payload":"y"}`); code != http.StatusServiceUnavailable {
		t.Errorf("a write: %d %s", code, body)
	}
	if text := scrape(t, w.server); !strings.Contains(text, "syncmanager_healthy 0") || strings.Contains(text, `syncmanager_database_errors_total{reason="unreachable"} 0`) {
		t.Error("the metrics do not tell")
	}
}

// overwrite damages all of a database behind its first page, which a server has open.
func overwrite(t *testing.T, path string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt(bytes.Repeat([]byte{0xA5}, int(info.Size())-4096), 4096); err != nil {
		t.Fatal(err)
	}
}

// A disk without its reserve counts as full before writes fail.
func TestHeartbeatOfAFullDisk(t *testing.T) {
	pgtest.OnFiles(t)
	t.Parallel()
	left := int64(50e9)
	w := newEnv(t, func(c *server.Config) {
		c.Disk = func(string) (int64, int64, error) { return left, 100e9, nil }
	})
	if code, answer := w.beat(); code != http.StatusOK {
		t.Errorf("half of it is free: %d %v", code, answer)
	}
	left = 1e6
	if code, answer := w.beat(); code != http.StatusServiceUnavailable || answer["reason"] != "disk_full" || answer["storage"] != "Err" {
		t.Errorf("a megabyte is free: %d %v", code, answer)
	}
	if text := scrape(t, w.server); !strings.Contains(text, "syncmanager_disk_free_bytes 1e+06") || strings.Contains(text, `reason="disk_full"} 0`) {
		t.Error("the metrics do not tell")
	}
}

// Frequent requests do not cause more probes.
func TestHeartbeatProbesNowAndThen(t *testing.T) {
	pgtest.OnFiles(t)
	t.Parallel()
	w := newEnv(t, nil)
	ask := func() int {
		rec := httptest.NewRecorder()
		w.server.Handler().ServeHTTP(rec, httptest.NewRequestWithContext(t.Context(), "GET", root+"/__heartbeat__", nil))
		return rec.Code
	}
	if code := ask(); code != http.StatusOK {
		t.Fatal(code)
	}
	storage := filepath.Join(w.cfg.Dir, "storage")
	if err := os.Rename(storage, storage+"-elsewhere"); err != nil {
		t.Fatal(err)
	}
	if code := ask(); code != http.StatusOK {
		t.Errorf("it probed again at once: %d", code)
	}
	w.Pass(5 * time.Second)
	if code := ask(); code != http.StatusServiceUnavailable {
		t.Errorf("it does not probe again: %d", code)
	}
	if left, err := filepath.Glob(filepath.Join(w.cfg.Dir, "storage-elsewhere", ".probe-*")); err != nil || len(left) != 0 {
		t.Errorf("left %v, %v", left, err)
	}
}

// Each metric that the dashboard and the alerts name is one that the server has.
func TestMonitoringNamesMetricsThatExist(t *testing.T) {
	t.Parallel()
	w := newEnv(t, func(c *server.Config) {
		c.Mail = &server.Mail{Host: mail.Host{Name: "mail.example.org", Port: 25}, From: "sync@example.org"}
		c.Push = &server.Push{Hosts: []string{"push.example.org"}, Transport: http.NewFileTransport(http.Dir(t.TempDir()))}
	})
	w.server.SetCertificate(func() time.Time { return w.Now().Add(time.Hour) })
	w.device(true).must("GET", "/info/collections", "")
	if _, _, err := w.server.AddNode(t.Context(), nodeURL, 1); err != nil {
		t.Fatal(err)
	}
	// Some series begin with what they count.
	rec := httptest.NewRecorder()
	w.server.Handler().ServeHTTP(rec, httptest.NewRequestWithContext(t.Context(), "GET", root+"/token/1.0/sync/1.5", nil))
	text := scrape(t, w.server)
	name := regexp.MustCompile(`\b(syncmanager|process|go)_[a-z_]+\b`)
	for file, least := range map[string]int{"grafana-dashboard.json": 15, "prometheus-rules.yml": 12} {
		b, err := os.ReadFile(filepath.Join("..", "deploy", "monitoring", file))
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(file, ".json") && !json.Valid(b) {
			t.Errorf("%s is not JSON", file)
		}
		found := name.FindAllString(string(b), -1)
		if len(found) < least {
			t.Errorf("%s names %d metrics", file, len(found))
		}
		for _, metric := range found {
			if w.cfg.Database != "" && strings.HasPrefix(metric, "syncmanager_journal_") {
				continue // only users' files have a journal
			}
			if !strings.Contains(text, "\n"+metric+" ") && !strings.Contains(text, "\n"+metric+"{") {
				t.Errorf("%s: the server has no %s", file, metric)
			}
		}
	}
}
