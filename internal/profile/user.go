package profile

import (
	"context"
	"errors"

	"github.com/syncmanager/syncmanager/account"
)

// User returns the profile of the account's user, as the server has it now.
func (p *Profile) User(ctx context.Context) (account.Profile, error) {
	a, err := p.signedIn()
	if err != nil {
		return account.Profile{}, err
	}
	return a.Profile(ctx, true)
}

// CheckSession asks the server whether this device is still signed in.
func (p *Profile) CheckSession(ctx context.Context) (account.SessionStatus, error) {
	a, err := p.signedIn()
	if err != nil {
		return account.SessionStatus{}, err
	}
	return a.CheckSession(ctx)
}

// ManageURL returns the URL of the page for the account, or for its devices.
func (p *Profile) ManageURL(devices bool) (string, error) {
	a, err := p.signedIn()
	switch {
	case err != nil:
		return "", err
	case p.Account().isLocal():
		return "", errors.New("the account on the server inside the profile has no pages; join an account with 'syncmanager login'")
	case devices:
		return a.ManageDevicesURL("syncmanager"), nil
	}
	return a.ManageAccountURL("syncmanager"), nil
}

// signedIn returns the account that the profile is signed in to.
func (p *Profile) signedIn() (*account.Account, error) {
	connected, _, err := p.connect()
	if err != nil {
		return nil, err
	}
	a, ok := connected.(*account.Account)
	if !ok {
		return nil, NotSignedInError{}
	}
	return a, nil
}

// DefaultDeviceName is the name of a device that the user gave none.
func (p *Profile) DefaultDeviceName() string { return "Sync Manager on " + p.config.Hostname }
