package mirror

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/internal/localkey"
)

// keys are what a file is encrypted with. A nil sealer: nothing is.
type keys struct {
	sealer *localkey.Sealer
	mac    localkey.Key // makes the MACs of keys where there is a sealer
	// before are the keys that Rekey replaced in this process: what was read before and is
	// opened after it is still encrypted with them.
	before *keys
}

func newKeys(collection string, key localkey.Key, random io.Reader) *keys {
	if key == (localkey.Key{}) {
		return &keys{}
	}
	return &keys{sealer: key.Subkey(collection + " at rest").Sealer(random), mac: key.Subkey(collection + " identity")}
}

func (k *keys) seal(id engine.ID, payload []byte) ([]byte, error) {
	if k.sealer == nil || payload == nil {
		return payload, nil
	}
	return k.sealer.Seal(payload, []byte(id))
}

func (k *keys) open(id engine.ID, sealed []byte) ([]byte, error) {
	if sealed == nil {
		return nil, nil
	}
	if k.sealer == nil {
		if k.before != nil && localkey.IsSealed(sealed) {
			return k.before.open(id, sealed)
		}
		return sealed, nil
	}
	payload, err := k.sealer.Open(sealed, []byte(id))
	if err != nil && k.before != nil && (k.before.sealer != nil || !localkey.IsSealed(sealed)) {
		return k.before.open(id, sealed)
	}
	return payload, err
}

// stored is what stands in the file for a dedupe key or a loose one.
func (k *keys) stored(key []byte) []byte {
	if key == nil || k.sealer == nil {
		return key
	}
	return k.mac.MAC(key)
}

func (s *Store[R]) seal(id engine.ID, payload []byte) ([]byte, error) {
	return s.keys.Load().seal(id, payload)
}

func (s *Store[R]) open(id engine.ID, sealed []byte) ([]byte, error) {
	payload, err := s.keys.Load().open(id, sealed)
	if errors.Is(err, localkey.ErrOpen) {
		err = engine.ErrUndecryptable
	}
	if err != nil {
		return nil, fmt.Errorf("cannot open record %s of %s: %w", id, s.schema.Collection, err)
	}
	return payload, nil
}

// openCopy is open, with a slice of its own.
func (s *Store[R]) openCopy(id engine.ID, sealed []byte) ([]byte, error) {
	payload, err := s.open(id, sealed)
	if err == nil && s.keys.Load().sealer == nil {
		payload = bytes.Clone(payload)
	}
	return payload, err
}

// stored is what stands in the file for a key.
func (s *Store[R]) stored(key []byte) []byte { return s.keys.Load().stored(key) }

// Rekey encrypts the file with another key; zero: not any more. It is one transaction: killed
// meanwhile, the file is as it was. Edits and syncs wait for it, and go on with the new key.
func (s *Store[R]) Rekey(ctx context.Context, key [32]byte) error {
	old := s.keys.Load()
	next := newKeys(s.schema.Collection, key, s.random)
	next.before = &keys{sealer: old.sealer, mac: old.mac}
	err := s.update(ctx, func(tx *Tx[R]) error {
		r := rekeying[R]{tx: tx, old: old, next: next}
		for _, step := range []func() error{r.records, r.staged, r.outgoing, r.unread, r.undo, r.noted} {
			if err := step(); err != nil {
				return err
			}
		}
		canary, err := next.canary()
		if err != nil {
			return err
		}
		if _, err := tx.exec(sqlSetCanary, canary); err != nil {
			return err
		}
		// From here on both keys open what is read, whether or not this commits.
		s.keys.Store(next)
		return r.lookups()
	})
	if err != nil {
		s.keys.Store(old)
		return fmt.Errorf("cannot change the key of %s: %w", s.schema.Collection, err)
	}
	// What the old key encrypted, or nothing did, is not to be found in free pages.
	if err := s.db.Vacuum(ctx); err != nil {
		return fmt.Errorf("the key of %s is changed, but the file may still have what it held before: %w", s.schema.Collection, err)
	}
	return nil
}

// rekeying is a Rekey in its transaction.
type rekeying[R any] struct {
	tx        *Tx[R]
	old, next *keys
}

// again encrypts a payload with the new key.
func (r *rekeying[R]) again(id engine.ID, stored []byte) ([]byte, error) {
	payload, err := r.old.open(id, stored)
	if errors.Is(err, localkey.ErrOpen) {
		err = fmt.Errorf("record %s: %w; Scrub drops it", id, engine.ErrUndecryptable)
	}
	if err != nil {
		return nil, err
	}
	return r.next.seal(id, payload)
}

