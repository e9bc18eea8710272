package mirror

import (
	"context"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/internal/tombstones"
)

// tombstones are the deletions that are known to be on the server.
func (s *session) tombstones(tx *tx) tombstones.Set {
	return tombstones.Set{Tx: tx.Tx, Store: s.core.rules.Collection, Account: s.Start.Account}
}

// noteTombstones brings what is known of deletions up to the staged records behind a row
// number up to another.
func (c *chunk) noteTombstones(from, to int64) error {
	set := c.tombstones(c.tx)
	if _, err := c.tx.exec(sqlStagedGone, set.Store, set.Account, from, to); err != nil {
		return err
	}
	_, err := c.tx.exec(sqlStagedBack, set.Store, set.Account, from, to)
	return err
}

// settleTombstones does the same with what was uploaded, by a JSON array of IDs.
func (s *session) settleTombstones(tx *tx, stored string, at engine.Timestamp) error {
	set := s.tombstones(tx)
	if _, err := tx.exec(sqlSentGone, set.Store, set.Account, stored, at); err != nil {
		return err
	}
	_, err := tx.exec(sqlSentBack, set.Store, set.Account, stored, at)
	return err
}

// revived counts the staged records that were deleted later than they are: the server
// went back. Only the whole collection can have such.
func (s *session) revived(ctx context.Context) (n int, err error) {
	if s.Since() > 0 || s.Start.Prefer == engine.PreferRemote {
		return 0, nil
	}
	err = s.core.view(ctx, func(tx *tx) error {
		set := s.tombstones(tx)
		_, err := tx.one(sqlRevived, []any{set.Store, set.Account}, &n)
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

func (c *Core) forgetTombstones(ctx context.Context) error {
	return c.update(ctx, func(tx *tx) error {
		return tombstones.Set{Tx: tx.Tx, Store: c.rules.Collection}.Forget()
	})
}
