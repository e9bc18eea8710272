// Package move moves a whole server between a data folder and a PostgreSQL database, or between two of a kind: its
// secret, accounts, tokens, queue of messages, and the records of all users, with all times.
package move

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/syncmanager/syncmanager/server"
	"github.com/syncmanager/syncmanager/server/accounts"
	"github.com/syncmanager/syncmanager/server/internal/pg"
	"github.com/syncmanager/syncmanager/server/internal/sqldb"
	"github.com/syncmanager/syncmanager/server/outbox"
	"github.com/syncmanager/syncmanager/server/storage"
	"github.com/syncmanager/syncmanager/server/storage/postgres"
	"github.com/syncmanager/syncmanager/server/storage/sqlite"
	"github.com/syncmanager/syncmanager/server/token"
)

// Place is where a server has its data: one of the two.
type Place struct {
	// Dir is a data folder.
	Dir string
	// Database is a connection string of PostgreSQL; see [server.Config].
	Database string
}

func (p Place) String() string {
	if p.Database != "" {
		return "the PostgreSQL database" // its URL may have a password
	}
	return p.Dir
}

// part is a database of tables.
type part struct {
	name, file string
	schema     fs.FS
}

// parts are all databases of tables but that of the secret. What takeovers note of their progress is left out.
func parts() []part {
	return []part{
		{"accounts", "accounts.sqlite", accounts.Schema()},
		{"tokens", "token.sqlite", token.Schema()},
		{"outbox", "outbox.sqlite", outbox.Schema()},
	}
}

// tempPrefix begins the names of files that are not yet complete.
const tempPrefix = ".move-"

// secretFile is the file of a server's secret in its data folder.
const secretFile = "token-secret"

// data is an open Place.
type data struct {
	Place
	records storage.Backend
	secrets sqldb.DB // of a Database
	tables  map[string]sqldb.DB
}

// open opens a place. Of a source, what is not there is left out, and nothing is made. Any other place that is a folder
// gets the mark of a move before anything else.
func open(ctx context.Context, p Place, source bool, mark []byte) (d *data, err error) {
	d = &data{Place: p, tables: make(map[string]sqldb.DB)}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("cannot open %s: %w", p, err), d.close(context.WithoutCancel(ctx)))
		}
	}()
	if !source && p.Database == "" {
		if err := d.markFolder(ctx, mark); err != nil {
			return d, err
		}
	}
	has, err := d.has(ctx)
	if err != nil {
		return d, err
	}
	if source && !has("tokens") {
		return d, errors.New("there is no server's data in it")
	}
	if err := d.openRecords(ctx, source); err != nil {
		return d, err
	}
	for _, part := range parts() {
		if source && !has(part.name) {
			continue
		}
		if p.Database != "" {
			d.tables[part.name], err = sqldb.OpenPostgres(ctx, p.Database, part.name, part.schema, nil, nil)
		} else {
			d.tables[part.name], err = sqldb.OpenSQLite(ctx, filepath.Join(p.Dir, part.file), part.name, part.schema, nil, nil)
		}
		if err != nil {
			return d, err
		}
	}
	return d, nil
}

// markFolder makes the folder and the mark of a move in it, unless this move made them before.
func (d *data) markFolder(ctx context.Context, mark []byte) error {
	begun, err := fresh(d.Dir)
	if err != nil || begun {
		return err
	}
	return d.set(ctx, markName, server.MovingMarker, mark)
}

// openRecords opens the records, and in a database the secrets. Those of a source may be in use by a server.
func (d *data) openRecords(ctx context.Context, source bool) (err error) {
	if d.Database == "" {
		files, err := sqlite.New(sqlite.Config{Dir: filepath.Join(d.Dir, "storage"), Now: time.Now, Beside: source}) //nolint:forbidigo // what has expired is not copied
		if err == nil {
			d.records = files
		}
		return err
	}
	if d.secrets, err = sqldb.OpenPostgres(ctx, d.Database, "server", server.Schema(), nil, nil); err != nil {
		return err
	}
	shared, err := postgres.Open(ctx, postgres.Config{Database: d.Database, Now: time.Now, Rand: rand.Reader}) //nolint:forbidigo // it identifies steps, and is no secret
	if err == nil {
		d.records = shared
	}
	return err
}

// fresh makes a folder, unless it is there and empty, or a server is being moved to it: then begun is true.
func fresh(dir string) (begun bool, err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return false, err
	}
	files, err := os.ReadDir(dir)
	if err != nil {
		return false, err
	}
	for _, f := range files {
		if f.Name() == server.MovingMarker {
			return true, nil
		}
	}
	for _, f := range files {
		if f.Name() != "lock" && !strings.HasPrefix(f.Name(), tempPrefix) {
			return false, ErrNotEmpty
		}
	}
	return false, nil
}

