package account_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/syncmanager/syncmanager/account"
	"github.com/syncmanager/syncmanager/internal/inproc"
	"github.com/syncmanager/syncmanager/server"
)

// twoDevices returns two devices that are signed in to one account, on a server of its own. An app
// has the one from Client.Login, Client.BrowserSignIn or Client.Resume.
func twoDevices() (a, b *account.Account, closeAll func()) {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "example")
	must(err)
	s, err := server.New(ctx, server.Config{
		Dir: dir, PublicURL: "http://sync.example.org", PasswordCost: 4, Now: time.Now, Rand: rand.Reader,
		Log: slog.New(slog.DiscardHandler), PurgeTicks: make(chan time.Time),
	})
	must(err)
	c, err := account.New(account.Config{Server: "http://sync.example.org", Transport: inproc.New(s.Handler())})
	must(err)
	a, err = c.CreateAccount(ctx, "ann@example.org", "correct horse battery staple")
	must(err)
	must(a.RegisterDevice(ctx, "Ann's laptop", "desktop"))
	b, err = c.Login(ctx, "ann@example.org", "correct horse battery staple")
	must(err)
	must(b.RegisterDevice(ctx, "Ann's phone", "mobile"))
	return a, b, func() {
		must(s.Close(ctx))
		must(os.RemoveAll(dir))
	}
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func ExampleAccount_Profile() {
	a, _, closeAll := twoDevices()
	defer closeAll()

	p, err := a.Profile(context.Background(), false)
	must(err)
	fmt.Println(p.Email, p.Picture, p.DefaultPicture)
	// Output:
	// ann@example.org http://sync.example.org/profile/v1/avatar/default true
}

func ExampleAccount_CheckSession() {
	ctx := context.Background()
	a, _, closeAll := twoDevices()
	defer closeAll()

	s, err := a.CheckSession(ctx)
	must(err)
	fmt.Println(s.State)

	must(a.SignOut(ctx)) // here or, by the user, on another device
	s, err = a.CheckSession(ctx)
	must(err)
	fmt.Println(s.State, errors.Is(s.Reason, account.ErrAccountDeleted))
	// Output:
	// active
	// ended false
}

func ExampleAccount_ScopedToken() {
	a, _, closeAll := twoDevices()
	defer closeAll()

	// For a service that knows the account's users by their tokens.
	t, err := a.ScopedToken(context.Background(), "profile:email")
	must(err)
	fmt.Println(t, len(t.Value) > 0)

	_, err = a.ScopedToken(context.Background(), "everything")
	fmt.Println(errors.Is(err, account.ErrScope))
	// Output:
	// token for profile:email true
	// true
}

func ExampleAccount_ManageDevicesURL() {
	a, _, closeAll := twoDevices()
	defer closeAll()

	url := a.ManageDevicesURL("preferences")
	fmt.Println(url[:len("http://sync.example.org/settings/clients?")])
	// Output:
	// http://sync.example.org/settings/clients?
}

func ExampleAccount_CloseTabs() {
	ctx := context.Background()
	a, b, closeAll := twoDevices()
	defer closeAll()

	devices, err := a.Devices(ctx)
	must(err)
	for _, d := range devices {
		if d.Current || !d.ClosesTabs {
			continue
		}
		err := a.CloseTabs(ctx, d.ID, []string{"https://example.org/", "https://example.com/"})
		if unsent, ok := errors.AsType[*account.NotClosedError](err); ok {
			fmt.Println("not sent:", unsent.URLs)
		}
	}
	must(b.Receive(ctx, "Ann's phone", "mobile", func(messages []account.Message) error {
		for _, m := range messages {
			fmt.Println("close:", m.Close)
		}
		return nil
	}))
	// Output:
	// close: [https://example.org/ https://example.com/]
}
