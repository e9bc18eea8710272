package server_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/syncmanager/syncmanager/internal/test/pgtest"
	"github.com/syncmanager/syncmanager/server"
)

// If the disk has only its reserve left, sign-ups and uploads are refused, but users can sign
// in, read and delete.
func TestDiskReserve(t *testing.T) {
	pgtest.OnFiles(t)
	t.Parallel()
	var left, size atomic.Int64
	var broken atomic.Bool
	w := newEnv(t, func(c *server.Config) {
		c.Disk = func(dir string) (int64, int64, error) {
			if dir != c.Dir {
				t.Errorf("asked for %s", dir)
			}
			if broken.Load() {
				return 0, 0, errors.New("no idea")
			}
			return left.Load(), size.Load(), nil
		}
	})
	left.Store(1e12)
	size.Store(1e12)
	d := w.device(true)
	signUp := func() *httptest.ResponseRecorder {
		rec := httptest.NewRecorder()
		w.server.Handler().ServeHTTP(rec, httptest.NewRequestWithContext(t.Context(), "POST", root+"/auth/v1/account/create",
			strings.NewReader(`{"email":"new@example.org","authPW":"`+strings.Repeat("1", 64)+`"}`)))
		return rec
	}
	d.must("PUT", "/storage/forms/x", `{"payload":"sealed"}`)
	left.Store(200_000_000 - 1)
	if code, _ := d.do("PUT", "/storage/forms/y", `{}`); code != http.StatusServiceUnavailable {
		t.Errorf("a write: %d", code)
	}
	if rec := signUp(); rec.Code != http.StatusServiceUnavailable || rec.Header().Get("Retry-After") != "1800" || !strings.Contains(rec.Body.String(), "disk") {
		t.Errorf("a sign-up: %d %v %s", rec.Code, rec.Header(), rec.Body)
	}
	w.device(false)
	d.must("GET", "/storage/forms", "")
	d.must("DELETE", "/storage/forms/x", "")
	// Of a small disk the reserve is a part.
	size.Store(1e9)
	d.must("PUT", "/storage/forms/y", `{}`)
	left.Store(5e7 - 1)
	if code, _ := d.do("PUT", "/storage/forms/y", `{}`); code != http.StatusServiceUnavailable {
		t.Errorf("a write to a small disk: %d", code)
	}
	broken.Store(true)
	d.must("PUT", "/storage/forms/y", `{}`)
}
