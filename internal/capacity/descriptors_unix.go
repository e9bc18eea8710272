//go:build linux || darwin

package capacity

import (
	"math"

	"golang.org/x/sys/unix"
)

// Descriptors returns how many files and sockets this process may have open at once. It is 0
// on systems where it is unknown.
func Descriptors() int {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return 0
	}
	return int(min(limit.Cur, math.MaxInt32)) // "no limit" is the largest number
}
