// Package dirlock keeps two processes from using one folder at once.
package dirlock

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// ErrLocked means that another process, or another part of this one, holds the
// lock.
var ErrLocked = errors.New("it is in use by another process")

// Acquire locks dir for the purpose that name tells: the file name in dir, which
// is made if need be and stays. The lock ends with release or with the process,
// however that ends. The error wraps ErrLocked when it is held.
func Acquire(dir, name string) (release func() error, err error) {
	path := filepath.Join(dir, name)
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("cannot lock %s: %w", dir, err)
	}
	if err := lock(f); err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("cannot lock %s: %w", dir, err)
	}
	// Closing the file ends the lock. It is not removed: a process that waits with
	// the old file open would hold a lock that nobody else sees.
	return f.Close, nil
}
