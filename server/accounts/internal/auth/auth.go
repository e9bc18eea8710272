// Package auth authenticates requests: by session tokens and other tokens that sign requests,
// by refresh tokens and access tokens, and by the password and the second step that a session
// showed recently.
//
// A request is authenticated before the transaction that acts on it, and checked again
// inside that; see [Holder].
package auth

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/syncmanager/syncmanager/internal/hawk"
	"github.com/syncmanager/syncmanager/server/accounts/internal/fault"
	"github.com/syncmanager/syncmanager/server/accounts/internal/oauth"
	"github.com/syncmanager/syncmanager/server/accounts/internal/store"
	"github.com/syncmanager/syncmanager/server/accounts/internal/tries"
	"github.com/syncmanager/syncmanager/server/publicname"
)

// An Authenticator authenticates requests, and makes the tokens that do so. Its methods
// may be called concurrently.
type Authenticator struct {
	DB    store.Store
	Keys  *oauth.Keyring // of access tokens
	Tries *tries.Counter
	URLs  publicname.Names
	Now   func() time.Time
	Rand  io.Reader
	// Window is how long a client with too many tokens in use must wait.
	Window time.Duration
	// Signatures are those that were used at this server.
	Signatures *hawk.Window
}

// Account reads an account that existed a moment ago.
func (a *Authenticator) Account(ctx context.Context, uid string) (*store.Account, error) {
	found, err := a.DB.Read(ctx).Account(uid)
	if errors.Is(err, store.ErrNotFound) {
		return nil, fault.ErrToken
	}
	if err != nil {
		return nil, fmt.Errorf("read an account: %w", err)
	}
	return found, nil
}

// OrToken is the error of a read that found nothing good: its own, or fault.ErrToken.
func OrToken(err error) error {
	if err == nil {
		err = fault.ErrToken
	}
	return err
}
