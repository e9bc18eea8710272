package profile

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/syncmanager/syncmanager/account"
	"github.com/syncmanager/syncmanager/internal/localkey"
)

// SignIn is how to sign in to an account.
type SignIn struct {
	// Server is the root URL of the server, or a name that account.ServerURL knows.
	Server, Email, Password string
	// Browser, if set, has the user sign in on the server's own pages instead, without
	// Email and Password. It opens the pages, and completes the sign-in.
	Browser func(context.Context, *account.BrowserSignIn) (*account.Account, error)
	// Join, if set, joins the account of another device instead, without Server, Email and
	// Password. It asks may before it joins an account.
	Join func(ctx context.Context, cfg account.Config, may func(email, server string) error) (*account.Account, error)
	// Listen, if set, opens a port for the browser to return to.
	Listen func(context.Context) (net.Listener, error)
	// Create makes the account.
	Create bool
	// Invitation is the code for a server that needs one for a new account.
	Invitation string
	// Code, if set, is called for a code that the server wants as well as the password.
	Code func(ctx context.Context, kind account.CodeKind, again bool) (string, error)
	// DeviceName, if not empty, is the new name of this device.
	DeviceName string
}

// SignIn signs in to an account. The profile's data stays, and the next sync reconciles
// it with the account's. It replaces a local account, and the session of the same
// account; the user has to sign out of another one first.
func (p *Profile) SignIn(ctx context.Context, in SignIn) error {
	old := p.Account()
	if in.Browser == nil && in.Join == nil {
		if err := old.mayBecome(in.Email, in.Server); err != nil {
			return err
		}
	}
	a, err := p.enter(ctx, in)
	if err != nil {
		return err
	}
	session := a.Session()
	in.Server = session.Server
	if err := p.take(ctx); err != nil {
		return errors.Join(err, a.SignOut(context.WithoutCancel(ctx)))
	}
	defer p.giveBack()
	// After a sign-in in the browser, the account is known only now. Another sign-in may have
	// ended meanwhile.
	old = p.Account()
	if err := old.mayBecome(session.Email, in.Server); err != nil {
		return errors.Join(err, a.SignOut(ctx))
	}
	if err := a.RegisterDevice(ctx, cmp.Or(in.DeviceName, p.DeviceName()), DeviceType); err != nil {
		return err
	}
	same := old.is(session.Email, in.Server) && session.UID == old.UID
	if err := p.handOver(ctx, same); err != nil {
		return err
	}
	err = p.change(func(s *settings) {
		s.SignedOut, s.DeviceName = false, cmp.Or(in.DeviceName, s.DeviceName)
	})
	if err != nil {
		return err
	}
	if err := p.signInAs(credentials{Session: a.Session()}); err != nil {
		return err
	}
	return p.removeLocal()
}

// is reports whether a is the account with this address on a server. a may be nil.
func (a *Account) is(email, server string) bool {
	return a != nil && strings.EqualFold(a.Email, email) && a.Server == account.ServerURL(server)
}

// mayBecome returns an error if the user has to sign out of a before signing in to an account.
// a may be nil.
func (a *Account) mayBecome(email, server string) error {
	if a == nil || a.Local || a.is(email, server) {
		return nil
	}
	return fmt.Errorf("this profile is signed in as %s at %s; sign out first with 'syncmanager logout'", a.Email, a.Server)
}

// enter makes the new session.
func (p *Profile) enter(ctx context.Context, in SignIn) (*account.Account, error) {
	config := p.clientConfig(in.Server, p.config.Transport)
	config.Code, config.Invitation, config.Listen = in.Code, in.Invitation, in.Listen
	if in.Join != nil {
		return in.Join(ctx, config, p.Account().mayBecome)
	}
	c, err := account.New(config)
	switch {
	case err != nil:
		return nil, err
	case in.Browser != nil:
		b, err := c.BrowserSignIn(ctx)
		if err != nil {
			return nil, err
		}
		defer b.Close() //nolint:errcheck // a port that is let go
		return in.Browser(ctx, b)
	case in.Create:
		return c.CreateAccount(ctx, in.Email, in.Password)
	}
	return c.Login(ctx, in.Email, in.Password)
}

