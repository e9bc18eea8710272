package postgres

import (
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/syncmanager/syncmanager/bso"
	"github.com/syncmanager/syncmanager/server/storage"
)

func (t *transaction) Time() (bso.Timestamp, error) {
	if t.time == 0 {
		t.time = max(t.now, t.last+1)
	}
	return t.time, nil
}

// change runs a statement that changes the records of a collection, and returns by how much it grew. The
// collection gets the time at.
func (t *transaction) change(c *ownCollection, at bso.Timestamp, statement string, args ...any) error {
	c.modified = at
	var records, bytes int64
	_, err := t.row(statement, args, &records, &bytes)
	c.records += records
	c.bytes += bytes
	return err
}

// isNew reports whether all that the step stores in a collection is new: it made the collection, and stored
// nothing in it so far.
func (c *ownCollection) isNew() bool { return c.fresh && c.records == 0 }

// columns are changes as one array for each column.
type columns struct {
	ids         []string
	fields      []int16
	sortindexes []pgtype.Int4
	ttls        []pgtype.Int8
	payloads    [][]byte
}

func columnsOf(changes []storage.Change) *columns {
	n := len(changes)
	c := &columns{make([]string, n), make([]int16, n), make([]pgtype.Int4, n), make([]pgtype.Int8, n), make([][]byte, n)}
	for i := range changes {
		from := &changes[i]
		c.ids[i], c.fields[i], c.payloads[i] = string(from.ID), int16(from.Fields), from.Payload
		c.sortindexes[i] = pgtype.Int4{Int32: int32(from.SortIndex.V), Valid: from.SortIndex.Valid}
		c.ttls[i] = pgtype.Int8{Int64: from.TTL.V, Valid: from.TTL.Valid}
	}
	return c
}

func (t *transaction) Put(collection string, changes []storage.Change) error {
	now, c, columns := t.stamp(), t.collection(collection), columnsOf(changes)
	put := sqlPut
	if c.isNew() {
		put = sqlPutNew
	}
	return t.change(c, now, put, t.uid, c.number, int64(now), int64(t.now),
		columns.ids, columns.fields, columns.sortindexes, columns.ttls, columns.payloads)
}

func (t *transaction) DeleteRecords(collection string, ids []bso.ID) error {
	now, c := t.stamp(), t.collection(collection)
	return t.change(c, now, sqlDeleteRecords, t.uid, c.number, texts(ids))
}

func (t *transaction) DeleteCollection(collection string) (bool, error) {
	t.later(sqlDropCollectPosts, t.uid, collection)
	t.later(sqlDropCollectBatch, t.uid, collection)
	clear(t.batches)
	c := t.own[collection]
	if c == nil {
		return false, nil
	}
	delete(t.own, collection)
	t.stamp()
	t.later(sqlDeleteAllRecords, t.uid, c.number)
	t.later(sqlDeleteCollection, t.uid, c.number)
	return true, nil
}

// wipe deletes everything but the user's row.
func (t *transaction) wipe() {
	t.changed = nil
	clear(t.own)
	clear(t.batches)
	for _, statement := range []string{sqlWipePosts, sqlWipeBatches, sqlWipeRecords, sqlWipeCollections} {
		t.later(statement, t.uid)
	}
}

func (t *transaction) DeleteAll() error {
	t.stamp()
	t.wipe()
	return nil
}

// forget deletes everything of the user.
func (t *transaction) forget() error {
	t.wipe()
	t.later(sqlForget, t.uid)
	return nil
}

func (t *transaction) DropExpired(most int) (dropped int, err error) {
	t.later(sqlDropExpiredPosts, t.uid, int64(t.now))
	t.later(sqlDropExpiredBatch, t.uid, int64(t.now))
	err = t.each(func(rows pgx.Rows) error {
		var number int32
		var records, bytes int64
		if err := rows.Scan(&number, &records, &bytes); err != nil {
			return err
		}
		dropped += int(records)
		for name, c := range t.own {
			if c.number == number {
				c = t.collection(name)
				c.records -= records
				c.bytes -= bytes
			}
		}
		return nil
	}, sqlDropExpired, t.uid, int64(t.now), most)
	return dropped, err
}
