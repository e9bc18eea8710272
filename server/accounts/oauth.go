package accounts

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"database/sql"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"net/url"
	"time"
)

// codeLife is how long an authorization code is good.
const codeLife = 15 * time.Minute

// webChannel is the redirection of clients that hear of the code through the
// page, as Firefox does.
const webChannel = "urn:ietf:wg:oauth:2.0:oob:oauth-redirect-webchannel"

// oauthAuthorization gives a code, to a page that is signed in, for a client
// that will prove by PKCE that it asked.
func (s *Service) oauthAuthorization(r *request) (any, error) {
	c, err := s.session(r)
	if err != nil {
		return nil, err
	}
	var in struct {
		ClientID     string `json:"client_id"`
		State        string `json:"state"`
		Scope        string `json:"scope"`
		AccessType   string `json:"access_type"`
		ResponseType string `json:"response_type"`
		Challenge    string `json:"code_challenge"`
		Method       string `json:"code_challenge_method"`
		KeysJWE      string `json:"keys_jwe"`
		RedirectURI  string `json:"redirect_uri"`
		Nonce        string `json:"nonce"`
	}
	if err := r.decode(&in); err != nil {
		return nil, err
	}
	if _, err := client(in.ClientID); err != nil {
		return nil, err
	}
	scope, err := parseScopes(in.Scope)
	if err != nil {
		return nil, err
	}
	raw, decodeErr := base64.RawURLEncoding.DecodeString(in.Challenge)
	redirect := s.root(r.Context()) + "/oauth/success/" + in.ClientID
	switch {
	case in.State == "":
		return nil, missing("state")
	case len(in.State) > 512:
		return nil, invalid("state")
	case len(in.KeysJWE) > maxKeysJWE:
		return nil, invalid("keys_jwe")
	case len(in.Nonce) > 512:
		return nil, invalid("nonce")
	case in.ResponseType != "" && in.ResponseType != "code":
		return nil, errResponseType
	case in.Method != "S256" || in.Challenge == "":
		return nil, errPKCE
	case decodeErr != nil || len(raw) != sha256.Size:
		return nil, invalid("code_challenge")
	case in.AccessType != "" && in.AccessType != "offline" && in.AccessType != "online":
		return nil, invalid("access_type")
	case in.RedirectURI == "" || in.RedirectURI == webChannel:
		redirect = webChannel
	case in.ClientID == nativeClient && isLoopback(in.RedirectURI):
		redirect = in.RedirectURI
	case in.RedirectURI != redirect:
		return nil, invalid("redirect_uri")
	}
	code, err := s.randomHex(32)
	if err != nil {
		return nil, err
	}
	err = s.updateBy(r.Context(), c, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(r.Context(), `INSERT INTO codes (hash, uid, client_id, scope, challenge, offline, keys_jwe, nonce, auth_at, session, expires_at)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`, hash(code), c.uid, in.ClientID, scope.String(), in.Challenge, in.AccessType == "offline",
			in.KeysJWE, in.Nonce, c.createdAt/1000, c.hash, s.cfg.Now().Add(codeLife).UnixMilli())
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(r.Context(), `DELETE FROM codes WHERE hash IN (
			SELECT hash FROM codes WHERE uid = ? ORDER BY expires_at DESC, rowid DESC LIMIT -1 OFFSET ?)`, c.uid, maxCodes)
		return err
	})
	if err != nil {
		return nil, err
	}
	return map[string]any{
		"code": code, "state": in.State,
		"redirect": redirect + "?" + url.Values{"code": {code}, "state": {in.State}}.Encode(),
	}, nil
}

// tokenRequest is what a client asks the token endpoint.
type tokenRequest struct {
	ClientID     string `json:"client_id"`
	GrantType    string `json:"grant_type"`
	Scope        string `json:"scope"`
	TTL          int64  `json:"ttl"` // seconds
	AccessType   string `json:"access_type"`
	RefreshToken string `json:"refresh_token"`
	Code         string `json:"code"`
	Verifier     string `json:"code_verifier"`
}

