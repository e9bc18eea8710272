package engine_test

import (
	"testing"

	"github.com/syncmanager/syncmanager/engine"
)

func TestABellIsHeardByWhoListens(t *testing.T) {
	var b engine.Bell
	b.Ring()
	heard := 0
	b.Notify(func() { heard++ })
	b.Ring()
	b.Ring()
	b.Notify(nil)
	b.Ring()
	if heard != 2 {
		t.Errorf("heard %d times", heard)
	}
	var _ engine.Notifier = &b
}
