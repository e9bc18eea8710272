package interop_test

import (
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/internal/test/testenv"
)

// What a Firefox does at once when it hears by push that collections changed: it syncs the list of devices if that is among them, and
// nothing otherwise. The messages are those of Account.Notify, which the server passes on as they are.
func TestFirefoxHearsOfDevicesAlone(t *testing.T) {
	t.Parallel()
	w := testenv.Listen(t)
	ff := firefox(t, w)
	_, err := ff.Sync(t.Context())
	check(t, err)
	d := w.Device("Ann's terminal", ann)
	d.Add("https://one.example.org", "ann", "secret")
	d.Sync()
	hear := func(collections string, within time.Duration) bool {
		t.Helper()
		synced, err := ff.HearPush(t.Context(), `{"version":1,"command":"sync:collection_changed","data":{"collections":[`+collections+`]}}`, within)
		check(t, err)
		return synced
	}
	if hear(`"passwords","bookmarks"`, 2*time.Second) {
		t.Error("Firefox synced at once because passwords changed: then this project could have it do so")
	}
	if !hear(`"clients"`, 30*time.Second) {
		t.Error("Firefox did not sync the devices at once")
	}
	logins, err := ff.Logins(t.Context())
	check(t, err)
	if len(logins) != 0 {
		t.Errorf("with the devices came %d logins: then this project could have them come at once", len(logins))
	}
}
