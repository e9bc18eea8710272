package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"io"
	"maps"
	"slices"
	"time"

	"github.com/syncmanager/syncmanager/bso"
	"github.com/syncmanager/syncmanager/internal/sqlite"
	"github.com/syncmanager/syncmanager/server/storage/internal/syncids"
)

// RenewSyncIDs gives a user's file, which must not be in use, new sync IDs. It is part of
// restoring a backup, which brings back an earlier state of the storage than the one that clients know.
// Every client compares the sync IDs before it syncs. If they are new, it reads
// everything and merges it with what it has, so that nothing is lost that only one
// device has. The IDs are in plain text in the records of the collection
// "meta"; everything else in these records stays. A storage that was never set up has none.
//
// The interop tests show what Firefox 153 does then. It is the same whichever of the
// IDs are new: that of meta/global, those of the engines, or all. Times that went back
// do not make it read again, nor, by its source, does a storage with another number. It reads
// the collection again and uploads all differences. Bookmarks, visits and form entries are
// merged, and the newer of two edits wins. For a login, Firefox compares the time of its password
// with the time of the server's record: a newer password wins; a login with only
// a newer user name counts as the older one; a login that Firefox deleted
// comes back. Mozilla's components for phones, run once next to our client, compare the times
// of the two passwords, with the same result. To find the newer of two bookmarks, they take the
// time of the collection for that of the server's record. So each collection gets a current time,
// whatever its records have; otherwise an edit made since the backup would look older than these.
// A fence that the backup caught is lifted: the move that it was for is over.
func RenewSyncIDs(ctx context.Context, path string, random io.Reader, now time.Time) (err error) {
	db, err := sqlite.Open(ctx, path, sqlite.Options{Migrations: Schema(), Durable: true, Readers: 1})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	return db.Update(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, sqlFence, false); err != nil {
			return err
		}
		records, err := metaRecords(ctx, tx)
		if err != nil {
			return err
		}
		at, err := renewalTime(ctx, tx, random, now)
		if err != nil {
			return err
		}
		renewed, err := renewRecords(ctx, tx, records, syncids.New(random), at)
		if err != nil || !renewed {
			return err
		}
		if _, err := tx.ExecContext(ctx, sqlStamp, at); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, sqlRenewCollections, at)
		return err
	})
}

// renewalTime chooses a time after all that the storage has.
func renewalTime(ctx context.Context, tx *sql.Tx, random io.Reader, now time.Time) (at int64, err error) {
	if err := tx.QueryRowContext(ctx, sqlModified).Scan(&at); err != nil {
		return 0, err
	}
	return syncids.Time(random, at, int64(bso.TimestampOf(now)))
}

// renewRecords replaces the sync IDs in records, and reports whether there were any.
func renewRecords(ctx context.Context, tx *sql.Tx, records map[string][]byte, fresh *syncids.Renewal, at int64) (renewed bool, err error) {
	for _, id := range slices.Sorted(maps.Keys(records)) {
		payload, err := fresh.Payload(records[id])
		if err != nil {
			return false, err
		}
		if payload == nil {
			continue
		}
		renewed = true
		_, err = tx.ExecContext(ctx, sqlRenewRecord, id, payload, at)
		if err != nil {
			return false, err
		}
	}
	return renewed, nil
}

func metaRecords(ctx context.Context, tx *sql.Tx) (map[string][]byte, error) {
	rows, err := tx.QueryContext(ctx, sqlMetaRecords, syncids.MaxRecord, syncids.MaxRecords)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	records := make(map[string][]byte)
	for rows.Next() {
		var id string
		var payload []byte
		if err := rows.Scan(&id, &payload); err != nil {
			return nil, err
		}
		records[id] = payload
	}
	return records, rows.Err()
}
