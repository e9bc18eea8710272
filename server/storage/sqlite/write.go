package sqlite

import (
	"database/sql"
	"encoding/json"
	"errors"

	"github.com/syncmanager/syncmanager/bso"
	"github.com/syncmanager/syncmanager/server/storage"
)

func (t *transaction) Time() (bso.Timestamp, error) {
	if t.time == 0 {
		last, err := t.Modified("", "")
		if err != nil {
			return 0, err
		}
		t.time = max(t.now, last+1)
	}
	return t.time, nil
}

// stamp moves the storage's last-modified time, and the collection's unless it
// is "", and returns the collection's number.
func (t *transaction) stamp(collection string) (n int64, err error) {
	now, err := t.Time()
	if err != nil {
		return 0, err
	}
	if _, err := t.tx.Exec(`UPDATE storage SET modified = ?`, now); err != nil || collection == "" {
		return 0, err
	}
	err = t.tx.QueryRow(`
		INSERT INTO collections (name, modified) VALUES (?, ?)
		ON CONFLICT (name) DO UPDATE SET modified = excluded.modified
		RETURNING number`, collection, now).Scan(&n)
	return n, err
}

// put stores one change. Its parameters are: collection, ID, time of the write,
// sortindex, expiry, payload, fields, now. An expired record is as good as none,
// so nothing of it survives.
const put = `
	INSERT INTO records (collection, id, modified, sortindex, expires, payload)
	VALUES (?1, ?2, ?3, ?4, ?5, ?6)
	ON CONFLICT (collection, id) DO UPDATE SET
		modified  = CASE WHEN ?7 & 3 OR expires <= ?8 THEN excluded.modified  ELSE modified  END,
		sortindex = CASE WHEN ?7 & 2 OR expires <= ?8 THEN excluded.sortindex ELSE sortindex END,
		expires   = CASE WHEN ?7 & 4 OR expires <= ?8 THEN excluded.expires   ELSE expires   END,
		payload   = CASE WHEN ?7 & 1 OR expires <= ?8 THEN excluded.payload   ELSE payload   END`

func (t *transaction) Put(collection string, changes []storage.Change) error {
	n, err := t.stamp(collection)
	if err != nil {
		return err
	}
	var args [8]any
	return t.tx.Each(put, len(changes), func(i int) []any {
		c := &changes[i]
		expires := sql.Null[int64]{V: int64(t.now) + 100*c.TTL.V, Valid: c.TTL.Valid}
		args = [...]any{n, string(c.ID), t.time, c.SortIndex, expires, c.Payload, c.Fields, t.now}
		return args[:]
	})
}

func (t *transaction) DeleteRecords(collection string, ids []bso.ID) error {
	list, err := json.Marshal(ids)
	if err != nil {
		return err
	}
	n, err := t.stamp(collection)
	if err != nil {
		return err
	}
	_, err = t.tx.Exec(`DELETE FROM records WHERE collection = ? AND id IN (SELECT value FROM json_each(?))`, n, string(list))
	return err
}

func (t *transaction) DeleteCollection(collection string) (bool, error) {
	n, _, err := t.number(collection)
	if err != nil {
		return false, err
	}
	if err := t.dropBatches(`collection = ?`, collection); n == 0 || err != nil {
		return false, err
	}
	if _, err := t.stamp(""); err != nil {
		return false, err
	}
	if _, err := t.tx.Exec(`DELETE FROM records WHERE collection = ?`, n); err != nil {
		return false, err
	}
	_, err = t.tx.Exec(`DELETE FROM collections WHERE number = ?`, n)
	return err == nil, err
}

func (t *transaction) DeleteAll() error {
	if _, err := t.stamp(""); err != nil {
		return err
	}
	for _, table := range []string{"batch_items", "batches", "records", "collections"} {
		if _, err := t.tx.Exec(`DELETE FROM ` + table); err != nil {
			return err
		}
	}
	return nil
}

func (t *transaction) StartBatch(collection, token string, expires bso.Timestamp) error {
	if err := t.dropBatches(`expires <= ?`, t.now); err != nil {
		return err
	}
	_, err := t.tx.Exec(`INSERT INTO batches (token, collection, expires) VALUES (?, ?, ?)`, token, collection, expires)
	return err
}

// batch returns the number of a batch.
func (t *transaction) batch(collection, token string) (n int64, err error) {
	err = t.tx.QueryRow(`SELECT number FROM batches WHERE token = ? AND collection = ? AND expires > ?`,
		token, collection, t.now).Scan(&n)
	if errors.Is(err, sql.ErrNoRows) {
		err = storage.ErrNoBatch
	}
	return n, err
}

// putItem puts one change into a batch, over what the batch has for that ID.
const putItem = `
	INSERT INTO batch_items (batch, id, fields, sortindex, ttl, payload) VALUES (?, ?, ?, ?, ?, ?)
	ON CONFLICT (batch, id) DO UPDATE SET
		fields    = fields | excluded.fields,
		sortindex = iif(excluded.fields & 2, excluded.sortindex, sortindex),
		ttl       = iif(excluded.fields & 4, excluded.ttl, ttl),
		payload   = iif(excluded.fields & 1, excluded.payload, payload)`

