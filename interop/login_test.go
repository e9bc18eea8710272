package interop_test

import (
	"slices"
	"testing"

	"github.com/syncmanager/syncmanager/internal/firefoxsync"
	"github.com/syncmanager/syncmanager/internal/testworld"
)

// TestBrowserSignIn signs our device in on the server's pages, in a Firefox that
// is no more than a browser here.
func TestBrowserSignIn(t *testing.T) {
	w := testworld.Listen(t)
	d := w.Device("our device", ann)
	p := person{t, firefoxsync.Start(t, firefoxsync.Options{Root: w.URL})}
	in, err := w.Client().BrowserSignIn(t.Context())
	check(t, err)
	check(t, p.Navigate(t.Context(), in.URL))
	p.enters(ann)
	p.types(onStep("password")+"input[type=password]", testworld.Password)
	p.click("#password-form button")
	p.sees("section:not([id]) h1", "You are signed in")
	ended, err := p.URL(t.Context())
	check(t, err)
	a, err := in.Finish(t.Context(), ended)
	check(t, err)
	if s, want := a.Session(), d.Account.Session(); s.Email != ann || s.UID != want.UID || !slices.Equal(s.Key, want.Key) || s.KeyID != want.KeyID {
		t.Errorf("signed in as %v with another key", s)
	}
	_, err = a.AccessToken(t.Context(), true)
	check(t, err)
}
