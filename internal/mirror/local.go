package mirror

import (
	"bytes"
	"context"
	"fmt"
	"iter"
	"slices"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/internal/ledger"
	"github.com/syncmanager/syncmanager/internal/sqlite"
)

// Edit is a transaction of the user's changes. All of them are kept, or none.
type userTx struct{ tx *tx }

// Update runs f in the store's one write transaction, and keeps what it did if it
// returns nil. f must be quick: a sync and other edits wait for it.
func (c *core) change(ctx context.Context, f func(*userTx) error) error {
	return c.update(ctx, func(tx *tx) error {
		tx.user = true
		return f(&userTx{tx})
	})
}

// Get returns the record that the user has under id, or ErrNotFound.
func (e *userTx) get(id engine.ID) ([]byte, error) { return e.tx.get(id) }

// Find returns the ID of the record that has the dedupe key, or "".
func (e *userTx) Find(key []byte) (engine.ID, error) {
	return e.holder(e.tx.core.stored(key))
}

// holder is the record whose dedupe key is in the file as stored.
func (e *userTx) holder(stored []byte) (engine.ID, error) {
	r, err := e.tx.row(sqlByKey, stored)
	if err != nil || r == nil {
		return "", err
	}
	return r.id, nil
}

// Undated tells that what follows comes from elsewhere, and nobody knows since when it
// stands there: it is no newer than anything that another device wrote.
func (e *userTx) Undated() { e.tx.undated = true }

// Loose are the user's records that have the loose key; see [Keys].
func (e *userTx) loose(key []byte) (payloads [][]byte, err error) {
	found, err := e.tx.loose(e.tx.core.stored(key))
	for _, r := range found {
		payloads = append(payloads, r.content())
	}
	return payloads, err
}

// Put adds the record, or changes the one with its ID. Nothing happens if it
// says what is there already. A *DuplicateError names the record that has the
// same dedupe key.
func (e *userTx) put(id engine.ID, payload []byte) error {
	t := e.tx
	c := t.core
	payload, keys, err := c.checked(id, payload)
	if err != nil {
		return err
	}
	r, err := t.row(sqlRow, id)
	if err != nil {
		return err
	}
	other, err := e.twin(id, payload, keys, r)
	if err != nil {
		return err
	}
	if other != "" {
		return &engine.DuplicateError{ID: other}
	}
	if r != nil && !r.deleted {
		if same(r.content(), payload) {
			return nil
		}
		if err := c.readOnly(r.content()); err != nil {
			return err
		}
	}
	sealed, err := c.seal(id, payload)
	if err != nil {
		return err
	}
	t.changed = append(t.changed, id)
	switch {
	case r == nil:
		_, err = t.exec(sqlAdd, id, sealed, t.moment(), keys.Dedupe, keys.Loose)
	case t.undated:
		_, err = t.exec(sqlEdit, r.n, sealed, r.edited, keys.Dedupe, keys.Loose)
	default:
		// The edit is of what the server had then, whatever the two clocks say.
		_, err = t.exec(sqlEdit, r.n, sealed, max(t.moment(), int64(r.modified)*10+1), keys.Dedupe, keys.Loose)
	}
	return err
}

// moment is when the user made a change, in Unix milliseconds; 0: nobody knows.
func (t *tx) moment() int64 {
	if t.undated {
		return 0
	}
	return t.core.now().UnixMilli()
}

// twin is the record other than id that is the same thing as the payload, or "". One
// that r, the record under id as it is, was the same as already, is not counted.
func (e *userTx) twin(id engine.ID, payload []byte, keys Keys, r *row) (engine.ID, error) {
	if keys.Dedupe != nil {
		other, err := e.holder(keys.Dedupe)
		if err != nil || other != "" && other != id {
			return other, err
		}
	}
	if keys.Loose == nil {
		return "", nil
	}
	if r != nil && !r.deleted && bytes.Equal(keys.Dedupe, e.tx.core.keys(r.content()).Dedupe) {
		return "", nil
	}
	found, err := e.tx.loose(keys.Loose)
	if err != nil {
		return "", err
	}
	for _, other := range found {
		if other.id != id && e.tx.core.rules.Matches(payload, other.content()) {
			return other.id, nil
		}
	}
	return "", nil
}

