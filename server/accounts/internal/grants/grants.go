// Package grants issues to OAuth clients what the owner of an account grants: authorization
// codes, access tokens, refresh tokens and ID tokens.
package grants

import (
	"errors"
	"io"
	"net/url"
	"slices"
	"time"

	"github.com/syncmanager/syncmanager/server/accounts/internal/api"
	"github.com/syncmanager/syncmanager/server/accounts/internal/auth"
	"github.com/syncmanager/syncmanager/server/accounts/internal/fault"
	"github.com/syncmanager/syncmanager/server/accounts/internal/oauth"
	"github.com/syncmanager/syncmanager/server/accounts/internal/random"
	"github.com/syncmanager/syncmanager/server/accounts/internal/store"
	"github.com/syncmanager/syncmanager/server/publicname"
)

const (
	// codeLife is how long an authorization code is valid.
	codeLife = 15 * time.Minute
	// maxCodes is how many codes an account may have.
	maxCodes = 50
	// maxKeysJWE bounds what is sealed for a client, in bytes.
	maxKeysJWE = 8 << 10
	// maxOpaque bounds what is kept for a client that it alone understands, in bytes.
	maxOpaque = 512
)

// Handlers answers OAuth's requests.
type Handlers struct {
	DB   store.Store
	Auth *auth.Authenticator
	Keys *oauth.Keyring
	URLs publicname.Names
	Now  func() time.Time
	Rand io.Reader
}

// authorizationAnswer is a code for a client, and the URL that the client expects it at.
type authorizationAnswer struct {
	Code     string `json:"code"`
	State    string `json:"state"`
	Redirect string `json:"redirect"`
}

