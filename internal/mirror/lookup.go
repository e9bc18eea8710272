package mirror

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"iter"
	"slices"

	"github.com/syncmanager/syncmanager/internal/ledger"
	"github.com/syncmanager/syncmanager/internal/sqlite"
)

// The table lookups finds records by the words of Schema.Lookup. Each transaction enters
// the records that it changed before it commits, so the table is never behind. A file whose
// records are encrypted holds a MAC of each word: what the words are stays secret, and which
// records have one in common does not.

// Lookup yields the user's records that have the word, in the order in which they came. As
// with List, nothing is held while the caller works on one.
func (s *Store[R]) Lookup(ctx context.Context, word string) iter.Seq2[R, error] {
	return func(yield func(R, error) bool) {
		var none R
		for at := int64(0); ; {
			page, err := s.lookupPage(ctx, word, at)
			if err != nil {
				yield(none, err)
				return
			}
			for _, sealed := range page {
				r, err := s.decodeSealed(sealed)
				if !yield(r, err) || err != nil {
					return
				}
				at = sealed.n
			}
			if len(page) < listPage {
				return
			}
		}
	}
}

// CountLookup counts the user's records that have the word.
func (s *Store[R]) CountLookup(ctx context.Context, word string) (n int, err error) {
	err = s.db.QueryRow(ctx, sqlCountLookup, s.stored([]byte(word))).Scan(&n)
	return n, sqlite.Explain(err)
}

func (s *Store[R]) lookupPage(ctx context.Context, word string, after int64) ([]sealedRecord, error) {
	rows, err := s.db.Query(ctx, sqlLookup, s.stored([]byte(word)), after, listPage)
	if err != nil {
		return nil, sqlite.Explain(err)
	}
	return scanSealed(rows)
}

func (s *Store[R]) decodeSealed(sealed sealedRecord) (r R, err error) {
	payload, err := s.open(sealed.id, sealed.payload)
	if err != nil {
		return r, err
	}
	return decodeStored[R](payload)
}

// index enters the records that the transaction changed into the table.
func (t *Tx[R]) index() error {
	if t.store.schema.Lookup == nil || len(t.changed) == 0 {
		return nil
	}
	ids := slices.Compact(slices.Sorted(slices.Values(t.changed)))
	for chunk := range slices.Chunk(ids, listPage) {
		rows, err := t.sql.Query(sqlToIndex, ledger.IDs(slices.Values(chunk)))
		if err != nil {
			return err
		}
		page, err := scanSealed(rows)
		if err != nil {
			return err
		}
		if err := t.indexPage(page, false); err != nil {
			return err
		}
	}
	return nil
}

// indexPage enters records into the table, in place of what it had of them. A payload is nil
// where the user deleted the record. skip leaves out those that cannot be read.
func (t *Tx[R]) indexPage(page []sealedRecord, skip bool) error {
	type entry struct {
		key []byte
		n   int64
	}
	numbers, entries := make([]int64, 0, len(page)), make([]entry, 0, 2*len(page))
	for _, sealed := range page {
		numbers = append(numbers, sealed.n)
		if sealed.payload == nil {
			continue
		}
		r, err := t.store.decodeSealed(sealed)
		if err != nil && skip {
			continue
		}
		if err != nil {
			return err
		}
		for _, word := range t.store.schema.Lookup(&r) {
			entries = append(entries, entry{t.store.stored([]byte(word)), sealed.n})
		}
	}
	were, err := json.Marshal(numbers)
	if err != nil {
		return err
	}
	if _, err := t.exec(sqlUnindex, string(were)); err != nil {
		return err
	}
	// In the order of the table, which is the fastest.
	slices.SortFunc(entries, func(a, b entry) int { return cmp.Or(bytes.Compare(a.key, b.key), cmp.Compare(a.n, b.n)) })
	args := make([]any, 0, 2*len(entries))
	for _, e := range entries {
		args = append(args, e.key, e.n)
	}
	return t.sql.InsertMany(sqlIndex, 2, args)
}

// indexAll enters all records, once, where an earlier version of the program did not, or had
// other words for them: version is that of the words in the file.
func (s *Store[R]) indexAll(ctx context.Context, version int) error {
	if s.schema.Lookup == nil || version == s.schema.LookupVersion {
		return nil
	}
	for at := int64(0); ; {
		n := 0
		err := s.update(ctx, func(tx *Tx[R]) error {
			rows, err := tx.sql.Query(sqlPage, at, listPage)
			if err != nil {
				return err
			}
			page, err := scanSealed(rows)
			if err != nil || len(page) == 0 {
				return err
			}
			n, at = len(page), page[len(page)-1].n
			return tx.indexPage(page, true)
		})
		if err != nil {
			return err
		}
		if n < listPage {
			break
		}
	}
	return s.update(ctx, func(tx *Tx[R]) error { _, err := tx.exec(sqlSetIndexed, s.schema.LookupVersion); return err })
}
