package accounts

import (
	"crypto/sha256"
	"crypto/subtle"
	"database/sql"
	"encoding/base64"
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
	redirect := s.issuer() + "/oauth/success/" + in.ClientID
	switch {
	case in.State == "":
		return nil, missing("state")
	case len(in.State) > 512:
		return nil, invalid("state")
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
	err = s.db.Update(r.Context(), func(tx *sql.Tx) error {
		_, err := tx.ExecContext(r.Context(), `INSERT INTO codes (hash, uid, client_id, scope, challenge, offline, keys_jwe, nonce, auth_at, session, expires_at)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`, hash(code), c.uid, in.ClientID, scope.String(), in.Challenge, in.AccessType == "offline",
			in.KeysJWE, in.Nonce, c.createdAt/1000, c.hash, s.cfg.Now().Add(codeLife).UnixMilli())
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
	uid     string
	scope   scopes
	authAt  int64  // seconds
	offline bool   // a refresh token too
	session []byte // that asked, or nil
	// signedIn is the session whose sign-in all goes back to, or nil.
	signedIn []byte
	keysJWE  string
	nonce    string
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
	return grant{uid: c.uid, scope: scope, authAt: c.createdAt / 1000, offline: in.AccessType == "offline", session: c.hash, signedIn: c.hash}, err
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
	return grant{uid: t.uid, scope: scope, authAt: t.createdAt / 1000, signedIn: t.session}, nil
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
			RETURNING uid, client_id, scope, challenge, offline, keys_jwe, nonce, auth_at, session, expires_at`, hash(in.Code)).
			Scan(&g.uid, &clientID, &scope, &challenge, &g.offline, &g.keysJWE, &g.nonce, &g.authAt, &g.signedIn, &expires)
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
	if clientID == nativeClient {
		// The browser has left the page for the program, and the session with it.
		err := s.db.Update(ctx, func(tx *sql.Tx) error {
			_, err := tx.ExecContext(ctx, `DELETE FROM tokens WHERE hash = ?`, g.signedIn)
			return err
		})
		if err != nil {
			return grant{}, err
		}
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
	a, err := s.account(ctx, g.uid)
	if err != nil {
		return nil, err
	}
	ttl := defaultAccessTTL
	if in.TTL > 0 {
		ttl = time.Duration(min(in.TTL, int64(maxAccessTTL/time.Second))) * time.Second
	}
	access, err := s.accessToken(ctx, a, in.ClientID, g.scope, ttl)
	if err != nil {
		return nil, err
	}
	out := map[string]any{
		"access_token": access, "token_type": "bearer", "scope": g.scope.String(),
		"expires_in": int64(ttl / time.Second), "auth_at": g.authAt,
	}
	if g.keysJWE != "" {
		out["keys_jwe"] = g.keysJWE
	}
	if g.scope.allow(scopeOpenID) {
		if out["id_token"], err = s.idToken(ctx, in.ClientID, access, g); err != nil {
			return nil, err
		}
	}
	wantsSession := in.GrantType == "authorization_code" && g.scope.allow(scopeSession)
	if !g.offline && !wantsSession {
		return out, nil
	}
	err = s.db.Update(ctx, func(tx *sql.Tx) error {
		if g.offline {
			if out["refresh_token"], err = s.newRefreshToken(ctx, tx, in.ClientID, g); err != nil {
				return err
			}
		}
		if wantsSession {
			out["session_token"], err = s.newToken(ctx, tx, kindSession, g.uid, r.userAgent(), nil)
		}
		return err
	})
	return out, err
}
