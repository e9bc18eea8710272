package profile

import (
	"context"

	"github.com/syncmanager/syncmanager"
)

// NotSignedInError means that the profile has no account to sync with.
type NotSignedInError struct{}

func (NotSignedInError) Error() string {
	return "this profile is not signed in; join an account with 'syncmanager login'"
}

// SignInAgain reports that signing in helps.
func (NotSignedInError) SignInAgain() bool { return true }

// signedOut is the account of a profile that has none. Its methods fail and say why.
type signedOut struct{}

var _ syncmanager.Account = signedOut{}

func (signedOut) AccessToken(context.Context, bool) (string, error) { return "", NotSignedInError{} }
func (signedOut) SyncKey(context.Context) (string, []byte, error)   { return "", nil, NotSignedInError{} }
func (signedOut) TokenServer() string                               { return "" }
func (signedOut) DeviceID() string                                  { return "" }
func (signedOut) DeviceIDs(context.Context) ([]string, error)       { return nil, NotSignedInError{} }
func (signedOut) RenameDevice(context.Context, string) error        { return NotSignedInError{} }
func (signedOut) Requests() int                                     { return 0 }
