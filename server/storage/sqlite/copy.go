package sqlite

import (
	"context"
	"database/sql"

	"github.com/syncmanager/syncmanager/bso"
	"github.com/syncmanager/syncmanager/server/storage"
)

var (
	_ storage.Fencer   = (*Backend)(nil)
	_ storage.Exporter = (*transaction)(nil)
	_ storage.Importer = (*transaction)(nil)
)

// Export implements [storage.Exporter].
func (t *transaction) Export(collection string, f func(*storage.Dated) error) error {
	n, _, err := t.number(collection)
	if n == 0 || err != nil {
		return err
	}
	rows, err := t.tx.Query(sqlExport, n, t.now)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var r storage.Dated
		var payload sql.RawBytes
		var expires sql.Null[bso.Timestamp]
		if err := rows.Scan(&r.ID, &r.Modified, &r.SortIndex, &expires, &payload); err != nil {
			return err
		}
		r.Expires, r.Payload = expires.V, payload
		if err := f(&r); err != nil {
			return err
		}
	}
	return rows.Err()
}

// Import implements [storage.Importer].
func (t *transaction) Import(collection string, modified bso.Timestamp, records []storage.Dated) error {
	if err := t.ImportModified(storage.LastModified(modified, records)); err != nil {
		return err
	}
	var n int64
	if err := t.tx.QueryRow(sqlStampCollection, collection, modified).Scan(&n); err != nil {
		return err
	}
	var args [6]any
	return t.tx.Each(sqlImport, len(records), func(i int) []any {
		r := &records[i]
		expires := sql.Null[bso.Timestamp]{V: r.Expires, Valid: r.Expires != 0}
		args = [...]any{n, string(r.ID), r.Modified, r.SortIndex, expires, r.Payload}
		return args[:]
	})
}

// ImportModified implements [storage.Importer].
func (t *transaction) ImportModified(modified bso.Timestamp) error {
	t.redo.leave()
	last, err := t.Modified("", "")
	if err != nil || last >= modified {
		return err
	}
	t.last = modified
	_, err = t.tx.Exec(sqlStamp, modified)
	return err
}

// Fence implements [storage.Fencer]: each step reads the fence when its turn has come.
func (b *Backend) Fence(ctx context.Context, uid int64, on bool) error {
	return b.use(ctx, uid, func(file *file) error {
		return b.alone(ctx, file, func(t *transaction) error {
			_, err := t.tx.Exec(sqlFence, on)
			return err
		})
	})
}
