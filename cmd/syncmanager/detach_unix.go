//go:build unix

package main

import (
	"os/exec"
	"syscall"
)

// detach keeps a Ctrl-C that is meant for this program from c.
func detach(c *exec.Cmd) { c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }
