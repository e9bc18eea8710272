package backup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"github.com/syncmanager/syncmanager/internal/sqlite"
	storagedb "github.com/syncmanager/syncmanager/server/storage/sqlite"
)

// ErrNotEmpty means that the folder to restore to is not empty.
var ErrNotEmpty = errors.New("the folder is not empty: move it away, or name another")

// Restore restores the backup at path to the data folder dir; see [RestoreFrom].
func Restore(ctx context.Context, path, dir string, random io.Reader, now time.Time) error {
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("cannot restore %s: %w", path, err)
	}
	defer f.Close()
	if err := RestoreFrom(ctx, f, dir, random, now); err != nil {
		return fmt.Errorf("cannot restore %s: %w", path, err)
	}
	return nil
}

// RestoreFrom restores a backup to the data folder dir, which must be empty or not exist. The
// folder appears only when the whole backup has been read and checked; after an error,
// nothing is left behind. Each user's storage gets new sync IDs from random, so that every
// device compares the storage with all of its own data: records that were uploaded since the
// backup are uploaded again, and newer edits win.
func RestoreFrom(ctx context.Context, archive io.Reader, dir string, random io.Reader, now time.Time) (err error) {
	if err := checkEmpty(dir); err != nil {
		return err
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return err
	}
	parent := filepath.Dir(dir)
	made := missing(parent)
	defer func() {
		for _, folder := range made {
			if err != nil {
				_ = os.Remove(folder) // fails if somebody put a file there meanwhile
			}
		}
	}()
	if err := os.MkdirAll(parent, 0o700); err != nil {
		return err
	}
	staging, err := os.MkdirTemp(parent, ".restore-*") // 0700, on the same disk
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(staging))
		}
	}()
	if err := unpack(ctx, archive, staging, random, now); err != nil {
		return err
	}
	// Not RemoveAll: if somebody put a file there meanwhile, this fails.
	if err := os.Remove(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("the folder cannot be replaced by the restored one: name a folder inside it: %w", err)
	}
	return os.Rename(staging, dir)
}

// missing lists dir and its parents that do not exist, the deepest first.
func missing(dir string) (all []string) {
	for {
		if _, err := os.Lstat(dir); !errors.Is(err, fs.ErrNotExist) {
			return all
		}
		all = append(all, dir)
		dir = filepath.Dir(dir)
	}
}

func checkEmpty(dir string) error {
	entries, err := os.ReadDir(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case len(entries) > 0:
		return fmt.Errorf("%s: %w", dir, ErrNotEmpty)
	}
	return nil
}

// unpack extracts the archive into the empty folder at, and checks each database.
func unpack(ctx context.Context, archive io.Reader, at string, random io.Reader, now time.Time) error {
	root, err := os.OpenRoot(at)
	if err != nil {
		return err
	}
	defer root.Close()
	// A server without users has it too, and its absence would mean another storage.
	if err := root.Mkdir("storage", 0o700); err != nil {
		return &targetError{err}
	}
	databases, journal, err := extract(ctx, archive, root)
	if err != nil {
		return err
	}
	for _, name := range databases {
		if err := checkDatabase(ctx, at, name); err != nil {
			return err
		}
	}
	if journal {
		if err := catchUp(ctx, filepath.Join(at, "storage"), now); err != nil {
			return err
		}
	}
	return renewSyncIDs(ctx, at, databases, random, now)
}

// extract writes the archive's files below root. It returns the names of the databases, and whether there are
// steps that the users' files lack.
func extract(ctx context.Context, archive io.Reader, root *os.Root) (databases []string, journal bool, err error) {
	_, err = scan(ctx, archive, func(name string, r io.Reader) error {
		journal = journal || path.Ext(name) == ".redo"
		if strings.HasSuffix(name, ".sqlite") {
			databases = append(databases, name)
		}
		return writeFile(root, name, r)
	})
	return databases, journal, err
}

// checkDatabase reads a database in the folder at from end to end.
func checkDatabase(ctx context.Context, at, name string) error {
	err := sqlite.Check(ctx, filepath.Join(at, filepath.FromSlash(name)))
	if errors.Is(err, sqlite.ErrCorrupt) {
		return fmt.Errorf("%w: the database %s is corrupt", ErrDamaged, name)
	}
	return err
}

// renewSyncIDs renews those of all users: devices have synced since the backup, so they must compare everything.
func renewSyncIDs(ctx context.Context, at string, databases []string, random io.Reader, now time.Time) error {
	for _, name := range databases {
		if _, is := storageNumber(name); !is {
			continue
		}
		if err := storagedb.RenewSyncIDs(ctx, filepath.Join(at, filepath.FromSlash(name)), random, now); err != nil {
			return &targetError{err}
		}
	}
	return nil
}

// catchUp gives the users' files the steps that the backup has beside them.
func catchUp(ctx context.Context, dir string, now time.Time) error {
	users, err := storagedb.New(storagedb.Config{Dir: dir, Now: func() time.Time { return now }})
	if err != nil {
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	if err := users.Close(ctx); err != nil {
		return &targetError{err}
	}
	pending, err := storagedb.ReadPending(dir)
	if err != nil || !pending.Empty() {
		return errors.Join(fmt.Errorf("%w: its journal does not fit its files", ErrDamaged), err)
	}
	return os.RemoveAll(filepath.Join(dir, storagedb.JournalFolder))
}

// writeFile writes one file durably. Its name must match known.
func writeFile(root *os.Root, name string, r io.Reader) error {
	if folder := path.Dir(name); folder != "." {
		if err := root.MkdirAll(folder, 0o700); err != nil {
			return &targetError{err}
		}
	}
	f, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return &targetError{err}
	}
	_, err = io.Copy(targetWriter{f}, r)
	if err == nil {
		if syncErr := f.Sync(); syncErr != nil {
			err = &targetError{syncErr}
		}
	}
	return errors.Join(err, f.Close())
}

// targetWriter marks write errors as errors of the folder, not of the backup.
type targetWriter struct{ f *os.File }

func (o targetWriter) Write(p []byte) (int, error) {
	n, err := o.f.Write(p)
	if err != nil {
		err = &targetError{err}
	}
	return n, err
}
