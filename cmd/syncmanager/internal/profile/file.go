package profile

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/syncmanager/syncmanager/internal/localkey"
)

// writeFile replaces the file at path, 0600, all or nothing: after a crash or a
// full disk there is the old file or the new one.
func writeFile(path string, data []byte) (err error) {
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

// sealedFile is a file that opens with the local key alone. It fulfils
// syncmanager.State, whose bytes are sealed already: then sealer is nil.
type sealedFile struct {
	path   string
	sealer *localkey.Sealer
}

// Load fulfils syncmanager.State.
func (f sealedFile) Load(context.Context) ([]byte, error) { return f.read() }

// Save fulfils syncmanager.State.
func (f sealedFile) Save(_ context.Context, b []byte) error { return f.write(b) }

// read returns the file's content, or nil when there is no file.
func (f sealedFile) read() ([]byte, error) {
	b, err := os.ReadFile(f.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil || f.sealer == nil {
		return b, err
	}
	if b, err = f.sealer.Open(b, []byte(filepath.Base(f.path))); err != nil {
		return nil, err
	}
	return b, nil
}

// write replaces the file.
func (f sealedFile) write(b []byte) (err error) {
	if f.sealer != nil {
		if b, err = f.sealer.Seal(b, []byte(filepath.Base(f.path))); err != nil {
			return fmt.Errorf("cannot seal %s: %w", f.path, err)
		}
	}
	return writeFile(f.path, b)
}
