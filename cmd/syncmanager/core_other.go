//go:build !unix

package main

// forbidCoreDumps has nothing to forbid: these systems write no core files
// unless an administrator set that up.
func forbidCoreDumps() {}
