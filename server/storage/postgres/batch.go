package postgres

import (
	"errors"

	"github.com/jackc/pgx/v5"

	"github.com/syncmanager/syncmanager/bso"
	"github.com/syncmanager/syncmanager/server/storage"
)

func (t *transaction) StartBatch(collection, token string, expires bso.Timestamp) error {
	return t.exec(func(b *pgx.Batch) {
		b.Queue(sqlDropExpiredPosts, t.uid, int64(t.now))
		b.Queue(sqlDropExpiredBatch, t.uid, int64(t.now))
		b.Queue(sqlStartBatch, t.uid, token, collection, int64(expires))
	})
}

func (t *transaction) AppendBatch(collection, token string, changes []storage.Change) (size storage.BatchSize, err error) {
	c := columnsOf(changes)
	for _, payload := range c.payloads {
		size.Bytes += int64(len(payload))
	}
	batch := []any{t.uid, token, collection, int64(t.now)}
	err = t.send(func(b *pgx.Batch) {
		// A change that replaces another counts too: clients count so, and nothing has to be
		// read again.
		b.Queue(sqlGrowBatch, append(batch[:4:4], len(changes), size.Bytes)...)
		if len(changes) > 0 {
			b.Queue(sqlPost, append(batch[:4:4], c.ids, c.fields, c.sortindexes, c.ttls, c.payloads)...)
		}
	}, func(r pgx.BatchResults) error {
		err := r.QueryRow().Scan(&size.Records, &size.Bytes)
		if errors.Is(err, pgx.ErrNoRows) {
			err = storage.ErrNoBatch
		}
		return err
	})
	return size, err
}

func (t *transaction) CommitBatch(collection, token string) (int, error) {
	var batch int64
	found, err := t.row(sqlBatch, []any{t.uid, token, collection, int64(t.now)}, &batch)
	if err == nil && !found {
		err = storage.ErrNoBatch
	}
	if err != nil {
		return 0, err
	}
	var changes, records int
	if _, err := t.row(sqlCountItems, []any{t.uid, batch}, &changes, &records); err != nil {
		return 0, err
	}
	if records > 0 {
		statement := sqlCommit
		switch {
		case records < changes:
			statement = sqlCommitMerged
		case t.isNew(collection):
			statement = sqlCommitNew
		}
		now, _ := t.Time()
		if err := t.change(collection, statement, t.uid, collection, int64(now), int64(t.now), batch); err != nil {
			return 0, err
		}
	}
	t.later(sqlDropBatchPosts, t.uid, batch)
	t.later(sqlDropBatch, t.uid, batch)
	return records, nil
}

func (t *transaction) Usage(token string) (u storage.Usage, err error) {
	if t.usage != nil && token == "" {
		return *t.usage, nil
	}
	n := len(t.grown)
	err = t.send(func(b *pgx.Batch) {
		t.queueGrowth(b)
		b.Queue(sqlUsage, t.uid, storage.Overhead, token)
	}, func(r pgx.BatchResults) error {
		for range n {
			if _, err := r.Exec(); err != nil {
				return err
			}
		}
		return r.QueryRow().Scan(&u.Bytes, &u.Collections)
	})
	return u, err
}

func (t *transaction) BoundBatches(token string, number int, bytes int64) error {
	for _, sql := range []string{sqlDropExcessPosts, sqlDropExcessBatch} {
		t.later(sql, t.uid, storage.Overhead, token, number, bytes)
	}
	return nil
}

func (t *transaction) DropBatch(token string) error {
	return t.exec(func(b *pgx.Batch) {
		b.Queue(sqlDropTokenPosts, t.uid, token)
		b.Queue(sqlDropTokenBatch, t.uid, token)
	})
}
