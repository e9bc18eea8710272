package mirror

import (
	"context"

	"github.com/syncmanager/syncmanager/engine"
)

// revived counts the staged records that were deleted later than they are: the server
// went back. Only the whole collection can have such.
func (s *session) revived(ctx context.Context) (n int, err error) {
	if s.Since() > 0 || s.Start.Prefer == engine.PreferRemote {
		return 0, nil
	}
	err = s.core.view(ctx, func(tx *tx) error {
		_, err := tx.one(sqlRevived, []any{s.core.rules.Collection, s.Start.Account}, &n)
		return err
	})
	return n, err
}

// deleteAgain deletes a record that is back on the server. The user can undo it.
func (c *chunk) deleteAgain(in *staged, at engine.Timestamp) error {
	c.merged.Reconciled++
	if err := c.keeper.keep(c.core, in.id, in.payload, nil); err != nil {
		return err
	}
	_, err := c.tx.exec(sqlDeleteAgain, in.id, in.sealed, c.after(at), in.modified)
	return err
}
