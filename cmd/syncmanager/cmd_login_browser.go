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

// browserPatience is how long somebody may take to sign in in the browser; the
// server's code is good no longer.
const browserPatience = 15 * time.Minute

var errNobodyCame = fmt.Errorf("nobody signed in within %d minutes; run the command again", browserPatience/time.Minute)

// listenLoopback gives a free port of this computer, by its address: what
// "localhost" means is for others to say.
func listenLoopback(ctx context.Context) (net.Listener, error) {
	var c net.ListenConfig
	l, err := c.Listen(ctx, "tcp4", "127.0.0.1:0")
	if err != nil {
		l, err = c.Listen(ctx, "tcp6", "[::1]:0")
	}
	return l, err
}

// inBrowser has the user sign in in a browser, here, which comes back by itself,
// or elsewhere, from where they paste the address that it ended on. Both are waited
// for at once, for only the user knows which it is.
func (a *app) inBrowser(ctx context.Context, b *account.BrowserSignIn, open bool) (*account.Account, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, browserPatience, errNobodyCame)
	defer cancel()
	first, then := "Open this page in a browser, and sign in there", "Then paste the address of the page that you ended on"
	if open && openBrowser(opener(runtime.GOOS, a.getenv), b.URL) == nil {
		first = "Sign in in the browser that opens, or open this page in one"
	}
	if b.Returns {
		then = "That is all, unless the browser is on another computer: then paste the address that it ended on, even if there was no page"
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
				pasted = nil // nobody is there to paste
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

// lines are the lines on stdin that hold something, until ctx or stdin ends. One
// that is too long for an address is its end.
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

// opener is the program, with its first arguments, that opens a page in the user's
// browser, or nil where there is no screen to open it on.
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

// openBrowser starts opener, which may live as long as the browser that it starts.
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
