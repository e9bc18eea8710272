package server_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/syncmanager/syncmanager/internal/dirlock"
	"github.com/syncmanager/syncmanager/internal/hawk"
	"github.com/syncmanager/syncmanager/internal/test/pgtest"
	"github.com/syncmanager/syncmanager/server"
	"github.com/syncmanager/syncmanager/server/accounts"
)

func TestMeta(t *testing.T) {
	t.Parallel()
	w := newEnv(t, nil)
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

// The data folder is for one server, and only its owner can read it.
func TestDataFolder(t *testing.T) {
	pgtest.OnFiles(t)
	t.Parallel()
	w := newEnv(t, nil)
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
	t.Parallel()
	for _, bad := range []string{"", "sync.example.org", "ftp://x", "https://x?q", "https://u:p@x", "https://x/a b", "https://x/../a", "https://x/a//b", "https://x#f"} {
		if _, err := server.New(t.Context(), server.Config{Dir: t.TempDir(), PublicURL: bad}); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}

// Behind a proxy, attempts are counted by the address that the proxy forwards; other senders
// cannot forge it.
func TestProxies(t *testing.T) {
	t.Parallel()
	w := newEnv(t, func(c *server.Config) {
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
	t.Parallel()
	w := newEnv(t, nil)
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
	t.Parallel()
	w := newEnv(t, nil)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	if err := w.server.Serve(t.Context(), l); err == nil {
		t.Error("no error from a closed listener")
	}
}

// A stop does not wait for ever for a request that hangs, and loses nothing.
func TestStopWithAHangingRequest(t *testing.T) {
	t.Parallel()
	pgtest.OnFiles(t) // a server that listens to a database never rests, and the bubble's clock would stand still
	synctest.Test(t, func(t *testing.T) {
		w := newEnv(t, nil)
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

// A folder that others can write to is refused.
func TestFolderOfOthers(t *testing.T) {
	t.Parallel()
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

// Every response forbids content sniffing and, under HTTPS, has HSTS, also if a proxy
// terminates TLS.
func TestSecurityHeaders(t *testing.T) {
	t.Parallel()
	for public, want := range map[string]string{"https://sync.example.org": "max-age=31536000", "http://sync.example.org": ""} {
		w := newEnv(t, func(c *server.Config) { c.PublicURL = public })
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

// A body that differs from the signed one is refused, and nothing of it is stored.
func TestStoragePayloadIsVerified(t *testing.T) {
	t.Parallel()
	w := newEnv(t, nil)
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

func TestPublicURLs(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"https://bücher.example/":         "https://xn--bcher-kva.example",
		"https://Bücher.example:8443/a":   "https://xn--bcher-kva.example:8443/a",
		"http://[::1]:5000":               "http://[::1]:5000",
		"http://192.0.2.1":                "http://192.0.2.1",
		"https://example.org/sync/":       "https://example.org/sync",
		"https://example.org/my/own.sync": "https://example.org/my/own.sync",
	} {
		if u, err := server.ParsePublicURL(text); err != nil || u.String() != want {
			t.Errorf("%s: %v, %v, want %s", text, u, err, want)
		}
	}
}

// With a path in the public URL, everything is below it, whether or not a proxy strips the
// path.
func TestBelowAPath(t *testing.T) {
	t.Parallel()
	const public = "https://example.org/my/sync"
	w := newEnv(t, func(c *server.Config) { c.PublicURL = public })
	get := func(path string) *httptest.ResponseRecorder {
		rec := httptest.NewRecorder()
		w.server.Handler().ServeHTTP(rec, httptest.NewRequestWithContext(t.Context(), "GET", "https://example.org"+path, nil))
		return rec
	}
	if rec := get("/my/sync"); rec.Code != 308 || rec.Header().Get("Location") != "/my/sync/" {
		t.Errorf("the path itself: %d %v", rec.Code, rec.Header())
	}
	page := get("/my/sync/").Body.String()
	for _, link := range regexp.MustCompile(`(?:href|src)="(/[^"]*)"`).FindAllStringSubmatch(page, -1) {
		if rec := get(link[1]); !strings.HasPrefix(link[1], "/my/sync/") || rec.Code != 200 {
			t.Errorf("the page leads to %s: %d", link[1], rec.Code)
		}
	}
	if !strings.Contains(page, `data-base="/my/sync"`) {
		t.Error("the page does not tell its scripts where they are")
	}
	if got := get("/my/sync/.well-known/fxa-client-configuration").Body.String(); !strings.Contains(got, `"`+public+`/token`) || !strings.Contains(got, `"`+public+`/oauth`) {
		t.Errorf("the configuration: %s", got)
	}
	if rec := get("/my/sync/__heartbeat__"); rec.Code != 200 {
		t.Errorf("heartbeat: %d", rec.Code)
	}
	if rec := get("/my/synced/__heartbeat__"); rec.Code != 404 {
		t.Errorf("another path: %d", rec.Code)
	}
	w.rootURL = public
	d := w.device(true)
	if !strings.HasPrefix(d.token.Endpoint, public+"/storage/1.5/") {
		t.Errorf("storage is at %s", d.token.Endpoint)
	}
	d.must("PUT", "/storage/forms/a%2Fb", `{"payload":"x"}`)
	// A proxy that took the path off.
	r := httptest.NewRequestWithContext(t.Context(), "GET", d.token.Endpoint+"/storage/forms/a%2Fb", nil)
	hawk.Sign(r, hawk.Credentials{ID: d.token.ID, Key: []byte(d.token.Key)}, w.Now().Unix(), "proxied", "")
	r.RequestURI = strings.TrimPrefix(r.URL.RequestURI(), "/my/sync")
	r.URL.Path, r.URL.RawPath = strings.TrimPrefix(r.URL.Path, "/my/sync"), strings.TrimPrefix(r.URL.RawPath, "/my/sync")
	rec := httptest.NewRecorder()
	if w.server.Handler().ServeHTTP(rec, r); rec.Code != 200 {
		t.Errorf("through such a proxy: %d %s", rec.Code, rec.Body)
	}
}

// Devices that were set up for Mozilla's own server find the token server where it was.
func TestOldTokenPath(t *testing.T) {
	t.Parallel()
	w := newEnv(t, nil)
	for _, path := range []string{"/1.0/sync/1.5", "/token/1.0/sync/1.5"} {
		rec := httptest.NewRecorder()
		w.server.Handler().ServeHTTP(rec, httptest.NewRequestWithContext(t.Context(), "GET", root+path, nil))
		if rec.Code != 401 || rec.Header().Get("X-Timestamp") == "" {
			t.Errorf("%s: %d %v", path, rec.Code, rec.Header())
		}
	}
}

// Web pages of another origin use the service where the operator named it, never with the
// browser's own credentials; all others as before.
func TestCORS(t *testing.T) {
	t.Parallel()
	const app = "https://app.example.org"
	ask := func(w *env, method, path, origin string, header ...string) (int, http.Header) {
		r := httptest.NewRequestWithContext(t.Context(), method, root+path, nil)
		r.Header.Set("Origin", origin)
		for i := 0; i < len(header); i += 2 {
			r.Header.Set(header[i], header[i+1])
		}
		rec := httptest.NewRecorder()
		w.server.Handler().ServeHTTP(rec, r)
		for name := range rec.Header() {
			if name == "Access-Control-Allow-Credentials" {
				t.Errorf("%s: credentials are let in", path)
			}
		}
		return rec.Code, rec.Header()
	}
	off, on := newEnv(t, nil), newEnv(t, func(c *server.Config) { c.CORS = []string{app} })
	for _, path := range []string{"/storage/1.5/1/info/collections", "/token/1.0/sync/1.5", "/auth/v1/account/devices", "/oauth/v1/token", "/.well-known/fxa-client-configuration"} {
		if _, h := ask(off, "GET", path, app); h.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%s: it is on by itself", path)
		}
		if _, h := ask(on, "GET", path, "https://evil.example.org"); h.Get("Access-Control-Allow-Origin") != "" || h.Get("Vary") != "Origin" {
			t.Errorf("%s, another origin: %v", path, h)
		}
		if _, h := ask(on, "GET", path, app); h.Get("Access-Control-Allow-Origin") != app || !strings.Contains(h.Get("Access-Control-Expose-Headers"), "X-Last-Modified") {
			t.Errorf("%s: %v", path, h)
		}
		code, h := ask(on, "OPTIONS", path, app, "Access-Control-Request-Method", "PUT", "Access-Control-Request-Headers", "authorization,x-if-unmodified-since")
		if code != 204 || !strings.Contains(h.Get("Access-Control-Allow-Methods"), "PUT") || !strings.Contains(h.Get("Access-Control-Allow-Headers"), "X-If-Unmodified-Since") {
			t.Errorf("%s, preflight: %d %v", path, code, h)
		}
		if code, h := ask(on, "OPTIONS", path, "https://evil.example.org", "Access-Control-Request-Method", "PUT"); code == 204 || h.Get("Access-Control-Allow-Methods") != "" {
			t.Errorf("%s, preflight of another: %d %v", path, code, h)
		}
	}
	if _, h := ask(on, "GET", "/", app); h.Get("Access-Control-Allow-Origin") != "" {
		t.Error("pages are for nobody's scripts")
	}
	for _, bad := range []string{"*", "null", "app.example.org", "https://app.example.org/", "https://APP.example.org", ""} {
		if _, err := server.New(t.Context(), server.Config{Dir: t.TempDir(), PublicURL: root, CORS: []string{bad}}); err == nil {
			t.Errorf("the origin %q is taken", bad)
		}
	}
}

// The peer of a Unix domain socket is the proxy, and forwards the client's address.
func TestSocketProxy(t *testing.T) {
	t.Parallel()
	w := newEnv(t, func(c *server.Config) {
		c.SocketProxy = true
		c.SignIn = accounts.Limits{PerAddress: 1}
	})
	for n, want := range []int{200, 429, 200} {
		r := httptest.NewRequestWithContext(t.Context(), "POST", root+"/auth/v1/account/credentials/status", strings.NewReader(`{"email":"a@b"}`))
		r.RemoteAddr = "@"
		r.Header.Set("X-Forwarded-For", []string{"192.0.2.1", "192.0.2.1", "192.0.2.2"}[n])
		rec := httptest.NewRecorder()
		if w.server.Handler().ServeHTTP(rec, r); rec.Code != want {
			t.Errorf("request %d: %d, want %d", n, rec.Code, want)
		}
	}
}

// A server needs no more than a folder and its URL.
func TestDefaults(t *testing.T) {
	t.Parallel()
	s, err := server.New(t.Context(), server.Config{Dir: t.TempDir(), PublicURL: root})
	if err != nil {
		t.Fatal(err)
	}
	if h, _ := s.Health(t.Context()); !h.OK {
		t.Errorf("%+v", h)
	}
	if err := s.Close(t.Context()); err != nil {
		t.Error(err)
	}
}
