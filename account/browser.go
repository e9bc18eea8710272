package account

import (
	"context"
	"errors"
	"net"
	"net/url"
	"strings"
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

	c        *Client
	code     *CodeSignIn
	listener net.Listener // nil unless Returns
}

// BrowserSignIn starts a sign-in in the browser. The caller must call [BrowserSignIn.Close].
func (c *Client) BrowserSignIn(ctx context.Context) (*BrowserSignIn, error) {
	at, loopback, err := c.discover(ctx)
	if err != nil {
		return nil, err
	}
	code, err := c.newCodeSignIn(at)
	if err != nil {
		return nil, err
	}
	b := &BrowserSignIn{c: c, code: code}
	redirect := b.successPage()
	if b.listen(ctx, loopback) {
		redirect = "http://" + b.listener.Addr().String() + callbackPath
	}
	in := code.Request()
	b.URL = c.root.String() + "/authorization?" + url.Values{
		"client_id": {in.ClientID}, "redirect_uri": {redirect},
		"scope": {in.Scope}, "state": {in.State}, "response_type": {"code"}, "access_type": {"online"}, "action": {"email"},
		"code_challenge": {in.Challenge}, "code_challenge_method": {in.Method}, "keys_jwk": {in.KeysJWK},
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
	q := u.Query()
	return b.code.Finish(ctx, q.Get("code"), q.Get("state"))
}

// successPage is where the server says that a sign-in is done.
func (b *BrowserSignIn) successPage() string {
	return b.c.root.String() + "/oauth/success/" + b.code.clientID
}
