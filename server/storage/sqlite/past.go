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
	// renewedWithin is how much the time of the new sync IDs may be off, in hundredths of a
	// second: before the clock, or after all else where the clock is not later. How much is chance: a client that saw an earlier restore of the same
	// backup would take the same time for the same record.
	renewedWithin = 3000
)

// RenewSyncIDs gives a user's file, which nobody uses, new sync IDs. It belongs to the
// restore of a backup: the storage is an earlier state of the one that clients know, and
// they find out by its sync IDs, which every client compares before it syncs. Each then
// reads everything and brings it together with what it has, and nothing that only one
// device has is left out. The IDs are in plain text in the records of the collection
// "meta"; anything else in these stays. A storage that was never set up has none.
//
// What Firefox does then, seen with 153 in the interop tests, is the same whichever of the
// IDs are new (that of meta/global, those of the engines, or all). Times that went back
// do not make it look, nor, by its source, does a storage under another number. It reads the
// collection again and sends all that differs. Bookmarks, visits and form entries are
// brought together, the newer of two edits wins. Of a login, the time of its password
// stands against the time of the server's record: a newer password wins, while a login
// that has but a newer user name is the older one to Firefox, and a login that it deleted
// comes back. Mozilla's components for phones, run once beside our client, compare the times
// of the two passwords, with the same outcome. They take the time of the collection for that
// of the server when they ask which of two bookmarks is newer: so each collection is of now,
// whatever its records are, or an edit since the backup would look older than these.
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
		renewed := false
		fresh := renewal{random: random, ids: map[string]string{}}
		var chance [2]byte
		if _, err := io.ReadFull(random, chance[:]); err != nil {
			return err
		}
		var at int64
		if err := tx.QueryRowContext(ctx, `SELECT modified FROM storage`).Scan(&at); err != nil {
			return err
		}
		chosen := int64(binary.BigEndian.Uint16(chance[:])) % renewedWithin
		if clock := int64(bso.TimestampOf(now)); clock > at {
			// Not later than the clock: the server's time would be ahead of it, and every
			// edit of a device look newer than it is.
			at = max(at+1, clock-chosen)
		} else {
			at += 1 + chosen
		}
		for _, id := range slices.Sorted(maps.Keys(records)) {
			payload, err := fresh.payload(records[id])
			if err != nil {
				return err
			}
			if payload == nil {
				continue
			}
			renewed = true
			_, err = tx.ExecContext(ctx, `UPDATE records SET payload = ?2, modified = ?3
				WHERE collection = (SELECT number FROM collections WHERE name = 'meta') AND id = ?1`, id, payload, at)
			if err != nil {
				return err
			}
		}
		if !renewed {
			return nil
		}
		if _, err := tx.ExecContext(ctx, `UPDATE storage SET modified = ?1`, at); err != nil {
			return err
		}
		// The time of crypto is that of its one record, which clients compare.
		_, err = tx.ExecContext(ctx, `UPDATE collections SET modified = ?1 WHERE name <> 'crypto'`, at)
		return err
	})
}

func metaRecords(ctx context.Context, tx *sql.Tx) (map[string][]byte, error) {
	rows, err := tx.QueryContext(ctx, `SELECT id, payload FROM records
		WHERE collection = (SELECT number FROM collections WHERE name = 'meta') AND length(payload) <= ?1 LIMIT ?2`, maxMeta, maxMetaRecords)
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

// renewal replaces each sync ID in JSON values. What is the same ID in two places stays
// the same: Firefox wipes a collection whose ID in meta/syncids belongs to another
// meta/global.
type renewal struct {
	random io.Reader
	ids    map[string]string // by the old ones
	err    error
}

// payload is a payload with new sync IDs, or nil if it has none.
func (r *renewal) payload(old []byte) ([]byte, error) {
	d := json.NewDecoder(bytes.NewReader(old))
	d.UseNumber()
	var v any
	if d.Decode(&v) != nil {
		return nil, nil // no client can read it either, and sets the storage up again
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
		for _, name := range slices.Sorted(maps.Keys(v)) { // the same chance, the same IDs
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

// id is a new sync ID, of the usual twelve characters.
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
