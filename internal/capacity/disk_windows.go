package capacity

import "golang.org/x/sys/windows"

// Disk returns the free bytes, for this user, and the total bytes of the disk that dir is on.
// Both are 0 on systems where they are unknown.
func Disk(dir string) (left, size int64, err error) {
	name, err := windows.UTF16PtrFromString(dir)
	if err != nil {
		return 0, 0, err
	}
	var l, s uint64
	if err := windows.GetDiskFreeSpaceEx(name, &l, &s, nil); err != nil {
		return 0, 0, err
	}
	return int64(l), int64(s), nil
}
