package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"github.com/syncmanager/syncmanager/bso"
	"github.com/syncmanager/syncmanager/internal/sqlite"
	"github.com/syncmanager/syncmanager/server/storage"
)

// summary is what the index stores of a user's file.
type summary struct {
	Bytes    int64 // of the payloads
	Modified bso.Timestamp
	// Expires is when the first record or batch expires; invalid: none does.
	Expires sql.Null[bso.Timestamp]
}

// identity is the size and the time of a file, in bytes and in nanoseconds since 1970: a
// change of the file changes it.
type identity struct{ size, changed int64 }

// index caches a summary of each user's file, so that listing and purging all users
// open only the files that changed. The summary is written when the file is closed, and when
// a file without one was listed. An index that is lost or damaged is made again.
type index struct {
	dir  string
	once sync.Once
	db   *sqlite.DB
	err  error
}

const indexName = "index.sqlite"

func (x *index) open(ctx context.Context) (*sqlite.DB, error) {
	x.once.Do(func() {
		ctx := context.WithoutCancel(ctx)
		path, options := filepath.Join(x.dir, indexName), sqlite.Options{Migrations: must(fs.Sub(migrations, "migrations/index"))}
		x.db, x.err = sqlite.Open(ctx, path, options)
		if errors.Is(x.err, sqlite.ErrCorrupt) || errors.Is(x.err, sqlite.ErrNewer) || errors.Is(x.err, sqlite.ErrOlder) {
			if x.err = removeDatabase(path); x.err == nil {
				x.db, x.err = sqlite.Open(ctx, path, options)
			}
		}
	})
	return x.db, x.err
}

func (x *index) close() error {
	x.once.Do(func() { x.err = storage.ErrClosed })
	if x.db == nil {
		return nil
	}
	return x.db.Close()
}

// entry is a row of the index.
type entry struct {
	identity
	summary
}

func (e *entry) into() []any {
	return []any{&e.size, &e.changed, &e.Bytes, &e.Modified, &e.Expires}
}

// all reads the whole index. It does not make one.
func (x *index) all(ctx context.Context) (map[int64]entry, error) {
	if _, err := os.Stat(filepath.Join(x.dir, indexName)); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	db, err := x.open(ctx)
	if err != nil {
		return nil, err
	}
	rows, err := db.Read().QueryContext(ctx, sqlIndex)
	if err != nil {
		return nil, sqlite.Explain(err)
	}
	defer rows.Close()
	all := make(map[int64]entry)
	for rows.Next() {
		var uid int64
		var e entry
		if err := rows.Scan(append([]any{&uid}, e.into()...)...); err != nil {
			return nil, sqlite.Explain(err)
		}
		all[uid] = e
	}
	return all, sqlite.Explain(rows.Err())
}

// note writes the entries of files. If that fails, a file is opened when it is listed.
func (x *index) note(ctx context.Context, entries map[int64]entry) {
	if len(entries) == 0 {
		return
	}
	db, err := x.open(ctx)
	if err != nil {
		return
	}
	_ = db.UpdateCached(ctx, func(tx *sqlite.Tx) error {
		for uid, e := range entries {
			var have entry
			if err := tx.QueryRow(sqlFile, uid).Scan(have.into()...); err == nil && have == e {
				continue
			}
			if _, err := tx.Exec(sqlNote, uid, e.size, e.changed, e.Bytes, e.Modified, e.Expires); err != nil {
				return err
			}
		}
		return nil
	})
}

// forget deletes the entry of a file.
func (x *index) forget(ctx context.Context, uid int64) {
	if _, err := os.Stat(filepath.Join(x.dir, indexName)); errors.Is(err, fs.ErrNotExist) {
		return
	}
	if db, err := x.open(ctx); err == nil {
		_ = db.UpdateCached(ctx, func(tx *sqlite.Tx) error {
			_, err := tx.Exec(sqlForget, uid)
			return err
		})
	}
}

// identify reads the identity of the file at path. It is not settled while a
// journal has changes of the file.
func identify(path string) (id identity, settled bool, err error) {
	info, err := os.Stat(path)
	if err != nil {
		return identity{}, false, err
	}
	wal, err := os.Stat(path + "-wal")
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return identity{}, false, err
	}
	return identity{info.Size(), info.ModTime().UnixNano()}, err != nil || wal.Size() == 0, nil
}

