package postgres

import (
	"context"
	"database/sql"
	"math"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/syncmanager/syncmanager/bso"
	"github.com/syncmanager/syncmanager/server/storage"
)

// number returns the number of a collection and its last-modified time, or zeros. A step that
// reads asks once; one that writes has read them all.
func (t *transaction) number(collection string) (n int32, modified bso.Timestamp, err error) {
	if t.own != nil {
		if c := t.own[collection]; c != nil {
			return c.number, c.modified, nil
		}
		return 0, 0, nil
	}
	if t.reads && t.asked.name == collection {
		return t.asked.n, t.asked.modified, nil
	}
	var at int64
	_, err = t.row(sqlCollection, []any{t.uid, collection}, &n, &at)
	if err == nil {
		t.asked = numberOf{collection, n, bso.Timestamp(at)}
	}
	return n, bso.Timestamp(at), err
}

func (t *transaction) Modified(collection string, id bso.ID) (bso.Timestamp, error) {
	var at int64
	if collection == "" && t.own != nil {
		return t.last, nil
	}
	if collection == "" {
		_, err := t.row(sqlModified, []any{t.uid}, &at)
		return bso.Timestamp(at), err
	}
	n, modified, err := t.number(collection)
	if id == "" || n == 0 || err != nil {
		return modified, err
	}
	_, err = t.row(sqlRecordModified, []any{t.uid, n, string(id), int64(t.now)}, &at)
	return bso.Timestamp(at), err
}

func (t *transaction) Collections() (all []storage.Collection, err error) {
	if err := t.writeChanges(); err != nil {
		return nil, err
	}
	err = t.each(func(rows pgx.Rows) error {
		var c storage.Collection
		var at int64
		err := rows.Scan(&c.Name, &at, &c.Records, &c.Bytes)
		c.Modified = bso.Timestamp(at)
		all = append(all, c)
		return err
	}, sqlCollections, t.uid, int64(t.now))
	return all, err
}

// Times implements [storage.TimesReader], by one statement without a transaction around it.
func (b *Backend) Times(ctx context.Context, uid int64) (modified bso.Timestamp, all []storage.Collection, err error) {
	err = b.repeat(ctx, uid, &b.readers, func(conn *pgxpool.Conn) error {
		modified, all = 0, nil
		return b.begin(ctx, conn, uid).each(func(rows pgx.Rows) error {
			var name string
			var at int64
			if err := rows.Scan(&name, &at); err != nil {
				return err
			}
			if name == "" {
				modified = bso.Timestamp(at)
			} else {
				all = append(all, storage.Collection{Name: name, Modified: bso.Timestamp(at)})
			}
			return nil
		}, sqlTimes, uid)
	}, settled)
	slices.SortFunc(all, func(a, b storage.Collection) int { return strings.Compare(a.Name, b.Name) })
	return modified, all, err
}

func (t *transaction) Record(collection string, id bso.ID) (*storage.Record, error) {
	n, _, err := t.number(collection)
	if n == 0 || err != nil {
		return nil, err
	}
	var r storage.Record
	var text string
	var at int64
	var weight pgtype.Int4
	found, err := t.row(sqlRecord, []any{t.uid, n, string(id), int64(t.now)}, &text, &at, &weight, &r.Payload)
	if !found || err != nil {
		return nil, err
	}
	r.ID, r.Modified, r.SortIndex = bso.ID(text), bso.Timestamp(at), sortIndex(weight)
	return &r, nil
}

func sortIndex(n pgtype.Int4) sql.Null[int64] {
	return sql.Null[int64]{V: int64(n.Int32), Valid: n.Valid}
}

// listing is a Query as SQL: one statement for each thing to ask.
type listing struct {
	outline string // the key and ID of a page's last record and of the one after it
	records string
	ids     string
	count   string
	list    string // the collection's time and the records, by the collection's name; "" for SortIndex
	args    []any  // of each of them, but for the limit
}

// The statements of listings by their order: of all records, and of those with some IDs.
var (
	listings = map[storage.Sort]listing{
		storage.SortOldest: {outline: sqlOldestOutline, records: sqlOldestRecords, ids: sqlOldestIDs, count: sqlOldestCount, list: sqlOldestList},
		storage.SortNewest: {outline: sqlNewestOutline, records: sqlNewestRecords, ids: sqlNewestIDs, count: sqlNewestCount, list: sqlNewestList},
		storage.SortIndex:  {outline: sqlWeightOutline, records: sqlWeightRecords, ids: sqlWeightIDs, count: sqlWeightCount},
	}
	listingsOf = map[storage.Sort]listing{
		storage.SortOldest: {outline: sqlOldestOfOutline, records: sqlOldestOfRecords, ids: sqlOldestOfIDs, count: sqlOldestOfCount, list: sqlOldestOfList},
		storage.SortNewest: {outline: sqlNewestOfOutline, records: sqlNewestOfRecords, ids: sqlNewestOfIDs, count: sqlNewestOfCount, list: sqlNewestOfList},
		storage.SortIndex:  {outline: sqlWeightOfOutline, records: sqlWeightOfRecords, ids: sqlWeightOfIDs, count: sqlWeightOfCount},
	}
)

