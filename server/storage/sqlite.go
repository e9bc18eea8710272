package storage

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"time"

	"github.com/syncmanager/syncmanager/bso"
	"github.com/syncmanager/syncmanager/internal/sqlite"
)

//go:embed migrations
var migrations embed.FS

// SQLiteConfig says where and how records are kept.
type SQLiteConfig struct {
	// Dir is the folder that holds a file for each user. It is made if need be.
	Dir string
	// Now is the clock.
	Now func() time.Time
	// MaxOpen bounds the number of users whose files are open at once; 0: 64.
	MaxOpen int
	// MaxPages bounds a user's file to that many pages of 4 KiB; 0: no bound. What
	// does not fit is refused as on a full disk.
	MaxPages int
	// BusyTimeout is how long a write waits for another process that writes to
	// the same file; 0: ten seconds.
	BusyTimeout time.Duration
}

// sqliteBackend keeps one SQLite file per user: no writer waits for another
// user's, and a user is backed up or deleted as a file.
type sqliteBackend struct {
	now   func() time.Time
	files *files
}

// NewSQLite makes a Backend with one SQLite file per user.
func NewSQLite(c SQLiteConfig) (Backend, error) {
	maxOpen := c.MaxOpen
	if maxOpen == 0 {
		maxOpen = 64
	}
	files, err := newFiles(c.Dir, maxOpen, sqlite.Options{
		Migrations:  Schema(),
		Durable:     true,
		Readers:     2,
		MaxPages:    c.MaxPages,
		BusyTimeout: c.BusyTimeout,
	})
	if err != nil {
		return nil, err
	}
	return &sqliteBackend{now: c.Now, files: files}, nil
}

// explain names the file, and maps errors to those of the Backend.
func (b *sqliteBackend) explain(uid int64, err error) error {
	for from, to := range map[error]error{sqlite.ErrBusy: ErrBusy, sqlite.ErrFull: ErrFull} {
		if errors.Is(err, from) {
			return fmt.Errorf("%w: %s: %w", to, b.files.path(uid), err)
		}
	}
	if errors.Is(err, sqlite.ErrCorrupt) {
		return fmt.Errorf("%s: %w", b.files.path(uid), err)
	}
	return err
}

func (b *sqliteBackend) View(ctx context.Context, uid int64, f func(View) error) error {
	file, err := b.files.acquire(ctx, uid)
	if err != nil {
		return b.explain(uid, err)
	}
	defer b.files.release(file)
	return b.explain(uid, file.db.ViewCached(ctx, func(tx *sqlite.Tx) error {
		return f(&sqliteTx{tx: tx, now: bso.TimestampOf(b.now())})
	}))
}

func (b *sqliteBackend) Update(ctx context.Context, uid int64, _ string, f func(Tx) error) error {
	return b.update(ctx, uid, (*sqlite.DB).UpdateCached, f)
}

func (b *sqliteBackend) UpdateSoon(ctx context.Context, uid int64, _ string, f func(Tx) error) error {
	return b.update(ctx, uid, (*sqlite.DB).UpdateSoon, f)
}

func (b *sqliteBackend) update(ctx context.Context, uid int64, by func(*sqlite.DB, context.Context, func(*sqlite.Tx) error) error, f func(Tx) error) error {
	file, err := b.files.acquire(ctx, uid)
	if err != nil {
		return b.explain(uid, err)
	}
	defer b.files.release(file)
	return b.explain(uid, by(file.db, ctx, func(tx *sqlite.Tx) error {
		return f(&sqliteTx{tx: tx, now: bso.TimestampOf(b.now())})
	}))
}

// purgeStep is how many records a sweep removes at a time: a writer that comes
// meanwhile waits for no more than these.
const purgeStep = 1000

func (b *sqliteBackend) Purge(ctx context.Context) error {
	var errs []error
	known, err := b.files.index.all(ctx)
	if err != nil {
		known = nil // it is a cache
	}
	now := bso.TimestampOf(b.now())
	err = b.files.users(func(uid int64) error {
		if e, ok := known[uid]; ok && (!e.Expires.Valid || e.Expires.V > now) {
			if id, settled, err := identify(b.files.path(uid)); err == nil && settled && id == e.identity {
				return nil // nothing in it has expired
			}
		}
		if err := b.purge(ctx, uid); err != nil && ctx.Err() == nil {
			// One user's broken file keeps nobody else's from being purged.
			errs = append(errs, &FileError{UID: uid, Err: fmt.Errorf("cannot purge user %d: %w", uid, err)})
		}
		return ctx.Err()
	})
	return errors.Join(append(errs, err)...)
}

// FileError is a failure of one user's file, which concerns nobody else.
type FileError struct {
	// UID is of the user's storage.
	UID int64
	Err error
}

func (e *FileError) Error() string { return e.Err.Error() }
func (e *FileError) Unwrap() error { return e.Err }

func (b *sqliteBackend) purge(ctx context.Context, uid int64) error {
	for n := purgeStep; n == purgeStep; {
		err := b.Update(ctx, uid, "", func(tx Tx) (err error) {
			n, err = tx.DropExpired(purgeStep)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (b *sqliteBackend) Delete(_ context.Context, uid int64) error { return b.files.remove(uid) }

func (b *sqliteBackend) Close(ctx context.Context) error { return b.files.close(ctx) }