// grant is what a tokenRequest may have.
type grant struct {
	uid        string
	generation int64 // of the account, when it was granted
	scope      scopes
	authAt     int64  // seconds
	offline    bool   // a refresh token too
	session    []byte // that asked, or nil
	// signedIn is the session whose sign-in all goes back to, or nil.
	signedIn []byte
	// leaves says that this session ends with the grant.
	leaves  bool
	refresh []byte // the refresh token that asked, or nil
	// id is what is given together, or nil.
	id      []byte
	keysJWE string
	nonce   string
}

// still implements holder.
func (g *grant) still(ctx context.Context, tx *sql.Tx) error {
	var generation int64
	err := tx.QueryRowContext(ctx, `SELECT generation FROM accounts WHERE uid = ?1
		AND (?2 IS NULL OR EXISTS (SELECT 1 FROM tokens WHERE hash = ?2 AND uid = ?1))
		AND (?3 IS NULL OR EXISTS (SELECT 1 FROM tokens WHERE hash = ?3 AND uid = ?1))
		AND (?4 IS NULL OR EXISTS (SELECT 1 FROM refresh_tokens WHERE hash = ?4 AND uid = ?1))`,
		g.uid, g.session, g.signedIn, g.refresh).Scan(&generation)
	if errors.Is(err, sql.ErrNoRows) || err == nil && generation != g.generation {
		return errToken
	}
	return err
}

// oauthToken gives access tokens, by a session, a refresh token or a code.
func (s *Service) oauthToken(r *request) (any, error) {
	var in tokenRequest
	if err := r.decode(&in); err != nil {
		return nil, err
	}
	if in.GrantType == "" {
		in.GrantType = "authorization_code"
	}
	var granted func(*request, tokenRequest) (grant, error)
	switch in.GrantType {
	case "fxa-credentials":
		granted = s.bySession
	case "refresh_token":
		granted = s.byRefreshToken
	case "authorization_code":
		granted = s.byCode
	default:
		return nil, invalid("grant_type")
	}
	if _, err := client(in.ClientID); err != nil {
		return nil, err
	}
	g, err := granted(r, in)
	if err != nil {
		return nil, err
	}
	return s.tokens(r, in, g)
}

func (s *Service) bySession(r *request, in tokenRequest) (grant, error) {
	c, err := s.session(r)
	if err != nil {
		return grant{}, err
	}
	scope, err := parseScopes(in.Scope)
	return grant{
		uid: c.uid, generation: c.generation, scope: scope, authAt: c.createdAt / 1000, offline: in.AccessType == "offline",
		session: c.hash, signedIn: c.hash, id: c.grant,
	}, err
}

func (s *Service) byRefreshToken(r *request, in tokenRequest) (grant, error) {
	t, err := s.refreshToken(r.Context(), in.RefreshToken)
	if err != nil {
		return grant{}, err
	}
	if t.clientID != in.ClientID {
		return grant{}, errToken
	}
	scope := t.scope
	if in.Scope != "" {
		if scope, err = parseScopes(in.Scope); err != nil {
			return grant{}, err
		}
		if !t.scope.allowAll(scope) {
			return grant{}, errScope
		}
	}
	return grant{
		uid: t.uid, generation: t.generation, scope: scope, authAt: t.createdAt / 1000, signedIn: t.session, refresh: t.hash, id: t.grant,
	}, nil
}

