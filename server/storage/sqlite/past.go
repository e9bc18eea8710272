package sqlite

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"slices"
	"time"

	"github.com/syncmanager/syncmanager/bso"
	"github.com/syncmanager/syncmanager/internal/sqlite"
)

const (
	// maxMeta bounds a record of the collection "meta" that is rewritten, in bytes, and
	// maxMetaRecords how many there may be: Firefox has two, of a kilobyte each.
	maxMeta        = 1 << 20
	maxMetaRecords = 100
	// renewedWithin bounds how far the time of the new sync IDs is from the clock, in hundredths
	// of a second: before it, or after all other times if the clock is not later. The distance
	// is random: with one time, a client that saw an earlier restore of the same backup
	// would take the records for those that it knows.
	renewedWithin = 3000
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
func RenewSyncIDs(ctx context.Context, path string, random io.Reader, now time.Time) (err error) {
	db, err := sqlite.Open(ctx, path, sqlite.Options{Migrations: Schema(), Durable: true, Readers: 1})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	return db.Update(ctx, func(tx *sql.Tx) error {
		records, err := metaRecords(ctx, tx)
		if err != nil {
			return err
		}
		at, err := renewalTime(ctx, tx, random, now)
		if err != nil {
			return err
		}
		renewed, err := renewRecords(ctx, tx, records, &renewal{random: random, ids: map[string]string{}}, at)
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

// renewalTime chooses a time after all that the storage has, of the last renewedWithin.
func renewalTime(ctx context.Context, tx *sql.Tx, random io.Reader, now time.Time) (at int64, err error) {
	var chance [2]byte
	if _, err := io.ReadFull(random, chance[:]); err != nil {
		return 0, err
	}
	if err := tx.QueryRowContext(ctx, sqlModified).Scan(&at); err != nil {
		return 0, err
	}
	chosen := int64(binary.BigEndian.Uint16(chance[:])) % renewedWithin
	if clock := int64(bso.TimestampOf(now)); clock > at {
		// A later time would put the server's time ahead of the clock, and every
		// edit of a device would look newer than it is.
		return max(at+1, clock-chosen), nil
	}
	return at + 1 + chosen, nil
}

// renewRecords replaces the sync IDs in records, and reports whether there were any.
func renewRecords(ctx context.Context, tx *sql.Tx, records map[string][]byte, fresh *renewal, at int64) (renewed bool, err error) {
	for _, id := range slices.Sorted(maps.Keys(records)) {
		payload, err := fresh.payload(records[id])
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
	rows, err := tx.QueryContext(ctx, sqlMetaRecords, maxMeta, maxMetaRecords)
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

// renewal replaces each sync ID in JSON values. An ID that is in two places gets the same
// new one: Firefox wipes a collection whose ID in meta/syncids belongs to another
// meta/global.
type renewal struct {
	random io.Reader
	ids    map[string]string // by the old ones
	err    error
}

// payload returns a payload with new sync IDs, or nil if it has none.
func (r *renewal) payload(old []byte) ([]byte, error) {
	d := json.NewDecoder(bytes.NewReader(old))
	d.UseNumber()
	var v any
	if d.Decode(&v) != nil {
		return nil, nil // clients cannot read it either, and set up the storage again
	}
	if found := r.walk(v); !found || r.err != nil {
		return nil, r.err
	}
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return bytes.TrimSpace(out.Bytes()), err
}

func (r *renewal) walk(v any) (found bool) {
	switch v := v.(type) {
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(v)) { // a fixed order: the same random bytes give the same IDs
			value := v[name]
			if id, text := value.(string); text && (name == "syncID" || name == "globalSyncID") {
				v[name], found = r.id(id), true
			} else {
				found = r.walk(value) || found
			}
		}
	case []any:
		for _, value := range v {
			found = r.walk(value) || found
		}
	}
	return found
}

// id returns the new sync ID for an old one, of the usual twelve characters.
func (r *renewal) id(old string) string {
	if r.ids[old] == "" {
		var b [9]byte
		if _, err := io.ReadFull(r.random, b[:]); err != nil {
			r.err = err
		}
		r.ids[old] = base64.RawURLEncoding.EncodeToString(b[:])
	}
	return r.ids[old]
}
