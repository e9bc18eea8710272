package server_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/syncmanager/syncmanager/internal/dirlock"
	"github.com/syncmanager/syncmanager/internal/hawk"
	"github.com/syncmanager/syncmanager/server"
	"github.com/syncmanager/syncmanager/server/accounts"
)

func TestMeta(t *testing.T) {
	w := newWorld(t, nil)
	get := func(path string) (int, string) {
		rec := httptest.NewRecorder()
		w.server.Handler().ServeHTTP(rec, httptest.NewRequest("GET", root+path, nil))
		return rec.Code, rec.Body.String()
	}
	if code, body := get("/__heartbeat__"); code != 200 || body != `{"accounts":"Ok","storage":"Ok","tokens":"Ok","version":"1.2.3"}` {
		t.Errorf("heartbeat: %d %s", code, body)
	}
	if code, _ := get("/__lbheartbeat__"); code != 200 {
		t.Errorf("lbheartbeat: %d", code)
	}
	if code, body := get("/__version__"); code != 200 || !strings.Contains(body, "1.2.3") {
		t.Errorf("version: %d %s", code, body)
	}
	if code, _ := get("/nowhere"); code != 404 {
		t.Errorf("nowhere: %d", code)
	}
	if err := w.server.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if code, body := get("/__heartbeat__"); code != 503 || !strings.Contains(body, "Err") {
		t.Errorf("heartbeat of a closed server: %d %s", code, body)
	}
}

// The data folder is for one server, and for its owner's eyes.
func TestDataFolder(t *testing.T) {
	w := newWorld(t, nil)
	if _, err := server.New(t.Context(), w.cfg); !errors.Is(err, dirlock.ErrLocked) {
		t.Errorf("a second server: %v, want ErrLocked", err)
	}
	w.device(true)
	err := filepath.WalkDir(w.cfg.Dir, func(path string, e os.DirEntry, err error) error {
		if err != nil {
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
	if err := w.server.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	secret := filepath.Join(w.cfg.Dir, "token-secret")
	if err := os.WriteFile(secret, []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := server.New(t.Context(), w.cfg); err == nil || !strings.Contains(err.Error(), secret) {
		t.Errorf("a damaged secret: %v", err)
	}
	if err := os.Remove(secret); err != nil {
		t.Fatal(err)
	}
	w.open() // the failed one let go of the folder
}

func TestPublicURL(t *testing.T) {
	for _, bad := range []string{"", "sync.example.org", "ftp://x", "https://x/path", "https://x?q", "https://u:p@x"} {
		if _, err := server.New(t.Context(), server.Config{Dir: t.TempDir(), PublicURL: bad}); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}

// Behind a proxy, tries are counted by the address that the proxy tells, and
// nobody else's word is taken for it.
func TestProxies(t *testing.T) {
	w := newWorld(t, func(c *server.Config) {
		c.Proxies = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
		c.SignIn = accounts.Limits{PerAddress: 1}
	})
	try := func(peer, forwarded string) int {
		t.Helper()
		r := httptest.NewRequest("POST", root+"/auth/v1/account/credentials/status", strings.NewReader(`{"email":"a@b"}`))
		r.RemoteAddr = peer
		r.Header.Set("X-Forwarded-For", forwarded)
		rec := httptest.NewRecorder()
		w.server.Handler().ServeHTTP(rec, r)
		return rec.Code
	}
	for _, step := range []struct {
		peer, forwarded string
		want            int
	}{
		{"10.0.0.1:5", "192.0.2.1", 200},
		{"10.0.0.1:5", "192.0.2.1", 429},
		{"10.0.0.1:5", "192.0.2.2, 10.0.0.9", 200},
		{"10.0.0.1:5", "198.51.100.7, 192.0.2.2", 429}, // the client wrote the first one
		{"203.0.113.1:5", "192.0.2.3", 200},
		{"203.0.113.1:5", "192.0.2.4", 429}, // no proxy of ours
	} {
		if got := try(step.peer, step.forwarded); got != step.want {
			t.Errorf("from %s for %q: %d, want %d", step.peer, step.forwarded, got, step.want)
		}
	}
}

// A stop finishes the request in flight and refuses later ones.
func TestOrderlyStop(t *testing.T) {
	w := newWorld(t, nil)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- w.server.Serve(ctx, l) }()

	// A request whose body comes in two parts, the second after the stop.
	conn, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	body := `{"email":"nobody@example.org"}`
	fmt.Fprintf(conn, "POST /auth/v1/account/credentials/status HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\nExpect: 100-continue\r\n\r\n", len(body))
	read := make([]byte, 1024)
	n, err := conn.Read(read) // the handler is reading: it is in flight
	if err != nil || !strings.HasPrefix(string(read[:n]), "HTTP/1.1 100") {
		t.Fatalf("%q, %v", read[:n], err)
	}
	stop()
	for {
		late, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			break // the listener is closed
		}
		late.Close()
	}
	if _, err := io.WriteString(conn, body); err != nil {
		t.Fatal(err)
	}
	n, err = conn.Read(read)
	if err != nil || !strings.HasPrefix(string(read[:n]), "HTTP/1.1 200") {
		t.Errorf("the request in flight: %q, %v", read[:n], err)
	}
	if err := <-served; err != nil {
		t.Errorf("Serve: %v", err)
	}
}

func TestServeFails(t *testing.T) {
	w := newWorld(t, nil)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	if err := w.server.Serve(t.Context(), l); err == nil {
		t.Error("no error from a closed listener")
	}
}

// A stop does not wait for ever for a request that hangs, and is none the worse for it.
func TestStopWithAHangingRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		p := newPipes()
		ctx, stop := context.WithCancel(t.Context())
		served := make(chan error, 1)
		go func() { served <- w.server.Serve(ctx, p) }()
		conn := p.dial(t, "192.0.2.1:1")
		io.WriteString(conn, "POST /auth/v1/account/login HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
		synctest.Wait()
		stop()
		began := time.Now()
		if err := <-served; err != nil || time.Since(began) > 10*time.Second {
			t.Errorf("Serve: %v after %v", err, time.Since(began))
		}
		if !strings.Contains(w.log.String(), "did not end in time") {
			t.Errorf("the log does not say so: %s", &w.log)
		}
	})
}

// A folder that others can write to is nobody's to trust.
func TestFolderOfOthers(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("it has no such bits")
	}
	dir := filepath.Join(t.TempDir(), "it's data")
	for _, mode := range []fs.FileMode{0o770, 0o702, 0o777 | fs.ModeSticky} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(dir, mode); err != nil {
			t.Fatal(err)
		}
		_, err := server.New(t.Context(), server.Config{Dir: dir, PublicURL: root})
		if err == nil || !strings.Contains(err.Error(), `run 'chmod go-w '`) || !strings.Contains(err.Error(), `it'\''s data'`) {
			t.Errorf("%v: %v", mode, err)
		}
	}
}

