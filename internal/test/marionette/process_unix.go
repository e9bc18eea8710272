//go:build unix

package marionette

import (
	"errors"
	"os"
	"syscall"
)

// killGroup kills the process and all that it started.
func killGroup(p *os.Process) error {
	if err := syscall.Kill(-p.Pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
		return err
	}
	return nil
}
