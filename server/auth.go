package server

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/syncmanager/syncmanager/internal/hawk"
	"github.com/syncmanager/syncmanager/server/publicname"
	"github.com/syncmanager/syncmanager/server/security"
	"github.com/syncmanager/syncmanager/server/storage"
	"github.com/syncmanager/syncmanager/server/token"
)

// storageSkew is how far a storage client's clock may differ from the server's. It is large
// because a device whose clock is wrong may not have asked the token server for the time.
// Mozilla's server has the same bound.
const storageSkew = 52 * 7 * 24 * time.Hour

// hawkAuth authenticates requests by storage tokens.
type hawkAuth struct {
	signer *token.Signer
	// admit refuses a valid token that was revoked; the error wraps token.ErrToken. It may replace the context of
	// the request, by one that makes the steps on the storage refuse it.
	admit func(*http.Request, token.Grant) error
	names publicname.Names
	now   func() time.Time
}

// notedAuth writes refused requests to the security log.
type notedAuth struct {
	storage.Authenticator
	server *Server
}

// Authenticate implements [storage.Authenticator].
func (a *notedAuth) Authenticate(r *http.Request) (uid int64, expired bool, err error) {
	uid, expired, err = a.Authenticator.Authenticate(r)
	if errors.Is(err, storage.ErrUnauthorized) {
		a.server.noteRefused(r.Context(), r.RemoteAddr, r.Header.Get("Authorization") != "")
	}
	return uid, expired, err
}

// noteRefused writes into the security log that a request for the storage was refused, with a token or without one.
func (s *Server) noteRefused(ctx context.Context, from string, token bool) {
	why := security.StorageToken
	if !token {
		why = security.NoToken
	}
	s.security.Note(ctx, security.TokenRefused, why, from, "")
}

// Authenticate implements [storage.Authenticator].
func (a *hawkAuth) Authenticate(r *http.Request) (uid int64, expired bool, err error) {
	h, err := hawk.Parse(r.Header.Get("Authorization"))
	if err != nil {
		return 0, false, fmt.Errorf("%w: %w", storage.ErrUnauthorized, err)
	}
	grant, key, err := a.signer.Parse(h.ID)
	if err != nil {
		return 0, false, fmt.Errorf("%w: %w", storage.ErrUnauthorized, err)
	}
	if err := h.Verify(key, hawk.RequestOf(r, a.names.Of(r.Context()))); err != nil {
		return 0, false, fmt.Errorf("%w: %w", storage.ErrUnauthorized, err)
	}
	now := a.now()
	if err := h.Fresh(now, storageSkew); err != nil {
		return 0, false, fmt.Errorf("%w: %w", storage.ErrUnauthorized, err)
	}
	// A valid token is not enough: since it was signed, the device may have been signed out,
	// or the account disabled, removed or given another storage.
	if err := a.refuse(r, grant); err != nil {
		return 0, false, err
	}
	r.Body = h.VerifiedPayload(r.Header.Get("Content-Type"), r.Body)
	return grant.UID, !now.Before(grant.Expires), nil
}

// refuse is admit with the errors that an authenticator returns.
func (a *hawkAuth) refuse(r *http.Request, g token.Grant) error {
	err := a.admit(r, g)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, token.ErrToken):
		return fmt.Errorf("%w: %w", storage.ErrUnauthorized, err)
	}
	return fmt.Errorf("%w: %w", storage.ErrUnreachable, err) // whose storage it is
}
