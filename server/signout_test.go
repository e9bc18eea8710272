package server_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/syncmanager/syncmanager/account"
	"github.com/syncmanager/syncmanager/internal/test/pgtest"
	"github.com/syncmanager/syncmanager/server"
)

// A storage token becomes invalid at once when its session ends, or its account is disabled
// or deleted, and stays invalid.
func TestStorageTokensEnd(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(w *env, d, other *device) error{
		"signed out from another device": func(w *env, d, other *device) error {
			return other.account.Disconnect(w.t.Context(), account.Device{ID: d.account.DeviceID()})
		},
		"removed": func(w *env, d, _ *device) error { return w.server.RemoveUser(w.t.Context(), email) },
		"disabled, and then removed": func(w *env, d, _ *device) error {
			if err := w.server.SetDisabled(w.t.Context(), email, true); err != nil {
				return err
			}
			return w.server.RemoveUser(w.t.Context(), email)
		},
		"deleted by its owner": func(w *env, d, _ *device) error { w.destroyAccount(); return nil },
	} {
		body := func(t *testing.T, change func(*server.Config)) {
			t.Parallel()
			w := newEnv(t, change)
			d := w.device(true)
			other := w.device(false)
			if err := d.account.RegisterDevice(t.Context(), "laptop", "desktop"); err != nil {
				t.Fatal(err)
			}
			d.must("PUT", "/storage/forms/x", `{"payload":"sealed"}`)
			if err := end(w, d, other); err != nil {
				t.Fatal(err)
			}
			for _, path := range []string{"/info/collections", "/storage/forms/x"} {
				if code, body := d.do("GET", path, ""); code != http.StatusUnauthorized {
					t.Errorf("%s: %d %s", path, code, body)
				}
			}
			if code := d.askToken(); code != http.StatusUnauthorized {
				t.Errorf("the token server: %d", code)
			}
			// Nothing is stored of what the device still sends.
			for _, path := range []string{"/storage/forms", "/storage/forms?batch=true", "/storage/forms?batch=true&commit=true"} {
				if code, body := d.do("POST", path, `[{"id":"late","payload":"sealed"}]`); code != http.StatusUnauthorized {
					t.Errorf("POST %s: %d %s", path, code, body)
				}
			}
			if code, body := d.do("DELETE", "/storage/forms", ""); code != http.StatusUnauthorized {
				t.Errorf("DELETE: %d %s", code, body)
			}
			if !strings.Contains(w.log.String(), "event=token_refused") {
				t.Errorf("the security log says nothing:\n%s", w.log.String())
			}
			if name == "signed out from another device" {
				other.must("GET", "/storage/forms/x", "")
				if code, _ := other.do("GET", "/storage/forms/late", ""); code != http.StatusNotFound {
					t.Errorf("a record of the device that was signed out: %d", code)
				}
			}
		}
		t.Run(name, func(t *testing.T) { body(t, nil) })
		t.Run(name+", on PostgreSQL", func(t *testing.T) {
			database := pgtest.Database(t)
			body(t, func(c *server.Config) { c.Database = database })
		})
	}
}
