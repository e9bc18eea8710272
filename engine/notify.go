package engine

import "sync/atomic"

// ChangeNotifier implements [Notifier] for an engine that embeds it and calls Notify after
// each commit of a change by the user. The zero value is ready to use. It is safe for
// concurrent use.
type ChangeNotifier struct{ changed atomic.Pointer[func()] }

// OnChange implements [Notifier].
func (n *ChangeNotifier) OnChange(changed func()) {
	if changed == nil {
		n.changed.Store(nil)
		return
	}
	n.changed.Store(&changed)
}

// Notify announces that the user changed something.
func (n *ChangeNotifier) Notify() {
	if changed := n.changed.Load(); changed != nil {
		(*changed)()
	}
}
