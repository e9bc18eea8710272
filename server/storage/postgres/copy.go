package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/syncmanager/syncmanager/bso"
	"github.com/syncmanager/syncmanager/server/storage"
)

var (
	_ storage.Exporter = (*transaction)(nil)
	_ storage.Importer = (*transaction)(nil)
)

// Export implements [storage.Exporter].
func (t *transaction) Export(collection string, f func(*storage.Dated) error) error {
	n, _, err := t.number(collection)
	if n == 0 || err != nil {
		return err
	}
	var id string
	var at int64
	var weight pgtype.Int4
	var expires pgtype.Int8
	var payload pgtype.DriverBytes // not copied
	return t.each(func(rows pgx.Rows) error {
		if err := rows.Scan(&id, &at, &weight, &expires, &payload); err != nil {
			return err
		}
		return f(&storage.Dated{
			Record:  storage.Record{ID: bso.ID(id), Modified: bso.Timestamp(at), SortIndex: sortIndex(weight), Payload: payload},
			Expires: bso.Timestamp(expires.Int64),
		})
	}, sqlExport, t.uid, n, int64(t.now))
}

// Import implements [storage.Importer].
func (t *transaction) Import(collection string, modified bso.Timestamp, records []storage.Dated) error {
	n := len(records)
	ids, times, expires := make([]string, n), make([]int64, n), make([]pgtype.Int8, n)
	weights, payloads := make([]pgtype.Int4, n), make([][]byte, n)
	for i := range records {
		r := &records[i]
		ids[i], times[i], payloads[i] = string(r.ID), int64(r.Modified), r.Payload
		expires[i] = pgtype.Int8{Int64: int64(r.Expires), Valid: r.Expires != 0}
		weights[i] = pgtype.Int4{Int32: int32(r.SortIndex.V), Valid: r.SortIndex.Valid}
	}
	c := t.collection(collection)
	t.setModified(storage.LastModified(modified, records))
	return t.change(c, modified, sqlImport, t.uid, c.number, ids, times, weights, expires, payloads)
}

// ImportModified implements [storage.Importer].
func (t *transaction) ImportModified(modified bso.Timestamp) error {
	t.setModified(modified)
	return nil
}

// setModified moves the storage's last-modified time to modified, if it is earlier. A storage in which nothing
// was ever written has none: 0.
func (t *transaction) setModified(modified bso.Timestamp) {
	t.time = max(t.time, t.last, modified)
	t.last, t.stamped = t.time, true
}

// Fence implements [storage.Fencer]: each step reads the fence with the lock of the user's row.
func (b *Backend) Fence(ctx context.Context, uid int64, on bool) error {
	return b.write(ctx, uid, storage.Durable, func(t *transaction) error {
		return t.exec(func(batch *pgx.Batch) { batch.Queue(sqlFence, t.uid, on) })
	})
}
