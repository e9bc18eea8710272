package profile

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"

	"github.com/syncmanager/syncmanager"
	"github.com/syncmanager/syncmanager/account"
	"github.com/syncmanager/syncmanager/internal/sealedfile"
)

const accountFile = "account.sealed"

// Account says which account the profile syncs with.
type Account struct {
	// Server is the root URL of the server.
	Server string `json:"server"`
	Email  string `json:"email"`
	UID    string `json:"uid"`
	// Local is true for the account on the server inside the profile.
	Local bool `json:"local"`
}

// credentials is the content of account.sealed. It is one file, so that the account and
// its keys always belong together.
type credentials struct {
	Local   bool            `json:"local,omitempty"`
	Session account.Session `json:"session"`
}

// isLocal reports whether a is the account inside the profile. a may be nil.
func (a *Account) isLocal() bool { return a != nil && a.Local }

// Account returns the account that the profile syncs with, or nil.
func (p *Profile) Account() *Account {
	a, _ := p.WatchAccount()
	return a
}

// WatchAccount returns the account as Account does, and a channel that is closed when the
// profile signs in or out.
func (p *Profile) WatchAccount() (*Account, <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.credentials == nil {
		return nil, p.changed
	}
	s := p.credentials.Session
	return &Account{Server: s.Server, Email: s.Email, UID: s.UID, Local: p.credentials.Local}, p.changed
}

// signedInAs returns the credentials; nil if the profile is not signed in.
func (p *Profile) signedInAs() (c *credentials, unreadable error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.credentials, p.unreadable
}

// sealed is a small file that is sealed with the local key, for one purpose.
func (p *Profile) sealed(file, purpose string) (sealedfile.File, error) {
	key, err := p.localKey()
	if err != nil {
		return sealedfile.File{}, err
	}
	return sealedfile.File{Path: p.path(file), Sealer: key.Subkey(purpose).Sealer(p.config.Rand)}, nil
}

// unreadableError means that account.sealed cannot be read.
type unreadableError struct {
	path string
	err  error
}

func (e *unreadableError) Error() string {
	return fmt.Sprintf("the sign-in in %s cannot be used: %v; sign in again with 'syncmanager login'", e.path, e.err)
}

func (e *unreadableError) Unwrap() error { return e.err }

// SignInAgain reports that signing in helps.
func (e *unreadableError) SignInAgain() bool { return true }

// loadCredentials reads account.sealed; it returns nil if the profile is not signed in.
func (p *Profile) loadCredentials() (*credentials, error) {
	file, err := p.sealed(accountFile, "account")
	if err != nil {
		return nil, &unreadableError{p.path(accountFile), err}
	}
	b, err := file.Read()
	if b == nil && err == nil {
		return nil, nil
	}
	var c credentials
	if err == nil {
		err = json.Unmarshal(b, &c)
	}
	if err != nil {
		return nil, &unreadableError{p.path(accountFile), err}
	}
	return &c, nil
}

// signInAs makes c the profile's account.
func (p *Profile) signInAs(c credentials) error {
	if err := p.saveCredentials(c, nil); err != nil {
		return err
	}
	p.announce()
	return nil
}

// announce tells those who watch the account that it is another.
func (p *Profile) announce() {
	p.mu.Lock()
	defer p.mu.Unlock()
	close(p.changed)
	p.changed = make(chan struct{})
}

// saveCredentials saves the session of an account; nil is one that begins. What an account
// saves that is not the profile's any more is forgotten.
func (p *Profile) saveCredentials(c credentials, of *account.Account) error {
	b, err := json.Marshal(c)
	if err != nil {
		return err
	}
	file, err := p.sealed(accountFile, "account")
	if err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if of != p.account && of != nil {
		return nil
	}
	if err := file.Write(b); err != nil {
		return err
	}
	p.credentials, p.unreadable = &c, nil
	return nil
}

// clientConfig returns the configuration of a client of the accounts server at root.
func (p *Profile) clientConfig(root string, transport http.RoundTripper) account.Config {
	return account.Config{
		Server: root, Transport: transport, Now: p.config.Now, Rand: p.config.Rand, Log: p.config.Log,
		UserAgent: application + "/" + p.config.Version,
	}
}

// connect loads the session, and decides how requests reach the server. It makes no
// request.
func (p *Profile) connect() (syncmanager.Account, http.RoundTripper, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.unreadable != nil {
		return nil, nil, p.unreadable
	}
	if p.credentials == nil {
		return signedOut{}, p.config.Transport, nil
	}
	if p.account == nil {
		local := p.credentials.Local
		if local {
			p.openLocal()
		}
		config := p.clientConfig(p.credentials.Session.Server, p.transport())
		var a *account.Account
		config.Save = func(s account.Session) error { return p.saveCredentials(credentials{Local: local, Session: s}, a) }
		c, err := account.New(config)
		if err != nil {
			return nil, nil, err
		}
		a = c.Resume(p.credentials.Session)
		p.account = a
	}
	return p.account, p.transport(), nil
}

// transport returns the transport for requests to the account's server. The caller holds mu.
func (p *Profile) transport() http.RoundTripper {
	if p.local != nil {
		return p.local
	}
	return p.config.Transport
}

// EnsureAccount makes a local account, on a server inside the profile, if there was never
// an account. made reports whether it did.
func (p *Profile) EnsureAccount(ctx context.Context) (made bool, err error) {
	if err := p.take(ctx); err != nil {
		return false, err
	}
	defer p.giveBack()
	switch c, unreadable := p.signedInAs(); {
	case c != nil:
		return false, nil
	case unreadable != nil:
		return false, unreadable
	case p.SignedOut():
		return false, NotSignedInError{}
	}
	// A crash can leave a server without a session, whose password nobody knows.
	if err := p.removeLocal(); err != nil {
		return false, err
	}
	p.mu.Lock()
	p.openLocal()
	transport := p.transport()
	p.mu.Unlock()
	c, err := account.New(p.clientConfig(localURL, transport))
	if err != nil {
		return false, err
	}
	// Only the session is used; the password is not kept.
	password, err := GeneratePassword(p.config.Rand)
	if err != nil {
		return false, err
	}
	a, err := c.CreateAccount(ctx, localEmail, password)
	if err != nil {
		return false, fmt.Errorf("cannot make the local account: %w", err)
	}
	if err := a.RegisterDevice(ctx, p.DeviceName(), DeviceType); err != nil {
		return false, err
	}
	// What was made for requests without an account does not know this one.
	return true, errors.Join(p.forget(), p.signInAs(credentials{Local: true, Session: a.Session()}))
}

func removeIfThere(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
