package addresses

import (
	"context"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/internal/mirror"
)

// Touch notes that a form was filled with the address: now, and once more. That is not a
// change of its content, and TimeLastModified stays. The error is, among others,
// [engine.ErrNotFound] or an [engine.ReadOnlyError].
func (e *Engine) Touch(ctx context.Context, id engine.ID) error {
	return e.store.Edit(ctx, func(tx *mirror.Tx[Address]) error {
		r, err := tx.Get(id)
		if err != nil {
			return err
		}
		r.TimeLastUsed = e.now()
		r.TimesUsed++
		return tx.Update(&r)
	})
}

// DeleteAll deletes all addresses, here and with the next sync everywhere, and returns how many.
// One that a sync brings meanwhile stays. With an error, those that it counts are deleted.
func (e *Engine) DeleteAll(ctx context.Context) (deleted int, err error) {
	return e.store.DeleteAll(ctx)
}

// Scrub drops the addresses that cannot be decrypted, where another method failed with
// [engine.ErrUndecryptable]: the file was damaged. The next sync fetches those that the
// server has again; the result counts those that only this device had. An edit that can be
// read stays.
func (e *Engine) Scrub(ctx context.Context) (engine.Scrubbed, error) { return e.store.Scrub(ctx) }

// Maintain gives the disk back what the file does not use, and returns how many bytes that
// is. It needs room for a copy of the file, and edits wait: call it when the app is idle.
func (e *Engine) Maintain(ctx context.Context) (freed int64, err error) {
	return e.store.Maintain(ctx)
}
