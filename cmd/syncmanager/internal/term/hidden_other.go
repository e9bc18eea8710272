//go:build !unix

package term

import (
	"io"

	"golang.org/x/term"
)

// readHidden reads a line from a terminal, whose echo it turns off meanwhile.
func readHidden(fd int, _ io.Reader) ([]byte, error) { return term.ReadPassword(fd) }
