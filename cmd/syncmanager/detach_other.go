//go:build !unix

package main

import "os/exec"

// detach has nothing to do: the program that opens a browser here ends at once.
func detach(*exec.Cmd) {}
