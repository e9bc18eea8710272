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
	now  bso.Timestamp // by the clock: what expires before it is not there
	time bso.Timestamp // of this write; 0 until somebody asks
}

var _ storage.Tx = (*transaction)(nil)

// number returns the number of a collection, or 0.
func (t *transaction) number(collection string) (n int64, modified bso.Timestamp, err error) {
	err = t.tx.QueryRow(`SELECT number, modified FROM collections WHERE name = ?`, collection).Scan(&n, &modified)
	if errors.Is(err, sql.ErrNoRows) {
		err = nil
	}
	return n, modified, err
}

func (t *transaction) Modified(collection string, id bso.ID) (modified bso.Timestamp, err error) {
	if collection == "" {
		err = t.tx.QueryRow(`SELECT modified FROM storage`).Scan(&modified)
		return modified, err
	}
	n, modified, err := t.number(collection)
	if id == "" || err != nil {
		return modified, err
	}
	r, err := t.record(n, id, `SELECT id, modified, NULL, NULL`)
	if r == nil || err != nil {
		return 0, err
	}
	return r.Modified, nil
}

func (t *transaction) Collections() ([]storage.Collection, error) {
	// What expired is not counted. It is little: each sweep removes it.
	rows, err := t.tx.Query(`
		SELECT c.name, c.modified, c.records - ifnull(dead.records, 0), c.bytes - ifnull(dead.bytes, 0)
		FROM collections c LEFT JOIN (
			SELECT collection, count(*) AS records, sum(length(payload)) AS bytes
			FROM records INDEXED BY records_by_expiry WHERE expires <= ? GROUP BY collection
		) dead ON dead.collection = c.number
		ORDER BY c.name`, t.now)
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
	return t.record(n, id, `SELECT id, modified, sortindex, payload`)
}

func (t *transaction) record(collection int64, id bso.ID, columns string) (*storage.Record, error) {
	var r storage.Record
	err := t.tx.QueryRow(columns+`
		FROM records WHERE collection = ? AND id = ? AND (expires IS NULL OR expires > ?)`,
		collection, string(id), t.now).Scan(&r.ID, &r.Modified, &r.SortIndex, &r.Payload)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	return &r, err
}

// listing is a Query as SQL.
type listing struct {
	key   string // the expression that Position.Key holds
	from  string // the table, and the index to use: left to itself, SQLite sorts
	where string
	order string
	args  []any
}

// noWeight stands for no sortindex: it is below all that the wire allows. The
// schema's index holds the same expression.
const noWeight = `ifnull(sortindex, -1000000000)`

// behindAllIDs is greater than any ID, as "" is less than any.
const behindAllIDs = "\x7f"

// listing translates q, but for its limit. The texts are few, whatever the query:
// a bound that was not asked for is one that holds for all.
func (t *transaction) listing(collection int64, q storage.Query) (l listing, err error) {
	start := q.After
	l.from = ` FROM records INDEXED BY records_by_time`
	switch q.Sort {
	case storage.SortIndex:
		if start == nil {
			start = &storage.Position{Key: math.MaxInt64}
		}
		l.key = noWeight
		l.from = ` FROM records INDEXED BY records_by_weight`
		// The first of the bounds says less than the second, but SQLite can start
		// at it: it does not look for an expression within a row of values.
		l.where = ` WHERE collection = ? AND ` + noWeight + ` <= ? AND (` + noWeight + `, id) < (?, ?) AND modified > ? AND modified < ?`
		l.order = ` ORDER BY ` + noWeight + ` DESC, id DESC`
		l.args = []any{collection, start.Key, start.Key, string(start.ID), q.Newer, q.Older}
	case storage.SortNewest:
		if start == nil {
			start = &storage.Position{Key: int64(q.Older)}
		}
		l.key = `modified`
		l.where = ` WHERE collection = ? AND (modified, id) < (?, ?) AND modified > ?`
		l.order = ` ORDER BY modified DESC, id DESC`
		l.args = []any{collection, start.Key, string(start.ID), q.Newer}
	default:
		if start == nil {
			start = &storage.Position{Key: int64(q.Newer), ID: behindAllIDs}
		}
		l.key = `modified`
		l.where = ` WHERE collection = ? AND (modified, id) > (?, ?) AND modified < ?`
		l.order = ` ORDER BY modified, id`
		l.args = []any{collection, start.Key, string(start.ID), q.Older}
	}
	l.where += ` AND (expires IS NULL OR expires > ?)`
	l.args = append(l.args, t.now)
	if q.IDs != nil {
		ids, err := json.Marshal(q.IDs)
		if err != nil {
			return l, err
		}
		// They are a hundred at most, and soon sorted.
		l.from = ` FROM records INDEXED BY records_by_id`
		l.where += ` AND id IN (SELECT value FROM json_each(?))`
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
		// The last record of the page and the one behind it.
		rows, err := t.tx.Query(`SELECT `+l.key+`, id`+l.from+l.where+l.order+` LIMIT 2 OFFSET ?`,
			append(l.args, q.Limit-1)...)
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
	err = t.tx.QueryRow(`SELECT count(*)`+l.from+l.where, l.args...).Scan(&p.Records)
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
	columns := `id, modified, sortindex, payload`
	if q.IDsOnly {
		columns = `id`
	}
	limit := q.Limit
	if limit == 0 {
		limit = -1
	}
	rows, err := t.tx.Query(`SELECT `+columns+l.from+l.where+l.order+` LIMIT ?`,
		append(l.args, limit)...)
	if err != nil {
		return err
	}
	defer rows.Close()
	var r storage.Record
	var payload sql.RawBytes
	into := []any{&r.ID, &r.Modified, &r.SortIndex, &payload}
	if q.IDsOnly {
		into = into[:1]
	}
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