func (t *transaction) AppendBatch(collection, token string, changes []storage.Change) (size storage.BatchSize, err error) {
	n, err := t.batch(collection, token)
	if err != nil {
		return size, err
	}
	var args [6]any
	err = t.tx.Each(putItem, len(changes), func(i int) []any {
		c := &changes[i]
		size.Records++
		size.Bytes += int64(len(c.Payload))
		args = [...]any{n, string(c.ID), c.Fields, c.SortIndex, c.TTL, c.Payload}
		return args[:]
	})
	if err != nil {
		return size, err
	}
	// What was sent counts, also when it replaced something: the client counts so
	// too, and nothing has to be read again.
	err = t.tx.QueryRow(`
		UPDATE batches SET records = records + ?, bytes = bytes + ? WHERE number = ? RETURNING records, bytes`,
		size.Records, size.Bytes, n).Scan(&size.Records, &size.Bytes)
	return size, err
}

func (t *transaction) CommitBatch(collection, token string) (int, error) {
	batch, err := t.batch(collection, token)
	if err != nil {
		return 0, err
	}
	var records int
	if err := t.tx.QueryRow(`SELECT count(*) FROM batch_items WHERE batch = ?`, batch).Scan(&records); err != nil {
		return 0, err
	}
	if records > 0 {
		if err := t.applyBatch(batch, collection); err != nil {
			return 0, err
		}
	}
	return records, t.dropBatches(`number = ?`, batch)
}

// applyBatch does for all items of a batch at once what Put does for one change.
// The indexes are named, and one is hidden by the plus, because SQLite would
// rather go through the whole collection.
func (t *transaction) applyBatch(batch int64, collection string) error {
	n, err := t.stamp(collection)
	if err != nil {
		return err
	}
	for _, step := range []string{`
		DELETE FROM records INDEXED BY records_by_id WHERE collection = ?2 AND expires <= ?4
			AND id IN (SELECT id FROM batch_items WHERE batch = ?1)`, `
		UPDATE records INDEXED BY records_by_id SET
			modified  = iif(b.fields & 3, ?3, modified),
			sortindex = iif(b.fields & 2, b.sortindex, records.sortindex),
			expires   = iif(b.fields & 4, ?4 + 100 * b.ttl, expires),
			payload   = iif(b.fields & 1, b.payload, records.payload)
		FROM batch_items b WHERE b.batch = ?1 AND records.collection = ?2 AND records.id = +b.id`, `
		INSERT INTO records (collection, id, modified, sortindex, expires, payload)
		SELECT ?2, id, ?3, sortindex, ?4 + 100 * ttl, payload FROM batch_items WHERE batch = ?1
		ON CONFLICT (collection, id) DO NOTHING`} {
		if _, err := t.tx.Exec(step, batch, n, t.time, t.now); err != nil {
			return err
		}
	}
	return nil
}

// dropBatches removes the batches that a condition holds for.
func (t *transaction) dropBatches(where string, arg any) error {
	_, err := t.tx.Exec(`DELETE FROM batch_items WHERE batch IN (SELECT number FROM batches WHERE `+where+`)`, arg)
	if err != nil {
		return err
	}
	_, err = t.tx.Exec(`DELETE FROM batches WHERE `+where, arg)
	return err
}

func (t *transaction) Usage(batch string) (u storage.Usage, err error) {
	err = t.tx.QueryRow(`
		SELECT ifnull(sum(bytes + ?1 * records + ?1), 0) + (SELECT ifnull(sum(bytes + ?1 * records), 0) FROM batches WHERE token = ?2), count(*)
		FROM collections`, storage.Overhead, batch).Scan(&u.Bytes, &u.Collections)
	return u, err
}

func (t *transaction) BoundBatches(token string, number int, bytes int64) error {
	const old = `SELECT number FROM (
		SELECT number, token, row_number() OVER newest AS n, sum(bytes + ?1 * records) OVER newest AS total FROM batches
		WINDOW newest AS (ORDER BY token = ?2 DESC, number DESC)) WHERE token <> ?2 AND (n > ?3 OR total > ?4)`
	if _, err := t.tx.Exec(`DELETE FROM batch_items WHERE batch IN (`+old+`)`, storage.Overhead, token, number, bytes); err != nil {
		return err
	}
	_, err := t.tx.Exec(`DELETE FROM batches WHERE number IN (`+old+`)`, storage.Overhead, token, number, bytes)
	return err
}

func (t *transaction) DropBatch(token string) error { return t.dropBatches(`token = ?`, token) }

func (t *transaction) DropExpired(most int) (int, error) {
	if err := t.dropBatches(`expires <= ?`, t.now); err != nil {
		return 0, err
	}
	n, err := t.tx.Exec(`DELETE FROM records WHERE rowid IN (SELECT rowid FROM records WHERE expires <= ? LIMIT ?)`, t.now, most)
	return int(n), err
}
