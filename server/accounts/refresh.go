package accounts

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/syncmanager/syncmanager/server/accounts/internal/api"
	"github.com/syncmanager/syncmanager/server/accounts/internal/fault"
	"github.com/syncmanager/syncmanager/server/accounts/internal/oauth"
	"github.com/syncmanager/syncmanager/server/accounts/internal/random"
	"github.com/syncmanager/syncmanager/server/accounts/internal/store"
	"github.com/syncmanager/syncmanager/server/token"
)

func (s *Service) newRefreshToken(tx store.Tx, clientID string, g grant) (string, error) {
	text, err := random.Hex(s.cfg.Rand, 32)
	if err != nil {
		return "", err
	}
	t := &store.RefreshToken{
		Hash: hash(text), UID: g.uid, ClientID: clientID, Scope: g.scope.String(), Session: g.session, Grant: g.id,
		CreatedAt: s.cfg.Now().UnixMilli(),
	}
	if err := tx.AddRefreshToken(t); err != nil {
		return "", err
	}
	have, err := tx.CountRefreshTokens(g.uid)
	if err != nil {
		return "", err
	}
	return text, s.makeRoom(have, maxRefresh, false, func(usedAt int64, n int) (int, error) {
		return tx.RemoveIdleRefreshTokens(g.uid, t.Hash, usedAt, n)
	})
}

// refreshToken finds a token that a client showed, and notes that it is in use.
func (s *Service) refreshToken(ctx context.Context, text string) (*store.RefreshToken, error) {
	t, err := s.db.Read(ctx).RefreshToken(hash(text))
	if errors.Is(err, store.ErrNotFound) {
		return nil, fault.ErrToken
	}
	if err != nil {
		return nil, fmt.Errorf("find a refresh token: %w", err)
	}
	if now := s.cfg.Now().UnixMilli(); now-t.UsedAt > touchEvery.Milliseconds() {
		err = s.db.Update(ctx, func(tx store.Tx) error { return tx.TouchRefreshToken(t.UID, t.Hash, now) })
	}
	return t, err
}

// oauthDestroy revokes an access or a refresh token. Whoever has it may.
func (s *Service) oauthDestroy(r *api.Request) (any, error) {
	var in struct {
		Token        string `json:"token"`
		AccessToken  string `json:"access_token"`
		RefreshToken string `json:"refresh_token"`
	}
	if err := r.Decode(&in); err != nil {
		return nil, err
	}
	ctx := r.Context()
	for _, text := range []string{in.Token, in.AccessToken, in.RefreshToken} {
		if text == "" {
			continue
		}
		uid, jti, expires, isAccess := s.revocable(ctx, text)
		err := s.db.Update(ctx, func(tx store.Tx) error {
			if isAccess {
				return tx.Revoke(uid, jti, expires)
			}
			return endRefresh(tx, hash(text))
		})
		return api.Nothing, err // of a token that was not there too
	}
	return nil, fault.Missing("token")
}

// revocable reports whether text is an access token of ours, and if so which.
func (s *Service) revocable(ctx context.Context, text string) (uid, jti string, expires int64, ok bool) {
	c, err := s.signed(ctx, text)
	if err != nil {
		return "", "", 0, false
	}
	return c.Subject, c.ID, c.Expiry.Time().Add(time.Second).UnixMilli(), true
}

func isBad(err error) bool {
	return errors.Is(err, token.ErrBadAccess) || errors.Is(err, token.ErrNotYet)
}

type verifyAnswer struct {
	User           string       `json:"user"`
	ClientID       string       `json:"client_id"`
	Scope          oauth.Scopes `json:"scope"`
	Generation     int64        `json:"generation"`
	ProfileChanged int64        `json:"profile_changed_at"`
	Issuer         string       `json:"issuer"`
	Iss            string       `json:"iss"`
}

// oauthVerify tells a service whose access token it was given.
func (s *Service) oauthVerify(r *api.Request) (any, error) {
	var in struct {
		Token string `json:"token"`
	}
	if err := r.Decode(&in); err != nil {
		return nil, err
	}
	c, a, err := s.access(r.Context(), in.Token)
	if isBad(err) {
		return nil, fault.ErrToken
	}
	if err != nil {
		return nil, err
	}
	have, err := parseScopes(c.Scope)
	return verifyAnswer{
		User: a.UID, ClientID: c.ClientID, Scope: have, Generation: c.Generation,
		ProfileChanged: a.ProfileAt, Issuer: c.Issuer, Iss: c.Issuer,
	}, err
}

// introspection is what RFC 7662 tells of a token. Times are in milliseconds, as
// Mozilla's server has them.
type introspection struct {
	Active    bool   `json:"active"`
	Type      string `json:"token_type,omitempty"`
	Scope     string `json:"scope,omitempty"`
	ClientID  string `json:"client_id,omitempty"`
	Subject   string `json:"sub,omitempty"`
	IssuedAt  int64  `json:"iat,omitempty"`
	ExpiresAt int64  `json:"exp,omitempty"`
	Issuer    string `json:"iss,omitempty"`
	JTI       string `json:"jti,omitempty"`
	UsedAt    int64  `json:"fxa-lastUsedAt,omitempty"`
}

// oauthIntrospect is RFC 7662.
func (s *Service) oauthIntrospect(r *api.Request) (any, error) {
	var in struct {
		Token string `json:"token"`
	}
	if err := r.Decode(&in); err != nil {
		return nil, err
	}
	c, a, err := s.access(r.Context(), in.Token)
	if err == nil {
		return introspection{
			Active: true, Type: "access_token", Scope: c.Scope, ClientID: c.ClientID, Subject: a.UID,
			IssuedAt: c.IssuedAt.Time().UnixMilli(), ExpiresAt: c.Expiry.Time().UnixMilli(), Issuer: c.Issuer, JTI: c.ID,
		}, nil
	}
	if !isBad(err) {
		return nil, err
	}
	t, err := s.refreshToken(r.Context(), in.Token)
	if errors.Is(err, fault.ErrToken) {
		return introspection{}, nil
	}
	if err != nil {
		return nil, err
	}
	return introspection{
		Active: true, Type: "refresh_token", Scope: t.Scope, ClientID: t.ClientID, Subject: t.UID,
		IssuedAt: t.CreatedAt, Issuer: s.issuer(), UsedAt: t.UsedAt,
	}, nil
}
