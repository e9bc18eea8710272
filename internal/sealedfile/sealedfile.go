// Package sealedfile stores small files that are replaced atomically, and that are encrypted
// with this device's local key.
package sealedfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/syncmanager/syncmanager/internal/localkey"
)

// Write replaces the file at path atomically, with mode 0600: after a crash or on a full
// disk, there is either the old file or the new one.
func Write(path string, data []byte) (err error) {
	// CreateTemp makes files 0600.
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return fmt.Errorf("cannot write %s: %w", path, err)
	}
	defer func() {
		if err != nil {
			_ = f.Close()
			_ = os.Remove(f.Name())
			err = fmt.Errorf("cannot write %s: %w", path, err)
		}
	}()
	if _, err = f.Write(data); err != nil {
		return err
	}
	if err = f.Sync(); err != nil {
		return err
	}
	if err = f.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

// File is a small file. Only one process may write it at a time.
type File struct {
	Path string
	// Sealer encrypts the content and binds it to the file's name. nil means that the content
	// is encrypted already, or not secret.
	Sealer *localkey.Sealer
}

// Read returns the file's content, or nil if there is no file.
func (f File) Read() ([]byte, error) {
	b, err := os.ReadFile(f.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil || f.Sealer == nil {
		return b, err
	}
	return f.Sealer.Open(b, []byte(filepath.Base(f.Path)))
}

// Write replaces the file, as the function [Write] does.
func (f File) Write(b []byte) (err error) {
	if f.Sealer != nil {
		if b, err = f.Sealer.Seal(b, []byte(filepath.Base(f.Path))); err != nil {
			return fmt.Errorf("cannot seal %s: %w", f.Path, err)
		}
	}
	return Write(f.Path, b)
}
