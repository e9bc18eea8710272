package grants

import (
	"context"
	"time"

	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/syncmanager/syncmanager/server/accounts/internal/api"
	"github.com/syncmanager/syncmanager/server/accounts/internal/oauth"
	"github.com/syncmanager/syncmanager/server/accounts/internal/random"
	"github.com/syncmanager/syncmanager/server/accounts/internal/store"
)

const (
	// MaxAccessTTL is the lifetime of an access token that is bound to the session or refresh
	// token that it came from, and may end earlier with that.
	MaxAccessTTL = 6 * time.Hour
	// unboundTTL is the lifetime of an access token that came from neither.
	unboundTTL = 5 * time.Minute
	// idTokenTTL is short: a client looks at an ID token once, when it comes.
	idTokenTTL = 5 * time.Minute
)

// accessToken issues a token for the account.
func (h *Handlers) accessToken(ctx context.Context, a *store.Account, clientID string, scope oauth.Scopes, ttl time.Duration, bound string) (string, error) {
	jti, err := random.Hex(h.Rand, 16)
	if err != nil {
		return "", err
	}
	c := oauth.AccessClaims{
		Claims:   h.registered(a.UID, clientID, ttl),
		ClientID: clientID, Scope: scope.String(), Generation: a.Generation, ProfileChanged: a.ProfileAt, Bound: bound,
	}
	c.ID = jti
	return h.Keys.Sign(ctx, oauth.TypeAccess, c)
}

// registered are the claims that all tokens for a client have.
func (h *Handlers) registered(uid, clientID string, ttl time.Duration) jwt.Claims {
	now := h.Now()
	return jwt.Claims{
		Issuer: h.URLs.Canonical().String(), Subject: uid, Audience: jwt.Audience{clientID},
		IssuedAt: jwt.NewNumericDate(now), Expiry: jwt.NewNumericDate(now.Add(ttl)),
	}
}

// Keyset publishes the keys that verify.
func (h *Handlers) Keyset(r *api.Request) (any, error) { return h.Keys.Public(r.Context()) }

// idToken returns a token that says who signed in, and whether with the second step.
func (h *Handlers) idToken(ctx context.Context, clientID, access string, g grant, second bool) (string, error) {
	registered := h.registered(g.uid, clientID, idTokenTTL)
	registered.Issuer = h.URLs.Of(ctx).String() // as discovery named it to the client
	return h.Keys.Sign(ctx, oauth.TypeID, oauth.NewIDClaims(registered, g.nonce, access, second))
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
