package auth

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/syncmanager/syncmanager/server/accounts/internal/api"
	"github.com/syncmanager/syncmanager/server/accounts/internal/fault"
	"github.com/syncmanager/syncmanager/server/accounts/internal/oauth"
	"github.com/syncmanager/syncmanager/server/accounts/internal/store"
	"github.com/syncmanager/syncmanager/server/token"
)

// Live reports whether the session or refresh token that an access token is bound to is still
// valid. A token that is not bound ends with its account.
func (a *Authenticator) Live(ctx context.Context, uid, bound string) (live bool, err error) {
	live, err = isLive(a.DB.Read(ctx), uid, bound)
	if err != nil {
		return false, fmt.Errorf("look for what a token is bound to: %w", err)
	}
	return live, nil
}

// isLive is [Authenticator.Live] in a transaction.
func isLive(tx store.Reader, uid, bound string) (live bool, err error) {
	if bound == "" {
		_, err := tx.Account(uid)
		return store.Found(err)
	}
	session, h, ok := ParseBound(bound)
	switch {
	case !ok:
		return false, nil
	case session:
		t, err := tx.Token(h)
		if ok, err := store.Found(err); !ok {
			return false, err
		}
		return t.UID == uid && t.Kind == store.Session && t.Verified, nil
	}
	t, err := tx.RefreshToken(h)
	if ok, err := store.Found(err); !ok {
		return false, err
	}
	return t.UID == uid, nil
}

// ParseBound returns the hash of the session or refresh token that an access token is bound to. ok is false for what
// binds to nothing that there can be.
func ParseBound(bound string) (session bool, hash []byte, ok bool) {
	if bound == "" {
		return false, nil, false
	}
	kind, text := bound[:1], bound[1:]
	hash, err := hex.DecodeString(text)
	return kind == boundToSession, hash, err == nil && (kind == boundToSession || kind == boundToRefresh)
}

// AllLive lists all that [Authenticator.Live] reports as valid of an account.
func (a *Authenticator) AllLive(ctx context.Context, uid string) (all []string, err error) {
	err = a.DB.View(ctx, func(tx store.Reader) error {
		all = nil
		if _, err := tx.Account(uid); err != nil {
			_, err = store.Found(err)
			return err
		}
		all = append(all, "") // not bound
		clients, err := tx.Clients(uid)
		for _, c := range clients {
			if c.Session != nil {
				all = append(all, BoundToSession(c.Session))
			} else {
				all = append(all, BoundToRefresh(c.Refresh))
			}
		}
		return err
	})
	return all, err
}

// These are the prefixes before the hash of what an access token is bound to.
const (
	boundToSession = "s"
	boundToRefresh = "r"
)

// BoundToSession returns the binding of an access token that ends with a session.
func BoundToSession(hash []byte) string { return boundToSession + hex.EncodeToString(hash) }

// BoundToRefresh returns the binding of an access token that ends with a refresh token.
func BoundToRefresh(hash []byte) string { return boundToRefresh + hex.EncodeToString(hash) }

// issueSkew is how far in the future a token's issue time may lie. More means that the server's
// clock was set back.
const issueSkew = time.Minute

// Access verifies an access token and finds its account. The error wraps
// token.ErrBadAccess or token.ErrNotYet for one that is not good.
func (a *Authenticator) Access(ctx context.Context, text string) (*oauth.AccessClaims, *store.Account, error) {
	c, err := a.Signed(ctx, text)
	if err != nil {
		return nil, nil, err
	}
	now := a.Now()
	switch {
	case !a.URLs.Has(c.Issuer), c.IssuedAt == nil, !now.Before(c.Expiry.Time()):
		return nil, nil, token.ErrBadAccess
	case c.IssuedAt.Time().After(now.Add(issueSkew)):
		return nil, nil, token.ErrNotYet
	}
	revoked, err := a.DB.Read(ctx).Revoked(c.Subject, c.ID)
	if err != nil {
		return nil, nil, fmt.Errorf("look for a revoked token: %w", err)
	}
	owner, err := a.Account(ctx, c.Subject)
	if errors.Is(err, fault.ErrToken) || revoked {
		return nil, nil, token.ErrBadAccess
	}
	if err != nil {
		return nil, nil, err
	}
	// It was issued before the password changed.
	if c.Generation < owner.Generation {
		return nil, nil, token.ErrBadAccess
	}
	if live, err := a.Live(ctx, owner.UID, c.Bound); err != nil {
		return nil, nil, err
	} else if !live {
		return nil, nil, token.ErrBadAccess
	}
	return c, owner, nil
}

// Signed returns the claims of an access token that this server signed. The token may have
// ended since. The error is token.ErrBadAccess for anything else.
func (a *Authenticator) Signed(ctx context.Context, text string) (*oauth.AccessClaims, error) {
	c, err := a.Keys.Open(ctx, text)
	if errors.Is(err, oauth.ErrNotSigned) {
		err = token.ErrBadAccess
	}
	return c, err
}

// IsBad reports whether an error of [Authenticator.Access] means that the token is not good.
func IsBad(err error) bool {
	return errors.Is(err, token.ErrBadAccess) || errors.Is(err, token.ErrNotYet)
}

// Owner is an account that was authenticated by one of its access tokens.
type Owner struct {
	*store.Account
	bound string
}

// Whose implements Holder.
func (a Owner) Whose() string { return a.UID }

// Still implements Holder.
func (a Owner) Still(tx store.Reader) error {
	if err := Unchanged(tx, a.Account); err != nil {
		return err
	}
	live, err := isLive(tx, a.UID, a.bound)
	if err == nil && !live {
		err = fault.ErrToken
	}
	return err
}

// ByAccess authenticates by an access token with one of these scopes.
func (a *Authenticator) ByAccess(r *api.Request, scope ...string) (by Owner, have oauth.Scopes, err error) {
	scheme, text, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return by, nil, fault.ErrToken
	}
	c, found, err := a.Access(r.Context(), text)
	if IsBad(err) {
		return by, nil, fault.ErrToken
	}
	if err != nil {
		return by, nil, err
	}
	have, err = oauth.Parse(c.Scope)
	if err != nil || !slices.ContainsFunc(scope, have.Allow) {
		return by, nil, fault.New(http.StatusForbidden, 163, "Requested scopes are not allowed")
	}
	return Owner{found, c.Bound}, have, nil
}
