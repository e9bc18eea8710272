package accounts

import (
	"context"
	"fmt"
	"time"

	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/syncmanager/syncmanager/internal/onepw"
	"github.com/syncmanager/syncmanager/server/accounts/internal/api"
	"github.com/syncmanager/syncmanager/server/accounts/internal/oauth"
	"github.com/syncmanager/syncmanager/server/accounts/internal/random"
	"github.com/syncmanager/syncmanager/server/accounts/internal/store"
	"github.com/syncmanager/syncmanager/server/token"
)

const (
	// maxAccessTTL is what an access token lives if nothing ends it before: it is
	// bound to the session or refresh token that it came from.
	maxAccessTTL = 6 * time.Hour
	// unboundTTL is what one lives that comes from neither.
	unboundTTL = 5 * time.Minute
	// idTokenTTL is short: a client looks at an ID token once, when it comes.
	idTokenTTL = 5 * time.Minute
)

var _ token.Verifier = (*Service)(nil)

// accessToken issues a token for the account.
func (s *Service) accessToken(ctx context.Context, a *store.Account, clientID string, scope oauth.Scopes, ttl time.Duration, bound string) (string, error) {
	jti, err := random.Hex(s.cfg.Rand, 16)
	if err != nil {
		return "", err
	}
	c := oauth.AccessClaims{
		Claims:   s.registered(a.UID, clientID, ttl),
		ClientID: clientID, Scope: scope.String(), Generation: a.Generation, ProfileChanged: a.ProfileAt, Bound: bound,
	}
	c.ID = jti
	return s.keys.Sign(ctx, oauth.TypeAccess, c)
}

// registered are the claims that all tokens for a client have.
func (s *Service) registered(uid, clientID string, ttl time.Duration) jwt.Claims {
	now := s.cfg.Now()
	return jwt.Claims{
		Issuer: s.cfg.PublicURLs.Canonical().String(), Subject: uid, Audience: jwt.Audience{clientID},
		IssuedAt: jwt.NewNumericDate(now), Expiry: jwt.NewNumericDate(now.Add(ttl)),
	}
}

// issuer is the canonical name: an access token is good by whichever name it was got.
func (s *Service) issuer() string { return s.cfg.PublicURLs.Canonical().String() }

// root is the server's root by the name that a request came by.
func (s *Service) root(ctx context.Context) string { return s.cfg.PublicURLs.Of(ctx).String() }

// Verify implements token.Verifier.
func (s *Service) Verify(ctx context.Context, text string) (token.Identity, error) {
	c, a, err := s.auth.Access(ctx, text)
	if err != nil {
		return token.Identity{}, err
	}
	if have, err := parseScopes(c.Scope); err != nil || !have.Allow(onepw.OldSync) {
		return token.Identity{}, fmt.Errorf("%w: it lacks the scope", token.ErrBadAccess)
	}
	return token.Identity{Account: a.UID, Generation: c.Generation, Bound: c.Bound}, nil
}

// Live reports whether what an account's token is bound to is still good. A token
// that is bound to nothing ends with its account.
func (s *Service) Live(ctx context.Context, uid, bound string) (bool, error) {
	return s.auth.Live(ctx, uid, bound)
}

// jwks publishes the keys that verify.
func (s *Service) jwks(r *api.Request) (any, error) { return s.keys.Public(r.Context()) }

// idToken tells a client who signed in, and with or without the second step.
func (s *Service) idToken(ctx context.Context, clientID, access string, g grant, second bool) (string, error) {
	registered := s.registered(g.uid, clientID, idTokenTTL)
	registered.Issuer = s.cfg.PublicURLs.Of(ctx).String() // as discovery named it to the client
	return s.keys.Sign(ctx, oauth.TypeID, oauth.NewIDClaims(registered, g.nonce, access, second))
}

// secondStepOf reports whether a session was signed in with the second step.
func secondStepOf(tx store.Reader, session []byte) (bool, error) {
	if session == nil {
		return false, nil
	}
	t, err := tx.Token(session)
	if ok, err := store.Found(err); !ok {
		return false, err
	}
	return t.SecondStep, nil
}
