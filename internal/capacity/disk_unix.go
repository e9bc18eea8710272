//go:build linux || darwin || freebsd

package capacity

import "golang.org/x/sys/unix"

// Disk returns the free bytes, for users other than root, and the total bytes of the disk
// that dir is on. Both are 0 on systems where they are unknown.
func Disk(dir string) (left, size int64, err error) {
	var s unix.Statfs_t
	for {
		if err = unix.Statfs(dir, &s); err != unix.EINTR {
			break
		}
	}
	if err != nil {
		return 0, 0, err
	}
	block := int64(s.Bsize) //nolint:unconvert // its type differs by system
	return int64(s.Bavail) * block, int64(s.Blocks) * block, nil
}
