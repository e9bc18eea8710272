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
	"net"
	"net/http"
	"net/url"
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

// ErrNotThisSignIn means that an address is not the final address of this sign-in in the
// browser.
var ErrNotThisSignIn = errors.New("this is not the address on which this sign-in ended; copy the one that the browser shows when you have signed in")

// BrowserSignIn is a sign-in on the server's own pages, in any browser. The password, and
// everything else that the server asks for, is entered there. The keys come encrypted for
// this device.
type BrowserSignIn struct {
	// URL is the address that the user opens in a browser.
	URL string
	// Returns says that a browser on this computer returns to [BrowserSignIn.Await] by
	// itself. A browser on another computer ends on an address for [BrowserSignIn.Finish].
	Returns bool

	c               *Client
	at              endpoints
	clientID        string
	listener        net.Listener // nil unless Returns
	state, verifier string
	key             *ecdh.PrivateKey
}

// BrowserSignIn starts a sign-in in the browser. The caller must call [BrowserSignIn.Close].
func (c *Client) BrowserSignIn(ctx context.Context) (*BrowserSignIn, error) {
	at, loopback, err := c.discover(ctx)
	if err != nil {
		return nil, err
	}
	random := make([]byte, 3*onepw.KeySize)
	if _, err := io.ReadFull(c.cfg.Rand, random); err != nil {
		return nil, fmt.Errorf("begin a sign-in: %w", err)
	}
	text := base64.RawURLEncoding.EncodeToString
	b := &BrowserSignIn{
		c: c, at: at, clientID: browserClientID, state: text(random[:onepw.KeySize]), verifier: text(random[onepw.KeySize : 2*onepw.KeySize]),
	}
	if b.key, err = ecdh.P256().NewPrivateKey(random[2*onepw.KeySize:]); err != nil {
		return nil, fmt.Errorf("begin a sign-in: %w", err) // one of four billion
	}
	jwk, err := jwe.MarshalKey(b.key.PublicKey())
	if err != nil {
		return nil, fmt.Errorf("begin a sign-in: %w", err)
	}
	challenge := sha256.Sum256([]byte(b.verifier))
	redirect := b.successPage()
	if b.listen(ctx, loopback) {
		redirect = "http://" + b.listener.Addr().String() + callbackPath
	}
	b.URL = c.root.String() + "/authorization?" + url.Values{
		"client_id": {b.clientID}, "redirect_uri": {redirect},
		"scope": {browserScope}, "state": {b.state}, "response_type": {"code"}, "access_type": {"online"}, "action": {"email"},
		"code_challenge": {text(challenge[:])}, "code_challenge_method": {"S256"}, "keys_jwk": {text(jwk)},
	}.Encode()
	return b, nil
}

// Finish signs in with the address of the page on which the browser ended. The error is,
// among others, [ErrNotThisSignIn].
func (b *BrowserSignIn) Finish(ctx context.Context, address string) (*Account, error) {
	u, err := url.Parse(strings.TrimSpace(address))
	if err != nil {
		return nil, ErrNotThisSignIn
	}
	code, ok := b.code(u)
	if !ok {
		return nil, ErrNotThisSignIn
	}
	return b.redeem(ctx, code)
}

// code returns the code in the final address of this sign-in.
func (b *BrowserSignIn) code(u *url.URL) (code string, ok bool) {
	q := u.Query()
	return q.Get("code"), q.Get("code") != "" && subtle.ConstantTimeCompare([]byte(q.Get("state")), []byte(b.state)) == 1
}

// successPage is where the server says that a sign-in is done.
func (b *BrowserSignIn) successPage() string {
	return b.c.root.String() + "/oauth/success/" + b.clientID
}

func (b *BrowserSignIn) redeem(ctx context.Context, code string) (*Account, error) {
	const doing = "sign in"
	var got struct {
		Access  string `json:"access_token"`
		KeysJWE string `json:"keys_jwe"`
		Session string `json:"session_token"`
	}
	err := b.c.do(ctx, call{
		doing: doing, method: http.MethodPost, url: b.at.Auth + "/oauth/token", out: &got,
		in: map[string]string{
			"grant_type": "authorization_code", "client_id": b.clientID, "code": code, "code_verifier": b.verifier,
		},
	})
	if err != nil {
		return nil, err
	}
	if _, ok := unhex(got.Session); !ok || got.Access == "" {
		return nil, fmt.Errorf("cannot %s: %w: a token is missing", doing, ErrBadAnswer)
	}
	kid, key, err := b.open(got.KeysJWE)
	if err != nil {
		return nil, fmt.Errorf("cannot %s: %w: %w", doing, ErrBadAnswer, err)
	}
	var who struct {
		UID   string `json:"uid"`
		Email string `json:"email"`
	}
	err = b.c.do(ctx, call{
		doing: "learn whose account it is", method: http.MethodGet, url: b.at.Profile + "/profile", bearer: got.Access, out: &who,
	})
	if err != nil {
		return nil, err
	}
	if who.UID == "" || who.Email == "" {
		return nil, fmt.Errorf("cannot %s: %w: it does not tell whose account it is", doing, ErrBadAnswer)
	}
	// It is used to recognize a changed password later; the sign-in works without it.
	how, err := b.c.howStretched(ctx, b.at, who.Email, doing)
	if err != nil {
		b.c.cfg.Log.WarnContext(ctx, "the password's salt is not known", "err", err)
	}
	a := b.c.Resume(Session{
		Server: b.c.root.String(), Email: who.Email, UID: who.UID, Token: got.Session, KeyID: kid, Key: key,
		kept: kept{Endpoints: b.at, Salt: how.Salt},
	})
	return a, a.change(func(*Session) {})
}

// open decrypts the sync key that the page sealed for b.
func (b *BrowserSignIn) open(text string) (kid string, key []byte, err error) {
	clear, err := jwe.Open(text, b.key)
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