// Add adds a new record. A *DuplicateError names the one that has its ID or its
// dedupe key already. It is the quick way: one statement, where Put takes three.
func (e *userTx) add(id engine.ID, payload []byte) error {
	t := e.tx
	payload, keys, err := t.core.checked(id, payload)
	if err != nil {
		return err
	}
	if keys.Loose != nil {
		switch other, err := e.twin(id, payload, keys, nil); {
		case err != nil:
			return err
		case other != "":
			return &engine.DuplicateError{ID: other}
		}
	}
	sealed, err := t.core.seal(id, payload)
	if err != nil {
		return err
	}
	n, err := t.exec(sqlAdd, id, sealed, t.moment(), keys.Dedupe, keys.Loose)
	if err != nil || n == 1 {
		t.changed = append(t.changed, id)
		return err
	}
	r, err := t.row(sqlRow, id)
	if err != nil {
		return err
	}
	if r != nil && !r.deleted {
		return &engine.DuplicateError{ID: id}
	}
	return e.put(id, payload) // under the ID of one that was deleted, or a duplicate
}

// checked returns the payload with its ID in it, and its keys.
func (c *core) checked(id engine.ID, payload []byte) (_ []byte, k Keys, err error) {
	if !id.Valid() {
		return nil, k, &engine.InvalidError{Reason: fmt.Errorf("%.70q cannot be a record's id", id)}
	}
	if payload, err = withID(payload, id); err != nil {
		return nil, k, err
	}
	if k, err = c.check(payload); err != nil {
		return nil, k, &engine.InvalidError{Reason: err}
	}
	return payload, k, nil
}

// Delete deletes the user's record, or returns ErrNotFound.
func (e *userTx) Delete(id engine.ID) error {
	r, err := e.tx.row(sqlRow, id)
	if err != nil {
		return err
	}
	if r == nil || r.deleted {
		return engine.ErrNotFound
	}
	e.tx.changed = append(e.tx.changed, id)
	return e.tx.remove(r)
}

func (t *tx) get(id engine.ID) ([]byte, error) {
	r, err := t.row(sqlRow, id)
	if err != nil {
		return nil, err
	}
	if r == nil || r.deleted {
		return nil, engine.ErrNotFound
	}
	return r.content(), nil
}

// Get returns the record that the user has under id, or ErrNotFound.
func (c *core) get(ctx context.Context, id engine.ID) (payload []byte, err error) {
	err = c.view(ctx, func(tx *tx) error {
		payload, err = tx.get(id)
		return err
	})
	return payload, err
}

// Many returns those of the records that the user has, in no order.
func (c *core) many(ctx context.Context, ids []engine.ID) (payloads [][]byte, err error) {
	rows, err := c.db.Query(ctx, sqlMany, ledger.IDs(slices.Values(ids)))
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
		payload, err := c.open(id, sealed)
		if err != nil {
			return nil, err
		}
		payloads = append(payloads, payload)
	}
	return payloads, sqlite.Explain(rows.Err())
}

// listPage is how many records List holds at a time.
const listPage = 256

// List yields the user's records in the order in which they came. Nothing is
// held while the caller works on one: a record that is changed meanwhile may
// come as it was or as it is.
func (c *core) list(ctx context.Context) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		for at := int64(0); ; {
			page, last, err := c.page(ctx, at)
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

func (c *core) page(ctx context.Context, after int64) (page [][]byte, last int64, err error) {
	rows, err := c.db.Query(ctx, sqlPage, after, listPage)
	if err != nil {
		return nil, 0, sqlite.Explain(err)
	}
	defer rows.Close()
	for rows.Next() {
		var id engine.ID
		var sealed []byte
		if err := rows.Scan(&last, &id, &sealed); err != nil {
			return nil, 0, err
		}
		payload, err := c.open(id, sealed)
		if err != nil {
			return nil, 0, err
		}
		page = append(page, payload)
	}
	return page, last, sqlite.Explain(rows.Err())
}

// Count is the number of the user's records.
func (c *core) Count(ctx context.Context) (int, error) {
	var all, gone int
	err := c.view(ctx, func(tx *tx) error {
		if _, err := tx.one(sqlCountIDs, nil, &all); err != nil {
			return err
		}
		_, err := tx.one(sqlCountGone, nil, &gone)
		return err
	})
	return all - gone, err
}

// Changes counts the records whose changes the next sync will send. Those that
// the server refused for ever are not among them.
func (c *core) Changes(ctx context.Context) (n int, err error) {
	err = c.db.QueryRow(ctx, sqlCountChange).Scan(&n)
	return n, sqlite.Explain(err)
}
