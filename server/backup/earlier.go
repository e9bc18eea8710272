package backup

import (
	"archive/tar"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"os"
)

// earlier is the backup that a new one replaces. If a user's file is damaged now, its copy in
// there is kept. A nil *earlier is an empty one.
type earlier struct {
	f    *os.File
	at   map[string]int64 // offset of each file
	sums map[string]sum
}

// openEarlier opens the backup at path. It returns nil if there is none, or if it cannot be
// read.
func openEarlier(ctx context.Context, path string) *earlier {
	f, err := os.Open(path)
	if err != nil {
		return nil
	}
	e := &earlier{f: f, at: make(map[string]int64), sums: make(map[string]sum)}
	if err := e.read(ctx); err != nil {
		f.Close()
		return nil
	}
	return e
}

// read indexes the files without reading their content.
func (e *earlier) read(ctx context.Context) error {
	archive := tar.NewReader(e.f)
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		h, err := next(archive)
		if err != nil {
			return err
		}
		if h.Name == tailName {
			break
		}
		if e.at[h.Name], err = e.f.Seek(0, io.SeekCurrent); err != nil {
			return err
		}
	}
	var all []sum
	if err := decode(archive, &all); err != nil {
		return err
	}
	for _, s := range all {
		e.sums[s.Name] = s
	}
	return nil
}

func (e *earlier) close() {
	if e != nil {
		e.f.Close()
	}
}

// has reports whether the backup contains a file with this name and content.
func (e *earlier) has(name string, s sum) bool { return e != nil && e.sums[name] == s }

// extract copies a file to a path, which must not exist.
func (e *earlier) extract(ctx context.Context, name, to string) (err error) {
	if e == nil {
		return os.ErrNotExist
	}
	want, ok := e.sums[name]
	at, found := e.at[name]
	if !ok || !found {
		return os.ErrNotExist
	}
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	h := sha256.New()
	_, err = io.Copy(io.MultiWriter(out, h), &cancelable{ctx, io.NewSectionReader(e.f, at, want.Size)})
	if err == nil && hex.EncodeToString(h.Sum(nil)) != want.SHA256 {
		err = ErrDamaged
	}
	if err = errors.Join(err, out.Close()); err != nil {
		err = errors.Join(err, os.Remove(to))
	}
	return err
}
