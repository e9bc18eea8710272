//go:build linux || darwin || freebsd

package capacity

import "golang.org/x/sys/unix"

// Disk is how many bytes are left, for those who are not root, on the disk that dir is
// on, and how many it has. Both are 0 where that cannot be told.
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
