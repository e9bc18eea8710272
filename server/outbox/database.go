package outbox

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"time"

	"github.com/syncmanager/syncmanager/server/internal/sqldb"
	"github.com/syncmanager/syncmanager/server/telemetry"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Schema returns the migrations that make the tables.
func Schema() fs.FS {
	steps, err := fs.Sub(migrations, "migrations")
	if err != nil {
		panic(err) // it is part of the program
	}
	return steps
}

// Database is a [Queue] in a SQLite file, or in a PostgreSQL database that several servers share.
type Database struct {
	db   sqldb.DB
	seal cipher.AEAD
	rand io.Reader
}

var _ Queue = (*Database)(nil)

// Place says where a [Database] is.
type Place struct {
	// Database is a connection string of PostgreSQL; "": outbox.sqlite in the folder Dir.
	Database, Dir string
	// Key is the secret of 32 bytes under which messages are kept.
	Key  []byte
	Rand io.Reader // default [crypto/rand.Reader]
	// Telemetry, if set, counts statements.
	Telemetry *telemetry.Observer
}

//go:generate go run github.com/syncmanager/syncmanager/server/telemetry/statements

// Open opens a Database, and creates it if it does not exist. The caller must call [Database.Close].
func Open(ctx context.Context, p Place) (*Database, error) {
	block, err := aes.NewCipher(p.Key)
	if err != nil {
		return nil, fmt.Errorf("the key of the outbox: %w", err)
	}
	seal, err := cipher.NewGCM(block)
	if err != nil {
		return nil, err
	}
	if p.Rand == nil {
		p.Rand = rand.Reader //nolint:forbidigo // the app's real randomness
	}
	var db sqldb.DB
	if p.Database != "" {
		db, err = sqldb.OpenFew(ctx, p.Database, "outbox", Schema(), p.Telemetry, statementNames)
	} else {
		db, err = sqldb.OpenSQLite(ctx, filepath.Join(p.Dir, "outbox.sqlite"), "outbox", Schema(), p.Telemetry, statementNames)
	}
	if err != nil {
		return nil, err
	}
	return &Database{db, seal, p.Rand}, nil
}

// Close closes the database. What waits stays.
func (d *Database) Close() error { return d.db.Close() }

// about is what a body was encrypted for: it opens nowhere else.
func about(i Item) []byte { return append([]byte(i.Owner+"\x00"), i.ID...) }

// Add implements [Queue].
func (d *Database) Add(ctx context.Context, kind string, i Item, due time.Time, b Bounds) error {
	nonce := make([]byte, d.seal.NonceSize())
	if _, err := io.ReadFull(d.rand, nonce); err != nil {
		return fmt.Errorf("no randomness: %w", err)
	}
	body := d.seal.Seal(nonce, nonce, i.Body, about(i))
	update := d.db.Update
	if b.Soon {
		update = d.db.UpdateSoon
	}
	return update(ctx, func(tx sqldb.Tx) error {
		n, err := tx.Exec(sqlAdd, i.Owner, i.ID, kind, body, due.UnixMilli(), i.Ends.UnixMilli(), b.Size, b.SizeOf)
		if err == nil && n == 0 {
			err = ErrFull
		}
		return err
	})
}

// Take implements [Queue]. The body of an item that the key does not open is empty.
func (d *Database) Take(ctx context.Context, kind string, now, until time.Time) (i Item, found bool, err error) {
	var body []byte
	var ends int64
	err = d.db.UpdateSoon(ctx, func(tx sqldb.Tx) error {
		i = Item{}
		return tx.QueryRow(sqlTake, kind, now.UnixMilli(), until.UnixMilli()).Scan(&i.Owner, &i.ID, &body, &i.Tries, &ends)
	})
	if errors.Is(err, sql.ErrNoRows) {
		return Item{}, false, nil
	}
	if err != nil {
		return Item{}, false, err
	}
	i.Ends = time.UnixMilli(ends)
	if n := d.seal.NonceSize(); len(body) >= n {
		i.Body, _ = d.seal.Open(nil, body[:n], body[n:], about(i))
	}
	return i, true, nil
}

// change runs a statement that may be lost with the machine's power: then a message is sent twice.
func (d *Database) change(ctx context.Context, query string, args ...any) (n int, err error) {
	err = d.db.UpdateSoon(ctx, func(tx sqldb.Tx) error {
		rows, err := tx.Exec(query, args...)
		n = int(rows)
		return err
	})
	return n, err
}

// Later implements [Queue].
func (d *Database) Later(ctx context.Context, i Item, due time.Time) error {
	_, err := d.change(ctx, sqlLater, i.Owner, i.ID, due.UnixMilli(), i.Tries)
	return err
}

// Remove implements [Queue].
func (d *Database) Remove(ctx context.Context, i Item) error {
	_, err := d.change(ctx, sqlRemove, i.Owner, i.ID)
	return err
}

// Drop implements [Queue].
func (d *Database) Drop(ctx context.Context, kind string, now time.Time) (int, error) {
	return d.change(ctx, sqlDrop, kind, now.UnixMilli())
}

// Count implements [Queue].
func (d *Database) Count(ctx context.Context, kind string) (n int, err error) {
	err = d.db.Read(ctx).QueryRow(sqlCount, kind).Scan(&n)
	return n, err
}
