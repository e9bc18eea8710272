// Package dirlock prevents two processes from using one folder at once.
package dirlock

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// ErrLocked means that another process, or other code in this one, holds the lock.
var ErrLocked = errors.New("it is in use by another process")

// Acquire locks dir with the lock file name in dir, which is created if needed and never
// removed. The lock ends with release, or when the process ends for any reason. The error
// wraps [ErrLocked] if the lock is held.
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
	// Closing the file ends the lock. The file is not removed: a process that has opened it
	// could lock the removed file, while another process locks a new one.
	return f.Close, nil
}
