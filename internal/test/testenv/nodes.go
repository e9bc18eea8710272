package testenv

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/syncmanager/syncmanager/internal/test/pgtest"
	"github.com/syncmanager/syncmanager/server"
)

// Database is the PostgreSQL database of the server, or "".
func (w *Env) Database() string { return w.database }

// Nodes makes an environment that real programs reach over loopback, where each request goes to
// another of two servers on one PostgreSQL database. It skips the test without PostgreSQL.
func Nodes(t testing.TB) *Env {
	t.Helper()
	w, l := listen(t, pgtest.Database(t))
	first := w.Server.Handler()
	w.open(filepath.Join(t.TempDir(), "second"))
	second := w.Server.Handler()
	var requests atomic.Int64
	s := &httptest.Server{Listener: l, Config: &http.Server{Handler: http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if requests.Add(1)%2 == 0 {
			first.ServeHTTP(rw, r)
		} else {
			second.ServeHTTP(rw, r)
		}
	})}}
	s.Start()
	t.Cleanup(s.Close)
	return w
}

// NodesAt makes an environment of two servers on one PostgreSQL database, with addresses of their own, for a proxy
// at root that the test starts. Each must get a request. It skips the test without PostgreSQL.
func NodesAt(t testing.TB, root string) (w *Env, addresses []string) {
	t.Helper()
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	w = &Env{
		T: t, URL: root, Clock: &Clock{real: true}, Net: &Net{base: transport}, accounts: map[string]bool{}, database: pgtest.Database(t),
		change: []func(*server.Config){func(c *server.Config) { c.Proxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")} }},
	}
	for n := range 2 {
		w.open(filepath.Join(t.TempDir(), "server"))
		h := w.Server.Handler()
		var requests atomic.Int64
		s := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			if r.Header.Get("X-Forwarded-For") != "" { // not a health check
				requests.Add(1)
			}
			h.ServeHTTP(rw, r)
		}))
		t.Cleanup(func() {
			s.Close()
			if requests.Load() == 0 {
				t.Errorf("server %d got no request", n)
			}
		})
		addresses = append(addresses, s.Listener.Addr().String())
	}
	return w, addresses
}
