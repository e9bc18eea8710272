package passwords

import (
	"context"

	"github.com/syncmanager/syncmanager/engine"
)

// DeleteAll deletes all logins, here and with the next sync everywhere, and returns how many.
// One that a sync brings meanwhile stays. With an error, those that it counts are deleted.
func (e *Engine) DeleteAll(ctx context.Context) (deleted int, err error) {
	return e.store.DeleteAll(ctx)
}

// Scrub drops the logins that cannot be decrypted, where another method failed with
// [engine.ErrUndecryptable]: the file was damaged. The next sync fetches those that the
// server has again; the result counts those that only this device had. An edit that can be
// read stays.
func (e *Engine) Scrub(ctx context.Context) (engine.Scrubbed, error) { return e.store.Scrub(ctx) }

// Maintain gives the disk back what the file does not use, and returns how many bytes that
// is. It needs room for a copy of the file, and edits wait: call it when the app is idle.
func (e *Engine) Maintain(ctx context.Context) (freed int64, err error) {
	return e.store.Maintain(ctx)
}
