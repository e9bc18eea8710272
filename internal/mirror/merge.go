package mirror

import (
	"context"
	"errors"
	"fmt"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/internal/ledger"
	"github.com/syncmanager/syncmanager/internal/sqlite"
)

// Merge brings both sides together, in many small transactions. Killed between
// two of them, it leaves some records merged and Since where it was: the next
// sync downloads those again and finds them the same.
func (s *session[R]) Merge(ctx context.Context, at engine.Timestamp) (engine.Merged, error) {
	err := s.merge(ctx, at)
	if err != nil && !errors.As(err, new(*engine.TooManyDeletionsError)) {
		err = fmt.Errorf("cannot merge %s: %w", s.store.schema.Collection, err)
	}
	return s.Result, err
}

func (s *session[R]) merge(ctx context.Context, at engine.Timestamp) error {
	c := s.store
	if err := s.confirm(ctx); err != nil {
		return err
	}
	if err := s.apply(ctx); err != nil {
		return err
	}
	if err := c.ledger.DropOutgoing(ctx); err != nil {
		return err
	}
	if err := s.snapshot(ctx); err != nil {
		return err
	}
	return s.Finish(ctx, at)
}

// confirm asks for the user's confirmation where the sync would delete too much.
func (s *session[R]) confirm(ctx context.Context) error {
	if s.store.schema.TooManyDeletions == nil || s.Start.AcceptDeletions {
		return nil
	}
	var deletions int
	err := s.store.view(ctx, func(tx *Tx[R]) error {
		_, err := tx.one(sqlDeletions, nil, &deletions)
		return err
	})
	if err != nil {
		return err
	}
	revived, err := s.revived(ctx)
	if err != nil {
		return err
	}
	return s.store.confirmed(ctx, s.Start, deletions, revived)
}

func (s *session[R]) apply(ctx context.Context) error {
	return s.Apply(ctx, func(from, to int64) (int64, engine.Merged, error) {
		var c *chunk[R]
		err := s.store.update(ctx, func(tx *Tx[R]) (err error) {
			c, err = s.chunk(tx, from, to)
			return err
		})
		if err != nil {
			return from, engine.Merged{}, err
		}
		if len(c.differences) > 0 {
			s.store.schema.Synced(c.differences)
		}
		return c.done, c.merged, nil
	})
}

// chunk is one transaction of a Merge. Its counts are added to the session's
// when it has committed.
type chunk[R any] struct {
	*session[R]
	tx     *Tx[R]
	undo   undoRecorder
	row    int64 // the staged row whose turn it is
	done   int64 // the last one that was dealt with
	merged engine.Merged
	// differences are what it changes for the user, for Schema.Synced.
	differences []Difference[R]
}

func (s *session[R]) chunk(tx *Tx[R], from, to int64) (*chunk[R], error) {
	c := &chunk[R]{session: s, tx: tx, undo: undoRecorder{seal: s.store.seal}, done: to}
	if err := s.Readable(tx.sql, from, to); err != nil {
		return nil, err
	}
	if err := c.NoteDeletions(tx.sql, from, to); err != nil {
		return nil, err
	}
	if err := c.insertNew(from, to); err != nil {
		return nil, err
	}
	left, err := c.left(from, to)
	if err != nil {
		return nil, err
	}
	started := s.store.now()
	for _, n := range left {
		c.row = n
		if err := c.one(n); err != nil {
			return nil, err
		}
		if s.store.now().Sub(started) > ledger.ChunkTime {
			c.done = n
			break
		}
	}
	if err := tx.writeUndo(&c.undo, s.Start.Run); err != nil {
		return nil, err
	}
	c.merged.NoteChanged(tx.changed...)
	return c, s.Unstage(tx.sql, from, c.done)
}

// insertNew takes all records in one statement that this device has neither under
// their ID nor under another: in a first sync that is nearly all of them.
func (c *chunk[R]) insertNew(from, to int64) error {
	var last int64
	if _, err := c.tx.one(sqlLastRecord, nil, &last); err != nil {
		return err
	}
	n, err := c.tx.exec(sqlNew, from, to, c.store.schema.Collection, c.Start.Account)
	if err != nil || n == 0 {
		return err
	}
	c.merged.Applied += n
	if !c.Result.MoreChanged || c.store.watchers.Watched() || c.store.schema.Lookup != nil || c.store.schema.Synced != nil {
		if err := c.noteNew(last); err != nil {
			return err
		}
	}
	_, err = c.tx.exec(sqlUnstageNew, from, to, last)
	return err
}

// noteNew notes the records behind the last row number that there was.
func (c *chunk[R]) noteNew(last int64) error {
	rows, err := c.tx.sql.Query(sqlNewIDs, last)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var id engine.ID
		if err := rows.Scan(&id); err != nil {
			return err
		}
		c.tx.changed = append(c.tx.changed, id)
	}
	if err := rows.Err(); err != nil {
		return err
	}
	return c.noteAdded(c.tx.changed)
}

func (c *chunk[R]) left(from, to int64) (left []int64, err error) {
	rows, err := c.tx.sql.Query(sqlStagedPage, from, to)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var n int64
		if err := rows.Scan(&n); err != nil {
			return nil, err
		}
		left = append(left, n)
	}
	return left, rows.Err()
}

// snapshot writes what goes up. Records that the user adds meanwhile wait for
// the next sync, or this might never end.
func (s *session[R]) snapshot(ctx context.Context) error {
	var end int64
	if err := s.store.db.QueryRow(ctx, sqlLastChanged).Scan(&end); err != nil {
		return sqlite.Explain(err)
	}
	for at := int64(0); at < end; {
		written := 0
		err := s.store.update(ctx, func(tx *Tx[R]) error {
			to := end
			if _, err := tx.one(sqlNextChanged, []any{at, s.store.chunk - 1}, &to); err != nil {
				return err
			}
			n, err := tx.exec(sqlSnapshot, at, min(to, end))
			at, written = to, n
			return err
		})
		if err != nil {
			return err
		}
		s.Result.Outgoing += written
	}
	return nil
}
