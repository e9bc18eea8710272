//go:build !unix

package main

import "os/exec"

// detach has nothing to do: what opens a browser here is done at once.
func detach(*exec.Cmd) {}
