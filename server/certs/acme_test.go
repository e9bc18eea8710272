package certs_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"io/fs"
	"log"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/syncmanager/syncmanager/internal/test/certstest"
	"github.com/syncmanager/syncmanager/server/certs"
)

const host = "sync.example.org"

func manager(t *testing.T, a *certstest.Authority, dir string) *certs.Manager {
	t.Helper()
	m, err := certs.NewManager(certs.ACME{
		Hosts: []string{host}, Email: "ann@example.org", Directory: a.Directory, Dir: dir, Transport: a.Client().Transport,
	})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func listen(t *testing.T) (net.Listener, int) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l, int(netip.MustParseAddrPort(l.Addr().String()).Port())
}

// serve answers on l by h.
func serve(t *testing.T, l net.Listener, h http.Handler) {
	t.Helper()
	s := &http.Server{Handler: h, ErrorLog: log.New(io.Discard, "", 0)}
	go func() { _ = s.Serve(l) }()
	t.Cleanup(func() { s.Close() })
}

var hello = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "hello") })

// visit opens the page at l by a name, and returns the certificate.
func visit(t *testing.T, l net.Listener, root []byte, name string) (*x509.Certificate, error) {
	t.Helper()
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(root)
	transport := &http.Transport{
		TLSClientConfig:   &tls.Config{RootCAs: roots},
		ForceAttemptHTTP2: true,
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, l.Addr().String())
		},
	}
	defer transport.CloseIdleConnections()
	r, err := http.NewRequestWithContext(t.Context(), "GET", "https://"+name+"/", nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := transport.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	if body, err := io.ReadAll(res.Body); err != nil || string(body) != "hello" || res.ProtoMajor != 2 {
		t.Errorf("%s %q, %v", res.Proto, body, err)
	}
	return res.TLS.PeerCertificates[0], nil
}

// The first handshake waits for a certificate by tls-alpn-01 on the same port. The next ones
// use it, also after a restart without the authority.
func TestACMEByTLS(t *testing.T) {
	plain, port := listen(t)
	a := certstest.New(t, 0, port)
	dir := filepath.Join(t.TempDir(), "acme")
	serve(t, tls.NewListener(plain, manager(t, a, dir).TLS()), hello)
	first, err := visit(t, plain, a.Root, host)
	if err != nil {
		t.Fatalf("%v\n%s", err, &a.Log)
	}
	asked := strings.Count(a.Log.String(), "\n")
	if _, err := visit(t, plain, a.Root, "stranger.example.org"); err == nil {
		t.Error("a certificate for another name")
	}
	again, err := visit(t, plain, a.Root, host)
	if err != nil || !again.Equal(first) || strings.Count(a.Log.String(), "\n") != asked {
		t.Errorf("the authority was asked again: %v\n%s", err, &a.Log)
	}
	a.Close()
	restarted, _ := listen(t)
	serve(t, tls.NewListener(restarted, manager(t, a, dir).TLS()), hello)
	if again, err := visit(t, restarted, a.Root, host); err != nil || !again.Equal(first) {
		t.Errorf("after a restart: %v", err)
	}
	onlyOwners(t, dir)
}

// If another program has port 443, the challenge comes to port 80.
func TestACMEByHTTP(t *testing.T) {
	plain, port := listen(t)
	a := certstest.New(t, port, 1) // nobody listens on port 1
	m := manager(t, a, filepath.Join(t.TempDir(), "acme"))
	elsewhere := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { http.NotFound(w, r) })
	answer := m.Challenges(elsewhere)
	serve(t, plain, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Host, _, _ = strings.Cut(r.Host, ":") // there is none where the port is 80
		answer.ServeHTTP(w, r)
	}))
	secure, _ := listen(t)
	serve(t, tls.NewListener(secure, m.TLS()), hello)
	if _, err := visit(t, secure, a.Root, host); err != nil {
		t.Fatalf("%v\n%s", err, &a.Log)
	}
}

func TestACMENeedsAName(t *testing.T) {
	for _, bad := range []string{"", "localhost", "192.0.2.1", "::1", "."} {
		if _, err := certs.NewManager(certs.ACME{Hosts: []string{host, bad}, Dir: t.TempDir()}); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}

// onlyOwners checks that only the owner can read the keys.
func onlyOwners(t *testing.T, dir string) {
	t.Helper()
	keys := 0
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		info, infoErr := e.Info()
		if err := errors.Join(err, infoErr); err != nil {
			return err
		}
		if info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s is %v", path, info.Mode())
		}
		if e.IsDir() {
			return nil
		}
		text, err := os.ReadFile(path)
		if b, _ := pem.Decode(text); b != nil && strings.Contains(b.Type, "PRIVATE KEY") {
			keys++
		}
		return err
	})
	if err != nil || keys < 2 {
		t.Errorf("%d keys in the folder, %v", keys, err)
	}
}
