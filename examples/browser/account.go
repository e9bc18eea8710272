package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"

	"github.com/syncmanager/syncmanager"
	"github.com/syncmanager/syncmanager/account"
)

const deviceType = "desktop"

var accountCommands = []command{
	{"create", "SERVER EMAIL", "make an account, and sign in", (*browser).create},
	{"login", "SERVER EMAIL", "sign in with the password", (*browser).login},
	{"login-browser", "SERVER", "sign in on the server's pages, in any browser", (*browser).loginBrowser},
	{"join", "", "join the account of a device that shows a code; it asks for the code's address", (*browser).join},
	{"pair", "", "show a code to another device, so that it joins this account", (*browser).pair},
	{"logout", "", "sign out; the data on this device stays", (*browser).logout},
	{"whoami", "", "the account's user, and whether the sign-in is still good", (*browser).whoami},
	{"devices", "", "list the account's devices", (*browser).devices},
}

func (b *browser) create(ctx context.Context, args []string) error {
	return b.signIn(ctx, args[0], func(c *account.Client) (*account.Account, error) {
		password, err := b.askSecret("new password")
		if err != nil {
			return nil, err
		}
		return c.CreateAccount(ctx, args[1], password)
	})
}

func (b *browser) login(ctx context.Context, args []string) error {
	return b.signIn(ctx, args[0], func(c *account.Client) (*account.Account, error) {
		password, err := b.askSecret("password")
		if err != nil {
			return nil, err
		}
		return c.Login(ctx, args[1], password)
	})
}

// loginBrowser lets the server's pages ask for the password and all else.
func (b *browser) loginBrowser(ctx context.Context, args []string) error {
	return b.signIn(ctx, args[0], func(c *account.Client) (*account.Account, error) {
		s, err := c.BrowserSignIn(ctx)
		if err != nil {
			return nil, err
		}
		defer func() { _ = s.Close() }() // a port that is let go
		b.printf("open %s", s.URL)
		if s.Returns {
			return s.Await(ctx)
		}
		address, err := b.ask("the address on which the browser ended")
		if err != nil {
			return nil, err
		}
		return s.Finish(ctx, address)
	})
}

// config is for an accounts server. Each change of the session is saved.
func (b *browser) config(server string) account.Config {
	return account.Config{
		Server: server,
		Save:   b.session.Save,
		Code: func(_ context.Context, kind account.CodeKind, again bool) (string, error) {
			if again {
				b.printf("the code is wrong")
			}
			return b.ask("code (" + string(kind) + ")")
		},
		Listen: func(ctx context.Context) (net.Listener, error) {
			return new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
		},
	}
}

// signIn signs this device in. What is here already is merged with what the account has.
func (b *browser) signIn(ctx context.Context, server string, enter func(*account.Client) (*account.Account, error)) error {
	if s, err := b.session.Load(); err == nil {
		return fmt.Errorf("this device is signed in as %s already: sign out first", s.Email)
	}
	client, err := account.New(b.config(server))
	if err != nil {
		return err
	}
	a, err := enter(client)
	if err != nil {
		return err
	}
	if err := a.RegisterDevice(ctx, b.deviceName(), deviceType); err != nil {
		return err
	}
	// A manager that was signed out sends nothing before.
	if err := b.online(ctx, a, func(m *syncmanager.Manager) error { return m.SignIn(ctx, a) }); err != nil {
		return err
	}
	b.printf("signed in as %s", a.Session().Email)
	return nil
}

// deviceName is what the other devices call this one.
func (b *browser) deviceName() string {
	host, err := os.Hostname()
	if err != nil {
		return filepath.Base(b.dir)
	}
	return filepath.Base(b.dir) + " on " + host
}

// account returns the account that this device is signed in to. It sends no request.
func (b *browser) account() (*account.Account, error) {
	s, err := b.session.Load()
	if err != nil {
		return nil, err
	}
	client, err := account.New(b.config(s.Server))
	if err != nil {
		return nil, err
	}
	return client.Resume(s), nil
}

// online calls do with the manager of all engines.
func (b *browser) online(ctx context.Context, a *account.Account, do func(*syncmanager.Manager) error) (err error) {
	m, err := syncmanager.New(ctx, syncmanager.Config{
		Account: a, State: syncmanager.FileState(filepath.Join(b.dir, "state")), Key: b.key,
		Device:   syncmanager.Device{Name: b.deviceName(), Type: deviceType, Application: "Example Browser"},
		Received: b.received,
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, m.Close()) }()
	for _, e := range b.engines() {
		if err := m.Register(e); err != nil {
			return err
		}
	}
	return do(m)
}
