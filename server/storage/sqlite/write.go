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
		t.time = max(t.now, t.last+1)
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
	if _, err := t.tx.Exec(sqlStamp, now); err != nil || collection == "" {
		return 0, err
	}
	err = t.tx.QueryRow(sqlStampCollection, collection, now).Scan(&n)
	return n, err
}

func (t *transaction) Put(collection string, changes []storage.Change) error {
	n, err := t.stamp(collection)
	if err != nil {
		return err
	}
	if t.redo != nil && !t.redo.unread && large(changes) {
		t.redo.leave()
		return errAlone // before the work, which would be undone
	}
	t.redo.note(t.now, func(step []byte) []byte { return appendPut(step, collection, changes) })
	var args [8]any
	return t.tx.Each(sqlPut, len(changes), func(i int) []any {
		c := &changes[i]
		expires := sql.Null[int64]{V: int64(t.now) + 100*c.TTL.V, Valid: c.TTL.Valid}
		args = [...]any{n, string(c.ID), t.time, c.SortIndex, expires, c.Payload, c.Fields, t.now}
		return args[:]
	})
}

// largePut is how many bytes of payloads go alone. To write them to the journal too costs more than others save by it.
const largePut = 16 << 10

func large(changes []storage.Change) bool {
	n := 0
	for i := range changes {
		n += len(changes[i].Payload)
	}
	return n > largePut
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
	t.redo.note(t.now, func(step []byte) []byte { return appendDeleteRecords(step, collection, ids) })
	_, err = t.tx.Exec(sqlDeleteRecords, n, string(list))
	return err
}

func (t *transaction) DeleteCollection(collection string) (bool, error) {
	n, _, err := t.number(collection)
	if err != nil {
		return false, err
	}
	if n == 0 { // no time says whether a file has such a step
		t.redo.leave()
	}
	if err := t.dropBatches(sqlDropCollectItems, sqlDropCollectBatch, collection); n == 0 || err != nil {
		return false, err
	}
	if _, err := t.stamp(""); err != nil {
		return false, err
	}
	t.redo.note(t.now, func(step []byte) []byte { return appendDeleteCollection(step, collection) })
	if _, err := t.tx.Exec(sqlDeleteAllRecords, n); err != nil {
		return false, err
	}
	_, err = t.tx.Exec(sqlDeleteCollection, n)
	return err == nil, err
}

func (t *transaction) DeleteAll() error {
	if _, err := t.stamp(""); err != nil {
		return err
	}
	t.redo.note(t.now, func(step []byte) []byte { return append(step, redoDeleteAll) })
	for _, wipe := range []string{sqlWipeItems, sqlWipeBatches, sqlWipeRecords, sqlWipeCollections} {
		if _, err := t.tx.Exec(wipe); err != nil {
			return err
		}
	}
	return nil
}

func (t *transaction) StartBatch(collection, token string, expires bso.Timestamp) error {
	t.redo.leave()
	if err := t.dropBatches(sqlDropExpiredItems, sqlDropExpiredBatch, t.now); err != nil {
		return err
	}
	_, err := t.tx.Exec(sqlStartBatch, token, collection, expires)
	return err
}

// batch returns the number of a batch.
func (t *transaction) batch(collection, token string) (n int64, err error) {
	err = t.tx.QueryRow(sqlBatch, token, collection, t.now).Scan(&n)
	if errors.Is(err, sql.ErrNoRows) {
		err = storage.ErrNoBatch
	}
	return n, err
}

func (t *transaction) AppendBatch(collection, token string, changes []storage.Change) (size storage.BatchSize, err error) {
	t.redo.leave()
	n, err := t.batch(collection, token)
	if err != nil {
		return size, err
	}
	var args [6]any
	err = t.tx.Each(sqlPutItem, len(changes), func(i int) []any {
		c := &changes[i]
		size.Records++
		size.Bytes += int64(len(c.Payload))
		args = [...]any{n, string(c.ID), c.Fields, c.SortIndex, c.TTL, c.Payload}
		return args[:]
	})
	if err != nil {
		return size, err
	}
	// A change that replaces another counts too: clients count so, and nothing has to be
	// read again.
	err = t.tx.QueryRow(sqlGrowBatch, size.Records, size.Bytes, n).Scan(&size.Records, &size.Bytes)
	return size, err
}

func (t *transaction) CommitBatch(collection, token string) (int, error) {
	t.redo.leave()
	batch, err := t.batch(collection, token)
	if err != nil {
		return 0, err
	}
	var records int
	if err := t.tx.QueryRow(sqlCountItems, batch).Scan(&records); err != nil {
		return 0, err
	}
	if records > 0 {
		if err := t.applyBatch(batch, collection); err != nil {
			return 0, err
		}
	}
	return records, t.dropBatches(sqlDropBatchItems, sqlDropBatch, batch)
}

// applyBatch does for all items of a batch at once what Put does for one change.
func (t *transaction) applyBatch(batch int64, collection string) error {
	n, err := t.stamp(collection)
	if err != nil {
		return err
	}
	for _, step := range []string{sqlApplyExpired, sqlApplyChanged, sqlApplyNew} {
		if _, err := t.tx.Exec(step, batch, n, t.time, t.now); err != nil {
			return err
		}
	}
	return nil
}

// dropBatches runs the two statements that drop batches by one condition.
func (t *transaction) dropBatches(items, batches string, args ...any) error {
	if _, err := t.tx.Exec(items, args...); err != nil {
		return err
	}
	_, err := t.tx.Exec(batches, args...)
	return err
}

func (t *transaction) Usage(token string) (u storage.Usage, err error) {
	err = t.tx.QueryRow(sqlUsage, storage.Overhead, token).Scan(&u.Bytes, &u.Collections)
	return u, err
}

func (t *transaction) BoundBatches(token string, number int, bytes int64) error {
	t.redo.leave()
	return t.dropBatches(sqlDropExcessItems, sqlDropExcessBatch, storage.Overhead, token, number, bytes)
}

func (t *transaction) DropBatch(token string) error {
	t.redo.leave()
	return t.dropBatches(sqlDropTokenItems, sqlDropTokenBatch, token)
}

func (t *transaction) DropExpired(most int) (int, error) {
	t.redo.leave()
	if err := t.dropBatches(sqlDropExpiredItems, sqlDropExpiredBatch, t.now); err != nil {
		return 0, err
	}
	n, err := t.tx.Exec(sqlDropExpired, t.now, most)
	return int(n), err
}