// handOver ends what belongs to the old account, before another session replaces it.
func (p *Profile) handOver(ctx context.Context, sameAccount bool) error {
	had, unreadable := p.signedInAs()
	switch {
	case sameAccount:
		// The sync state is still valid. The old session may be invalid.
		if err := p.endSession(ctx); err != nil {
			p.config.Log.Warn("the old session was not ended", "err", err)
		}
	case had != nil:
		if err := p.leave(ctx); err != nil {
			p.config.Log.Warn("the old account was not left in order", "err", err)
		}
	}
	if err := p.forget(); err != nil {
		return err
	}
	if (had != nil || unreadable != nil) && !sameAccount {
		// It has tokens and keys of the other account, whose storage must not get the
		// records of this one.
		return removeIfThere(p.path(stateFile))
	}
	return nil
}

// SignedOut reports whether the user signed out of an account.
func (p *Profile) SignedOut() bool { return p.currentSettings().SignedOut }

// SignOut signs out of the account, and with wipe deletes the profile's data. It does so
// even if the server cannot be told; untold is the reason then.
func (p *Profile) SignOut(ctx context.Context, wipe bool) (untold, err error) {
	if err := p.take(ctx); err != nil {
		return nil, err
	}
	defer p.giveBack()
	if c, _ := p.signedInAs(); c != nil {
		untold = p.leave(ctx)
	}
	if err := p.forget(); err != nil {
		return untold, err
	}
	if err := p.change(func(s *settings) { s.SignedOut = true }); err != nil {
		return untold, err
	}
	if err := errors.Join(removeIfThere(p.path(accountFile)), removeIfThere(p.path(stateFile)), p.removeLocal()); err != nil {
		return untold, err
	}
	p.mu.Lock()
	p.credentials, p.unreadable = nil, nil
	p.mu.Unlock()
	p.announce()
	if wipe {
		err = p.wipe()
	}
	return untold, err
}

// leaving bounds the wait for a server that does not answer.
const leaving = 30 * time.Second

// leave removes this device's records from the server, ends the session, and makes the
// stores forget what they synced.
func (p *Profile) leave(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, leaving)
	defer cancel()
	m, err := p.makeManager(ctx)
	if err != nil {
		return err
	}
	for _, e := range p.engines(ctx) {
		if b, is := e.(broken); is {
			m.Unregister(b.collection)
		}
	}
	// A failure here does no harm: with another account, the stores see other sync IDs
	// and start again.
	return m.SignOut(ctx)
}

func (p *Profile) endSession(ctx context.Context) error {
	a, err := p.signedIn()
	if err != nil {
		return err
	}
	return a.SignOut(ctx)
}

// forget closes what belongs to the old account.
func (p *Profile) forget() error {
	p.mu.Lock()
	m := p.manager
	p.manager, p.account = nil, nil
	p.mu.Unlock()
	if m == nil {
		return nil
	}
	return m.Close()
}

// wipe removes the stores and the sealed files.
func (p *Profile) wipe() error {
	p.inbox.Lock()
	defer p.inbox.Unlock()
	p.opening.Lock()
	defer p.opening.Unlock()
	p.mu.Lock()
	p.key = nil // its file goes too
	p.mu.Unlock()
	if err := p.closeStores(); err != nil {
		return err
	}
	entries, err := os.ReadDir(p.config.Dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		name := e.Name()
		// SQLite has further files for each database.
		if isStore := func(file string) bool { return strings.HasPrefix(name, file) }; name == localkey.FileName || isStore(browserPrefix) ||
			slices.ContainsFunc(storeFiles(), isStore) {
			if err := os.Remove(p.path(name)); err != nil {
				return fmt.Errorf("cannot remove the profile's data: %w", err)
			}
		}
	}
	return nil
}
