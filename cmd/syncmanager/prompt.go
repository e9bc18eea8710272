package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode/utf16"

	"golang.org/x/term"

	"github.com/syncmanager/syncmanager/account"
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
func (a *app) secret(ctx context.Context, what string, fromStdin, isNew bool) (string, error) {
	if fromStdin {
		return firstLine(a.stdin, what)
	}
	fd, ok := terminal(a.stdin)
	if !ok {
		return "", usagef("stdin is not a terminal; hand the %[1]s over with --%[1]s-stdin", what)
	}
	first, err := a.ask(ctx, fd, what)
	if err != nil || !isNew {
		return first, err
	}
	second, err := a.ask(ctx, fd, what+" again")
	if err != nil {
		return "", err
	}
	if first != second {
		return "", errors.New("the two were not the same; try again")
	}
	return first, nil
}

// askCode reads a code that the server wants for a sign-in, where somebody can
// be asked; else there is none.
func (a *app) askCode(ctx context.Context, kind account.CodeKind, again bool) (string, error) {
	fd, ok := terminal(a.stdin)
	if !ok {
		return "", nil
	}
	if again {
		a.note("That code is not right.")
	}
	return a.ask(ctx, fd, map[account.CodeKind]string{
		account.CodeTOTP:    "code of the authenticator app, or a backup code",
		account.CodeEmail:   "code that came by e-mail",
		account.CodeUnblock: "code that came by e-mail",
	}[kind])
}

// ask reads a line without an echo. Ctrl-C ends it as it ends everything, and
// must not leave the terminal mute.
func (a *app) ask(ctx context.Context, fd int, what string) (string, error) {
	before, err := term.GetState(fd)
	if err != nil {
		return "", fmt.Errorf("cannot read the %s: %w", what, err)
	}
	fmt.Fprintf(a.stderr, "%s%s: ", strings.ToUpper(what[:1]), what[1:])
	defer fmt.Fprintln(a.stderr)
	type answer struct {
		text []byte
		err  error
	}
	typed := make(chan answer, 1)
	go func() {
		text, err := term.ReadPassword(fd)
		typed <- answer{text, err}
	}()
	var got answer
	select {
	case got = <-typed:
	case <-ctx.Done():
		return "", errors.Join(ctx.Err(), term.Restore(fd, before))
	}
	switch {
	case got.err != nil:
		return "", fmt.Errorf("cannot read the %s: %w", what, got.err)
	case len(got.text) == 0:
		return "", fmt.Errorf("the %s is empty", what)
	}
	return string(got.text), nil
}

// maxSecret bounds what is read as one line: a file given by mistake is refused
// instead of being taken for a password.
const maxSecret = 4096

func firstLine(r io.Reader, what string) (string, error) {
	line, err := bufio.NewReader(io.LimitReader(r, maxSecret+1)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", fmt.Errorf("cannot read the %s from stdin: %w", what, err)
	}
	line = strings.TrimRight(line, "\r\n")
	switch {
	case line == "":
		return "", fmt.Errorf("stdin holds no %s", what)
	case len(line) > maxSecret:
		return "", fmt.Errorf("the first line on stdin is longer than %d bytes: that is no %s", maxSecret, what)
	}
	return line, nil
}

// leastPassword is how many characters a new password has at least, here and on the
// server's pages.
const leastPassword = 8

// checkNewPassword holds a password that somebody chooses to the pages' rules, which
// count as browsers do.
func checkNewPassword(password string) error {
	if n := len(utf16.Encode([]rune(password))); n < leastPassword {
		return fmt.Errorf("the password is too short: choose one of at least %d characters", leastPassword)
	}
	return nil
}
