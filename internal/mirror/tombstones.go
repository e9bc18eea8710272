package mirror

import (
	"context"

	"github.com/syncmanager/syncmanager/engine"
)

// revived counts the staged records that were deleted later than they are: the server
// went back. Only the whole collection can have such.
func (s *session[R]) revived(ctx context.Context) (n int, err error) {
	if s.Since() > 0 || s.Start.Prefer == engine.PreferRemote {
		return 0, nil
	}
	err = s.store.view(ctx, func(tx *Tx[R]) error {
		_, err := tx.one(sqlRevived, []any{s.store.schema.Collection, s.Start.Account}, &n)
		return err
	})
	return n, err
}

// deleteAgain deletes a record that is back on the server. The user can undo it.
func (c *chunk[R]) deleteAgain(in *staged, at engine.Timestamp) error {
	c.merged.Reconciled++
	if err := c.undo.record(in.id, in.payload, nil); err != nil {
		return err
	}
	_, err := c.tx.exec(sqlDeleteAgain, in.id, in.sealed, c.after(at), in.modified)
	return err
}
