package certs_test

import (
	"bytes"
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
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/letsencrypt/pebble/v2/ca"
	"github.com/letsencrypt/pebble/v2/db"
	"github.com/letsencrypt/pebble/v2/va"
	"github.com/letsencrypt/pebble/v2/wfe"
	"github.com/miekg/dns"

	"github.com/syncmanager/syncmanager/server/certs"
)

const host = "sync.example.org"

// authority is Let's Encrypt's test authority in this process. It finds each name
// at 127.0.0.1, and its challenges come to the ports it is told.
type authority struct {
	*httptest.Server
	roots *x509.CertPool
	log   bytes.Buffer
}

func newAuthority(t *testing.T, httpPort, tlsPort int) *authority {
	t.Helper()
	t.Setenv("PEBBLE_VA_NOSLEEP", "1")
	t.Setenv("PEBBLE_WFE_NONCEREJECT", "0")
	a := &authority{roots: x509.NewCertPool()}
	logger := log.New(&a.log, "", 0)
	store := db.NewMemoryStore()
	issuer := ca.New(logger, store, "", "ecdsa", 0, 1, map[string]ca.Profile{"default": {Description: "default"}})
	validator := va.New(logger, httpPort, tlsPort, true, nameServer(t), store)
	front := wfe.New(logger, store, validator, issuer, []string{"authority.test"}, true, false, 1, 1)
	a.Server = httptest.NewTLSServer(front.Handler())
	t.Cleanup(a.Close)
	if !a.roots.AppendCertsFromPEM(issuer.GetRootCert(0).PEM()) {
		t.Fatal("the authority has no root")
	}
	return a
}

// nameServer says that every name is this machine.
func nameServer(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &dns.Server{Listener: l, Handler: dns.HandlerFunc(func(w dns.ResponseWriter, q *dns.Msg) {
		m := new(dns.Msg).SetReply(q)
		if q.Question[0].Qtype == dns.TypeA {
			m.Answer = append(m.Answer, &dns.A{
				Hdr: dns.RR_Header{Name: q.Question[0].Name, Rrtype: dns.TypeA, Class: dns.ClassINET}, A: net.IPv4(127, 0, 0, 1).To4(),
			})
		}
		_ = w.WriteMsg(m)
	})}
	ended := make(chan error, 1)
	go func() { ended <- s.ActivateAndServe() }()
	t.Cleanup(func() {
		l.Close()
		<-ended
	})
	return l.Addr().String()
}

func (a *authority) manager(t *testing.T, dir string) *certs.Manager {
	t.Helper()
	m, err := certs.NewManager(certs.ACME{
		Host: host, Email: "ann@example.org", Directory: a.URL + wfe.DirectoryPath, Dir: dir, Transport: a.Client().Transport,
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
func visit(t *testing.T, l net.Listener, roots *x509.CertPool, name string) (*x509.Certificate, error) {
	t.Helper()
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

// The first visitor waits for a certificate by tls-alpn-01 on the very port, the
// next ones get the same, also after a restart, when the authority is gone.
func TestACMEByTLS(t *testing.T) {
	plain, port := listen(t)
	a := newAuthority(t, 0, port)
	dir := filepath.Join(t.TempDir(), "acme")
	serve(t, tls.NewListener(plain, a.manager(t, dir).TLS()), hello)
	first, err := visit(t, plain, a.roots, host)
	if err != nil {
		t.Fatalf("%v\n%s", err, &a.log)
	}
	asked := strings.Count(a.log.String(), "\n")
	if _, err := visit(t, plain, a.roots, "stranger.example.org"); err == nil {
		t.Error("a certificate for another name")
	}
	again, err := visit(t, plain, a.roots, host)
	if err != nil || !again.Equal(first) || strings.Count(a.log.String(), "\n") != asked {
		t.Errorf("the authority was asked again: %v\n%s", err, &a.log)
	}
	a.Close()
	restarted, _ := listen(t)
	serve(t, tls.NewListener(restarted, a.manager(t, dir).TLS()), hello)
	if again, err := visit(t, restarted, a.roots, host); err != nil || !again.Equal(first) {
		t.Errorf("after a restart: %v", err)
	}
	onlyOwners(t, dir)
}

// Where port 443 is somebody else's, the challenge comes to port 80.
func TestACMEByHTTP(t *testing.T) {
	plain, port := listen(t)
	a := newAuthority(t, port, 1) // nobody listens on port 1
	m := a.manager(t, filepath.Join(t.TempDir(), "acme"))
	elsewhere := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { http.NotFound(w, r) })
	answer := m.Challenges(elsewhere)
	serve(t, plain, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Host, _, _ = strings.Cut(r.Host, ":") // there is none where the port is 80
		answer.ServeHTTP(w, r)
	}))
	secure, _ := listen(t)
	serve(t, tls.NewListener(secure, m.TLS()), hello)
	if _, err := visit(t, secure, a.roots, host); err != nil {
		t.Fatalf("%v\n%s", err, &a.log)
	}
}

func TestACMENeedsAName(t *testing.T) {
	for _, bad := range []string{"", "localhost", "192.0.2.1", "::1", "."} {
		if _, err := certs.NewManager(certs.ACME{Host: bad, Dir: t.TempDir()}); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}

// onlyOwners checks that the keys are for their owner's eyes.
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
