package mirror

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/internal/rawjson"
)

// chunkTime is how long a transaction of Merge goes on before it lets the app's
// edits through.
const chunkTime = 50 * time.Millisecond

// Merge brings both sides together, in many small transactions. Killed between
// two of them, it leaves some records merged and Since where it was: the next
// sync downloads those again and finds them the same.
func (s *session) Merge(ctx context.Context, at engine.Timestamp) (engine.Merged, error) {
	err := s.merge(ctx, at)
	var hold *engine.TooManyDeletionsError
	if err != nil && !errors.As(err, &hold) {
		err = fmt.Errorf("cannot merge %s: %w", s.core.rules.Collection, err)
	}
	return s.result, err
}

func (s *session) merge(ctx context.Context, at engine.Timestamp) error {
	c := s.core
	if err := s.hold(ctx); err != nil {
		return err
	}
	if err := s.apply(ctx); err != nil {
		return err
	}
	if err := c.chunks(ctx, sqlLastSent, sqlUnsend); err != nil {
		return err
	}
	if err := s.snapshot(ctx); err != nil {
		return err
	}
	err := c.update(ctx, func(tx *tx) error {
		if _, err := tx.exec(sqlRetryMiss, idList(s.retry)); err != nil {
			return err
		}
		if _, err := tx.exec(sqlSetSince, at); err != nil {
			return err
		}
		return s.tombstones(tx).Prune(at)
	})
	if err == nil {
		s.since = max(s.since, at)
	}
	return err
}

// HoldMost asks before a sync deletes most of the user's records: another device's
// user may have meant it, or its disk may have died.
func HoldMost(deletions, total int) bool { return deletions > 10 && deletions > total/2 }

func (s *session) hold(ctx context.Context) error {
	if s.core.rules.Hold == nil || s.start.AcceptDeletions {
		return nil
	}
	var deletions int
	err := s.core.view(ctx, func(tx *tx) error {
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
	return s.core.held(ctx, s.start, deletions, revived)
}

func (s *session) apply(ctx context.Context) error {
	var end int64
	if err := s.core.view(ctx, func(tx *tx) error { _, err := tx.one(sqlLastStaged, nil, &end); return err }); err != nil {
		return err
	}
	for at := int64(0); at < end; {
		var chunk *chunk
		err := s.core.update(ctx, func(tx *tx) (err error) {
			chunk, err = s.chunk(tx, at, min(at+int64(s.core.chunk), end))
			return err
		})
		if err != nil {
			return err
		}
		s.add(chunk.merged)
		at = chunk.done
	}
	return nil
}

// chunk is one transaction of a Merge. Its counts are added to the session's
// when it has committed.
type chunk struct {
	*session
	tx     *tx
	keeper keeper
	done   int64 // the last staged row that was dealt with
	merged engine.Merged
}

func (s *session) add(m engine.Merged) {
	s.result.Applied += m.Applied
	s.result.Reconciled += m.Reconciled
	s.result.Failed += m.Failed
	s.result.NewFailed += m.NewFailed
	room := min(maxProblems-len(s.result.Problems), len(m.Problems))
	s.result.Problems = append(s.result.Problems, m.Problems[:room]...)
}

func (s *session) chunk(tx *tx, from, to int64) (*chunk, error) {
	c := &chunk{session: s, tx: tx, done: to}
	if _, err := tx.exec(sqlReadable, from, to); err != nil {
		return nil, err
	}
	if err := c.noteTombstones(from, to); err != nil {
		return nil, err
	}
	if err := c.insertNew(from, to); err != nil {
		return nil, err
	}
	left, err := c.left(from, to)
	if err != nil {
		return nil, err
	}
	started := s.core.now()
	for _, n := range left {
		if err := c.one(n); err != nil {
			return nil, err
		}
		if s.core.now().Sub(started) > chunkTime {
			c.done = n
			break
		}
	}
	if err := c.keeper.write(tx, s.start.Run); err != nil {
		return nil, err
	}
	_, err = tx.exec(sqlUnstage, from, c.done)
	return c, err
}

// insertNew takes all records in one stroke that this device has neither under
// their ID nor under another: in a first sync that is nearly all of them.
func (c *chunk) insertNew(from, to int64) error {
	var last int64
	if _, err := c.tx.one(sqlLastRecord, nil, &last); err != nil {
		return err
	}
	n, err := c.tx.exec(sqlNew, from, to, c.core.rules.Collection, c.start.Account)
	if err != nil || n == 0 {
		return err
	}
	c.merged.Applied += n
	if c.core.watchers.watched() {
		if err := c.noteNew(last); err != nil {
			return err
		}
	}
	_, err = c.tx.exec(sqlUnstageNew, from, to, last)
	return err
}

// noteNew notes the records behind the last row number that there was.
func (c *chunk) noteNew(last int64) error {
	rows, err := c.tx.Query(sqlNewIDs, last)
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
	return rows.Err()
}

func (c *chunk) left(from, to int64) (left []int64, err error) {
	rows, err := c.tx.Query(sqlStagedPage, from, to)
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
func (s *session) snapshot(ctx context.Context) error {
	var end int64
	if err := s.core.view(ctx, func(tx *tx) error { _, err := tx.one(sqlLastRecord, nil, &end); return err }); err != nil {
		return err
	}
	for at := int64(0); at < end; {
		written := 0
		err := s.core.update(ctx, func(tx *tx) error {
			to := end
			if _, err := tx.one(sqlNextChanged, []any{at, s.core.chunk - 1}, &to); err != nil {
				return err
			}
			n, err := tx.exec(sqlSnapshot, at, min(to, end))
			at, written = to, n
			return err
		})
		if err != nil {
			return err
		}
		s.result.Outgoing += written
	}
	return nil
}

// idList is the IDs as a JSON array, which one statement can take whole.
func idList(ids map[engine.ID]bool) string {
	text := []byte{'['}
	for id := range ids {
		text = appendID(text, id)
	}
	return string(append(text, ']'))
}

func appendID(text []byte, id engine.ID) []byte {
	if len(text) > 1 {
		text = append(text, ',')
	}
	return rawjson.AppendQuoted(text, id)
}