// keysOf are what stands in the file for the keys of a record that has some.
func (r *rekeying[R]) keysOf(id engine.ID, stored, dedupe, loose []byte) (Keys, error) {
	if dedupe == nil && loose == nil {
		return Keys{}, nil
	}
	payload, err := r.old.open(id, stored)
	if err != nil {
		return Keys{}, err
	}
	k, err := r.tx.store.schema.check(payload)
	if err != nil {
		return Keys{}, nil // it has none that this version knows
	}
	k = Keys{Dedupe: r.next.stored(k.Dedupe), Loose: r.next.stored(k.Loose)}
	if dedupe == nil {
		k.Dedupe = nil
	}
	if loose == nil {
		k.Loose = nil
	}
	return k, nil
}

// sealedRow is a row with payloads, and with the keys of the record if it has some.
type sealedRow struct {
	n             int64
	id            engine.ID
	payloads      [3][]byte
	dedupe, loose []byte
}

// rekeyPage is how many rows are in memory.
const rekeyPage = 50

// each encrypts the rows of a query again, a page after the other. The query's arguments are
// the row behind which it begins and how many rows to return.
func (r *rekeying[R]) each(query, write string, withKeys bool, content func(*sealedRow) []byte) error {
	for at := int64(0); ; {
		page, err := r.page(query, at, withKeys)
		if err != nil || len(page) == 0 {
			return err
		}
		for i := range page {
			at = page[i].n
			if err := r.row(&page[i], write, withKeys, content); err != nil {
				return err
			}
		}
	}
}

// row encrypts one row again.
func (r *rekeying[R]) row(row *sealedRow, write string, withKeys bool, content func(*sealedRow) []byte) error {
	args := []any{row.n}
	for _, stored := range row.payloads {
		sealed, err := r.again(row.id, stored)
		if err != nil {
			return err
		}
		args = append(args, sealed)
	}
	if withKeys {
		k, err := r.keysOf(row.id, content(row), row.dedupe, row.loose)
		if err != nil {
			return err
		}
		args = append(args, k.Dedupe, k.Loose)
	}
	_, err := r.tx.exec(write, args...)
	return err
}

func (r *rekeying[R]) page(query string, at int64, withKeys bool) (page []sealedRow, err error) {
	rows, err := r.tx.sql.Query(query, at, rekeyPage)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var row sealedRow
		into := []any{&row.n, &row.id, &row.payloads[0], &row.payloads[1], &row.payloads[2]}
		if withKeys {
			into = append(into, &row.dedupe, &row.loose)
		}
		if err := rows.Scan(into...); err != nil {
			return nil, err
		}
		page = append(page, row)
	}
	return page, errors.Join(rows.Err(), rows.Close())
}

func (r *rekeying[R]) records() error {
	return r.each(sqlSealedRecords, sqlSealRecord, true, func(row *sealedRow) []byte {
		if row.payloads[1] != nil {
			return row.payloads[1]
		}
		return row.payloads[0]
	})
}

func (r *rekeying[R]) staged() error {
	return r.each(sqlSealedStaged, sqlSealStaged, true, func(row *sealedRow) []byte { return row.payloads[0] })
}

func (r *rekeying[R]) outgoing() error {
	return r.each(sqlSealedOutgoing, sqlSealOutgoing, false, nil)
}

// unread are the records that this version cannot read.
func (r *rekeying[R]) unread() error {
	for after := engine.ID(""); ; {
		var id engine.ID
		var stored []byte
		ok, err := r.tx.one(sqlSealedUnread, []any{after}, &id, &stored)
		if err != nil || !ok {
			return err
		}
		if stored, err = r.again(id, stored); err != nil {
			return err
		}
		if _, err := r.tx.exec(sqlSealUnread, id, stored); err != nil {
			return err
		}
		after = id
	}
}

// undo is what syncs took away.
func (r *rekeying[R]) undo() error {
	log, after := int64(0), engine.ID("")
	for {
		var before, later []byte
		ok, err := r.tx.one(sqlSealedUndo, []any{log, after}, &log, &after, &before, &later)
		if err != nil || !ok {
			return err
		}
		if before, err = r.again(after, before); err != nil {
			return err
		}
		if later, err = r.again(after, later); err != nil {
			return err
		}
		if _, err := r.tx.exec(sqlSealUndo, log, after, before, later); err != nil {
			return err
		}
	}
}

// lookups enters the records by the new key's MACs. That key is the store's already.
func (r *rekeying[R]) lookups() error {
	if r.tx.store.schema.Lookup == nil {
		return nil
	}
	for at := int64(0); ; {
		rows, err := r.tx.sql.Query(sqlPage, at, rekeyPage)
		if err != nil {
			return err
		}
		page, err := scanSealed(rows)
		if err != nil || len(page) == 0 {
			return err
		}
		if err := r.tx.indexPage(page, true); err != nil {
			return err
		}
		at = page[len(page)-1].n
	}
}
