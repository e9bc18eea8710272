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

// Account returns the account that the profile syncs with, or nil.
func (p *Profile) Account() *Account {
	if p.credentials == nil {
		return nil
	}
	s := p.credentials.Session
	return &Account{Server: s.Server, Email: s.Email, UID: s.UID, Local: p.credentials.Local}
}

func (p *Profile) accountFile() sealedfile.File {
	return sealedfile.File{Path: p.path(accountFile), Sealer: p.key.Subkey("account").Sealer(p.config.Rand)}
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
	b, err := p.accountFile().Read()
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

func (p *Profile) saveCredentials(c credentials) error {
	b, err := json.Marshal(c)
	if err != nil {
		return err
	}
	if err := p.accountFile().Write(b); err != nil {
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
		config.Save = func(s account.Session) error { return p.saveCredentials(credentials{Local: local, Session: s}) }
		c, err := account.New(config)
		if err != nil {
			return nil, nil, err
		}
		p.account = c.Resume(p.credentials.Session)
	}
	return p.account, p.transport(), nil
}

// transport returns the transport for requests to the account's server.
func (p *Profile) transport() http.RoundTripper {
	if p.local != nil {
		return p.local
	}
	return p.config.Transport
}

// EnsureAccount makes a local account, on a server inside the profile, if there was never
// an account. made reports whether it did.
func (p *Profile) EnsureAccount(ctx context.Context) (made bool, err error) {
	switch {
	case p.credentials != nil:
		return false, nil
	case p.unreadable != nil:
		return false, p.unreadable
	case p.settings.SignedOut:
		return false, NotSignedInError{}
	}
	// A crash can leave a server without a session, whose password nobody knows.
	if err := p.removeLocal(); err != nil {
		return false, err
	}
	p.openLocal()
	c, err := account.New(p.clientConfig(localURL, p.transport()))
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
	if err := a.RegisterDevice(ctx, p.settings.DeviceName, DeviceType); err != nil {
		return false, err
	}
	return true, p.saveCredentials(credentials{Local: true, Session: a.Session()})
}

func removeIfThere(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
