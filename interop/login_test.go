package interop_test

import (
	"context"
	"net"
	"slices"
	"strings"
	"testing"

	"github.com/syncmanager/syncmanager/account"
	"github.com/syncmanager/syncmanager/internal/test/firefoxsync"
	"github.com/syncmanager/syncmanager/internal/test/testenv"
)

// signsInOn signs in on the page at address.
func (p person) signsInOn(address string) {
	p.t.Helper()
	check(p.t, p.Navigate(p.t.Context(), address))
	p.enters(ann)
	p.types(onStep("password")+"input[type=password]", testenv.Password)
	p.click("#password-form button")
	p.sees("section:not([id]) h1", "You are signed in")
}

// sameAccount checks that a signed in to the account of d and has its keys.
func sameAccount(t *testing.T, a *account.Account, d *testenv.Device) {
	t.Helper()
	if s, want := a.Session(), d.Account.Session(); s.Email != ann || s.UID != want.UID || !slices.Equal(s.Key, want.Key) || s.KeyID != want.KeyID {
		t.Errorf("signed in as %v with another key", s)
	}
	_, err := a.AccessToken(t.Context(), true)
	check(t, err)
}

// TestBrowserSignIn signs our device in on the server's pages, in a Firefox that is only a
// browser here, and that returns to the device by itself.
func TestBrowserSignIn(t *testing.T) {
	t.Parallel()
	w := testenv.Listen(t)
	d := w.Device("our device", ann)
	p := person{t, firefoxsync.Start(t, firefoxsync.Options{Root: w.URL})}
	in, err := w.Client(func(c *account.Config) {
		c.Listen = func(ctx context.Context) (net.Listener, error) {
			return new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
		}
	}).BrowserSignIn(t.Context())
	check(t, err)
	var a *account.Account
	done := make(chan error, 1)
	go func() {
		var err error
		a, err = in.Await(t.Context())
		done <- err
	}()
	check(t, p.Navigate(t.Context(), in.URL))
	p.sees("#program:not([hidden])", "If you did not start it just now")
	p.signsInOn(in.URL)
	check(t, <-done)
	sameAccount(t, a, d)
	ended, err := p.URL(t.Context())
	check(t, err)
	if !strings.HasPrefix(ended, w.URL+"/oauth/success/") || strings.Contains(ended, "code=") {
		t.Errorf("the browser ended on %s", ended)
	}
}

// TestBrowserElsewhere is TestBrowserSignIn with a browser that cannot return: the user passes
// its final address to the device.
func TestBrowserElsewhere(t *testing.T) {
	t.Parallel()
	w := testenv.Listen(t)
	d := w.Device("our device", ann)
	p := person{t, firefoxsync.Start(t, firefoxsync.Options{Root: w.URL})}
	in, err := w.Client().BrowserSignIn(t.Context())
	check(t, err)
	p.signsInOn(in.URL)
	ended, err := p.URL(t.Context())
	check(t, err)
	a, err := in.Finish(t.Context(), ended)
	check(t, err)
	sameAccount(t, a, d)
}
