package main

import (
	"bufio"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/syncmanager/syncmanager/account"
	"github.com/syncmanager/syncmanager/internal/test/testpage"
)

// xdgOpen simulates a browser whose user enters $BROWSER_EMAIL and $BROWSER_PASSWORD on the
// sign-in page given as its argument.
func xdgOpen() {
	fatal(browse(context.Background(), os.Args[1], os.Getenv("BROWSER_EMAIL"), os.Getenv("BROWSER_PASSWORD")))
}

// elsewhere runs the command that it is given for a user whose browser is on
// another computer: they open the page that the command names, and paste, first the
// address of that page itself, then the one that the browser ended on.
func elsewhere() {
	c := exec.Command(os.Args[1], os.Args[2:]...)
	c.Stdout = os.Stdout
	stdin, err := c.StdinPipe()
	fatal(err)
	stderr, err := c.StderrPipe()
	fatal(err)
	fatal(c.Start())
	lines := bufio.NewScanner(io.TeeReader(stderr, os.Stderr))
	for lines.Scan() {
		if !strings.HasPrefix(lines.Text(), "http") {
			continue
		}
		end, err := signInPage(context.Background(), lines.Text(), os.Getenv("BROWSER_EMAIL"), os.Getenv("BROWSER_PASSWORD"))
		fatal(err)
		_, err = fmt.Fprintf(stdin, "%s\n\n%s\n", lines.Text(), end)
		fatal(err)
	}
	fatal(errors.Join(lines.Err(), c.Wait()))
}

func fatal(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func browse(ctx context.Context, address, email, password string) error {
	end, err := signInPage(ctx, address, email, password)
	if err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, end, nil)
	if err != nil {
		return err
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	_, err = io.Copy(io.Discard, res.Body)
	return err
}

// signInPage is where the browser goes from the sign-in page.
func signInPage(ctx context.Context, address, email, password string) (end string, err error) {
	u, err := url.Parse(address)
	if err != nil {
		return "", err
	}
	c, err := account.New(account.Config{
		Server: u.Scheme + "://" + u.Host, Transport: http.DefaultTransport, Now: time.Now, Rand: rand.Reader, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		return "", err
	}
	a, err := c.Login(ctx, email, password)
	if err != nil {
		return "", err
	}
	s := a.Session()
	return testpage.Finish(http.DefaultTransport, address, s.Token, testpage.Keys(s.KeyID, s.Key))
}
