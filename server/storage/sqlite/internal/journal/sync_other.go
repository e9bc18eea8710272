//go:build !linux

package journal

import "os"

// syncData waits until a file's content and size are on the disk.
func syncData(f *os.File) error { return f.Sync() }
