// Package certstest runs a certificate authority in a test's process: Let's Encrypt's own
// test authority, which really validates challenges.
package certstest

import (
	"bytes"
	"log"
	"net"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/letsencrypt/pebble/v2/ca"
	"github.com/letsencrypt/pebble/v2/db"
	"github.com/letsencrypt/pebble/v2/va"
	"github.com/letsencrypt/pebble/v2/wfe"
	"github.com/miekg/dns"
)

// Authority is an ACME certificate authority. It finds each name at 127.0.0.1.
type Authority struct {
	*httptest.Server
	// Directory is the URL of its directory, where clients begin.
	Directory string
	// Root is its root certificate, in PEM.
	Root []byte
	// Log is its log.
	Log Log
}

// Log is a text that many goroutines may write to.
type Log struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *Log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *Log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// New starts an authority that sends its challenges to the given ports.
func New(t *testing.T, httpPort, tlsPort int) *Authority {
	t.Helper()
	t.Setenv("PEBBLE_VA_NOSLEEP", "1")
	t.Setenv("PEBBLE_WFE_NONCEREJECT", "0")
	a := &Authority{}
	logger := log.New(&a.Log, "", 0)
	store := db.NewMemoryStore()
	issuer := ca.New(logger, store, "", "ecdsa", 0, 1, map[string]ca.Profile{"default": {Description: "default"}})
	validator := va.New(logger, httpPort, tlsPort, true, nameServer(t), store)
	front := wfe.New(logger, store, validator, issuer, []string{"authority.test"}, true, false, 1, 1)
	a.Server = httptest.NewTLSServer(front.Handler())
	t.Cleanup(a.Close)
	a.Directory, a.Root = a.URL+wfe.DirectoryPath, issuer.GetRootCert(0).PEM()
	return a
}

// nameServer resolves every name to this machine.
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
		_ = l.Close()
		<-ended //nolint:errcheck // it ended because its listener did
	})
	return l.Addr().String()
}
