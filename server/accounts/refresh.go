package accounts

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/syncmanager/syncmanager/server/token"
)

// refreshToken is a row of refresh_tokens.
type refreshToken struct {
	hash     []byte
	uid      string
	clientID string
	scope    scopes
	session  []byte // that it came from, or nil
	grant    []byte // what it was given with, or nil
	// generation is the account's, as it was when the token was found.
	generation int64
	createdAt  int64
	usedAt     int64
}

func (s *Service) newRefreshToken(ctx context.Context, tx *sql.Tx, clientID string, g grant) (string, error) {
	text, err := s.randomHex(32)
	if err != nil {
		return "", err
	}
	now := s.cfg.Now().UnixMilli()
	_, err = tx.ExecContext(ctx,
		`INSERT INTO refresh_tokens (hash, uid, client_id, scope, session, created_at, used_at, grant_id) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
		hash(text), g.uid, clientID, g.scope.String(), g.session, now, now, g.id)
	if err != nil {
		return "", err
	}
	return text, s.makeRoom(ctx, tx, "refresh_tokens", "true", g.uid, hash(text), maxRefresh, false)
}

// refreshToken finds a token that a client showed, and notes that it is in use.
func (s *Service) refreshToken(ctx context.Context, text string) (*refreshToken, error) {
	t := &refreshToken{hash: hash(text)}
	var scope string
	err := s.db.Read().QueryRowContext(ctx,
		`SELECT uid, client_id, scope, session, f.created_at, used_at, grant_id, generation
			FROM refresh_tokens f JOIN accounts USING (uid) WHERE hash = ?`, t.hash).
		Scan(&t.uid, &t.clientID, &scope, &t.session, &t.createdAt, &t.usedAt, &t.grant, &t.generation)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, errToken
	}
	if err != nil {
		return nil, fmt.Errorf("find a refresh token: %w", err)
	}
	if t.scope, err = parseScopes(scope); err != nil {
		return nil, err
	}
	if now := s.cfg.Now().UnixMilli(); now-t.usedAt > touchEvery.Milliseconds() {
		err = s.db.Update(ctx, func(tx *sql.Tx) error {
			_, err := tx.ExecContext(ctx, `UPDATE refresh_tokens SET used_at = ? WHERE hash = ?`, now, t.hash)
			return err
		})
	}
	return t, err
}

// oauthDestroy revokes an access or a refresh token. Whoever has it may.
func (s *Service) oauthDestroy(r *request) (any, error) {
	var in struct {
		Token        string `json:"token"`
		AccessToken  string `json:"access_token"`
		RefreshToken string `json:"refresh_token"`
	}
	if err := r.decode(&in); err != nil {
		return nil, err
	}
	ctx := r.Context()
	for _, text := range []string{in.Token, in.AccessToken, in.RefreshToken} {
		if text == "" {
			continue
		}
		jti, expires, isAccess := s.revocable(ctx, text)
		err := s.db.Update(ctx, func(tx *sql.Tx) error {
			if isAccess {
				_, err := tx.ExecContext(ctx, `INSERT INTO revoked (jti, expires_at) VALUES (?, ?) ON CONFLICT DO NOTHING`, jti, expires)
				return err
			}
			return endRefresh(ctx, tx, hash(text))
		})
		return nothing, err // of a token that was not there too
	}
	return nil, missing("token")
}

// revocable reports whether text is an access token of ours, and if so which.
func (s *Service) revocable(ctx context.Context, text string) (jti string, expires int64, ok bool) {
	c, err := s.signed(ctx, text)
	if err != nil {
		return "", 0, false
	}
	return c.ID, c.Expiry.Time().Add(time.Second).UnixMilli(), true
}

func isBad(err error) bool {
	return errors.Is(err, token.ErrBadAccess) || errors.Is(err, token.ErrNotYet)
}

// oauthVerify tells a service whose access token it was given.
func (s *Service) oauthVerify(r *request) (any, error) {
	var in struct {
		Token string `json:"token"`
	}
	if err := r.decode(&in); err != nil {
		return nil, err
	}
	c, a, err := s.access(r.Context(), in.Token)
	if isBad(err) {
		return nil, errToken
	}
	if err != nil {
		return nil, err
	}
	have, err := parseScopes(c.Scope)
	return map[string]any{
		"user": a.uid, "client_id": c.ClientID, "scope": have, "generation": c.Generation,
		"profile_changed_at": a.profileAt, "issuer": c.Issuer, "iss": c.Issuer,
	}, err
}

// oauthIntrospect is RFC 7662.
func (s *Service) oauthIntrospect(r *request) (any, error) {
	var in struct {
		Token string `json:"token"`
	}
	if err := r.decode(&in); err != nil {
		return nil, err
	}
	c, a, err := s.access(r.Context(), in.Token)
	if err == nil {
		return map[string]any{
			"active": true, "token_type": "access_token", "scope": c.Scope, "client_id": c.ClientID, "sub": a.uid,
			"iat": c.IssuedAt.Time().UnixMilli(), "exp": c.Expiry.Time().UnixMilli(), "iss": c.Issuer, "jti": c.ID,
		}, nil
	}
	if !isBad(err) {
		return nil, err
	}
	t, err := s.refreshToken(r.Context(), in.Token)
	if errors.Is(err, errToken) {
		return map[string]any{"active": false}, nil
	}
	if err != nil {
		return nil, err
	}
	return map[string]any{
		"active": true, "token_type": "refresh_token", "scope": t.scope.String(), "client_id": t.clientID, "sub": t.uid,
		"iat": t.createdAt, "iss": s.issuer(), "fxa-lastUsedAt": t.usedAt,
	}, nil
}
