package grants

import (
	"context"
	"errors"
	"time"

	"github.com/syncmanager/syncmanager/server/accounts/internal/api"
	"github.com/syncmanager/syncmanager/server/accounts/internal/auth"
	"github.com/syncmanager/syncmanager/server/accounts/internal/fault"
	"github.com/syncmanager/syncmanager/server/accounts/internal/oauth"
	"github.com/syncmanager/syncmanager/server/accounts/internal/store"
)

// Destroy revokes an access or a refresh token, for anybody who has it.
func (h *Handlers) Destroy(r *api.Request) (any, error) {
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
		return api.Nothing, h.revoke(ctx, text) // also for an unknown token
	}
	return nil, fault.Missing("token")
}

// revoke ends an access or a refresh token, if it is one.
func (h *Handlers) revoke(ctx context.Context, text string) error {
	if uid, jti, expires, isAccess := h.revocable(ctx, text); isAccess {
		return h.DB.Update(ctx, uid, func(tx store.Tx) error { return tx.Revoke(uid, jti, expires) })
	}
	hash := store.Hash(text)
	t, err := h.DB.Read(ctx).RefreshToken(hash)
	if ok, err := store.Found(err); !ok {
		return err
	}
	return h.DB.Update(ctx, t.UID, func(tx store.Tx) error { return auth.EndRefresh(tx, hash) })
}

// revocable reports whether text is an access token of this server, and returns its ID.
func (h *Handlers) revocable(ctx context.Context, text string) (uid, jti string, expires int64, ok bool) {
	c, err := h.Auth.Signed(ctx, text)
	if err != nil {
		return "", "", 0, false
	}
	return c.Subject, c.ID, c.Expiry.Time().Add(time.Second).UnixMilli(), true
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

// Verify tells a service which account an access token belongs to.
func (h *Handlers) Verify(r *api.Request) (any, error) {
	var in struct {
		Token string `json:"token"`
	}
	if err := r.Decode(&in); err != nil {
		return nil, err
	}
	c, a, err := h.Auth.Access(r.Context(), in.Token)
	if auth.IsBad(err) {
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

// introspection is the answer of RFC 7662. Times are in milliseconds, as Mozilla's server has
// them.
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

// Introspect answers as RFC 7662 says.
func (h *Handlers) Introspect(r *api.Request) (any, error) {
	var in struct {
		Token string `json:"token"`
	}
	if err := r.Decode(&in); err != nil {
		return nil, err
	}
	c, a, err := h.Auth.Access(r.Context(), in.Token)
	if err == nil {
		return introspection{
			Active: true, Type: "access_token", Scope: c.Scope, ClientID: c.ClientID, Subject: a.UID,
			IssuedAt: c.IssuedAt.Time().UnixMilli(), ExpiresAt: c.Expiry.Time().UnixMilli(), Issuer: c.Issuer, JTI: c.ID,
		}, nil
	}
	if !auth.IsBad(err) {
		return nil, err
	}
	t, err := h.Auth.RefreshToken(r.Context(), in.Token)
	if errors.Is(err, fault.ErrToken) {
		return introspection{}, nil
	}
	if err != nil {
		return nil, err
	}
	return introspection{
		Active: true, Type: "refresh_token", Scope: t.Scope, ClientID: t.ClientID, Subject: t.UID,
		IssuedAt: t.CreatedAt, Issuer: h.URLs.Canonical().String(), UsedAt: t.UsedAt,
	}, nil
}
