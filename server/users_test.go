package server_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/internal/test/pgtest"
	"github.com/syncmanager/syncmanager/server"
)

// A disabled user is locked out at once, on each device and with each token. When they are
// enabled again, their data is still there.
func TestDisabledUser(t *testing.T) {
	t.Parallel()
	w := newEnv(t, nil)
	d := w.device(true)
	d.must("PUT", "/storage/forms/x", `{"payload":"sealed"}`)
	access, err := d.account.AccessToken(t.Context(), false)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.server.SetDisabled(t.Context(), email, true); err != nil {
		t.Fatal(err)
	}
	if code, body := d.do("GET", "/storage/forms/x", ""); code != http.StatusUnauthorized {
		t.Errorf("storage: %d %s", code, body)
	}
	if code := d.askToken(); code != http.StatusUnauthorized {
		t.Errorf("token server: %d", code)
	}
	if again, err := d.account.AccessToken(t.Context(), true); err == nil || again == access {
		t.Error("the session still gives access tokens")
	}
	if _, err := w.accounts(d.via).Login(t.Context(), email, password); err == nil || !strings.Contains(err.Error(), "locked") {
		t.Errorf("signing in: %v", err)
	}
	if _, err := w.accounts(d.via).Login(t.Context(), email, "wrong"); err == nil || strings.Contains(err.Error(), "locked") {
		t.Errorf("a guesser hears that the account is locked: %v", err)
	}
	if err := w.server.SetDisabled(t.Context(), email, false); err != nil {
		t.Fatal(err)
	}
	if got := w.device(false).must("GET", "/storage/forms/x", ""); !strings.Contains(got, "sealed") {
		t.Errorf("the data: %s", got)
	}
}

func TestQuotas(t *testing.T) {
	t.Parallel()
	w := newEnv(t, func(c *server.Config) { c.Quota = 2048 })
	d := w.device(true)
	put := func(size int) int {
		t.Helper()
		code, _ := d.do("PUT", "/storage/forms/x", `{"payload":"`+strings.Repeat("x", size)+`"}`)
		return code
	}
	set := func(quota *int64) {
		t.Helper()
		if err := w.server.SetQuota(t.Context(), email, quota); err != nil {
			t.Fatal(err)
		}
	}
	size := func(n int64) *int64 { return &n }
	if code := put(2049); code != http.StatusForbidden {
		t.Errorf("above the server's quota: %d", code)
	}
	set(size(4096))
	if code := put(3600); code != http.StatusOK {
		t.Errorf("within a larger quota: %d", code)
	}
	if got := d.must("GET", "/info/quota", ""); !strings.HasSuffix(got, ",4.00]") && !strings.HasSuffix(got, ",4]") {
		t.Errorf("info/quota: %s", got)
	}
	set(size(1024))
	if code := put(3601); code != http.StatusForbidden {
		t.Errorf("more, above a smaller quota: %d", code)
	}
	if code := put(3000); code != http.StatusOK {
		t.Errorf("less, above a smaller quota: %d", code)
	}
	set(size(0))
	if code := put(100_000); code != http.StatusOK {
		t.Errorf("without a quota: %d", code)
	}
	set(nil)
	users, err := w.server.Users(t.Context())
	if err != nil || len(users) != 1 || users[0].Quota != 2048 || users[0].Bytes != 100_000 {
		t.Errorf("%+v, %v", users, err)
	}
}

// A removed user is deleted with all data, and may sign up again as a new user.
func TestRemovedUser(t *testing.T) {
	t.Parallel()
	w := newEnv(t, nil)
	d := w.device(true)
	d.must("PUT", "/storage/forms/x", `{"payload":"sealed"}`)
	if err := w.server.SetQuota(t.Context(), email, new(int64)); err != nil {
		t.Fatal(err)
	}
	if err := w.server.RemoveUser(t.Context(), email); err != nil {
		t.Fatal(err)
	}
	if code := d.askToken(); code != http.StatusUnauthorized {
		t.Errorf("a token for a removed user: %d", code)
	}
	left, err := filepath.Glob(filepath.Join(w.cfg.Dir, "storage", "*", "*"))
	if err != nil || len(left) != 0 {
		t.Errorf("left: %v, %v", left, err)
	}
	if code, body := w.device(true).do("GET", "/storage/forms/x", ""); code != http.StatusNotFound {
		t.Errorf("the new user finds %d %s", code, body)
	}
}

// Listing users creates no files, and shows users who never synced.
func TestUsersWithoutStorage(t *testing.T) {
	pgtest.OnFiles(t)
	t.Parallel()
	w := newEnv(t, nil)
	a := w.device(true).account
	users, err := w.server.Users(t.Context())
	if err != nil || len(users) != 1 || users[0].UID != a.Session().UID || users[0].Bytes != 0 || !users[0].Seen.Equal(w.Now().Truncate(time.Millisecond)) {
		t.Errorf("%+v, %v", users, err)
	}
	if entries, err := os.ReadDir(filepath.Join(w.cfg.Dir, "storage")); err != nil || len(entries) != 0 {
		t.Errorf("%v, %v", entries, err)
	}
}
