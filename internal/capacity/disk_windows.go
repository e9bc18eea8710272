package capacity

import "golang.org/x/sys/windows"

// Disk is how many bytes are left, for this user, on the disk that dir is on, and how
// many it has. Both are 0 where that cannot be told.
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
