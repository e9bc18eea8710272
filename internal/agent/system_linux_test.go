package agent

import (
	"bufio"
	"context"
	"log/slog"
	"os/exec"
	"strings"
	"testing"

	"github.com/godbus/dbus/v5"
	"github.com/godbus/dbus/v5/prop"
)

// privateBus starts a D-Bus daemon for the test, and returns its address.
func privateBus(t *testing.T) string {
	t.Helper()
	daemon, err := exec.LookPath("dbus-daemon")
	if err != nil {
		t.Skip("no dbus-daemon is installed: ", err)
	}
	c := exec.CommandContext(t.Context(), daemon, "--session", "--nofork", "--nopidfile", "--print-address=1", "--address=unix:dir="+t.TempDir())
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = c.Process.Kill(), c.Wait() })
	address, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(address)
}

// TestTheBusTellsOfPauses: of what NetworkManager says already, and of what UPower says later.
func TestTheBusTellsOfPauses(t *testing.T) {
	address := privateBus(t)
	service, err := dbus.Connect(address)
	if err != nil {
		t.Fatal(err)
	}
	defer service.Close()
	values := map[string]*prop.Properties{}
	for _, p := range properties {
		exported, err := prop.Export(service, p.path, prop.Map{p.iface: {p.name: {Value: uint32(1), Emit: prop.EmitTrue}}})
		if err != nil {
			t.Fatal(err)
		}
		values[p.name] = exported
		if reply, err := service.RequestName(p.service, dbus.NameFlagDoNotQueue); err != nil || reply != dbus.RequestNameReplyPrimaryOwner {
			t.Fatal(reply, err)
		}
	}
	told := make(chan Event, 10)
	s := &linuxSystem{log: slog.New(slog.DiscardHandler), bus: func(ctx context.Context) (*dbus.Conn, error) { return dbus.Connect(address, dbus.WithContext(ctx)) }}
	s.Watch(t.Context(), func(e Event) {
		if !e.Moved {
			told <- e
		}
	})
	want := func(want Event) {
		t.Helper()
		if got := <-told; got != want {
			t.Errorf("told %+v, want %+v", got, want)
		}
	}
	want(Event{Pause: Network, Why: "the network is metered"}) // 1 is yes
	want(Event{Pause: Battery})                                // and here, none
	values["WarningLevel"].SetMust("org.freedesktop.UPower.Device", "WarningLevel", uint32(3))
	want(Event{Pause: Battery, Why: "the battery is low"})
	values["Metered"].SetMust("org.freedesktop.NetworkManager", "Metered", uint32(2))
	want(Event{Pause: Network})
}
