package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"
)

// terminal returns the file descriptor of stream if it is a terminal.
func terminal(stream any) (fd int, ok bool) {
	f, isFile := stream.(*os.File)
	if !isFile {
		return 0, false
	}
	fd = int(f.Fd())
	return fd, term.IsTerminal(fd)
}

// width is how wide the lines on stdout may be, in cells; 0: as wide as they are.
func (a *app) width() int {
	fd, ok := terminal(a.stdout)
	if !ok {
		return 0
	}
	w, _, err := term.GetSize(fd)
	if err != nil {
		return 0
	}
	return w
}

// secret reads a password: the first line of stdin when fromStdin, or from the
// keyboard without an echo, twice when it is a new one.
func (a *app) secret(what string, fromStdin, isNew bool) (string, error) {
	if fromStdin {
		return firstLine(a.stdin)
	}
	fd, ok := terminal(a.stdin)
	if !ok {
		return "", usagef("stdin is not a terminal; hand the %s over with --password-stdin", what)
	}
	first, err := a.ask(fd, what)
	if err != nil || !isNew {
		return first, err
	}
	second, err := a.ask(fd, what+" again")
	if err != nil {
		return "", err
	}
	if first != second {
		return "", errors.New("the two were not the same; try again")
	}
	return first, nil
}

func (a *app) ask(fd int, what string) (string, error) {
	fmt.Fprintf(a.stderr, "%s%s: ", strings.ToUpper(what[:1]), what[1:])
	b, err := term.ReadPassword(fd)
	fmt.Fprintln(a.stderr)
	if err != nil {
		return "", fmt.Errorf("cannot read the %s: %w", what, err)
	}
	if len(b) == 0 {
		return "", fmt.Errorf("the %s is empty", what)
	}
	return string(b), nil
}

// maxSecret bounds what is read as one line: a file given by mistake is refused
// instead of being taken for a password.
const maxSecret = 4096

func firstLine(r io.Reader) (string, error) {
	line, err := bufio.NewReader(io.LimitReader(r, maxSecret+1)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", fmt.Errorf("cannot read the password from stdin: %w", err)
	}
	line = strings.TrimRight(line, "\r\n")
	switch {
	case line == "":
		return "", errors.New("stdin holds no password")
	case len(line) > maxSecret:
		return "", fmt.Errorf("the first line on stdin is longer than %d bytes: that is no password", maxSecret)
	}
	return line, nil
}
