//go:build unix

package main

import "golang.org/x/sys/unix"

// forbidCoreDumps keeps keys and passwords in memory from reaching the disk when
// the process dies. Where the system refuses, there is nothing better to do.
func forbidCoreDumps() {
	_ = unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{})
}
