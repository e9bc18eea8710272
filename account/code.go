package account

import (
	"context"
	"crypto/ecdh"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/syncmanager/syncmanager/internal/jwe"
	"github.com/syncmanager/syncmanager/internal/onepw"
)

const (
	// browserClientID is the OAuth client of a sign-in in a browser that does not return:
	// Firefox for Android, because desktop Firefox receives its code from the page itself.
	browserClientID = "a2270f727f45f648"
	// browserScope includes a session, as for a mobile browser.
	browserScope = "profile " + onepw.OldSync + " https://identity.mozilla.com/tokens/session"
)

// ErrOtherAccount means that a code is of another account than [CodeSignIn.Email] says.
var ErrOtherAccount = errors.New("the code is of another account than the one to join")

// CodeRequest is what a device that signs in with a code asks of one that is signed in: a code
// that only it can use, and the sync key, encrypted for it. It has no secret. As JSON, it is
// what devices send each other when they pair.
type CodeRequest struct {
	// ClientID is the OAuth client ID of the program, and Scope what it may do, with spaces
	// between the scopes.
	ClientID string `json:"client_id"`
	Scope    string `json:"scope"`
	// State is returned with the code.
	State string `json:"state"`
	// Challenge is the hash of a secret that the device proves to have when it uses the code;
	// Method is always "S256".
	Challenge string `json:"code_challenge"`
	Method    string `json:"code_challenge_method"`
	// KeysJWK is the public key that the sync key is encrypted for: a JSON Web Key of P-256,
	// in base64url.
	KeysJWK string `json:"keys_jwk"`
	// AccessType is "online", or "offline" to get a refresh token too.
	AccessType string `json:"access_type,omitempty"`
}

// CodeSignIn is a sign-in with a code that a signed-in device, or a page, of the account
// grants. The code is of no use to others who learn it.
type CodeSignIn struct {
	// Email, if set, must be the account's address; see [ErrOtherAccount].
	Email string

	c               *Client
	at              endpoints
	clientID        string
	state, verifier string
	key             *ecdh.PrivateKey
	jwk             []byte
}

// CodeSignIn starts a sign-in with a code. See also package
// [github.com/syncmanager/syncmanager/account/pairing], in which two devices exchange the
// request and the code, and [Account.AuthorizeCode].
func (c *Client) CodeSignIn(ctx context.Context) (*CodeSignIn, error) {
	at, _, err := c.discover(ctx)
	if err != nil {
		return nil, err
	}
	return c.newCodeSignIn(at)
}

func (c *Client) newCodeSignIn(at endpoints) (*CodeSignIn, error) {
	const doing = "begin a sign-in"
	random := make([]byte, 3*onepw.KeySize)
	if _, err := io.ReadFull(c.cfg.Rand, random); err != nil {
		return nil, fmt.Errorf("%s: %w", doing, err)
	}
	text := base64.RawURLEncoding.EncodeToString
	s := &CodeSignIn{
		c: c, at: at, clientID: browserClientID, state: text(random[:onepw.KeySize]), verifier: text(random[onepw.KeySize : 2*onepw.KeySize]),
	}
	var err error
	if s.key, err = ecdh.P256().NewPrivateKey(random[2*onepw.KeySize:]); err != nil {
		return nil, fmt.Errorf("%s: %w", doing, err) // one of four billion
	}
	if s.jwk, err = jwe.MarshalKey(s.key.PublicKey()); err != nil {
		return nil, fmt.Errorf("%s: %w", doing, err)
	}
	return s, nil
}

// Request returns what the other device is asked for.
func (s *CodeSignIn) Request() CodeRequest {
	text := base64.RawURLEncoding.EncodeToString
	challenge := sha256.Sum256([]byte(s.verifier))
	return CodeRequest{
		ClientID: s.clientID, Scope: browserScope, State: s.state, Challenge: text(challenge[:]), Method: "S256",
		KeysJWK: text(s.jwk), AccessType: "online",
	}
}

// Finish signs in with the code that was granted, and the state that came with it. The error
// is, among others, [ErrNotThisSignIn].
func (s *CodeSignIn) Finish(ctx context.Context, code, state string) (*Account, error) {
	if !s.granted(code, state) {
		return nil, ErrNotThisSignIn
	}
	return s.redeem(ctx, code)
}