// authorizationRequest is what a page asks for on behalf of a client.
type authorizationRequest struct {
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

// check refuses parameters that are missing, too long, or not among the known values.
func (in *authorizationRequest) check() error {
	switch {
	case in.State == "":
		return fault.Missing("state")
	case len(in.State) > maxOpaque:
		return fault.Invalid("state")
	case len(in.KeysJWE) > maxKeysJWE:
		return fault.Invalid("keys_jwe")
	case len(in.Nonce) > maxOpaque:
		return fault.Invalid("nonce")
	case !slices.Contains([]string{"", "code"}, in.ResponseType):
		return fault.ErrResponseType
	case in.Method != "S256" || in.Challenge == "":
		return fault.ErrPKCE
	case !oauth.ValidChallenge(in.Challenge):
		return fault.Invalid("code_challenge")
	case !slices.Contains([]string{"", "online", "offline"}, in.AccessType):
		return fault.Invalid("access_type")
	}
	return nil
}

// redirection is where the client waits for the code: at a page of this server, whose
// root is given, behind the web channel, or, for one client, at a port of the user's
// computer.
func (in *authorizationRequest) redirection(root string) (string, error) {
	page := root + "/oauth/success/" + in.ClientID
	switch {
	case in.ClientID == oauth.NativeClient && in.RedirectURI == "":
		// The session that grants it a code ends with the grant, which only its page knows;
		// a device that lets another one in does not.
		return "", fault.Invalid("redirect_uri")
	case in.RedirectURI == "" || in.RedirectURI == oauth.WebChannel:
		return oauth.WebChannel, nil
	case in.RedirectURI == page:
		return page, nil
	case in.ClientID == oauth.NativeClient && oauth.IsLoopback(in.RedirectURI):
		return in.RedirectURI, nil
	}
	return "", fault.Invalid("redirect_uri")
}

// Authorization gives a signed-in page a code for a client, which later proves by PKCE that it
// asked for it.
func (h *Handlers) Authorization(r *api.Request) (any, error) {
	c, err := h.Auth.Session(r)
	if err != nil {
		return nil, err
	}
	var in authorizationRequest
	if err := r.Decode(&in); err != nil {
		return nil, err
	}
	if _, err := Client(in.ClientID); err != nil {
		return nil, err
	}
	scope, err := parseScopes(in.Scope)
	if err != nil {
		return nil, err
	}
	if err := in.check(); err != nil {
		return nil, err
	}
	redirection, err := in.redirection(h.URLs.Of(r.Context()).String())
	if err != nil {
		return nil, err
	}
	code, err := random.Hex(h.Rand, 32)
	if err != nil {
		return nil, err
	}
	err = h.Auth.UpdateBy(r.Context(), c, func(tx store.Tx) error {
		return tx.AddCode(&store.Code{
			Hash: store.Hash(code), UID: c.UID, ClientID: in.ClientID, Scope: scope.String(), Challenge: in.Challenge, Offline: in.AccessType == "offline",
			KeysJWE: in.KeysJWE, Nonce: in.Nonce, AuthAt: c.CreatedAt / 1000, Session: c.Hash, ExpiresAt: h.Now().Add(codeLife).UnixMilli(),
		}, maxCodes)
	})
	if err != nil {
		return nil, err
	}
	return authorizationAnswer{
		Code: code, State: in.State, Redirect: redirection + "?" + url.Values{"code": {code}, "state": {in.State}}.Encode(),
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

// life is how long an access token is valid that is bound to a session or a refresh token.
func (in tokenRequest) life(bound string) time.Duration {
	most := MaxAccessTTL
	if bound == "" {
		most = unboundTTL
	}
	if in.TTL <= 0 {
		return most
	}
	return time.Duration(min(in.TTL, int64(most/time.Second))) * time.Second
}

// tokenAnswer is the answer to a tokenRequest.
type tokenAnswer struct {
	Access    string `json:"access_token"`
	Type      string `json:"token_type"`
	Scope     string `json:"scope"`
	AuthAt    int64  `json:"auth_at"`    // seconds
	ExpiresIn int64  `json:"expires_in"` // seconds
	Refresh   string `json:"refresh_token,omitempty"`
	Session   string `json:"session_token,omitempty"`
	KeysJWE   string `json:"keys_jwe,omitempty"`
	ID        string `json:"id_token,omitempty"`
}

// grant is what a tokenRequest is granted.
type grant struct {
	uid        string
	generation int64 // of the account, when it was granted
	scope      oauth.Scopes
	authAt     int64  // seconds
	offline    bool   // a refresh token too
	session    []byte // that asked, or nil
	// signedIn is the session whose sign-in the grant comes from, or nil.
	signedIn []byte
	// leaves says that this session ends with the grant.
	leaves  bool
	refresh []byte // the refresh token that asked, or nil
	// id names what is given together, or is nil.
	id      []byte
	keysJWE string
	nonce   string
}

// Whose implements auth.Holder.
func (g *grant) Whose() string { return g.uid }

// Still implements auth.Holder.
func (g *grant) Still(tx store.Reader) error {
	if err := auth.Unchanged(tx, &store.Account{UID: g.uid, Generation: g.generation}); err != nil {
		return err
	}
	for _, session := range [][]byte{g.session, g.signedIn} {
		if session == nil {
			continue
		}
		t, err := tx.Token(session)
		if ok, err := store.Found(err); !ok || t.UID != g.uid {
			return auth.OrToken(err)
		}
	}
	if g.refresh == nil {
		return nil
	}
	t, err := tx.RefreshToken(g.refresh)
	if ok, err := store.Found(err); !ok || t.UID != g.uid {
		return auth.OrToken(err)
	}
	return nil
}

// binding names the session or refresh token with which what is granted ends.
func (g *grant) binding() string {
	switch {
	case g.refresh != nil:
		return auth.BoundToRefresh(g.refresh)
	case g.session != nil:
		return auth.BoundToSession(g.session)
	case g.signedIn != nil:
		return auth.BoundToSession(g.signedIn)
	}
	return ""
}

// Token gives access tokens for a session, a refresh token or a code.
func (h *Handlers) Token(r *api.Request) (any, error) {
	var in tokenRequest
	if err := r.Decode(&in); err != nil {
		return nil, err
	}
	if in.GrantType == "" {
		in.GrantType = "authorization_code"
	}
	var granted func(*api.Request, tokenRequest) (grant, error)
	switch in.GrantType {
	case "fxa-credentials":
		granted = h.bySession
	case "refresh_token":
		granted = h.byRefreshToken
	case "authorization_code":
		granted = h.byCode
	default:
		return nil, fault.Invalid("grant_type")
	}
	if _, err := Client(in.ClientID); err != nil {
		return nil, err
	}
	g, err := granted(r, in)
	if err != nil {
		return nil, err
	}
	return h.tokens(r, in, g)
}

func (h *Handlers) bySession(r *api.Request, in tokenRequest) (grant, error) {
	c, err := h.Auth.Session(r)
	if err != nil {
		return grant{}, err
	}
	scope, err := parseScopes(in.Scope)
	return grant{
		uid: c.UID, generation: c.Generation, scope: scope, authAt: c.CreatedAt / 1000, offline: in.AccessType == "offline",
		session: c.Hash, signedIn: c.Hash, id: c.Grant,
	}, err
}

func (h *Handlers) byRefreshToken(r *api.Request, in tokenRequest) (grant, error) {
	t, err := h.Auth.RefreshToken(r.Context(), in.RefreshToken)
	if err != nil {
		return grant{}, err
	}
	if t.ClientID != in.ClientID {
		return grant{}, fault.ErrToken
	}
	have, err := parseScopes(t.Scope)
	if err != nil {
		return grant{}, err
	}
	scope := have
	if in.Scope != "" {
		if scope, err = parseScopes(in.Scope); err != nil {
			return grant{}, err
		}
		if !have.AllowAll(scope) {
			return grant{}, fault.ErrScope
		}
	}
	return grant{
		uid: t.UID, generation: t.Generation, scope: scope, authAt: t.CreatedAt / 1000, signedIn: t.Session, refresh: t.Hash, id: t.Grant,
	}, nil
}

// byCode redeems a code. The code is consumed even if the verifier is wrong.
func (h *Handlers) byCode(r *api.Request, in tokenRequest) (grant, error) {
	if in.Code == "" {
		return grant{}, fault.Missing("code")
	}
	var code *store.Code
	err := h.DB.Update(r.Context(), "", func(tx store.Tx) (err error) {
		code, err = tx.TakeCode(store.Hash(in.Code))
		return err
	})
	if errors.Is(err, store.ErrNotFound) {
		return grant{}, fault.ErrUnknownCode
	}
	if err != nil {
		return grant{}, err
	}
	switch {
	case code.ClientID != in.ClientID:
		return grant{}, fault.ErrCodeClient
	case h.Now().UnixMilli() >= code.ExpiresAt:
		return grant{}, fault.ErrExpiredCode
	case !oauth.Proves(in.Verifier, code.Challenge):
		return grant{}, fault.ErrChallenge
	}
	// The browser has left the page for the program, and the session with it.
	g := grant{
		uid: code.UID, generation: code.Generation, offline: code.Offline, keysJWE: code.KeysJWE, nonce: code.Nonce, authAt: code.AuthAt,
		signedIn: code.Session, leaves: code.ClientID == oauth.NativeClient,
	}
	if g.id, err = random.Bytes(h.Rand, 16); err != nil {
		return grant{}, err
	}
	// Firefox says which session of its own the tokens are for.
	if r.Header.Get("Authorization") != "" {
		c, err := h.Auth.Session(r)
		if err != nil {
			return grant{}, err
		}
		if c.UID != g.uid {
			return grant{}, fault.ErrToken
		}
		g.session = c.Hash
	}
	g.scope, err = parseScopes(code.Scope)
	return g, err
}

// tokens is the answer to a tokenRequest that was granted.
func (h *Handlers) tokens(r *api.Request, in tokenRequest, g grant) (any, error) {
	ctx := r.Context()
	wantsSession := in.GrantType == "authorization_code" && g.scope.Allow(oauth.Session)
	changes := g.offline || wantsSession || g.leaves
	out := tokenAnswer{Type: "bearer", Scope: g.scope.String(), AuthAt: g.authAt, KeysJWE: g.keysJWE}
	var a *store.Account
	var second bool
	bound := g.binding()
	read := func(tx store.Reader) (err error) {
		if err := g.Still(tx); err != nil {
			return err
		}
		if a, err = tx.Account(g.uid); err != nil {
			return err
		}
		second, err = secondStepOf(tx, g.signedIn)
		return err
	}
	var err error
	if changes {
		err = h.DB.Update(ctx, g.uid, func(tx store.Tx) (err error) {
			if err := read(tx); err != nil {
				return err
			}
			bound, err = h.give(tx, r, in, g, wantsSession, &out)
			return err
		})
	} else {
		err = h.DB.View(ctx, read)
	}
	if err != nil {
		return nil, err
	}
	ttl := in.life(bound)
	out.ExpiresIn = int64(ttl / time.Second)
	if out.Access, err = h.accessToken(ctx, a, in.ClientID, g.scope, ttl, bound); err != nil {
		return nil, err
	}
	if g.scope.Allow(oauth.OpenID) {
		out.ID, err = h.idToken(ctx, in.ClientID, out.Access, g, second)
	}
	return out, err
}

// give makes the lasting tokens of a grant, and returns what its access token is
// bound to.
func (h *Handlers) give(tx store.Tx, r *api.Request, in tokenRequest, g grant, session bool, out *tokenAnswer) (bound string, err error) {
	if g.leaves {
		if _, err := tx.RemoveToken(g.uid, g.signedIn); err != nil {
			return "", err
		}
		g.signedIn = nil
	}
	bound = g.binding()
	if g.offline {
		text, err := h.Auth.IssueRefresh(tx, &store.RefreshToken{
			UID: g.uid, ClientID: in.ClientID, Scope: g.scope.String(), Session: g.session, Grant: g.id,
		})
		if err != nil {
			return "", err
		}
		out.Refresh = text
		if g.session == nil {
			bound = auth.BoundToRefresh(store.Hash(text))
		}
	}
	if session {
		text, h, err := h.Auth.Issue(tx, auth.NewToken{Kind: store.Session, UID: g.uid, UserAgent: r.Program(), Grant: g.id})
		if err != nil {
			return "", err
		}
		out.Session = text
		bound = auth.BoundToSession(h)
	}
	return bound, nil
}
