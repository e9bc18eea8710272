package syncmanager_test

import (
	"maps"
	"testing"

	"github.com/syncmanager/syncmanager/internal/testworld"
)

func TestTwoDevicesShareALogin(t *testing.T) {
	w := testworld.New(t)
	a := w.Device("Ann's laptop", "ann@example.org")
	a.Add("https://example.org", "ann", "secret")
	a.Sync()
	b := w.Device("Ann's phone", "ann@example.org")
	b.Sync()
	if !maps.Equal(a.Logins(), b.Logins()) || len(b.Logins()) != 1 {
		t.Errorf("a has %v, b has %v", a.Logins(), b.Logins())
	}
	b.Restart()
	if r := b.Sync(); r.Requests != 1 || r.AccountRequests != 0 {
		t.Errorf("a new process with nothing to do made %d + %d requests", r.Requests, r.AccountRequests)
	}
}
