package journal

import (
	"errors"
	"io/fs"
	"os"
	"runtime"
)

// syncFolder waits until the names of a folder's files are on the disk.
func syncFolder(dir string) error {
	if runtime.GOOS == "windows" { // which cannot, and writes names at once
		return nil
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// SyncFile waits until a file and its name in the folder dir are on the disk. A file that does not exist is not an error.
func SyncFile(dir, path string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return err
	}
	return syncFolder(dir)
}
