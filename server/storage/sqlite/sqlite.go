// Package sqlite is a [storage.Backend] that stores the records of each user in one
// SQLite file. Users who write at once wait for the disk together, in a journal that they share.
package sqlite

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"

	"github.com/syncmanager/syncmanager/bso"
	"github.com/syncmanager/syncmanager/internal/dirlock"
	"github.com/syncmanager/syncmanager/internal/sqlite"
	"github.com/syncmanager/syncmanager/server/storage"
	"github.com/syncmanager/syncmanager/server/storage/sqlite/internal/journal"
	"github.com/syncmanager/syncmanager/server/telemetry"
)

//go:embed migrations
var migrations embed.FS

var _ storage.FilePerUser = (*Backend)(nil)

// Config says where and how records are stored.
type Config struct {
	// Dir is the folder of the users' files. It is made if it does not exist.
	Dir string
	// Now is the clock.
	Now func() time.Time
	// MaxOpen bounds the number of users whose files are open at once; 0: 64. To open one costs
	// ten times a small request; an open one takes about 0.4 MB of memory, and up to 1.2 MB while
	// its user reads and writes at once.
	MaxOpen int
	// MaxPages bounds a user's file to that many pages of 4 KiB; 0: no bound. A write
	// that does not fit is refused as on a full disk.
	MaxPages int
	// BusyTimeout is how long a write waits for another process that writes to
	// the same file; 0: ten seconds.
	BusyTimeout time.Duration
	// Beside says that another process may have the storage open, beside which this one only reads: then
	// writes fail with [storage.ErrClosed].
	Beside bool
	// Telemetry, if set, observes the statements.
	Telemetry *telemetry.Observer
	// Waited, if set, is told how long each step waited until it was in the journal that all users share.
	Waited func(time.Duration)
}

//go:generate go run github.com/syncmanager/syncmanager/server/telemetry/statements

// cachePages is how many pages a connection to a user's file keeps in memory. With so many files, the
// pages of the system's cache do better.
const cachePages = 64

// Backend stores each user in one SQLite file: writers of different users do not wait for each
// other, and a user is backed up or deleted as a file.
type Backend struct {
	now     func() time.Time
	waited  func(time.Duration)
	files   *files
	journal *journal.Journal
	past    past
}

// New returns a Backend, after it brought the files up to date that a loss of power left behind the
// journal. The others are opened when they are needed.
func New(c Config) (*Backend, error) { return open(c, journal.Options{}) }

func open(c Config, j journal.Options) (*Backend, error) {
	maxOpen := c.MaxOpen
	if maxOpen == 0 {
		maxOpen = 64
	}
	o := sqlite.Options{
		Migrations:  Schema(),
		Readers:     2,
		CachePages:  cachePages,
		MaxPages:    c.MaxPages,
		BusyTimeout: c.BusyTimeout,
	}
	if part := c.Telemetry.Part("storage", statementNames); part != nil {
		o.Observer = part
	}
	files, err := newFiles(c.Dir, maxOpen, o)
	if err != nil {
		return nil, err
	}
	b := &Backend{now: c.Now, waited: c.Waited, files: files}
	if b.waited == nil {
		b.waited = func(time.Duration) {}
	}
	files.catchUp = b.catchUp
	err = b.openJournal(c.Dir, j)
	if c.Beside && errors.Is(err, dirlock.ErrLocked) {
		err = nil // the files have all that the other process answered
		b.journal, b.past.log = journal.Refusing(storage.ErrClosed), new(journal.Log)
	}
	if err != nil {
		return nil, errors.Join(err, files.close(context.Background()))
	}
	return b, nil
}

// NodeType implements [storage.Backend].
func (b *Backend) NodeType() string { return "sqlite" }

// explain adds to an error the user's file, and the error of the contract that it means.
func (b *Backend) explain(uid int64, err error) error {
	if errors.Is(err, journal.ErrFailed) { // whatever failed
		return fmt.Errorf("%w: %w", storage.ErrUnreachable, err)
	}
	for from, to := range map[error]error{
		sqlite.ErrBusy: storage.ErrBusy, sqlite.ErrFull: storage.ErrFull, sqlite.ErrCorrupt: storage.ErrDamaged,
		syscall.ENOSPC: storage.ErrFull,
	} {
		if errors.Is(err, from) {
			return fmt.Errorf("%w: %s: %w", to, b.files.path(uid), err)
		}
	}
	return err
}

// View implements [storage.Backend].
func (b *Backend) View(ctx context.Context, uid int64, f func(storage.View) error) error {
	file, err := b.files.acquire(ctx, uid)
	if err != nil {
		return b.explain(uid, err)
	}
	defer b.files.release(file)
	return b.explain(uid, file.db.ViewCached(ctx, func(tx *sqlite.Tx) error {
		return f(&transaction{tx: tx, now: bso.TimestampOf(b.now())})
	}))
}

// Update implements [storage.Backend].
func (b *Backend) Update(ctx context.Context, uid int64, d storage.Durability, f func(storage.Tx) error) error {
	return b.write(ctx, uid, d, func(t *transaction) error {
		var fenced bool
		err := t.tx.QueryRow(sqlFenced).Scan(&fenced, &t.last)
		if err == nil && fenced {
			err = storage.ErrFenced
		}
		if err != nil {
			return err
		}
		if t.last == 0 && t.redo != nil && !t.redo.unread { // stamp would find out later
			t.redo.leave()
			return errAlone
		}
		return f(t)
	})
}

// Delete implements [storage.Backend].
func (b *Backend) Delete(_ context.Context, uid int64) error {
	return errors.Join(b.files.remove(uid), b.forget(uid))
}

// Close implements [storage.Backend].
func (b *Backend) Close(ctx context.Context) error {
	err := b.files.close(ctx)
	if err != nil && ctx.Err() != nil {
		return err // it may be called again
	}
	return errors.Join(err, b.journal.Close(err == nil))
}

// probeSize is the size of the file that Probe writes, in bytes.
const probeSize = 4096

// Probe implements [storage.Backend]: it writes a file next to those of the users, and removes it.
func (b *Backend) Probe(context.Context) error {
	if b.files.isClosed() {
		return storage.ErrClosed
	}
	if err := b.journal.Err(); err != nil {
		return b.explain(0, err)
	}
	f, err := os.CreateTemp(b.files.dir, ".probe-*") // 0600
	if err != nil {
		return err
	}
	_, err = f.Write(make([]byte, probeSize))
	return errors.Join(err, f.Sync(), f.Close(), os.Remove(f.Name()))
}
