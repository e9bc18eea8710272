package history

import (
	"context"
	"fmt"

	"github.com/syncmanager/syncmanager/engine"
)

// ClearLocal deletes all of the history on this device alone, with all that is kept about it:
// how pages were used, what was picked in the address bar, and what an Undo would bring back.
// Bookmarks stay. It also deletes visits that were not sent yet.
//
// Other devices and the server keep what they have, and later syncs do not bring it back: of
// what was visited up to now, by this device's clock, none is downloaded again. A page that is
// visited again, here or on another device, is here from then on. That holds, for any account, until
// [Engine.Wipe]. Deletions of pages that wait to be sent are sent.
//
// It works in many small transactions. After an error, it can be called again; the counts are
// of what it deleted.
func (e *Engine) ClearLocal(ctx context.Context) (gone Deleted, err error) {
	// First the time: what a sync brings from now on stays away.
	err = e.update(ctx, func(tx *tx) error {
		for _, query := range []string{sqlDropLog, sqlDropRetries} {
			if _, err := tx.Exec(query); err != nil {
				return err
			}
		}
		_, err := tx.Exec(sqlSetCleared, tx.Now().UnixMicro())
		return err
	})
	if err == nil {
		// Records that were sent before.
		err = e.ledger.DropOutgoing(ctx)
	}
	if err == nil {
		err = e.chunks(ctx, sqlLastPlace, func(tx *tx, from, to int64) error {
			var d Deleted
			if err := tx.QueryRow(sqlCountChunk, from, to).Scan(&d.Pages, &d.Visits); err != nil {
				return err
			}
			if err := wipe(tx, from, to); err != nil {
				return err
			}
			gone.Pages, gone.Visits = gone.Pages+d.Pages, gone.Visits+d.Visits
			return nil
		})
	}
	if err == nil {
		err = e.chunks(ctx, sqlLastOrigin, func(tx *tx, from, to int64) error {
			_, err := tx.Exec(sqlWipeOrigins, from, to)
			return err
		})
	}
	e.watchers.Tell(engine.Change{User: true})
	if err != nil {
		return gone, fmt.Errorf("cannot clear the history of this device, %d pages are gone: %w", gone.Pages, err)
	}
	return gone, nil
}
