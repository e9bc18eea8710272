// Package keyring is the keyring of the operating system, as a [localkey.Ring]. It is apart
// from package localkey so that an app that does not use it does not link it.
package keyring

import (
	"errors"

	"github.com/zalando/go-keyring"

	"github.com/syncmanager/syncmanager/internal/localkey"
)

// System returns the keyring of the operating system: Keychain, Credential Manager or Secret
// Service.
func System() localkey.Ring { return system{} }

type system struct{}

func (system) Get(service, account string) (string, error) {
	secret, err := keyring.Get(service, account)
	if errors.Is(err, keyring.ErrNotFound) {
		return "", localkey.ErrNotInRing
	}
	return secret, err
}

func (system) Set(service, account, secret string) error {
	return keyring.Set(service, account, secret)
}
