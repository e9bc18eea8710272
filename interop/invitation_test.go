package interop_test

import (
	"context"
	"crypto/rand"
	"log/slog"
	"net"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/internal/test/firefoxsync"
	"github.com/syncmanager/syncmanager/internal/test/testenv"
	"github.com/syncmanager/syncmanager/server"
	"github.com/syncmanager/syncmanager/server/accounts"
)

// serve starts a server outside an environment; change edits its configuration.
func serve(t *testing.T, change func(*server.Config)) (root string, s *server.Server) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	root = "http://" + l.Addr().String()
	cfg := server.Config{
		Dir: t.TempDir(), PublicURL: root, PasswordCost: 4, Now: time.Now, Rand: rand.Reader, Log: slog.New(slog.DiscardHandler),
	}
	change(&cfg)
	s, err = server.New(t.Context(), cfg)
	check(t, err)
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	served := make(chan error, 1)
	go func() { served <- s.Serve(ctx, l) }()
	t.Cleanup(func() {
		cancel()
		if err := <-served; err != nil {
			t.Error(err)
		}
		if err := s.Close(context.WithoutCancel(ctx)); err != nil {
			t.Error(err)
		}
	})
	return root, s
}

// TestInvitationInFirefox: where sign-up is by invitation, its link creates one account, and
// the code in it is sent only with that request.
func TestInvitationInFirefox(t *testing.T) {
	t.Parallel()
	root, s := serve(t, func(c *server.Config) { c.SignUp = accounts.SignUpInvite })
	code, _, err := s.Invite(t.Context(), "for Ann", time.Hour)
	check(t, err)

	p := person{t, firefoxsync.Start(t, firefoxsync.Options{Root: root})}
	check(t, p.Navigate(t.Context(), root+"/#invitation=0000-0000-0000-0000"))
	p.types(onStep("email")+"input", ann)
	p.click("button[value=new]")
	p.types(onStep("signup")+"label:has([autocomplete=new-password]) input", testenv.Password)
	p.types("#signup label:has([autocomplete=new-password]) ~ label input", testenv.Password)
	p.click("#signup-form button")
	p.sees(wrong("signup"), "Sign-up needs an invitation that is still good.")
	check(t, p.Clear(t.Context(), "#invitation"))
	p.types("#invitation", code)
	p.click("#signup-form button")
	p.sees(onStep("settings"), "Signed in as "+ann)
	at, err := p.URL(t.Context())
	check(t, err)
	if at != root+"/settings" {
		t.Errorf("the page is at %s", at)
	}
}
