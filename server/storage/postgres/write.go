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

// stamp queues the statements that move the storage's last-modified time, and the
// collection's unless it is "".
func (t *transaction) stamp(b *pgx.Batch, collection string) {
	t.usage = nil
	now, _ := t.Time()
	b.Queue(sqlStamp, t.uid, int64(now), t.step)
	if collection != "" {
		b.Queue(sqlStampCollection, t.uid, collection, int64(now))
		if t.stamped == nil {
			t.stamped = make(map[string]bso.Timestamp)
		}
		t.stamped[collection] = now
	}
}

// change stamps the collection and runs a statement that returns how much it grew, in one round
// trip.
func (t *transaction) change(collection, statement string, args ...any) error {
	var by growth
	err := t.send(func(b *pgx.Batch) {
		t.stamp(b, collection)
		b.Queue(statement, args...)
	}, func(r pgx.BatchResults) error {
		for range 2 {
			if _, err := r.Exec(); err != nil {
				return err
			}
		}
		return r.QueryRow().Scan(&by.records, &by.bytes)
	})
	t.grow(collection, by)
	return err
}

// isNew reports whether the step has seen that a collection does not exist, and wrote nothing to it. So
// all that it stores there is new. It is false where the step did not look.
func (t *transaction) isNew(collection string) bool {
	_, written := t.stamped[collection]
	return t.asked.name == collection && t.asked.n == 0 && !written
}

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
	now, _ := t.Time()
	c := columnsOf(changes)
	put := sqlPut
	if t.isNew(collection) {
		put = sqlPutNew
	}
	return t.change(collection, put, t.uid, collection, int64(now), int64(t.now),
		c.ids, c.fields, c.sortindexes, c.ttls, c.payloads)
}

func (t *transaction) DeleteRecords(collection string, ids []bso.ID) error {
	return t.change(collection, sqlDeleteRecords, t.uid, collection, texts(ids))
}

func (t *transaction) DeleteCollection(collection string) (bool, error) {
	n, _, err := t.number(collection)
	if err != nil {
		return false, err
	}
	delete(t.grown, collection)
	delete(t.stamped, collection)
	t.usage = nil
	return n != 0, t.exec(func(b *pgx.Batch) {
		b.Queue(sqlDropCollectPosts, t.uid, collection)
		b.Queue(sqlDropCollectBatch, t.uid, collection)
		if n != 0 {
			t.stamp(b, "")
			b.Queue(sqlDeleteAllRecords, t.uid, n)
			b.Queue(sqlDeleteCollection, t.uid, n)
		}
	})
}

// wipe queues the statements that delete everything but the user's row.
func (t *transaction) wipe(b *pgx.Batch) {
	t.grown, t.stamped, t.usage = nil, nil, nil
	for _, statement := range []string{sqlWipePosts, sqlWipeBatches, sqlWipeRecords, sqlWipeCollections} {
		b.Queue(statement, t.uid)
	}
}

func (t *transaction) DeleteAll() error {
	return t.exec(func(b *pgx.Batch) {
		t.stamp(b, "")
		t.wipe(b)
	})
}

// forget deletes everything of the user.
func (t *transaction) forget() error {
	return t.exec(func(b *pgx.Batch) {
		t.wipe(b)
		b.Queue(sqlForget, t.uid)
	})
}

func (t *transaction) DropExpired(most int) (dropped int, err error) {
	err = t.send(func(b *pgx.Batch) {
		b.Queue(sqlDropExpiredPosts, t.uid, int64(t.now))
		b.Queue(sqlDropExpiredBatch, t.uid, int64(t.now))
		b.Queue(sqlDropExpired, t.uid, int64(t.now), most)
	}, func(r pgx.BatchResults) error {
		for range 2 {
			if _, err := r.Exec(); err != nil {
				return err
			}
		}
		rows, err := r.Query()
		if err != nil {
			return err
		}
		var name string
		var by growth
		_, err = pgx.ForEachRow(rows, []any{&name, &by.records, &by.bytes}, func() error {
			t.grow(name, by)
			dropped -= int(by.records)
			return nil
		})
		return err
	})
	return dropped, err
}
