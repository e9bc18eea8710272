package pairing_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"net"
	"os"
	"time"

	"github.com/syncmanager/syncmanager/account"
	"github.com/syncmanager/syncmanager/account/pairing"
	"github.com/syncmanager/syncmanager/server"
)

// exampleServer starts a server on this computer, with an account, and returns its URL and the
// account as its first device has it.
func exampleServer(ctx context.Context) (root string, a *account.Account, stop func()) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	check(err)
	dir, err := os.MkdirTemp("", "example")
	check(err)
	root = "http://" + l.Addr().String()
	s, err := server.New(ctx, server.Config{
		Dir: dir, PublicURL: root, Now: time.Now, Rand: rand.Reader, PasswordCost: 4, Log: slog.New(slog.DiscardHandler),
	})
	check(err)
	serving, end := context.WithCancel(ctx)
	ended := make(chan error)
	go func() { ended <- s.Serve(serving, l) }()
	c, err := account.New(account.Config{Server: root})
	check(err)
	a, err = c.CreateAccount(ctx, "ann@example.org", "a long password")
	check(err)
	return root, a, func() {
		end()
		check(<-ended)
		check(s.Close(ctx))
		check(os.RemoveAll(dir))
	}
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}

// A new device joins an account with the code that another device shows. Both users are asked.
func Example() {
	ctx := context.Background()
	root, a, stop := exampleServer(ctx)
	defer stop()

	// The device that is signed in shows a code.
	authority, err := pairing.Show(ctx, account.Config{UserAgent: "Notes/1.0"}, a, "Ann's laptop")
	check(err)
	defer authority.Close(ctx)

	// The new device reads it, and asks its user.
	joined := make(chan *account.Account)
	go func() {
		supplicant, err := pairing.Join(ctx, account.Config{Server: root, UserAgent: "Notes/1.0 (phone)"}, authority.URL)
		check(err)
		defer supplicant.Close(ctx)
		fmt.Printf("Join %s, as %s shows?\n", supplicant.Peer.Email, supplicant.Peer.DeviceName)
		b, err := supplicant.Accept(ctx)
		check(err)
		joined <- b
	}()

	// The device that is signed in asks too.
	peer, err := authority.Wait(ctx)
	check(err)
	_ = peer // "Let Notes/1.0 (phone) at 192.0.2.7 join your account?"
	check(authority.Allow(ctx))

	b := <-joined
	fmt.Println("signed in to", b.Session().Email)
	// Output:
	// Join ann@example.org, as Ann's laptop shows?
	// signed in to ann@example.org
}
