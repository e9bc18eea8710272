package mirror

import (
	"context"
	"database/sql"
	"errors"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/internal/sqlite"
)

// Tx is a transaction of a store: of the user's changes, all of which are kept, or none;
// or of a sync.
type Tx[R any] struct {
	sql   *sqlite.Tx
	store *Store[R]
	effect
	// undated says that the user's changes come from elsewhere, and nobody knows how old
	// they are.
	undated bool
}

// effect is what a transaction did, for those that watch.
type effect struct {
	// user says that it is the user's, and not a sync's; changed are the records
	// that the user sees otherwise afterwards, and wiped says that it removed all.
	user, wiped bool
	changed     []engine.ID
}

func (s *Store[R]) update(ctx context.Context, f func(*Tx[R]) error) error {
	var last *Tx[R]
	err := s.db.UpdateCached(ctx, func(tx *sqlite.Tx) error {
		last = &Tx[R]{sql: tx, store: s}
		if err := f(last); err != nil {
			return err
		}
		return last.index()
	})
	if err == nil {
		s.tell(&last.effect)
	}
	return err
}

func (s *Store[R]) view(ctx context.Context, f func(*Tx[R]) error) error {
	return s.db.ViewCached(ctx, func(tx *sqlite.Tx) error { return f(&Tx[R]{sql: tx, store: s}) })
}

// exec returns how many rows the statement touched.
func (t *Tx[R]) exec(query string, args ...any) (int, error) {
	n, err := t.sql.Exec(query, args...)
	return int(n), err
}

// one scans the single row that the query has; ok is false if there is none.
func (t *Tx[R]) one(query string, args []any, into ...any) (ok bool, err error) {
	err = t.sql.QueryRow(query, args...).Scan(into...)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return err == nil, err
}

// row is a record with its payloads opened.
type row struct {
	n        int64
	id       engine.ID
	mirror   []byte
	local    []byte
	deleted  bool
	changes  int
	edited   int64
	modified engine.Timestamp
	past     past
	// known tells that meta names the storage whose past it is.
	known bool
	// base is what the user's edits were made on, where they beat a deletion.
	base []byte
}

// past tells what a record's mirror is.
type past int

const (
	// present: it is what this storage last had.
	present past = iota
	// pastUnchanged and pastChanged: another storage, or an earlier life of this one,
	// had it, and since then the user has not, or has, changed the record.
	pastUnchanged
	pastChanged
)

// changedHere tells whether the user changed the record since its mirror.
func (r *row) changedHere() bool { return r.changes > 0 && r.past != pastUnchanged }

// ahead tells whether the mirror, of the past, is later than a record that the server
// has now: it went back to an earlier state.
func (r *row) ahead(modified engine.Timestamp) bool {
	return r.past != present && modified < r.modified
}

// content is what the user sees.
func (r *row) content() []byte {
	if r.local != nil {
		return r.local
	}
	return r.mirror
}

// columns are where to scan a record.
func (r *row) columns() []any {
	return []any{&r.n, &r.id, &r.mirror, &r.local, &r.deleted, &r.changes, &r.edited, &r.modified, &r.past, &r.known, &r.base}
}

// row finds one record by sqlRow or sqlByKey; nil: there is none.
func (t *Tx[R]) row(query string, arg any) (*row, error) {
	r := &row{}
	ok, err := t.one(query, []any{arg}, r.columns()...)
	if err != nil || !ok {
		return nil, err
	}
	return r, t.unseal(r)
}

func (t *Tx[R]) unseal(r *row) (err error) {
	if r.mirror, err = t.store.open(r.id, r.mirror); err == nil {
		r.local, err = t.store.open(r.id, r.local)
	}
	if err == nil {
		r.base, err = t.store.open(r.id, r.base)
	}
	return err
}

// maxLoose bounds how many records of one loose key are looked at.
const maxLoose = 200

// loose are the records that have the loose key; see [Keys].
func (t *Tx[R]) loose(key []byte) (found []*row, err error) {
	if key == nil {
		return nil, nil
	}
	rows, err := t.sql.Query(sqlByLoose, key, maxLoose)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		r := &row{}
		if err := rows.Scan(r.columns()...); err != nil {
			return nil, err
		}
		if err := t.unseal(r); err != nil {
			return nil, err
		}
		found = append(found, r)
	}
	return found, rows.Err()
}

// sent is what the last snapshot had for a record: the server may hold it although no
// receipt came. ok is false if the snapshot had nothing, or a tombstone.
func (t *Tx[R]) sent(r *row) (payload []byte, ok bool, err error) {
	ok, err = t.one(sqlSent, []any{r.n, r.id}, &payload)
	if err != nil || !ok || payload == nil {
		return nil, false, err
	}
	payload, err = t.store.open(r.id, payload)
	return payload, err == nil, err
}

// remove deletes the user's record: a tombstone goes up if the server may have
// it, and otherwise it is gone.
func (t *Tx[R]) remove(r *row) error {
	base := r.mirror
	if base == nil {
		sent, ok, err := t.sent(r)
		if err != nil {
			return err
		}
		if !ok {
			_, err = t.exec(sqlDrop, r.n)
			return err
		}
		base = sent
	}
	sealed, err := t.store.seal(r.id, base)
	if err != nil {
		return err
	}
	_, err = t.exec(sqlAddTombstone, r.n, sealed, t.store.now().UnixMilli())
	return err
}
