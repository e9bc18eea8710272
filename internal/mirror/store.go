package mirror

import (
	"context"
	"database/sql"
	"iter"
	"slices"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/internal/ledger"
	"github.com/syncmanager/syncmanager/internal/sqlite"
)

// Edit runs f in the store's one write transaction, and keeps what it did if it returns
// nil. f must be quick: a sync and other edits wait for it.
func (s *Store[R]) Edit(ctx context.Context, f func(*Tx[R]) error) error {
	return s.update(ctx, func(t *Tx[R]) error {
		t.user = true
		return f(t)
	})
}

// View runs f in a transaction that cannot write: all that it reads is of one moment.
func (s *Store[R]) View(ctx context.Context, f func(*Tx[R]) error) error { return s.view(ctx, f) }

// Add adds a new record, and returns it as it was stored: with an ID if it had none.
// An [engine.DuplicateError] names the record that has its ID or its dedupe key already.
func (s *Store[R]) Add(ctx context.Context, r R) (R, error) {
	err := s.Edit(ctx, func(t *Tx[R]) error { return t.Add(&r) })
	return r, err
}

// Update changes the record that has r's ID to r, and returns it as it was stored.
func (s *Store[R]) Update(ctx context.Context, r R) (R, error) {
	err := s.Edit(ctx, func(t *Tx[R]) error { return t.Update(&r) })
	return r, err
}

// Delete deletes the record, here and with the next sync everywhere, or returns
// [engine.ErrNotFound].
func (s *Store[R]) Delete(ctx context.Context, id engine.ID) error {
	return s.Edit(ctx, func(t *Tx[R]) error { return t.Delete(id) })
}

// Get returns the record that the user has under id, or [engine.ErrNotFound].
func (s *Store[R]) Get(ctx context.Context, id engine.ID) (r R, err error) {
	err = s.view(ctx, func(t *Tx[R]) error {
		r, err = t.Get(id)
		return err
	})
	return r, err
}

// Many returns those of the records that the user has, in no order.
func (s *Store[R]) Many(ctx context.Context, ids []engine.ID) (records []R, err error) {
	rows, err := s.db.Query(ctx, sqlMany, ledger.IDs(slices.Values(ids)))
	if err != nil {
		return nil, sqlite.Explain(err)
	}
	defer rows.Close()
	for rows.Next() {
		var id engine.ID
		var sealed []byte
		if err := rows.Scan(&id, &sealed); err != nil {
			return nil, err
		}
		payload, err := s.open(id, sealed)
		if err != nil {
			return nil, err
		}
		r, err := decodeStored[R](payload)
		if err != nil {
			return nil, err
		}
		records = append(records, r)
	}
	return records, sqlite.Explain(rows.Err())
}

// List yields the user's records in the order in which they came. Nothing is held while
// the caller works on one: a record that is changed meanwhile may come as it was or as it
// is.
func (s *Store[R]) List(ctx context.Context) iter.Seq2[R, error] {
	return func(yield func(R, error) bool) {
		for payload, err := range s.payloads(ctx) {
			var r R
			if err == nil {
				r, err = decodeStored[R](payload)
			}
			if !yield(r, err) || err != nil {
				return
			}
		}
	}
}

// listPage is how many records List holds at a time.
const listPage = 256

// payloads is List of the records as they are in the file.
func (s *Store[R]) payloads(ctx context.Context) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		for at := int64(0); ; {
			page, last, err := s.page(ctx, at)
			if err != nil {
				yield(nil, err)
				return
			}
			for _, payload := range page {
				if !yield(payload, nil) {
					return
				}
			}
			if len(page) < listPage {
				return
			}
			at = last
		}
	}
}

func (s *Store[R]) page(ctx context.Context, after int64) (page [][]byte, last int64, err error) {
	sealed, err := s.sealedPage(ctx, after)
	if err != nil {
		return nil, 0, err
	}
	for _, r := range sealed {
		payload, err := s.open(r.id, r.payload)
		if err != nil {
			return nil, 0, err
		}
		page, last = append(page, payload), r.n
	}
	return page, last, nil
}

// sealedRecord is what the user has under an ID, as it is in the file.
type sealedRecord struct {
	n       int64
	id      engine.ID
	payload []byte
}

// sealedPage returns the records behind a row number, at most listPage.
func (s *Store[R]) sealedPage(ctx context.Context, after int64) (page []sealedRecord, err error) {
	rows, err := s.db.Query(ctx, sqlPage, after, listPage)
	if err != nil {
		return nil, sqlite.Explain(err)
	}
	return scanSealed(rows)
}

func scanSealed(rows *sql.Rows) (page []sealedRecord, err error) {
	defer rows.Close()
	for rows.Next() {
		var r sealedRecord
		if err := rows.Scan(&r.n, &r.id, &r.payload); err != nil {
			return nil, err
		}
		page = append(page, r)
	}
	return page, sqlite.Explain(rows.Err())
}

// Count is the number of the user's records.
func (s *Store[R]) Count(ctx context.Context) (int, error) {
	var all, gone int
	err := s.view(ctx, func(t *Tx[R]) error {
		if _, err := t.one(sqlCountIDs, nil, &all); err != nil {
			return err
		}
		_, err := t.one(sqlCountGone, nil, &gone)
		return err
	})
	return all - gone, err
}

// Changes counts the records whose changes the next sync will send. Those that
// the server refused for ever are not among them.
func (s *Store[R]) Changes(ctx context.Context) (n int, err error) {
	err = s.db.QueryRow(ctx, sqlCountChange).Scan(&n)
	return n, sqlite.Explain(err)
}
