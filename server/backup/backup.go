// Package backup copies a server's data folder into one file while the server runs, and
// restores a data folder from such a file.
//
// The file is an uncompressed tar archive. Encrypted records do not compress, and the
// unpacked data cannot be larger than the archive. It contains
//
//	syncmanager-backup.json   what it is
//	storage/…, token.sqlite, accounts.sqlite, token-secret, acme/…
//	                          of a storage node storage-node in place of accounts and secret
//	storage/journal/…         steps that the users' files lack, if any, as after a loss of power
//	left-out.json             the users' files that could not be read, if any
//	checksums.json            each file with its size and SHA-256, at the end
//
// The checksums show whether an archive is complete. An archive contains the server's secret
// and the password hashes, so it must be kept private; its mode is 0600.
package backup

import (
	"archive/tar"
	"bytes"
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
	"time"

	"github.com/syncmanager/syncmanager/internal/lazyre"
	"github.com/syncmanager/syncmanager/internal/sqlite"
	"github.com/syncmanager/syncmanager/server/internal/sqldb"
	"github.com/syncmanager/syncmanager/server/node"
)

// format is the version of the archive's format.
const format = 1

const (
	headName    = "syncmanager-backup.json"
	leftOutName = "left-out.json"
	tailName    = "checksums.json"
)

// head is the archive's first entry.
type head struct {
	Format  int       `json:"format"`
	Created time.Time `json:"created"`
	Version string    `json:"version"` // of the program
}

