//go:build !unix

package main

// forbidCoreDumps does nothing: these systems do not write core files unless an administrator
// enabled them.
func forbidCoreDumps() {}
