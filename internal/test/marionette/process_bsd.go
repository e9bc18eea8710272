//go:build unix && !linux

package marionette

import "syscall"

// groupAttr gives Firefox a process group of its own, to be killed as one.
func groupAttr() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
