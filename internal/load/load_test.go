package load_test

import (
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/internal/load"
)

func TestGate(t *testing.T) {
	t.Parallel()
	g := load.NewGate(16)
	var leaves []func()
	enter := func(user int64, want bool) {
		t.Helper()
		leave, ok := g.Enter(user)
		if ok != want {
			t.Errorf("user %d, with %d in progress: %v", user, len(leaves), ok)
		}
		if ok {
			leaves = append(leaves, leave)
		}
	}
	enter(1, true)
	enter(1, true)
	enter(1, false) // an eighth of sixteen
	for user := range int64(5) {
		enter(10+user, true)
	}
	if g.Busy() || g.Full() {
		t.Error("busy with less than half of the work")
	}
	enter(3, true)
	if !g.Busy() || g.Full() {
		t.Error("not busy with half of the work")
	}
	for user := range int64(8) {
		enter(20+user, true)
	}
	enter(6, false)
	if !g.Full() {
		t.Error("not full")
	}
	if all, refused := g.Now(); all != 16 || refused != 3 {
		t.Errorf("%d in progress, %d refused", all, refused)
	}
	for _, leave := range leaves {
		leave()
	}
	leaves = nil
	if all, _ := g.Now(); all != 0 || g.Busy() || g.Full() {
		t.Errorf("%d in progress at the end", all)
	}
	enter(1, true)
	seen := make(map[time.Duration]bool)
	for range 30 {
		seen[g.Wait()] = true
	}
	if len(seen) != 30 || !seen[30*time.Second] || !seen[59*time.Second] {
		t.Errorf("clients come back at %d times", len(seen))
	}
}

func TestNoGate(t *testing.T) {
	t.Parallel()
	var g *load.Gate
	leave, ok := g.Enter(1)
	if !ok || g.Busy() || g.Full() {
		t.Error("a gate without a bound has one")
	}
	leave()
}
