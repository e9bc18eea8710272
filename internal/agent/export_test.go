package agent

import "context"

// Keep is Run without a socket, which a synctest bubble cannot wait for.
func (a *Agent) Keep(ctx context.Context) {
	heed := a.watchSystem(ctx)
	go heed()
	a.keepInSync(ctx)
}
