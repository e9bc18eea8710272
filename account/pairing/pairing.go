// Package pairing lets a device join an account without a password: a device that is signed in
// shows a code, and the other device reads it. Both users confirm. The key of sync goes from
// one device to the other encrypted; the server cannot read it.
//
// The device that is signed in, the authority:
//
//	p, err := pairing.Show(ctx, cfg, a, "Ann's laptop")
//	defer p.Close(ctx)
//	… show p.URL as a QR code
//	peer, err := p.Wait(ctx)
//	… ask the user whether peer may join
//	err = p.Allow(ctx)
//
// The device that joins, the supplicant:
//
//	p, err := pairing.Join(ctx, cfg, url)
//	defer p.Close(ctx)
//	… ask the user whether to join p.Peer.Email
//	a, err := p.Accept(ctx)
//
// A code is good once, for five minutes. Firefox can be either side: on a computer it shows
// the code ("Connect another device").
//
// Source: what Firefox ESR 153 does, and the public documentation of Mozilla's accounts.
package pairing

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/syncmanager/syncmanager/account"
	"github.com/syncmanager/syncmanager/account/pairing/internal/channel"
)

// Errors that a caller can test for with [errors.Is].
var (
	// ErrURL means that a text is not the URL in a pairing code, or not of this server.
	ErrURL = errors.New("this is not the address that a pairing code contains")
	// ErrGone means that a code has expired or has been used.
	ErrGone = channel.ErrGone
	// ErrEnded means that the other device declined, or closed the pairing.
	ErrEnded = errors.New("the other device declined, or ended the pairing")
)

// Peer is what is known about the other device. The text comes from elsewhere: show it as
// text, without control characters.
type Peer struct {
	// Email is the account's address, and DeviceName the name of the device that shows the
	// code. Only the joining side is told them.
	Email, DeviceName string
	// UserAgent and Address are the other device's program and IP address, as the server sees
	// them.
	UserAgent, Address string
}

// The messages of a pairing, in this order. The last two may be exchanged.
const (
	messageRequest   = "pair:supp:request"   // with an account.CodeRequest
	messageMetadata  = "pair:auth:metadata"  // with a metadata
	messageAccept    = "pair:supp:authorize" // empty
	messageAuthorize = "pair:auth:authorize" // with a grant
)

// metadata is what the authority tells about itself.
type metadata struct {
	Email      string `json:"email"`
	DeviceName string `json:"deviceName"`
}

// grant is the code for the supplicant.
type grant struct {
	Code  string `json:"code"`
	State string `json:"state"`
}

const (
	// maxText bounds what is shown about the other device, in bytes.
	maxText = 256
	// closing bounds how long the other device is given to end the pairing.
	closing = 10 * time.Second
)

// connection is what both sides have.
type connection struct{ ch *channel.Channel }

// receive waits for a message by name, and reads its data.
func (c connection) receive(ctx context.Context, name string, out any) (channel.Sender, error) {
	m, err := c.ch.Receive(ctx)
	if errors.Is(err, channel.ErrClosed) {
		return m.From, ErrEnded
	}
	if err != nil {
		return m.From, err
	}
	if m.Name != name {
		return m.From, fmt.Errorf("the other device sent %.40q where %q belongs", m.Name, name)
	}
	if out != nil {
		if err := json.Unmarshal(m.Data, out); err != nil {
			return m.From, fmt.Errorf("the other device sent a malformed %s", name)
		}
	}
	return m.From, nil
}

// relay is how devices with cfg reach the relay of a server.
func relay(ctx context.Context, cfg *account.Config, c *account.Client) (r channel.Relay, err error) {
	r.URI, err = c.PairingRelay(ctx)
	r.HTTP = &http.Client{Transport: cfg.Transport, CheckRedirect: func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse
	}}
	if cfg.UserAgent != "" {
		r.Header = http.Header{"User-Agent": {cfg.UserAgent}}
	}
	if r.Rand = cfg.Rand; r.Rand == nil {
		r.Rand = rand.Reader //nolint:forbidigo // here the app's real randomness comes in
	}
	return r, err
}

// address is the URL in a code of a server.
func address(server string, ch *channel.Channel) string {
	return server + "/pair#channel_id=" + ch.ID + "&channel_key=" + base64.RawURLEncoding.EncodeToString(ch.Key)
}

// parse reads the URL in a code.
func parse(text string) (server string, id string, key []byte, err error) {
	u, err := url.Parse(strings.TrimSpace(text))
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil || u.RawQuery != "" {
		return "", "", nil, ErrURL
	}
	path, ok := strings.CutSuffix(u.EscapedPath(), "/pair")
	q, err := url.ParseQuery(u.EscapedFragment())
	if !ok || err != nil || !channel.ValidID(q.Get("channel_id")) {
		return "", "", nil, ErrURL
	}
	key, err = base64.RawURLEncoding.DecodeString(q.Get("channel_key"))
	if err != nil || len(key) != channel.KeySize {
		return "", "", nil, ErrURL
	}
	return u.Scheme + "://" + u.Host + path, q.Get("channel_id"), key, nil
}

// Server returns the root URL of the server whose pairing code contains address, or [ErrURL].
func Server(address string) (string, error) {
	server, _, _, err := parse(address)
	return server, err
}

func cut(text string) string { return strings.ToValidUTF8(text[:min(len(text), maxText)], "") }
