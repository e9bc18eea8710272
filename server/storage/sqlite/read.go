package sqlite

import (
	"database/sql"
	"encoding/json"
	"errors"
	"math"

	"github.com/syncmanager/syncmanager/bso"
	"github.com/syncmanager/syncmanager/internal/sqlite"
	"github.com/syncmanager/syncmanager/server/storage"
)

// transaction is a transaction on a user's file.
type transaction struct {
	tx   *sqlite.Tx
	now  bso.Timestamp // the clock's time; what has expired by then is not there
	time bso.Timestamp // of this step's writes; 0 until it is needed
	// last is the storage's last-modified time before this step's writes, if the step may write.
	last bso.Timestamp
	// redo, unless nil, gets what the step does, for the journal.
	redo *redo
}

var _ storage.Tx = (*transaction)(nil)

// number returns the number of a collection and its last-modified time, or zeros.
func (t *transaction) number(collection string) (n int64, modified bso.Timestamp, err error) {
	err = t.tx.QueryRow(sqlCollection, collection).Scan(&n, &modified)
	if errors.Is(err, sql.ErrNoRows) {
		err = nil
	}
	return n, modified, err
}

func (t *transaction) Modified(collection string, id bso.ID) (modified bso.Timestamp, err error) {
	if collection == "" {
		err = t.tx.QueryRow(sqlModified).Scan(&modified)
		return modified, err
	}
	n, modified, err := t.number(collection)
	if id == "" || err != nil {
		return modified, err
	}
	modified = 0
	err = t.tx.QueryRow(sqlRecordModified, n, string(id), t.now).Scan(&modified)
	if errors.Is(err, sql.ErrNoRows) {
		err = nil
	}
	return modified, err
}

func (t *transaction) Collections() ([]storage.Collection, error) {
	rows, err := t.tx.Query(sqlCollections, t.now)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []storage.Collection
	for rows.Next() {
		var c storage.Collection
		if err := rows.Scan(&c.Name, &c.Modified, &c.Records, &c.Bytes); err != nil {
			return nil, err
		}
		all = append(all, c)
	}
	return all, rows.Err()
}

func (t *transaction) Record(collection string, id bso.ID) (*storage.Record, error) {
	n, _, err := t.number(collection)
	if err != nil {
		return nil, err
	}
	var r storage.Record
	err = t.tx.QueryRow(sqlRecord, n, string(id), t.now).Scan(&r.ID, &r.Modified, &r.SortIndex, &r.Payload)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	return &r, err
}

// listing is a Query as SQL: one statement for each thing to ask.
type listing struct {
	outline string // the key and ID of a page's last record and of the one after it
	records string
	ids     string
	count   string
	args    []any // of each of them, but for the limit
}

// The statements of listings by their order: of all records, and of those with some IDs.
var (
	listings = map[storage.Sort]listing{
		storage.SortOldest: {outline: sqlOldestOutline, records: sqlOldestRecords, ids: sqlOldestIDs, count: sqlOldestCount},
		storage.SortNewest: {outline: sqlNewestOutline, records: sqlNewestRecords, ids: sqlNewestIDs, count: sqlNewestCount},
		storage.SortIndex:  {outline: sqlWeightOutline, records: sqlWeightRecords, ids: sqlWeightIDs, count: sqlWeightCount},
	}
	listingsOf = map[storage.Sort]listing{
		storage.SortOldest: {outline: sqlOldestOfOutline, records: sqlOldestOfRecords, ids: sqlOldestOfIDs, count: sqlOldestOfCount},
		storage.SortNewest: {outline: sqlNewestOfOutline, records: sqlNewestOfRecords, ids: sqlNewestOfIDs, count: sqlNewestOfCount},
		storage.SortIndex:  {outline: sqlWeightOfOutline, records: sqlWeightOfRecords, ids: sqlWeightOfIDs, count: sqlWeightOfCount},
	}
)

// afterAllIDs is greater than any ID, as "" is less than any.
const afterAllIDs = "\x7f"

// listing translates q, except for its limit. A bound that q does not have is passed as one
// that includes every record.
func (t *transaction) listing(collection int64, q storage.Query) (l listing, err error) {
	if q.Sort == 0 {
		q.Sort = storage.SortOldest
	}
	l = listings[q.Sort]
	if q.IDs != nil {
		l = listingsOf[q.Sort]
	}
	start := q.After
	switch q.Sort {
	case storage.SortIndex:
		if start == nil {
			start = &storage.Position{Key: math.MaxInt64}
		}
		l.args = []any{collection, start.Key, start.Key, string(start.ID), q.Newer, q.Older, t.now}
	case storage.SortNewest:
		if start == nil {
			start = &storage.Position{Key: int64(q.Older)}
		}
		l.args = []any{collection, start.Key, string(start.ID), q.Newer, t.now}
	default:
		if start == nil {
			start = &storage.Position{Key: int64(q.Newer), ID: afterAllIDs}
		}
		l.args = []any{collection, start.Key, string(start.ID), q.Older, t.now}
	}
	if q.IDs != nil {
		ids, err := json.Marshal(q.IDs)
		if err != nil {
			return l, err
		}
		l.args = append(l.args, string(ids))
	}
	return l, nil
}

func (t *transaction) Page(q storage.Query) (p storage.Page, err error) {
	n, _, err := t.number(q.Collection)
	if n == 0 || err != nil {
		return p, err
	}
	l, err := t.listing(n, q)
	if err != nil {
		return p, err
	}
	if q.Limit > 0 {
		rows, err := t.tx.Query(l.outline, append(l.args, q.Limit-1)...)
		if err != nil {
			return p, err
		}
		defer rows.Close()
		for rows.Next() {
			if p.Records > 0 {
				return p, rows.Close()
			}
			p = storage.Page{Records: q.Limit, Next: &storage.Position{}}
			if err := rows.Scan(&p.Next.Key, &p.Next.ID); err != nil {
				return p, err
			}
		}
		if err := rows.Err(); err != nil {
			return p, err
		}
		if p.Next = nil; p.Records > 0 {
			return p, nil
		}
	}
	err = t.tx.QueryRow(l.count, l.args...).Scan(&p.Records)
	return p, err
}

func (t *transaction) Records(q storage.Query, f func(*storage.Record) error) error {
	n, _, err := t.number(q.Collection)
	if n == 0 || err != nil {
		return err
	}
	l, err := t.listing(n, q)
	if err != nil {
		return err
	}
	limit := q.Limit
	if limit == 0 {
		limit = -1
	}
	var r storage.Record
	var payload sql.RawBytes
	query, into := l.records, []any{&r.ID, &r.Modified, &r.SortIndex, &payload}
	if q.IDsOnly {
		query, into = l.ids, into[:1]
	}
	rows, err := t.tx.Query(query, append(l.args, limit)...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return err
		}
		r.Payload = payload
		if err := f(&r); err != nil {
			return err
		}
	}
	return rows.Err()
}
