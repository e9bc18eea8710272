// Package backup copies a server's data folder into one file, while the server
// runs, and makes a folder of such a file again.
//
// The file is a tar archive that is not compressed: sealed records do not
// shrink, and an archive cannot unpack to more than it is. It holds
//
//	syncmanager-backup.json   what it is
//	storage/…, token.sqlite, accounts.sqlite, token-secret, acme/…
//	checksums.json            each file with its size and SHA-256, at the end
//
// so that one that was cut short is told from one that is whole. Whoever reads
// it can act as the server, and try passwords; it is 0600.
package backup

import (
	"archive/tar"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"time"

	"github.com/syncmanager/syncmanager/internal/sqlite"
)

// format is the version of the archive's form.
const format = 1

const (
	headName = "syncmanager-backup.json"
	tailName = "checksums.json"
)

// head is the archive's first entry.
type head struct {
	Format  int       `json:"format"`
	Created time.Time `json:"created"`
	Version string    `json:"version"` // of the program
}

// sum is what the last entry says of a file.
type sum struct {
	Name   string `json:"name"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
}

// known are the names that an archive may hold, beside the head and the tail.
var known = regexp.MustCompile(`^(accounts\.sqlite|token\.sqlite|token-secret|storage/[0-9a-f]{2}/[1-9][0-9]{0,18}\.sqlite|acme/[A-Za-z0-9_][A-Za-z0-9_.+-]{0,127})$`)

// needed are those without which a folder is no server's.
var needed = []string{"token.sqlite", "token-secret"}

// Source is what is backed up.
type Source struct {
	// Dir is the server's data folder.
	Dir string
	// Version is that of the program, for the record.
	Version string
	Now     func() time.Time
}

// Write makes a backup at path, 0600, in place of one that is there. The server
// may run: each database is as it was at one moment, and the moments follow each
// other so that the whole fits together. The file appears when it is complete
// and was read back.
func Write(ctx context.Context, src Source, path string) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("cannot back up %s: %w", src.Dir, err)
		}
	}()
	for _, name := range needed {
		if _, err := os.Stat(filepath.Join(src.Dir, name)); err != nil {
			return fmt.Errorf("it is not the data of a server: %w", err)
		}
	}
	work, err := os.MkdirTemp(filepath.Dir(path), ".backup-*") // 0700
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(work)) }()
	whole := filepath.Join(work, "whole")
	f, err := os.OpenFile(whole, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	w := &writer{ctx: ctx, src: src, work: work, tar: tar.NewWriter(f)}
	if err := w.all(); err != nil {
		return err
	}
	if err := errors.Join(w.tar.Close(), f.Sync()); err != nil {
		return err
	}
	// What the disk gives back, not what was meant to be there.
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return err
	}
	if err := scan(ctx, f, func(string, io.Reader) error { return nil }); err != nil {
		return fmt.Errorf("the backup cannot be read back: %w", err)
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Rename(whole, path)
}

// writer writes one archive.
type writer struct {
	ctx  context.Context
	src  Source
	work string
	tar  *tar.Writer
	sums []sum
}

func (w *writer) all() error {
	if err := w.json(headName, head{format, w.src.Now().UTC(), w.src.Version}); err != nil {
		return err
	}
	// The order matters. A storage that is older than the list of storages is one
	// of which its user misses the last changes, and sends them again; one that the
	// list does not know would be given to the next new user. Likewise accounts
	// must not be older than what token.sqlite saw of them.
	if err := w.storage(); err != nil {
		return err
	}
	if err := w.database("token.sqlite"); err != nil {
		return err
	}
	// It is not there if another server has the accounts.
	if err := w.database("accounts.sqlite"); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := w.file("token-secret", filepath.Join(w.src.Dir, "token-secret")); err != nil {
		return err
	}
	if err := w.certificates(); err != nil {
		return err
	}
	return w.json(tailName, w.sums)
}

// storage adds the users' files, one after the other.
func (w *writer) storage() error {
	root := filepath.Join(w.src.Dir, "storage")
	return filepath.WalkDir(root, func(p string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(w.src.Dir, p)
		if err != nil {
			return err
		}
		name := filepath.ToSlash(rel)
		if !e.Type().IsRegular() || !known.MatchString(name) {
			return nil // a folder, a journal
		}
		if err := w.database(name); !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return nil // the user was removed meanwhile
	})
}

// database adds a copy of a database.
func (w *writer) database(name string) error {
	at := filepath.Join(w.work, "copy")
	if err := sqlite.Copy(w.ctx, filepath.Join(w.src.Dir, filepath.FromSlash(name)), at); err != nil {
		return err
	}
	err := sqlite.Check(w.ctx, at)
	if err == nil {
		err = w.file(name, at)
	}
	return errors.Join(err, os.Remove(at))
}

// certificates adds what serve --acme keeps. A server without goes on, but asks
// the authority anew.
func (w *writer) certificates() error {
	entries, err := os.ReadDir(filepath.Join(w.src.Dir, "acme"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, e := range entries {
		name := "acme/" + e.Name()
		if !e.Type().IsRegular() || !known.MatchString(name) {
			continue
		}
		if err := w.file(name, filepath.Join(w.src.Dir, "acme", e.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// file adds the file at from.
func (w *writer) file(name, from string) error {
	f, err := os.Open(from)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if err := w.header(name, info.Size()); err != nil {
		return err
	}
	h := sha256.New()
	if _, err := io.Copy(io.MultiWriter(w.tar, h), &cancelable{w.ctx, f}); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	w.sums = append(w.sums, sum{name, info.Size(), hex.EncodeToString(h.Sum(nil))})
	return nil
}

func (w *writer) json(name string, v any) error {
	b, err := json.MarshalIndent(v, "", "\t")
	if err != nil {
		return err
	}
	if err := w.header(name, int64(len(b))); err != nil {
		return err
	}
	_, err = w.tar.Write(b)
	return err
}

func (w *writer) header(name string, size int64) error {
	return w.tar.WriteHeader(&tar.Header{
		Typeflag: tar.TypeReg, Name: name, Size: size, Mode: 0o600, ModTime: w.src.Now().Truncate(time.Second), Format: tar.FormatPAX,
	})
}

// cancelable is a reader that ends with a context.
type cancelable struct {
	ctx context.Context
	io.Reader
}

func (c *cancelable) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.Reader.Read(p)
}
