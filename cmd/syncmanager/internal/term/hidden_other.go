//go:build !unix

package term

import (
	"io"

	"golang.org/x/term"
)

// hide returns what reads a line of a terminal without an echo, and what turns the echo on again.
func hide(fd int, _ io.Reader) (read func() ([]byte, error), restore func() error, err error) {
	before, err := term.GetState(fd)
	if err != nil {
		return nil, nil, err
	}
	read = func() ([]byte, error) { return term.ReadPassword(fd) }
	return read, func() error { return term.Restore(fd, before) }, nil
}
