package postgres

import (
	"errors"
	"maps"

	"github.com/jackc/pgx/v5"

	"github.com/syncmanager/syncmanager/bso"
	"github.com/syncmanager/syncmanager/server/storage"
)

func (t *transaction) StartBatch(collection, token string, expires bso.Timestamp) error {
	t.later(sqlDropExpiredPosts, t.uid, int64(t.now))
	t.later(sqlDropExpiredBatch, t.uid, int64(t.now))
	t.later(sqlStartBatch, t.uid, token, collection, int64(expires))
	return nil
}

func (t *transaction) AppendBatch(collection, token string, changes []storage.Change) (storage.BatchSize, error) {
	c := columnsOf(changes)
	var added int64
	for _, payload := range c.payloads {
		added += int64(len(payload))
	}
	batch := []any{t.uid, token, collection, int64(t.now)}
	to := ownBatch{collection: collection}
	err := t.send(func(b *pgx.Batch) {
		// A change that replaces another counts too: clients count so, and nothing has to be
		// read again.
		b.Queue(sqlGrowBatch, append(batch[:4:4], len(changes), added)...)
		if len(changes) > 0 {
			b.Queue(sqlPost, append(batch[:4:4], c.ids, c.fields, c.sortindexes, c.ttls, c.payloads)...)
		}
	}, func(r pgx.BatchResults) error {
		err := r.QueryRow().Scan(&to.number, &to.size.Records, &to.size.Bytes)
		if errors.Is(err, pgx.ErrNoRows) {
			err = storage.ErrNoBatch
		}
		return err
	})
	if err != nil {
		return to.size, err
	}
	t.batches[token] = &to
	return to.size, nil
}

func (t *transaction) CommitBatch(collection, token string) (int, error) {
	batch, err := t.batch(collection, token)
	if err != nil {
		return 0, err
	}
	var changes, records int
	if _, err := t.row(sqlCountItems, []any{t.uid, batch}, &changes, &records); err != nil {
		return 0, err
	}
	if records > 0 {
		now, c := t.stamp(), t.collection(collection)
		statement := sqlCommit
		switch {
		case records < changes:
			statement = sqlCommitMerged
		case c.isNew():
			statement = sqlCommitNew
		}
		if err := t.change(c, now, statement, t.uid, c.number, int64(now), int64(t.now), batch); err != nil {
			return 0, err
		}
	}
	t.later(sqlDropBatchPosts, t.uid, batch)
	t.later(sqlDropBatch, t.uid, batch)
	t.batches[token] = &ownBatch{} // nothing waits any more
	return records, nil
}

// batch returns the number of a batch.
func (t *transaction) batch(collection, token string) (number int64, err error) {
	if b := t.batches[token]; b != nil && b.collection == collection {
		return b.number, nil
	}
	found, err := t.row(sqlBatch, []any{t.uid, token, collection, int64(t.now)}, &number)
	if err == nil && !found {
		err = storage.ErrNoBatch
	}
	return number, err
}

func (t *transaction) Usage(token string) (u storage.Usage, err error) {
	u.Collections = len(t.own)
	for _, c := range t.own {
		u.Bytes += c.bytes + storage.Overhead*(c.records+1)
	}
	if token == "" {
		return u, nil
	}
	if b := t.batches[token]; b != nil {
		u.Bytes += b.size.Bytes + storage.Overhead*b.size.Records
		return u, nil
	}
	var waiting int64
	_, err = t.row(sqlBatchUsage, []any{t.uid, storage.Overhead, token}, &waiting)
	u.Bytes += waiting
	return u, err
}

func (t *transaction) BoundBatches(token string, number int, bytes int64) error {
	for _, sql := range []string{sqlDropExcessPosts, sqlDropExcessBatch} {
		t.later(sql, t.uid, storage.Overhead, token, number, bytes)
	}
	maps.DeleteFunc(t.batches, func(other string, _ *ownBatch) bool { return other != token })
	return nil
}

func (t *transaction) DropBatch(token string) error {
	t.later(sqlDropTokenPosts, t.uid, token)
	t.later(sqlDropTokenBatch, t.uid, token)
	delete(t.batches, token)
	return nil
}
