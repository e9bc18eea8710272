package testenv

import (
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/syncmanager/syncmanager/internal/test/pgtest"
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