// Every answer forbids guessing at its type, and under HTTPS also to come without it: also
// where a proxy speaks TLS for the server.
func TestSecurityHeaders(t *testing.T) {
	for public, want := range map[string]string{"https://sync.example.org": "max-age=31536000", "http://sync.example.org": ""} {
		w := newWorld(t, func(c *server.Config) { c.PublicURL = public })
		for _, path := range []string{"/", "/__heartbeat__", "/auth/v1/account/devices", "/oauth/v1/jwks", "/token/1.0/sync/1.5", "/storage/1.5/1/info/collections", "/nowhere"} {
			rec := httptest.NewRecorder()
			w.server.Handler().ServeHTTP(rec, httptest.NewRequestWithContext(t.Context(), "GET", public+path, nil))
			h := rec.Header()
			if h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Strict-Transport-Security") != want {
				t.Errorf("%s%s: %v", public, path, h)
			}
		}
	}
}

// A body that is another than the signed one is refused, and nothing of it stored.
func TestStoragePayloadIsVerified(t *testing.T) {
	w := newWorld(t, nil)
	d := w.device(true)
	send := func(signed, sent string) int {
		r := httptest.NewRequestWithContext(t.Context(), "PUT", d.token.Endpoint+"/storage/forms/x", strings.NewReader(sent))
		r.Header.Set("Content-Type", "application/json")
		hawk.Sign(r, hawk.Credentials{ID: d.token.ID, Key: []byte(d.token.Key)}, w.Now().Unix(), fmt.Sprint("n", len(signed+sent), sent == signed), hawk.PayloadHash("application/json", []byte(signed)))
		rec := httptest.NewRecorder()
		w.server.Handler().ServeHTTP(rec, r)
		return rec.Code
	}
	if code := send(`{"payload":"mine"}`, `{"payload":"evil"}`); code != 401 {
		t.Errorf("another body: %d", code)
	}
	if code, _ := d.do("GET", "/storage/forms/x", ""); code != 404 {
		t.Errorf("it is stored: %d", code)
	}
	if code := send(`{"payload":"mine"}`, `{"payload":"mine"}`); code != 200 {
		t.Errorf("the signed body: %d", code)
	}
}