// granted reports whether a code is for this sign-in.
func (s *CodeSignIn) granted(code, state string) bool {
	return code != "" && subtle.ConstantTimeCompare([]byte(state), []byte(s.state)) == 1
}

func (s *CodeSignIn) redeem(ctx context.Context, code string) (*Account, error) {
	const doing = "sign in"
	var got struct {
		Access  string `json:"access_token"`
		KeysJWE string `json:"keys_jwe"`
		Session string `json:"session_token"`
	}
	err := s.c.do(ctx, call{
		doing: doing, method: http.MethodPost, url: s.at.Auth + "/oauth/token", out: &got,
		in: map[string]string{
			"grant_type": "authorization_code", "client_id": s.clientID, "code": code, "code_verifier": s.verifier,
		},
	})
	if err != nil {
		return nil, err
	}
	if _, ok := unhex(got.Session); !ok || got.Access == "" {
		return nil, fmt.Errorf("cannot %s: %w: a token is missing", doing, ErrBadAnswer)
	}
	kid, key, err := s.open(got.KeysJWE)
	if err != nil {
		return nil, fmt.Errorf("cannot %s: %w: %w", doing, ErrBadAnswer, err)
	}
	var who struct {
		UID   string `json:"uid"`
		Email string `json:"email"`
	}
	err = s.c.do(ctx, call{
		doing: "learn whose account it is", method: http.MethodGet, url: s.at.Profile + "/profile", bearer: got.Access, out: &who,
	})
	if err != nil {
		return nil, err
	}
	if who.UID == "" || who.Email == "" {
		return nil, fmt.Errorf("cannot %s: %w: it does not tell whose account it is", doing, ErrBadAnswer)
	}
	if s.Email != "" && !strings.EqualFold(s.Email, who.Email) {
		s.giveUp(ctx, got.Session)
		return nil, fmt.Errorf("cannot %s: %w", doing, ErrOtherAccount)
	}
	// It is used to recognize a changed password later; the sign-in works without it.
	how, err := s.c.howStretched(ctx, s.at, who.Email, doing)
	if err != nil {
		s.c.cfg.Log.WarnContext(ctx, "the password's salt is not known", "err", err)
	}
	a := s.c.Resume(Session{
		Server: s.c.root.String(), Email: who.Email, UID: who.UID, Token: got.Session, KeyID: kid, Key: key,
		kept: kept{Endpoints: s.at, Salt: how.Salt},
	})
	return a, a.change(func(*Session) {})
}

// giveUp ends a session that is not used.
func (s *CodeSignIn) giveUp(ctx context.Context, token string) {
	raw, _ := unhex(token)
	h := onepw.SessionToken(raw)
	err := s.c.do(ctx, call{doing: "sign out", method: http.MethodPost, url: s.at.Auth + "/session/destroy", auth: &h, in: struct{}{}})
	if err != nil {
		s.c.cfg.Log.WarnContext(ctx, "an unused session was not ended", "err", err)
	}
}

// open decrypts the sync key that was sealed for s.
func (s *CodeSignIn) open(text string) (kid string, key []byte, err error) {
	clear, err := jwe.Open(text, s.key)
	switch {
	case errors.Is(err, jwe.ErrFormat):
		return "", nil, errors.New("the keys are not sealed as they should be")
	case err != nil:
		return "", nil, errors.New("the keys are sealed for another device")
	}
	var keys map[string]struct {
		KID string `json:"kid"`
		K   string `json:"k"`
	}
	if err := json.Unmarshal(clear, &keys); err != nil {
		return "", nil, errors.New("the keys are malformed")
	}
	k := keys[onepw.OldSync]
	key, err = base64.RawURLEncoding.DecodeString(k.K)
	if err != nil || len(key) != 2*onepw.KeySize {
		return "", nil, errors.New("the key for sync is malformed")
	}
	if _, _, err := onepw.ParseKeyID(k.KID); err != nil {
		return "", nil, err
	}
	return k.KID, key, nil
}