// afterAllIDs is greater than any ID, as "" is less than any.
const afterAllIDs = "\x7f"

// listing translates q, except for its limit. A bound that q does not have is passed as one
// that includes every record.
func (t *transaction) listing(collection int32, q storage.Query) (l listing) {
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
			start = &storage.Position{Key: math.MaxInt32}
		}
		l.args = []any{t.uid, collection, start.Key, string(start.ID), int64(q.Newer), int64(t.now), int64(q.Older)}
	case storage.SortNewest:
		if start == nil {
			start = &storage.Position{Key: int64(q.Older)}
		}
		l.args = []any{t.uid, collection, start.Key, string(start.ID), int64(q.Newer), int64(t.now)}
	default:
		if start == nil {
			start = &storage.Position{Key: int64(q.Newer), ID: afterAllIDs}
		}
		l.args = []any{t.uid, collection, start.Key, string(start.ID), int64(q.Older), int64(t.now)}
	}
	if q.IDs != nil {
		l.args = append(l.args, texts(q.IDs))
	}
	return l
}

func texts(ids []bso.ID) []string {
	all := make([]string, len(ids))
	for i, id := range ids {
		all[i] = string(id)
	}
	return all
}

func (t *transaction) Page(q storage.Query) (p storage.Page, err error) {
	n, _, err := t.number(q.Collection)
	if n == 0 || err != nil {
		return p, err
	}
	l := t.listing(n, q)
	if q.Limit > 0 {
		var ends []storage.Position
		err := t.each(func(rows pgx.Rows) error {
			var end storage.Position
			var id string
			err := rows.Scan(&end.Key, &id)
			end.ID = bso.ID(id)
			ends = append(ends, end)
			return err
		}, l.outline, append(l.args, q.Limit-1)...)
		switch {
		case err != nil:
			return p, err
		case len(ends) == 2:
			return storage.Page{Records: q.Limit, Next: &ends[0]}, nil
		case len(ends) == 1:
			return storage.Page{Records: q.Limit}, nil
		}
	}
	_, err = t.row(l.count, l.args, &p.Records)
	return p, err
}

func (t *transaction) Records(q storage.Query, f func(*storage.Record) error) error {
	n, _, err := t.number(q.Collection)
	if n == 0 || err != nil {
		return err
	}
	l := t.listing(n, q)
	limit := pgtype.Int8{Int64: q.Limit, Valid: q.Limit > 0} // NULL is no limit
	var r row
	statement, into := l.records, r.columns()
	if q.IDsOnly {
		statement, into = l.ids, into[:1]
	}
	for _, sql := range t.slowly {
		t.later(sql)
	}
	return t.each(func(rows pgx.Rows) error {
		if err := rows.Scan(into...); err != nil {
			return err
		}
		return f(r.record())
	}, statement, append(l.args, limit)...)
}

// List implements [storage.ListReader]. It takes one round trip, with the begin of the step.
func (t *transaction) List(q storage.Query, modified func(bso.Timestamp) error, f func(*storage.Record) error) error {
	l := t.listing(0, q)
	l.args[1] = q.Collection
	var r row
	into, timed := r.columns(), false
	err := t.each(func(rows pgx.Rows) error {
		if err := rows.Scan(into...); err != nil {
			return err
		}
		if !timed {
			timed = true
			return modified(bso.Timestamp(r.at))
		}
		return f(r.record())
	}, l.list, append(l.args, q.Limit)...)
	if err == nil && !timed {
		err = modified(0)
	}
	return err
}

// row is a row of a listing, into which each is scanned.
type row struct {
	id      pgtype.Text
	at      int64
	weight  pgtype.Int4
	payload pgtype.DriverBytes // not copied
	r       storage.Record
}

func (r *row) columns() []any { return []any{&r.id, &r.at, &r.weight, &r.payload} }

func (r *row) record() *storage.Record {
	r.r = storage.Record{ID: bso.ID(r.id.String), Modified: bso.Timestamp(r.at), SortIndex: sortIndex(r.weight), Payload: r.payload}
	return &r.r
}
