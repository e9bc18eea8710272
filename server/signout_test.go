package server_test

import (
	"net/http"
	"testing"

	"github.com/syncmanager/syncmanager/account"
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
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newEnv(t, nil)
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
			if name == "signed out from another device" {
				other.must("GET", "/storage/forms/x", "")
			}
		})
	}
}
