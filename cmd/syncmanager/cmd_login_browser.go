package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os/exec"
	"runtime"
	"strings"
	"time"

	"github.com/syncmanager/syncmanager/account"
	"github.com/syncmanager/syncmanager/cmd/syncmanager/internal/term"
)

// browserTimeout bounds the time for a sign-in in the browser; the server's code
// expires then.
const browserTimeout = 15 * time.Minute

var errNobodySignedIn = fmt.Errorf("nobody signed in within %d minutes; run the command again", browserTimeout/time.Minute)

// listenLoopback listens on a free port of this computer. It uses the address, since
// others can define what "localhost" is.
func listenLoopback(ctx context.Context) (net.Listener, error) {
	var c net.ListenConfig
	l, err := c.Listen(ctx, "tcp4", "127.0.0.1:0")
	if err != nil {
		l, err = c.Listen(ctx, "tcp6", "[::1]:0")
	}
	return l, err
}

// inBrowser has the user sign in in a browser: on this computer, where the browser
// returns to this program, or on another one, from which the user pastes the address of
// the last page. It waits for both, since only the user knows which it is.
func (a *app) inBrowser(ctx context.Context, b *account.BrowserSignIn, open bool) (*account.Account, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, browserTimeout, errNobodySignedIn)
	defer cancel()
	first, then := "Open this page in a browser, and sign in there", "Then paste the address of the page on which the sign-in ends"
	if open && a.browse(b.URL) == nil {
		first = "Sign in in the browser that opens, or open this page in one"
	}
	if b.Returns {
		then = "That is all, unless the browser is on another computer: then paste the address of its\nlast page, even if the page did not load"
	}
	fmt.Fprintf(a.Err, "%s:\n\n%s\n\n%s:\n", first, term.Printable(b.URL), then)

	type outcome struct {
		account *account.Account
		err     error
	}
	returned := make(chan outcome, 1)
	go func() {
		got, err := b.Await(ctx)
		returned <- outcome{got, err}
	}()
	pasted := a.lines(ctx)
	var last error
	for {
		select {
		case got := <-returned:
			return got.account, got.err
		case line, more := <-pasted:
			switch {
			case !more && last != nil:
				return nil, last
			case !more && b.Returns:
				pasted = nil // nobody can paste
			case !more:
				return nil, errors.New("stdin holds no address")
			default:
				got, err := b.Finish(ctx, line)
				if !errors.Is(err, account.ErrNotThisSignIn) {
					return got, err
				}
				last = err
				a.complain(err)
			}
		}
	}
}

// lines returns the lines of stdin that are not blank, until ctx or stdin ends, or a
// line is too long for an address.
func (a *app) lines(ctx context.Context) <-chan string {
	out := make(chan string)
	go func() {
		defer close(out)
		s := bufio.NewScanner(a.In)
		s.Buffer(nil, term.MaxLine)
		for s.Scan() {
			if strings.TrimSpace(s.Text()) == "" {
				continue
			}
			select {
			case out <- s.Text():
			case <-ctx.Done():
				return
			}
		}
	}()
	return out
}

// opener returns the program, with its first arguments, that opens a page in the user's
// browser, or nil if this machine has no screen.
func opener(system string, getenv func(string) string) []string {
	remote := getenv("SSH_CONNECTION") != "" || getenv("SSH_TTY") != ""
	switch {
	case system == "windows" && !remote:
		return []string{"rundll32", "url.dll,FileProtocolHandler"}
	case system == "darwin" && !remote:
		return []string{"open"}
	case system != "windows" && system != "darwin" && (getenv("DISPLAY") != "" || getenv("WAYLAND_DISPLAY") != ""):
		return []string{"xdg-open"}
	}
	return nil
}

// browse opens a page in the user's browser.
func (a *app) browse(url string) error {
	if a.shared != nil {
		return a.shared.browse(url) // in the session of who started the command
	}
	return openBrowser(opener(runtime.GOOS, a.getenv), url)
}

// openBrowser starts opener, which may run as long as the browser that it starts.
func openBrowser(opener []string, address string) error {
	if opener == nil {
		return exec.ErrNotFound
	}
	c := exec.Command(opener[0], append(opener[1:], address)...)
	detach(c)
	if err := c.Start(); err != nil {
		return err
	}
	go func() { _ = c.Wait() }()
	return nil
}
