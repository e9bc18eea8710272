package engine

import "sync/atomic"

// Bell makes an engine a Notifier: the engine embeds it, and rings after each
// commit of a change by the user. The zero value is ready, and nobody hears it.
type Bell struct{ heard atomic.Pointer[func()] }

// Notify fulfils Notifier.
func (b *Bell) Notify(changed func()) {
	if changed == nil {
		b.heard.Store(nil)
		return
	}
	b.heard.Store(&changed)
}

// Ring tells that the user changed something.
func (b *Bell) Ring() {
	if changed := b.heard.Load(); changed != nil {
		(*changed)()
	}
}
