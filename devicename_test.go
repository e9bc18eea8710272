package syncmanager_test

import (
	"slices"
	"testing"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/internal/test/testenv"
)

// TestADeviceGetsItsDefaultNameBack: here, in the other devices' lists, and with the accounts
// server, once.
func TestADeviceGetsItsDefaultNameBack(t *testing.T) {
	t.Parallel()
	_, a, b := two(t)
	names := func(d *testenv.Device) (all []string) {
		for _, d := range d.Manager.Devices() {
			all = append(all, d.Name)
		}
		slices.Sort(all)
		return all
	}
	first := names(b)
	local := func(d engine.Device) bool { return d.Local }
	before := a.Manager.Devices()[slices.IndexFunc(a.Manager.Devices(), local)].Name
	check(t, a.Manager.RenameDevice(t.Context(), "another name"))
	a.Sync()
	b.Sync()
	if slices.Equal(names(b), first) || !slices.Contains(names(b), "another name") {
		t.Fatalf("b sees %v", names(b))
	}
	check(t, a.Manager.ClearDeviceName(t.Context()))
	a.Restart()
	a.Sync()
	b.Sync()
	if !slices.Equal(names(b), first) || !slices.Contains(names(a), before) {
		t.Errorf("a sees %v and b sees %v, want %v", names(a), names(b), first)
	}
	asked := a.Account.Requests()
	if a.Sync(); a.Account.Requests() != asked {
		t.Error("the accounts server is told again")
	}
	list, err := b.Account.Devices(t.Context())
	check(t, err)
	var told []string
	for _, d := range list {
		told = append(told, d.Name)
	}
	if !slices.Contains(told, before) || slices.Contains(told, "another name") {
		t.Errorf("the accounts server has %v", told)
	}
}