// sum is the entry for a file in the last entry.
type sum struct {
	Name   string `json:"name"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
}

// known matches the names that an archive may contain besides head, left-out list and tail.
var known = lazyre.New(`^(accounts\.sqlite|token\.sqlite|token-secret|storage-node|storage/[0-9a-f]{2}/[1-9][0-9]{0,18}\.sqlite|storage/journal/[0-9]{16}\.redo|acme/[A-Za-z0-9_][A-Za-z0-9_.+-]{0,127})$`)

// needed returns the files that every server's data folder has, or every storage node's. has reports
// whether a folder has a file.
func needed(has func(name string) bool) []string {
	if has(node.Marker) {
		return []string{"token.sqlite", node.Marker}
	}
	return []string{"token.sqlite", secretName}
}

// folderHas reports whether a folder has a file, as needed is given it.
func folderHas(dir string) func(name string) bool {
	return func(name string) bool {
		_, err := os.Stat(filepath.Join(dir, name))
		return err == nil
	}
}

// Source describes what [Write] and [Stream] back up.
type Source struct {
	// Dir is the server's data folder.
	Dir string
	// Version is the program's version, which the backup records.
	Version string
	Now     func() time.Time
	// Progress, if set, is called after each file with how many files are in the backup, and how many bytes they have.
	Progress func(files int, bytes int64)
}

// ErrNotRegular means that a backup would replace something that is not a regular file.
var ErrNotRegular = errors.New("not a regular file, so the backup does not replace it: to write to stdout, use -")

// LeftOut is a user's file that could not be copied. Other users are not affected.
type LeftOut struct {
	Name   string `json:"name"` // like storage/07/7.sqlite
	Reason string `json:"reason"`
	// Kept says that the backup contains the copy from the previous backup instead.
	Kept bool `json:"kept,omitempty"`
}

// Report describes the content of a backup.
type Report struct {
	Created time.Time `json:"created"`
	Version string    `json:"version"`
	Files   int       `json:"files"`
	Bytes   int64     `json:"bytes"` // of the files
	LeftOut []LeftOut `json:"left_out,omitempty"`
}

// ErrElsewhere means that the users' records are not in the data folder.
var ErrElsewhere = errors.New("the folder does not contain the users' records: they are in another storage, which needs its own backups")

// Write writes a backup to path with mode 0600, and replaces a backup that exists there. The
// server may be running: each database is copied as of one moment, in an order that makes the
// copies consistent with each other. The file appears only when it is complete and has been
// read back. If a user's file cannot be read, Write uses the copy from the replaced backup if
// there is one, and otherwise leaves the file out; see [Report].
func Write(ctx context.Context, src Source, path string) (report Report, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("cannot back up %s: %w", src.Dir, err)
		}
	}()
	if path, err = target(path); err != nil {
		return Report{}, err
	}
	work, err := os.MkdirTemp(filepath.Dir(path), ".backup-*") // 0700
	if err != nil {
		return Report{}, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(work)) }()
	whole := filepath.Join(work, "whole")
	f, err := os.OpenFile(whole, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return Report{}, err
	}
	defer f.Close()
	before := openEarlier(ctx, path)
	defer before.close()
	if report, err = write(ctx, src, f, work, before); err != nil {
		return Report{}, err
	}
	if err := f.Sync(); err != nil {
		return Report{}, err
	}
	// Read the file back from the disk, to find write errors.
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return Report{}, err
	}
	if _, err := scan(ctx, f, func(string, io.Reader) error { return nil }); err != nil {
		return Report{}, fmt.Errorf("the backup cannot be read back: %w", err)
	}
	if err := f.Close(); err != nil {
		return Report{}, err
	}
	return report, os.Rename(whole, path)
}

// target returns the path of the file to write, with symbolic links resolved.
func target(path string) (string, error) {
	if info, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
		return path, nil
	} else if err != nil {
		return "", err
	} else if info.Mode()&fs.ModeSymlink != 0 {
		if path, err = filepath.EvalSymlinks(path); err != nil {
			return "", err
		}
	}
	info, err := os.Stat(path)
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s: %w", path, ErrNotRegular)
	}
	return path, err
}

// Stream writes a backup to out. It does not read it back; [Verify] does. It needs space in
// the folder work for a copy of the largest database.
func Stream(ctx context.Context, src Source, out io.Writer, work string) (report Report, err error) {
	if work, err = os.MkdirTemp(work, "syncmanager-backup-*"); err == nil { // 0700
		report, err = write(ctx, src, out, work, nil)
		err = errors.Join(err, os.RemoveAll(work))
	}
	if err != nil {
		return Report{}, fmt.Errorf("cannot back up %s: %w", src.Dir, err)
	}
	return report, nil
}

func write(ctx context.Context, src Source, out io.Writer, work string, before *earlier) (Report, error) {
	if _, err := os.Stat(filepath.Join(src.Dir, sqldb.Marker)); err == nil {
		return Report{}, ErrElsewhere
	}
	for _, name := range needed(folderHas(src.Dir)) {
		if _, err := os.Stat(filepath.Join(src.Dir, name)); err != nil {
			return Report{}, fmt.Errorf("not a server's data folder: %w", err)
		}
	}
	if _, err := os.Stat(filepath.Join(src.Dir, "storage")); errors.Is(err, fs.ErrNotExist) {
		return Report{}, ErrElsewhere
	}
	w := &writer{ctx: ctx, src: src, work: work, tar: tar.NewWriter(out), before: before}
	w.report = Report{Created: src.Now().UTC(), Version: src.Version}
	if err := w.all(); err != nil {
		return Report{}, err
	}
	return w.report, w.tar.Close()
}

// writer writes one archive.
type writer struct {
	ctx     context.Context
	src     Source
	work    string
	tar     *tar.Writer
	before  *earlier // nil: none
	sums    []sum
	report  Report
	lacking *lacking
}

func (w *writer) all() error {
	if err := w.json(headName, head{format, w.report.Created, w.src.Version}); err != nil {
		return err
	}
	// The order matters. If a storage is older than token.sqlite, its user's devices upload
	// the missing changes again. If token.sqlite were older, it would not know the newest
	// storages, and would assign their numbers to other users. Likewise accounts.sqlite must
	// not be older than token.sqlite.
	if err := w.storage(); err != nil {
		return err
	}
	if err := w.database("token.sqlite"); err != nil {
		return err
	}
	// The file does not exist if another server has the accounts.
	if err := w.database("accounts.sqlite"); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	// A storage node's secret is not in its data folder.
	for _, name := range needed(folderHas(w.src.Dir))[1:] {
		if err := w.file(name, filepath.Join(w.src.Dir, name)); err != nil {
			return err
		}
	}
	if err := w.certificates(); err != nil {
		return err
	}
	if len(w.report.LeftOut) > 0 {
		if err := w.json(leftOutName, w.report.LeftOut); err != nil {
			return err
		}
	}
	return w.json(tailName, w.sums)
}

// unreadable is an error of reading a database, as opposed to writing its copy.
type unreadable struct{ err error }

func (u *unreadable) Error() string { return u.err.Error() }
func (u *unreadable) Unwrap() error { return u.err }

// inMemory is the maximum size, in bytes, of a database that is copied in memory. That takes
// a third of the time, because nothing waits for the disk.
const inMemory = 16 << 20

// database adds a copy of a database.
func (w *writer) database(name string) (err error) {
	path := filepath.Join(w.src.Dir, filepath.FromSlash(name))
	s, err := sqlite.OpenSnapshot(w.ctx, path, w.work)
	if err != nil {
		return &unreadable{err}
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	if uid, is := storageNumber(name); is {
		if err := w.lacking.note(w.ctx, uid, s); err != nil {
			return &unreadable{err}
		}
	}
	size, err := s.Size(w.ctx)
	if err != nil {
		return &unreadable{err}
	}
	if size > inMemory {
		return w.large(name, s)
	}
	b, err := s.Bytes()
	if err != nil {
		return &unreadable{err}
	}
	digest := sha256.Sum256(b)
	// A database that equals the copy in the previous backup was checked then.
	if !w.before.has(name, sum{name, int64(len(b)), hex.EncodeToString(digest[:])}) {
		if err := s.Check(w.ctx); err != nil {
			return &unreadable{err}
		}
	}
	return w.add(name, int64(len(b)), bytes.NewReader(b))
}

// large adds a database through a copy on the disk.
func (w *writer) large(name string, s *sqlite.Snapshot) error {
	at := filepath.Join(w.work, "copy")
	if err := s.WriteTo(w.ctx, at); err != nil {
		if errors.Is(err, sqlite.ErrCorrupt) {
			err = &unreadable{err}
		}
		return err
	}
	err := sqlite.Check(w.ctx, at)
	if err == nil {
		err = w.file(name, at)
	}
	return errors.Join(err, os.Remove(at))
}

// certificates adds the files of serve --acme. Without them, a server would request new
// certificates from the authority.
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
	return w.add(name, info.Size(), f)
}

func (w *writer) add(name string, size int64, from io.Reader) error {
	if err := w.header(name, size); err != nil {
		return err
	}
	h := sha256.New()
	if _, err := io.Copy(io.MultiWriter(w.tar, h), &cancelable{w.ctx, from}); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	w.sums = append(w.sums, sum{name, size, hex.EncodeToString(h.Sum(nil))})
	w.report.Files++
	w.report.Bytes += size
	if w.src.Progress != nil {
		w.src.Progress(w.report.Files, w.report.Bytes)
	}
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

// cancelable is a reader that fails when its context ends.
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
