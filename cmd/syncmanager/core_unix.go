//go:build unix

package main

import "golang.org/x/sys/unix"

// forbidCoreDumps keeps keys and passwords in memory from reaching the disk when the process
// dies. An error is ignored, because there is no alternative.
func forbidCoreDumps() {
	_ = unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{})
}
