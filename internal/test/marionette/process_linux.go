package marionette

import "syscall"

// groupAttr gives Firefox a process group of its own, to be killed as one, and
// has the kernel kill it when the thread that started it goes: a test binary
// that is killed leaves no browser behind. See launch for the thread.
func groupAttr() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
