//go:build unix

package term

import (
	"errors"
	"io"

	"golang.org/x/sys/unix"
)

// hide turns off the echo of a terminal, and returns what reads a line of it and what restores it. It reads through in, as
// a process must that does not own the terminal: it stops to read when the command ends.
func hide(fd int, in io.Reader) (read func() ([]byte, error), restore func() error, err error) {
	before, err := unix.IoctlGetTermios(fd, getTermios)
	if err != nil {
		return nil, nil, err
	}
	hidden := *before
	hidden.Lflag &^= unix.ECHO
	hidden.Lflag |= unix.ICANON | unix.ISIG
	hidden.Iflag |= unix.ICRNL
	if err := unix.IoctlSetTermios(fd, setTermios, &hidden); err != nil {
		return nil, nil, err
	}
	read = func() ([]byte, error) { return readLine(in) }
	return read, func() error { return unix.IoctlSetTermios(fd, setTermios, before) }, nil
}

func readLine(in io.Reader) (line []byte, err error) {
	var b [1]byte
	for {
		n, err := in.Read(b[:])
		switch {
		case n == 1 && b[0] == '\n':
			return line, nil
		case n == 1:
			line = append(line, b[0])
		case errors.Is(err, io.EOF) && len(line) > 0:
			return line, nil
		case err != nil:
			return nil, err
		}
	}
}
