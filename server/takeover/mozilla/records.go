package mozilla

import (
	"context"
	"database/sql"
	"fmt"
	"math"
	"strconv"

	"github.com/syncmanager/syncmanager/bso"
	"github.com/syncmanager/syncmanager/server/takeover"
)

// maxNames bounds the names of collections, of all users.
const maxNames = 100_000

// standard are the collections with a number that the servers know without a row.
var standard = []string{"", "clients", "crypto", "forms", "history", "keys", "meta", "bookmarks", "prefs", "tabs", "passwords",
	"addons", "addresses", "creditcards"}

// openRecords finds out how the records are kept, and reads the names of collections.
func (r *Reader) openRecords(ctx context.Context) error {
	columns, err := columnsOf(ctx, r.records)
	if err != nil {
		return err
	}
	if r.layout, err = layoutOf(columns); err != nil {
		return err
	}
	r.names = make(map[int64]string)
	for row, err := range r.records.rows(ctx, r.layout.names) {
		var number int64
		var name sql.Null[string]
		if err == nil {
			err = row.Scan(&number, &name)
		}
		if err != nil {
			return err
		}
		if r.names[number] = name.V; len(r.names) > maxNames {
			return fmt.Errorf("it has more than %d collections", maxNames)
		}
	}
	r.nameStandard()
	return nil
}

// nameStandard names the standard collections that have no row.
func (r *Reader) nameStandard() {
	taken := make(map[string]bool)
	for _, name := range r.names {
		taken[name] = true
	}
	for number, name := range standard {
		if r.names[int64(number)] == "" && !taken[name] {
			r.names[int64(number)] = name
		}
	}
}

// name returns the name of a collection, or its number in words.
func (r *Reader) name(number int64) string {
	if name := r.names[number]; name != "" {
		return name
	}
	return unnamed + strconv.FormatInt(number, 10)
}

// unnamed begins the name of a collection that has none. It is not a valid one.
const unnamed = "collection number "

// tombstone is the number under which syncstorage-rs has the time of the last deletion of a collection.
const tombstone = 0

// Times implements takeover.Source.
func (r *Reader) Times(ctx context.Context, uid int64) (takeover.Times, error) {
	t := takeover.Times{Collections: make(map[string]bso.Timestamp)}
	for row, err := range r.records.rows(ctx, r.layout.times, uid) {
		var number int64
		var modified whole
		if err == nil {
			err = row.Scan(&number, &modified)
		}
		if err != nil {
			return t, err
		}
		at := hundredths(modified.V)
		t.Storage = max(t.Storage, at)
		if number != tombstone {
			t.Collections[r.name(number)] = at
		}
	}
	return t, nil
}

// longest is the longest time to live that a client can give a record, in milliseconds. What expires
// later has none: syncstorage-rs keeps a time for it too, some 66 years after its upload.
const longest = 999_999_999 * 1000

// Records implements takeover.Source.
func (r *Reader) Records(ctx context.Context, uid int64, f func(takeover.Record) error) error {
	for row, err := range r.records.rows(ctx, r.layout.recordsOf(uid), takeover.MaxPayload, uid) {
		if err != nil {
			return err
		}
		var number, sortindex, modified, expiry whole
		var id sql.Null[string]
		var payload []byte
		if err := row.Scan(&number, &id, &sortindex, &modified, &expiry, &payload); err != nil {
			return err
		}
		record := takeover.Record{
			Collection: r.name(number.V), ID: id.V, Modified: hundredths(modified.V), SortIndex: sql.Null[int64]{V: sortindex.V, Valid: sortindex.Valid},
			Payload: payload, Expires: r.expires(modified.V, expiry.V),
		}
		switch {
		case number.bad || sortindex.bad || modified.bad || expiry.bad || !modified.Valid || !expiry.Valid || !id.Valid:
			record.Fault = "a column has a value that the other server does not write"
		case payload == nil:
			record.Fault = fmt.Sprintf("its payload is larger than %d bytes", takeover.MaxPayload)
		}
		if err := f(record); err != nil {
			return err
		}
	}
	return nil
}

// expires converts a record's expiry.
func (r *Reader) expires(modified, expiry int64) bso.Timestamp {
	if r.layout.never != 0 && expiry == r.layout.never || expiry > math.MaxInt64/1000 {
		return 0
	}
	ms := expiry * r.layout.expiry
	if ms > modified+longest {
		return 0
	}
	return max(1, hundredths(ms))
}

// hundredths converts milliseconds. The servers give out times in whole hundredths of a second.
func hundredths(ms int64) bso.Timestamp { return bso.Timestamp(ms / 10) }

// whole is a column of whole numbers. It takes any value, since a SQLite file may have any.
type whole struct {
	sql.Null[int64]
	bad bool
}

func (w *whole) Scan(value any) error {
	switch v := value.(type) {
	case nil:
	case int64:
		w.V, w.Valid = v, true
	case []byte:
		n, err := strconv.ParseInt(string(v), 10, 64)
		w.V, w.Valid, w.bad = n, err == nil, err != nil
	case string:
		return w.Scan([]byte(v))
	default:
		w.bad = true
	}
	return nil
}
