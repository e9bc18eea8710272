package mirror

import (
	"context"
	"fmt"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/internal/sqlite"
)

// refetch is why a scrubbed record is asked for again.
const refetch = "the copy on this device could not be decrypted; the server's is fetched again"

// Scrub drops what cannot be decrypted with the store's key: a damaged record, or one that
// was sealed with another key. Of a record that the server may have, the next sync fetches
// the server's by its ID. An edit that can be read stays, and is merged with that. So does
// a deletion. The key itself is the right one, or the store would not be open.
func (s *Store[R]) Scrub(ctx context.Context) (engine.Scrubbed, error) {
	var done engine.Scrubbed
	if s.keys.Load().sealer == nil {
		return done, nil
	}
	err := s.scrub(ctx, &done)
	if err != nil {
		err = fmt.Errorf("cannot scrub %s: %w", s.schema.Collection, sqlite.Explain(err))
	}
	return done, err
}

func (s *Store[R]) scrub(ctx context.Context, done *engine.Scrubbed) error {
	for _, step := range []struct {
		rows string
		do   func(*Tx[R], scrubbing) error
	}{
		{sqlAllRecords, func(t *Tx[R], row scrubbing) error { return t.scrubRecord(row, done) }},
		{sqlAllOutgoing, func(t *Tx[R], row scrubbing) error { _, err := t.exec(sqlDropOutgoing, row.n, row.id); return err }},
		{sqlAllUndoItems, func(t *Tx[R], row scrubbing) error { _, err := t.exec(sqlDropUndoItem, row.n, row.id); return err }},
		{sqlAllHeld, func(t *Tx[R], row scrubbing) error { return t.askAgain(row.id, done) }},
	} {
		if err := s.scrubPages(ctx, step.rows, step.do); err != nil {
			return err
		}
	}
	return s.scrubNoted(ctx)
}

// scrubbing is a row with up to three sealed payloads, each of which is nil where there is
// none; bad has a bit for each that does not open.
type scrubbing struct {
	n       int64
	id      engine.ID
	sealed  [3][]byte
	deleted bool
	bad     int
}

const (
	badMirror = 1 << iota
	badLocal
	badBase
)

// scrubPages calls each with the rows of a query in which something does not open, a page in
// a transaction.
func (s *Store[R]) scrubPages(ctx context.Context, query string, each func(*Tx[R], scrubbing) error) error {
	n, id := int64(-1), engine.ID("")
	for {
		var page []scrubbing
		err := s.update(ctx, func(t *Tx[R]) (err error) {
			if page, err = t.scrubPage(query, n, id); err != nil {
				return err
			}
			for _, row := range page {
				if row.bad == 0 {
					continue
				}
				if err := each(t, row); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil || len(page) < listPage {
			return err
		}
		n, id = page[len(page)-1].n, page[len(page)-1].id
	}
}

func (t *Tx[R]) scrubPage(query string, n int64, id engine.ID) (page []scrubbing, err error) {
	rows, err := t.sql.Query(query, n, id, listPage)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var r scrubbing
		if err := rows.Scan(&r.n, &r.id, &r.sealed[0], &r.sealed[1], &r.sealed[2], &r.deleted); err != nil {
			return nil, err
		}
		for i, sealed := range r.sealed {
			if _, err := t.store.open(r.id, sealed); err != nil {
				r.bad |= 1 << i
			}
		}
		page = append(page, r)
	}
	return page, rows.Err()
}

func (t *Tx[R]) scrubRecord(row scrubbing, done *engine.Scrubbed) error {
	content := badMirror
	if row.sealed[1] != nil {
		content = badLocal
	}
	if row.deleted || row.bad&content == 0 { // the user's deletion, or edit, stays
		_, err := t.exec(sqlScrub, row.n, row.bad&badMirror != 0, row.bad&badBase != 0)
		if err != nil || row.deleted || row.bad&badMirror == 0 {
			return err
		}
		return t.askAgain(row.id, done)
	}
	onServer := row.sealed[0] != nil
	if !onServer {
		var payload []byte // its receipt may be lost
		var err error
		if onServer, err = t.one(sqlSent, []any{row.n, row.id}, &payload); err != nil {
			return err
		}
	}
	t.changed = append(t.changed, row.id)
	if _, err := t.exec(sqlDrop, row.n); err != nil {
		return err
	}
	if !onServer {
		done.Lost++
		return nil
	}
	return t.askAgain(row.id, done)
}

// askAgain has the next sync fetch a record by its ID.
func (t *Tx[R]) askAgain(id engine.ID, done *engine.Scrubbed) error {
	done.Again++
	_, err := t.exec(sqlAskAgain, id, refetch)
	return err
}

// Maintain gives the disk back what the file does not use, where that is worth it, and
// returns how many bytes that is. It needs room for a copy of the file, and other writers
// wait.
func (s *Store[R]) Maintain(ctx context.Context) (freed int64, err error) {
	before, after, err := s.db.Compact(ctx)
	if err != nil {
		return 0, fmt.Errorf("cannot compact %s: %w", s.schema.Collection, err)
	}
	return max(before-after, 0), nil
}

// DeleteAll deletes all the user's records, here and with the next sync everywhere, and
// returns how many. One that comes meanwhile stays. With an error, those that it counts are
// deleted.
func (s *Store[R]) DeleteAll(ctx context.Context) (deleted int, err error) {
	var end int64
	if err := s.db.QueryRow(ctx, sqlLastRecord).Scan(&end); err != nil {
		return 0, sqlite.Explain(err)
	}
	for at := int64(0); at < end; {
		page, err := s.sealedPage(ctx, at)
		if err != nil || len(page) == 0 {
			return deleted, err
		}
		n, err := s.deletePage(ctx, page, end)
		if err != nil {
			return deleted, err
		}
		deleted, at = deleted+n, page[len(page)-1].n
	}
	return deleted, nil
}

// deletePage deletes those records of a page that are not after end, and returns how many.
func (s *Store[R]) deletePage(ctx context.Context, page []sealedRecord, end int64) (n int, err error) {
	err = s.Edit(ctx, func(t *Tx[R]) error {
		for _, r := range page {
			row, err := t.row(sqlRow, r.id)
			if err != nil {
				return err
			}
			if row == nil || row.deleted || row.n > end {
				continue
			}
			t.changed = append(t.changed, r.id)
			if err := t.remove(row); err != nil {
				return err
			}
			n++
		}
		return nil
	})
	return n, err
}
