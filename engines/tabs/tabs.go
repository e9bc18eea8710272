// Package tabs is the engine of the collection "tabs": which pages are open on
// this device, for the others to see, and on them, for this one. The user can close tabs of
// other devices here, and take that back.
//
// Each device owns one record, whose ID is that of its record in the clients
// collection. So there is nothing to merge: the engine sends its own, and shows
// those of the devices that the account still has.
package tabs

import (
	"context"
	"database/sql"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"sync"
	"time"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/internal/ledger"
	"github.com/syncmanager/syncmanager/internal/sqlite"
)

const (
	collection = "tabs"
	version    = 1
	// ttl is how many seconds the server keeps a record: 180 days, as Mozilla's
	// mobile apps set it. The tabs of a device that is gone expire.
	ttl = 180 * 24 * 3600
	// refresh is the age at which an unchanged record is sent again.
	refresh = 30 * 24 * time.Hour
	// maxPayload bounds the record as it is stored: Firefox keeps to 512 KiB
	// whatever the server allows.
	maxPayload = 512 << 10
	// maxCleartext bounds its cleartext, in bytes: base64 makes four bytes of three, and
	// the IV and the HMAC take some.
	maxCleartext = maxPayload/4*3 - 1500
)

// Config says where the tabs are kept and what the engine runs on. Path must be set. The
// file is not encrypted, so Key must not be.
type Config = engine.StoreConfig

// Engine is the tabs of this device and of the others. It is safe for concurrent
// use.
type Engine struct {
	engine.ChangeNotifier
	watchers engine.Watchers
	db       *sqlite.DB
	ledger   *ledger.Ledger
	now      func() time.Time
	log      *slog.Logger
	// sending has room for one call of SendCloses.
	sending chan struct{}
	// closing has the closed tabs of other devices about which a device is being asked.
	closing struct {
		sync.Mutex
		inFlight map[remoteTab]bool
	}
}

var (
	_ engine.Engine    = (*Engine)(nil)
	_ engine.Watcher   = (*Engine)(nil)
	_ engine.Notifier  = (*Engine)(nil)
	_ engine.Counter   = (*Engine)(nil)
	_ engine.Troubled  = (*Engine)(nil)
	_ engine.TabCloser = (*Engine)(nil)
)

//go:embed migrations/*.sql
var migrations embed.FS

// Open opens the tabs in c.Path.
func Open(ctx context.Context, c Config) (*Engine, error) {
	switch {
	case c.Path == "":
		return nil, errors.New("tabs: the configuration needs Path")
	case c.Key != [32]byte{}:
		return nil, errors.New("tabs: the file of the tabs is not encrypted; leave Key out")
	}
	c = c.WithDefaults()
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, err
	}
	db, err := sqlite.Open(ctx, c.Path, sqlite.Options{Migrations: files})
	if err != nil {
		return nil, fmt.Errorf("tabs: %w", err)
	}
	e := &Engine{db: db, now: c.Now, log: c.Log, ledger: ledger.New(db, ledger.Config{Collection: collection, Chunk: 500})}
	e.sending = make(chan struct{}, 1)
	e.closing.inFlight = map[remoteTab]bool{}
	err = e.exec(ctx, sqlInitMeta, maxCleartext)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("tabs: %w", err), db.Close())
	}
	return e, nil
}

// Close closes the file, and ends all that watch.
func (e *Engine) Close() error {
	e.watchers.Close()
	return e.db.Close()
}

// Collection is "tabs".
func (e *Engine) Collection() string { return collection }

// Version is the storage version, 1.
func (e *Engine) Version() int { return version }

type meta struct {
	changes  int
	refused  int
	uploaded engine.Timestamp
	device   engine.ID
	room     int
	devices  []engine.Device
}

type queryer interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

func readMeta(ctx context.Context, q queryer) (m meta, err error) {
	var devices []byte
	err = q.QueryRowContext(ctx, sqlMeta).
		Scan(&m.changes, &m.refused, &m.uploaded, &m.device, &m.room, &devices)
	if err != nil {
		return m, sqlite.Explain(err)
	}
	return m, json.Unmarshal(devices, &m.devices)
}

// exec runs one statement as a transaction.
func (e *Engine) exec(ctx context.Context, query string, args ...any) error {
	return e.db.Update(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, query, args...)
		return err
	})
}

// Association returns the sync IDs that the engine last synced with.
func (e *Engine) Association(ctx context.Context) (engine.Association, error) {
	return e.ledger.Association(ctx)
}

// Reset forgets the sync state, and with it the other devices' tabs, which are
// not the user's data on this one. Those that the user closed here stay closed. The own tabs go up with the next sync, even if there
// are none, as the others may still show those sent before.
func (e *Engine) Reset(ctx context.Context, a engine.Association) error {
	return e.forget(ctx, a, sqlResetMeta)
}

// Wipe forgets the own tabs too.
func (e *Engine) Wipe(ctx context.Context) error {
	err := e.forget(ctx, engine.Association{}, sqlDelete, sqlDropWindows, sqlDropGroups, sqlDropCloses, sqlWipeMeta)
	if err == nil {
		e.watchers.Tell(engine.Change{})
	}
	return err
}

func (e *Engine) forget(ctx context.Context, a engine.Association, then ...string) error {
	if err := e.ledger.Forget(ctx); err != nil {
		return err
	}
	return e.db.UpdateCached(ctx, func(tx *sqlite.Tx) error {
		for _, query := range append(then, sqlDropOthers) {
			if _, err := tx.Exec(query); err != nil {
				return err
			}
		}
		if _, err := tx.Exec(sqlForget, maxCleartext); err != nil {
			return err
		}
		return e.ledger.Associate(tx, a)
	})
}

// Changes is 1 if the own tabs changed since they were sent, and otherwise 0: they
// are one record.
func (e *Engine) Changes(ctx context.Context) (int, error) {
	m, err := readMeta(ctx, e.db.Read())
	if err != nil || m.changes == m.refused {
		return 0, err
	}
	return 1, nil
}

// Count is the number of the own tabs.
func (e *Engine) Count(ctx context.Context) (n int, err error) {
	err = e.db.QueryRow(ctx, sqlCount).Scan(&n)
	return n, sqlite.Explain(err)
}

// Troubles counts the other devices' records that cannot be read, and names the first
// max.
func (e *Engine) Troubles(ctx context.Context, max int) (t engine.Troubles, err error) {
	t.Unread, t.UnreadRecords, err = e.ledger.Unread(ctx, max)
	return t, err
}
