package engine_test

import (
	"testing"

	"github.com/syncmanager/syncmanager/engine"
)

func TestAChangeIsToldToTheListenerThatIsSet(t *testing.T) {
	t.Parallel()
	var n engine.ChangeNotifier
	n.Notify()
	told := 0
	n.OnChange(func() { told++ })
	n.Notify()
	n.Notify()
	n.OnChange(nil)
	n.Notify()
	if told != 2 {
		t.Errorf("told %d times; want 2", told)
	}
	var _ engine.Notifier = &n
}
