package history

import (
	"context"
	"errors"
	"fmt"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engines/internal/places"
	"github.com/syncmanager/syncmanager/internal/ledger"
	"github.com/syncmanager/syncmanager/internal/sqlite"
)

// Merge brings both sides together, in many small transactions. Killed between
// two of them, it leaves some records merged and Since where it was: the next sync
// downloads those again and finds them the same.
func (s *session) Merge(ctx context.Context, at engine.Timestamp) (engine.Merged, error) {
	err := s.merge(ctx, at)
	var hold *engine.TooManyDeletionsError
	if err != nil && !errors.As(err, &hold) {
		err = fmt.Errorf("cannot merge the history: %w", err)
	}
	if s.skipped != (skipped{}) {
		s.e.db.Log().Info("history that cannot be stored was left out", "pages", s.skipped.pages, "visits", s.skipped.visits)
	}
	return s.Result, err
}

func (s *session) merge(ctx context.Context, at engine.Timestamp) error {
	if err := s.limitDeletions(ctx); err != nil {
		return err
	}
	if err := s.apply(ctx, at); err != nil {
		return err
	}
	if s.Since() == 0 {
		if err := s.e.forgetOld(ctx); err != nil {
			return err
		}
	}
	if err := s.snapshot(ctx); err != nil {
		return err
	}
	return s.Finish(ctx, at, func(t *sqlite.Tx) error { return prune(t, s.e.db.Now()) })
}

// limitDeletions refuses to delete most of the history without the user's confirmation.
func (s *session) limitDeletions(ctx context.Context) error {
	deletions, err := s.e.number(ctx, sqlDeletions)
	if err != nil {
		return err
	}
	revived := int64(0)
	if s.Since() == 0 && s.Start.Prefer != engine.PreferRemote {
		if revived, err = s.e.number(ctx, sqlRevived, s.Start.Account); err != nil {
			return err
		}
	}
	return s.e.tooManyDeletions(ctx, s.Start, deletions, revived)
}

func (s *session) apply(ctx context.Context, at engine.Timestamp) error {
	return s.Apply(ctx, func(from, to int64) (int64, engine.Merged, error) {
		var c *chunk
		err := s.e.update(ctx, func(tx *tx) error {
			c = &chunk{session: s, tx: tx, at: at}
			return c.run(ctx, from, to)
		})
		if err != nil {
			return from, engine.Merged{}, err
		}
		s.skipped.pages += c.skipped.pages
		s.skipped.visits += c.skipped.visits
		return c.done, c.merged, nil
	})
}

// chunk is one transaction of a Merge. Its counts are added to the session's
// when it has committed.
type chunk struct {
	*session
	tx      *tx
	at      engine.Timestamp // the server time of the download
	done    int64            // the last staged row that was dealt with
	merged  engine.Merged
	skipped skipped
	early   map[int64]bool // the staged rows that were dealt with before their turn
	added   []int64        // those of them that insertNew inserted
	cleared int64          // see Engine.ClearLocal
}

// staged is one record of this sync.
type staged struct {
	n        int64
	id       engine.ID
	modified engine.Timestamp
	payload  []byte
	err      *string
	fatal    bool
	record   *record // payload, if it was read
}

func (c *chunk) run(ctx context.Context, from, to int64) error {
	c.done = to
	page, err := c.staged(from, to)
	if err != nil {
		return err
	}
	if err := c.NoteDeletions(c.tx.Tx.Tx, from, to); err != nil {
		return err
	}
	if err := c.tx.QueryRow(sqlCleared).Scan(&c.cleared); err != nil {
		return err
	}
	started := c.e.db.Now()
	if err := c.insertNew(page); err != nil {
		return err
	}
	for i := range page {
		if !c.early[page[i].n] {
			if err := c.one(ctx, &page[i]); err != nil {
				return err
			}
		}
		if i+1 < len(page) && c.e.db.Now().Sub(started) > ledger.ChunkTime {
			c.done = page[i].n
			break
		}
	}
	if err := c.unstageInserted(); err != nil {
		return err
	}
	return c.Unstage(c.tx.Tx.Tx, from, c.done)
}

// maxChunk bounds the payloads that a chunk holds in memory, in bytes.
const maxChunk = 4 << 20

// staged reads the chunk's records: fewer where they are large.
func (c *chunk) staged(from, to int64) (page []staged, err error) {
	rows, err := c.tx.Query(sqlStagedPage, from, to)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for bytes := 0; rows.Next(); {
		var in staged
		if err := rows.Scan(&in.n, &in.id, &in.modified, &in.payload, &in.err, &in.fatal); err != nil {
			return nil, err
		}
		page = append(page, in)
		if bytes += len(in.payload); bytes > maxChunk {
			c.done = in.n
			break
		}
	}
	return page, rows.Err()
}

func (c *chunk) one(ctx context.Context, in *staged) error {
	switch {
	case in.err != nil:
		return c.failed(in, *in.err, in.fatal)
	case in.payload == nil:
		if err := c.Read(c.tx.Tx.Tx, in.id); err != nil {
			return err
		}
		return c.tombstone(in)
	}
	r, err := c.record(in)
	if err != nil {
		return c.failed(in, err.Error(), true)
	}
	if err := c.Read(c.tx.Tx.Tx, in.id); err != nil {
		return err
	}
	return c.incoming(ctx, in, r)
}

// record reads a record's payload, once.
func (c *chunk) record(in *staged) (*record, error) {
	if in.record != nil {
		return in.record, nil
	}
	r, err := parseRecord(in.payload, c.limit(in))
	if err != nil {
		return nil, err
	}
	c.skipped.visits += r.skipped
	for i := range r.visits {
		r.visits[i].flags = places.Remote
	}
	in.record = &r
	return in.record, nil
}

// limit is when the visits of a record happened at the latest, in microseconds:
// when the server got it. Its clock is one for all devices, and reading the record
// again gives the same.
func (c *chunk) limit(in *staged) int64 {
	if in.modified > 0 {
		return int64(in.modified) * 10_000
	}
	return c.tx.Now().UnixMicro()
}

// onOurClock is a server time as this device's clock showed it, in microseconds.
func (s *session) onOurClock(t engine.Timestamp) int64 {
	return int64(t)*10_000 - s.Start.Skew.Microseconds()
}

// failed notes a record that could not be read or applied.
func (c *chunk) failed(in *staged, cause string, fatal bool) error {
	if !fatal {
		// The page that is here goes up in place of the damaged record.
		if _, err := c.tx.Exec(sqlHeal, in.id); err != nil {
			return err
		}
	}
	return c.Fail(c.tx.Tx.Tx, &c.merged, in.id, cause, fatal)
}

// forgetOld drops the changes of pages that a first sync does not send.
func (e *Engine) forgetOld(ctx context.Context) error {
	cutoff := e.db.Now().Add(-backfill).UnixMicro()
	for n := int64(e.chunk); n == int64(e.chunk); {
		err := e.update(ctx, func(tx *tx) (err error) {
			n, err = tx.Exec(sqlTooOld, cutoff, e.chunk)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}