// byCode spends a code. Whoever shows it with a wrong verifier spends it too.
func (s *Service) byCode(r *request, in tokenRequest) (grant, error) {
	if in.Code == "" {
		return grant{}, missing("code")
	}
	var g grant
	var clientID, scope, challenge string
	var expires int64
	ctx := r.Context()
	err := s.db.Update(ctx, func(tx *sql.Tx) error {
		return tx.QueryRowContext(ctx, `DELETE FROM codes WHERE hash = ?
			RETURNING uid, (SELECT generation FROM accounts a WHERE a.uid = codes.uid),
				client_id, scope, challenge, offline, keys_jwe, nonce, auth_at, session, expires_at`, hash(in.Code)).
			Scan(&g.uid, &g.generation, &clientID, &scope, &challenge, &g.offline, &g.keysJWE, &g.nonce, &g.authAt, &g.signedIn, &expires)
	})
	if errors.Is(err, sql.ErrNoRows) {
		return grant{}, errUnknownCode
	}
	if err != nil {
		return grant{}, err
	}
	sum := sha256.Sum256([]byte(in.Verifier))
	switch {
	case clientID != in.ClientID:
		return grant{}, errCodeClient
	case s.cfg.Now().UnixMilli() >= expires:
		return grant{}, errExpiredCode
	case subtle.ConstantTimeCompare([]byte(base64.RawURLEncoding.EncodeToString(sum[:])), []byte(challenge)) != 1:
		return grant{}, errChallenge
	}
	// The browser has left the page for the program, and the session with it.
	g.leaves = clientID == nativeClient
	if g.id, err = s.random(16); err != nil {
		return grant{}, err
	}
	// Firefox says which session of its own the tokens are for.
	if r.Header.Get("Authorization") != "" {
		c, err := s.session(r)
		if err != nil {
			return grant{}, err
		}
		if c.uid != g.uid {
			return grant{}, errToken
		}
		g.session = c.hash
	}
	g.scope, err = parseScopes(scope)
	return g, err
}

// tokens is the answer to a tokenRequest that was granted.
func (s *Service) tokens(r *request, in tokenRequest, g grant) (any, error) {
	ctx := r.Context()
	wantsSession := in.GrantType == "authorization_code" && g.scope.allow(scopeSession)
	changes := g.offline || wantsSession || g.leaves
	ttl := maxAccessTTL
	if in.TTL > 0 {
		ttl = time.Duration(min(in.TTL, int64(maxAccessTTL/time.Second))) * time.Second
	}
	out := map[string]any{"token_type": "bearer", "scope": g.scope.String(), "auth_at": g.authAt}
	var a *account
	var second bool
	bound := binding(g)
	run := s.db.View
	if changes {
		run = s.db.Update
	}
	err := run(ctx, func(tx *sql.Tx) (err error) {
		if err := g.still(ctx, tx); err != nil {
			return err
		}
		if a, err = scanAccount(tx.QueryRowContext(ctx, `SELECT `+accountColumns+` FROM accounts WHERE uid = ?`, g.uid)); err != nil {
			return err
		}
		if second, err = secondStepOf(ctx, tx, g.signedIn); err != nil || !changes {
			return err
		}
		bound, err = s.give(ctx, tx, r, in, g, wantsSession, out)
		return err
	})
	if err != nil {
		return nil, err
	}
	if bound == "" {
		ttl = min(ttl, unboundTTL)
	}
	out["expires_in"] = int64(ttl / time.Second)
	access, err := s.accessToken(ctx, a, in.ClientID, g.scope, ttl, bound)
	if err != nil {
		return nil, err
	}
	out["access_token"] = access
	if g.keysJWE != "" {
		out["keys_jwe"] = g.keysJWE
	}
	if g.scope.allow(scopeOpenID) {
		out["id_token"], err = s.idToken(ctx, in.ClientID, access, g, second)
	}
	return out, err
}

// give makes the lasting tokens of a grant, and returns what its access token is
// bound to.
func (s *Service) give(ctx context.Context, tx *sql.Tx, r *request, in tokenRequest, g grant, session bool, out map[string]any) (bound string, err error) {
	if g.leaves {
		if _, err := tx.ExecContext(ctx, `DELETE FROM tokens WHERE hash = ?`, g.signedIn); err != nil {
			return "", err
		}
		g.signedIn = nil
	}
	bound = binding(g)
	if g.offline {
		text, err := s.newRefreshToken(ctx, tx, in.ClientID, g)
		if err != nil {
			return "", err
		}
		out["refresh_token"] = text
		if g.session == nil {
			bound = boundToRefresh + hex.EncodeToString(hash(text))
		}
	}
	if session {
		text, err := s.newToken(ctx, tx, freshToken{kind: kindSession, uid: g.uid, userAgent: r.userAgent(), grant: g.id})
		if err != nil {
			return "", err
		}
		out["session_token"] = text
		h, err := tokenHash(kindSession, text)
		if err != nil {
			return "", err
		}
		bound = boundToSession + hex.EncodeToString(h)
	}
	return bound, nil
}
