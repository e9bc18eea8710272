package creditcards

import (
	"context"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/internal/mirror"
)

// Touch notes that a form was filled with the card: now, and once more. That is not a
// change of its content, and TimeLastModified stays. The error is, among others,
// [engine.ErrNotFound] or an [engine.ReadOnlyError].
func (e *Engine) Touch(ctx context.Context, id engine.ID) error {
	return e.store.Edit(ctx, func(tx *mirror.Tx[Card]) error {
		r, err := tx.Get(id)
		if err != nil {
			return err
		}
		r.TimeLastUsed = e.now()
		r.TimesUsed++
		return tx.Update(&r)
	})
}
