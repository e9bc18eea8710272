package term

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"golang.org/x/term"

	"github.com/syncmanager/syncmanager/cmd/syncmanager/internal/usage"
)

// terminal returns the file descriptor of stream if it is a terminal.
func terminal(stream any) (fd int, ok bool) {
	f, isFile := stream.(interface{ Fd() uintptr })
	if !isFile {
		return 0, false
	}
	fd = int(f.Fd())
	return fd, term.IsTerminal(fd)
}

// Width returns the width of the terminal on stdout, in cells; 0 means no limit.
func (c *Console) Width() int {
	fd, ok := terminal(c.Out)
	if !ok {
		return 0
	}
	w, _, err := term.GetSize(fd)
	if err != nil {
		return 0
	}
	return w
}

// Secret reads a secret: the first line of stdin if fromStdin, else from the keyboard
// without an echo, twice if isNew. what names it in prompts and errors.
func (c *Console) Secret(ctx context.Context, what string, fromStdin, isNew bool) (string, error) {
	if fromStdin {
		return FirstLine(c.In, what)
	}
	if !c.Interactive() {
		return "", usage.Errorf("stdin is not a terminal; hand the %[1]s over with --%[1]s-stdin", what)
	}
	first, err := c.Ask(ctx, what)
	if err != nil || !isNew {
		return first, err
	}
	second, err := c.Ask(ctx, what+" again")
	if err != nil {
		return "", err
	}
	if first != second {
		return "", errors.New("the two were not the same; try again")
	}
	return first, nil
}

// Interactive reports whether stdin is a terminal.
func (c *Console) Interactive() bool {
	_, ok := terminal(c.In)
	return ok
}

// ToTerminal reports whether stdout is a terminal.
func (c *Console) ToTerminal() bool {
	_, ok := terminal(c.Out)
	return ok
}

// Ask reads a line from the terminal on stdin without an echo. It turns the echo on
// again also if ctx ends first, as it does on Ctrl-C.
func (c *Console) Ask(ctx context.Context, what string) (string, error) {
	fd, ok := terminal(c.In)
	if !ok {
		return "", fmt.Errorf("cannot read the %s: stdin is not a terminal", what)
	}
	read, restore, err := hide(fd, c.In)
	if err != nil {
		return "", fmt.Errorf("cannot read the %s: %w", what, err)
	}
	fmt.Fprintf(c.Err, "%s%s: ", strings.ToUpper(what[:1]), what[1:])
	defer fmt.Fprintln(c.Err)
	type answer struct {
		text []byte
		err  error
	}
	typed := make(chan answer, 1)
	go func() {
		text, err := read()
		typed <- answer{text, err}
	}()
	var got answer
	select {
	case got = <-typed:
	case <-ctx.Done():
		return "", errors.Join(ctx.Err(), restore())
	}
	// The goroutine that reads never changes the terminal: once the command has ended, its number may be that of another.
	got.err = errors.Join(got.err, restore())
	switch {
	case got.err != nil:
		return "", fmt.Errorf("cannot read the %s: %w", what, got.err)
	case len(got.text) == 0:
		return "", fmt.Errorf("the %s is empty", what)
	}
	return string(got.text), nil
}

// MaxLine bounds a line that is read from stdin, in bytes, so that a file given by
// mistake is not taken for a password.
const MaxLine = 4096

// FirstLine reads the first line of r, without its end. what names it in errors.
func FirstLine(r io.Reader, what string) (string, error) {
	line, err := bufio.NewReader(io.LimitReader(r, MaxLine+1)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", fmt.Errorf("cannot read the %s from stdin: %w", what, err)
	}
	line = strings.TrimRight(line, "\r\n")
	switch {
	case line == "":
		return "", fmt.Errorf("stdin holds no %s", what)
	case len(line) > MaxLine:
		return "", fmt.Errorf("the first line on stdin is longer than %d bytes: that is no %s", MaxLine, what)
	}
	return line, nil
}