// summarize reads the summary of an open file.
func summarize(ctx context.Context, db *sqlite.DB) (s summary, err error) {
	err = db.ViewCached(ctx, func(tx *sqlite.Tx) error {
		return tx.QueryRow(sqlSummary).Scan(&s.Bytes, &s.Modified, &s.Expires)
	})
	return s, err
}

// retire closes a file, and writes its entry in the index if that may have changed.
func (p *files) retire(ctx context.Context, f *file) error {
	if !f.unlisted.Load() {
		return f.db.Close()
	}
	ctx = context.WithoutCancel(ctx)
	s, err := summarize(ctx, f.db)
	if closeErr := f.db.Close(); err != nil || closeErr != nil {
		return closeErr
	}
	if err := p.mark(f.uid); err != nil {
		return nil // it is opened when it is listed
	}
	// A file that another process has open may not be settled.
	if id, settled, err := identify(p.path(f.uid)); err == nil && settled {
		p.index.note(ctx, map[int64]entry{f.uid: {id, s}})
	}
	return nil
}

// markStep is the least difference of two times of a file on any usual system.
const markStep = 100 * time.Nanosecond

// mark moves the time of a file that was closed, by less than a millisecond, so that no two
// states of the file have the same. A system's own times of files are milliseconds apart: without
// it, an entry could pass for that of a later state, which a crash kept out of the index.
func (p *files) mark(uid int64) error {
	path := p.path(uid)
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	const marks = int64(time.Millisecond / markStep)
	n := 1 + p.marks.Add(1)%(marks-1)
	return os.Chtimes(path, time.Time{}, info.ModTime().Add(time.Duration(n*int64(markStep))))
}

// removeDatabase removes a database with its journal.
func removeDatabase(path string) error {
	var errs []error
	for _, tail := range []string{"-wal", "-shm", ""} {
		if err := os.Remove(path + tail); !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// Schema returns the migrations that make a user's file.
func Schema() fs.FS { return must(fs.Sub(migrations, "migrations")) }

// must returns f, which is part of the program.
func must(f fs.FS, err error) fs.FS {
	if err != nil {
		panic(err)
	}
	return f
}

// Name is the path of a user's file below the storage's folder.
func Name(uid int64) string {
	return filepath.Join(fmt.Sprintf("%02x", uint8(uid)), strconv.FormatInt(uid, 10)+suffix)
}

// Examine implements [storage.FilePerUser].
func (b *Backend) Examine(ctx context.Context, uid int64, work string) error {
	path := b.files.path(uid)
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return b.explain(uid, sqlite.Examine(ctx, path, Schema(), work))
}

// SetAside implements [storage.FilePerUser].
func (b *Backend) SetAside(ctx context.Context, uid int64, to string) error {
	b.files.index.forget(ctx, uid)
	if err := b.files.detach(uid); err != nil && !errors.Is(err, sqlite.ErrCorrupt) {
		return err
	}
	path := b.files.path(uid)
	if _, err := os.Stat(path); err != nil {
		return err
	}
	if _, err := os.Lstat(to); !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s: %w", to, errors.Join(fs.ErrExist, err))
	}
	// The journal is moved first: a new file must not find it.
	for _, tail := range []string{"-wal", "-shm", ""} {
		if err := os.Rename(path+tail, to+tail); err != nil && !(tail != "" && errors.Is(err, fs.ErrNotExist)) {
			return err
		}
	}
	return b.forget(uid)
}

// Compact implements [storage.FilePerUser].
func (b *Backend) Compact(ctx context.Context, uid int64) (before, after int64, err error) {
	path := b.files.path(uid)
	if _, err := os.Stat(path); err != nil {
		return 0, 0, err // acquire would make the file
	}
	f, err := b.files.acquire(ctx, uid)
	if err != nil {
		return 0, 0, b.explain(uid, err)
	}
	defer b.files.release(f)
	f.unlisted.Store(true)
	before, after, err = f.db.Compact(ctx)
	return before, after, b.explain(uid, err)
}
