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

// ErrNotEmpty means that the folder to restore to holds something.
var ErrNotEmpty = errors.New("the folder is not empty; move it away, or name another")

// Restore makes the data folder dir of the backup at path; see RestoreFrom.
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

// RestoreFrom makes the data folder dir of a backup. The folder must be empty or
// not be there. It appears all at once, when the whole backup was read and found
// sound; if anything is wrong with it, nothing is left. Each user's storage has new sync
// IDs then, made of random, so that every device compares it with all that it has: what was uploaded
// since the backup comes back, and newer edits win.
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
				_ = os.Remove(folder) // unless somebody put something there meanwhile
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
		return fmt.Errorf("the folder must give way to the restored one, and cannot; name one inside of it: %w", err)
	}
	return os.Rename(staging, dir)
}

// missing lists dir and the folders above it that are not there, the lowest first.
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

// unpack fills the folder at, which is empty, and checks each database.
func unpack(ctx context.Context, archive io.Reader, at string, random io.Reader, now time.Time) error {
	root, err := os.OpenRoot(at)
	if err != nil {
		return err
	}
	defer root.Close()
	// A server without users has it too, and its absence would mean another storage.
	if err := root.Mkdir("storage", 0o700); err != nil {
		return &placing{err}
	}
	var databases []string
	_, err = scan(ctx, archive, func(name string, r io.Reader) error {
		if strings.HasSuffix(name, ".sqlite") {
			databases = append(databases, name)
		}
		return place(root, name, r)
	})
	if err != nil {
		return err
	}
	for _, name := range databases {
		if err := sqlite.Check(ctx, filepath.Join(at, filepath.FromSlash(name))); err != nil {
			if errors.Is(err, sqlite.ErrCorrupt) {
				return fmt.Errorf("%w: %s is no sound database", ErrDamaged, name)
			}
			return err
		}
		if _, is := storageNumber(name); is {
			// What the clients know is later than this: they have to compare all of it.
			if err := storagedb.RenewSyncIDs(ctx, filepath.Join(at, filepath.FromSlash(name)), random, now); err != nil {
				return &placing{err}
			}
		}
	}
	return nil
}

// place writes one file, durably. Its name is one of those known.
func place(root *os.Root, name string, r io.Reader) error {
	if folder := path.Dir(name); folder != "." {
		if err := root.MkdirAll(folder, 0o700); err != nil {
			return &placing{err}
		}
	}
	f, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return &placing{err}
	}
	_, err = io.Copy(own{f}, r)
	if err == nil {
		if syncErr := f.Sync(); syncErr != nil {
			err = &placing{syncErr}
		}
	}
	return errors.Join(err, f.Close())
}

// own marks the errors of a file as the folder's, not the backup's.
type own struct{ f *os.File }

func (o own) Write(p []byte) (int, error) {
	n, err := o.f.Write(p)
	if err != nil {
		err = &placing{err}
	}
	return n, err
}
