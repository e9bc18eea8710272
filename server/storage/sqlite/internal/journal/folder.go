package journal

import (
	"errors"
	"io/fs"
	"os"
	"runtime"
)

// SyncFolder waits until the names of a folder's files are on the disk.
func SyncFolder(dir string) error {
	if runtime.GOOS == "windows" { // which cannot, and writes names at once
		return nil
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// SyncFile waits until what is in a file is on the disk, and reports whether there is one.
func SyncFile(path string) (exists bool, err error) {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return true, errors.Join(f.Sync(), f.Close())
}