const sqlPart = `SELECT EXISTS (SELECT 1 FROM versions WHERE part = $1)`

// sqlVersions says whether sqlPart can be asked.
const sqlVersions = `SELECT to_regclass('versions') IS NOT NULL`

// has returns which parts are there.
func (d *data) has(ctx context.Context) (func(part string) bool, error) {
	there := make(map[string]bool)
	if d.Database == "" {
		for _, part := range parts() {
			_, err := os.Stat(filepath.Join(d.Dir, part.file))
			there[part.name] = err == nil
		}
		return func(part string) bool { return there[part] }, nil
	}
	pool, err := pg.Open(ctx, d.Database, pg.Options{MaxConns: 1})
	if err != nil {
		return nil, err
	}
	defer pool.Close()
	var any bool
	if err := pool.QueryRow(ctx, sqlVersions).Scan(&any); err != nil {
		return nil, err
	}
	for _, part := range parts() {
		var is bool
		if any {
			if err := pool.QueryRow(ctx, sqlPart, part.name).Scan(&is); err != nil {
				return nil, err
			}
		}
		there[part.name] = is
	}
	return func(part string) bool { return there[part] }, nil
}

// ErrServing means that servers use a database.
var ErrServing = errors.New("servers use the database: stop them first")

const sqlServing = `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'syncmanager' AND pid <> pg_backend_pid()`

// CheckUnused fails with [ErrServing] if a server is connected to the database of p. A data folder has a lock for that.
func CheckUnused(ctx context.Context, p Place) error {
	if p.Database == "" {
		return nil
	}
	pool, err := pg.Open(ctx, p.Database, pg.Options{MaxConns: 1})
	if err != nil {
		return err
	}
	defer pool.Close()
	var n int
	if err := pool.QueryRow(ctx, sqlServing).Scan(&n); err != nil {
		return err
	}
	if n > 0 {
		return ErrServing
	}
	return nil
}

const (
	sqlSecret     = `SELECT value FROM server_secrets WHERE name = ?1`
	sqlSetSecret  = `INSERT INTO server_secrets (name, value) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET value = excluded.value`
	sqlDropSecret = `DELETE FROM server_secrets WHERE name = ?1`
)

// The names of what the database has as secrets: the secret itself, and the mark of a move.
const (
	secretName = "tokens"
	markName   = "moving"
)

// get returns a secret or a mark; nil: there is none.
func (d *data) get(ctx context.Context, name, file string) (value []byte, err error) {
	if d.Database == "" {
		value, err = os.ReadFile(filepath.Join(d.Dir, file))
		if errors.Is(err, fs.ErrNotExist) {
			return nil, nil
		}
		return bytes.TrimSpace(value), err
	}
	err = d.secrets.Read(ctx).QueryRow(sqlSecret, name).Scan(&value)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	return value, err
}

// secret returns the server's secret; nil: there is none.
func (d *data) secret(ctx context.Context) ([]byte, error) {
	value, err := d.get(ctx, secretName, secretFile)
	if err != nil || value == nil || d.Database != "" {
		return value, err
	}
	raw, err := hex.DecodeString(string(value))
	if err != nil || len(raw) != sha256.Size {
		return nil, fmt.Errorf("the server's secret in %s is damaged", filepath.Join(d.Dir, secretFile))
	}
	return raw, nil
}

// set stores a secret or a mark; nil removes it.
func (d *data) set(ctx context.Context, name, file string, value []byte) error {
	if d.Database != "" {
		return d.secrets.Update(ctx, func(tx sqldb.Tx) (err error) {
			if value == nil {
				_, err = tx.Exec(sqlDropSecret, name)
			} else {
				_, err = tx.Exec(sqlSetSecret, name, value)
			}
			return err
		})
	}
	path := filepath.Join(d.Dir, file)
	if value == nil {
		return os.Remove(path)
	}
	f, err := os.CreateTemp(d.Dir, tempPrefix+"*") // 0600
	if err != nil {
		return err
	}
	_, err = f.Write(append(bytes.Clone(value), '\n'))
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		err = errors.Join(err, os.Remove(f.Name()))
	}
	return err
}

func (d *data) setSecret(ctx context.Context, secret []byte) error {
	if d.Database == "" {
		secret = []byte(hex.EncodeToString(secret))
	}
	return d.set(ctx, secretName, secretFile, secret)
}

func (d *data) close(ctx context.Context) error {
	var errs []error
	if d.records != nil {
		errs = append(errs, d.records.Close(ctx))
	}
	if d.secrets != nil {
		errs = append(errs, d.secrets.Close())
	}
	for _, db := range d.tables {
		if db != nil {
			errs = append(errs, db.Close())
		}
	}
	return errors.Join(errs...)
}
