package engine

import "sync/atomic"

// ChangeNotifier makes an engine a [Notifier]: the engine embeds it, and calls Notify
// after each commit of a change by the user. The zero value is ready to use. Its methods
// may be called from several goroutines at once.
type ChangeNotifier struct{ changed atomic.Pointer[func()] }

// OnChange fulfils [Notifier].
func (n *ChangeNotifier) OnChange(changed func()) {
	if changed == nil {
		n.changed.Store(nil)
		return
	}
	n.changed.Store(&changed)
}

// Notify tells that the user changed something.
func (n *ChangeNotifier) Notify() {
	if changed := n.changed.Load(); changed != nil {
		(*changed)()
	}
}
