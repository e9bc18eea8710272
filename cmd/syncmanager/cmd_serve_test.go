package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/syncmanager/syncmanager/internal/test/certstest"
)

// freePort is a port that nobody listened on a moment ago.
func freePort(t *testing.T) (addr string, port int) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	addr = l.Addr().String()
	return addr, int(netip.MustParseAddrPort(addr).Port())
}

// startServing runs 'serve' in this process until the test ends.
func startServing(t *testing.T, args ...string) (listen string) {
	t.Helper()
	listen, stop := serving(t, args...)
	t.Cleanup(stop)
	return listen
}

// serving runs 'serve' in this process until the test calls stop.
func serving(t *testing.T, args ...string) (listen string, stop func()) {
	t.Helper()
	return servingWith(t, nil, args...)
}

// servingWith is serving with variables of the environment.
func servingWith(t *testing.T, environment map[string]string, args ...string) (listen string, stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	r, w := io.Pipe()
	var stderr strings.Builder
	ended := make(chan int, 1)
	go func() {
		defer w.Close()
		ended <- run(ctx, append([]string{"serve", "--json"}, args...), strings.NewReader(""), w, &stderr, func(name string) string { return environment[name] })
	}()
	stop = func() {
		cancel()
		if code := <-ended; code != exitDone {
			t.Errorf("serve ended with %d: %s", code, &stderr)
		}
	}
	var ready struct{ Listen string }
	line, err := bufio.NewReader(r).ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(line, &ready)
	}
	if err != nil {
		stop()
		t.Fatalf("%v in %q", err, line)
	}
	return ready.Listen, stop
}

// serve gets itself a certificate, and shows the way to those who come by plain
// HTTP, and nowhere else.
func TestServeACME(t *testing.T) {
	addr, port := freePort(t)
	plain, _ := freePort(t)
	a := certstest.New(t, 1, port)
	dir := t.TempDir()
	roots := filepath.Join(dir, "roots.pem")
	front := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.Certificate().Raw})
	if err := os.WriteFile(roots, front, 0o600); err != nil {
		t.Fatal(err)
	}
	const public, other = "https://sync.example.org", "https://other.example.org:8443"
	startServing(t, "--addr", addr, "--data", filepath.Join(dir, "data"), "--public-url", public, "--public-url", other, "--redirect-addr", plain,
		"--acme", "--acme-email", "ann@example.org", "--acme-directory", a.Directory, "--acme-root", roots)
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(a.Root)
	transport := &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: pool},
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, addr)
		},
	}
	defer transport.CloseIdleConnections()
	for _, name := range []string{public, other} {
		res, err := (&http.Client{Transport: transport}).Get(name + "/__lbheartbeat__")
		if err != nil || res.StatusCode != http.StatusOK {
			t.Fatalf("%s: %v, %v\n%s", name, res, err, &a.Log)
		}
		res.Body.Close()
	}

	for asked, want := range map[string]string{
		"/auth/v1/x?a=b": public + "/auth/v1/x?a=b", "//evil.example/": public + "//evil.example/", "http://u@evil.example/y": public + "/y",
		"http://other.example.org/y": other + "/y",
	} {
		conn, err := net.Dial("tcp", plain)
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(conn, "GET "+asked+" HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n")
		res, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := res.Header.Get("Location"); res.StatusCode != http.StatusPermanentRedirect || got != want {
			t.Errorf("%s: %d to %q, want %q", asked, res.StatusCode, got, want)
		}
		res.Body.Close()
		conn.Close()
	}
}

// The metrics are on an address of their own, and nowhere else.
func TestServeMetrics(t *testing.T) {
	addr, _ := freePort(t)
	listen := startServing(t, "--addr", "127.0.0.1:0", "--data", filepath.Join(t.TempDir(), "data"), "--metrics-addr", addr)
	for url, want := range map[string]bool{"http://" + addr + "/metrics": true, "http://" + addr + "/": false, "http://" + listen + "/metrics": false} {
		res, err := http.Get(url)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(res.Body)
		if err != nil || strings.Contains(string(text), "syncmanager_users 0") != want {
			t.Errorf("%s: %s, %v", url, res.Status, err)
		}
		res.Body.Close()
	}
}
