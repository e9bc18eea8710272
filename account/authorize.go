package account

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/syncmanager/syncmanager/internal/jwe"
	"github.com/syncmanager/syncmanager/internal/onepw"
)

// maxKeysJWK bounds the public key of a code request, in characters.
const maxKeysJWK = 2 << 10

// AuthorizeCode grants what another device asks for, and returns the code that it signs in
// with. If the request is for sync, the sync key goes to the server with the code, encrypted
// for the other device. Ask the user first: with the code, the other device gets what the scope
// says, for as long as it stays signed in.
func (a *Account) AuthorizeCode(ctx context.Context, r CodeRequest) (code string, err error) {
	const doing = "let the other device in"
	in := map[string]string{
		"client_id": r.ClientID, "scope": r.Scope, "state": r.State, "response_type": "code",
		"code_challenge": r.Challenge, "code_challenge_method": r.Method,
	}
	if r.AccessType != "" {
		in["access_type"] = r.AccessType
	}
	if slices.Contains(strings.Fields(r.Scope), onepw.OldSync) {
		if in["keys_jwe"], err = a.keyFor(ctx, doing, r); err != nil {
			return "", err
		}
	}
	var got struct {
		Code  string `json:"code"`
		State string `json:"state"`
	}
	if err := a.do(ctx, doing, http.MethodPost, "/oauth/authorization", in, &got); err != nil {
		return "", err
	}
	if got.Code == "" || got.State != r.State {
		return "", fmt.Errorf("cannot %s: %w: it gives no code for this request", doing, ErrBadAnswer)
	}
	return got.Code, nil
}

// keyFor returns the sync key, encrypted for the device that asks.
func (a *Account) keyFor(ctx context.Context, doing string, r CodeRequest) (string, error) {
	if len(r.KeysJWK) > maxKeysJWK {
		return "", fmt.Errorf("cannot %s: its key is too long", doing)
	}
	raw, err := base64.RawURLEncoding.DecodeString(r.KeysJWK)
	if err != nil {
		return "", fmt.Errorf("cannot %s: its key is malformed", doing)
	}
	to, err := jwe.ParseKey(raw)
	if err != nil {
		return "", fmt.Errorf("cannot %s: %w", doing, err)
	}
	// The server says whether this client may have the key, and whether the key is still the
	// account's.
	var scoped map[string]struct {
		Rotated int64 `json:"keyRotationTimestamp"`
	}
	err = a.do(ctx, doing, http.MethodPost, "/account/scoped-key-data", map[string]string{"client_id": r.ClientID, "scope": r.Scope}, &scoped)
	if err != nil {
		return "", err
	}
	s := a.Session()
	rotated, _, err := onepw.ParseKeyID(s.KeyID)
	if err != nil {
		return "", fmt.Errorf("cannot %s: %w", doing, err)
	}
	if data, ok := scoped[onepw.OldSync]; !ok || data.Rotated != rotated {
		return "", fmt.Errorf("cannot %s: the server does not say that this device's sync key is for it", doing)
	}
	keys, err := json.Marshal(map[string]map[string]string{onepw.OldSync: {
		"kty": "oct", "scope": onepw.OldSync, "kid": s.KeyID, "k": base64.RawURLEncoding.EncodeToString(s.Key),
	}})
	if err != nil {
		return "", err
	}
	sealed, err := jwe.Seal(keys, to, a.c.cfg.Rand)
	if err != nil {
		return "", fmt.Errorf("cannot %s: %w", doing, err)
	}
	return sealed, nil
}

// Server returns the server's root URL.
func (c *Client) Server() string { return c.root.String() }

// PairingRelay returns the URI of the relay through which devices of this server pair. It has
// the scheme wss, or ws if the server's URL has http.
func (c *Client) PairingRelay(ctx context.Context) (string, error) {
	var doc struct {
		Pairing string `json:"pairing_server_base_uri"`
	}
	err := c.do(ctx, call{
		doing: "find the pairing relay of " + c.root.Host, method: http.MethodGet,
		url: c.root.String() + "/.well-known/fxa-client-configuration", out: &doc,
	})
	if err != nil {
		return "", err
	}
	if doc.Pairing == "" {
		return "", fmt.Errorf("%s does not support pairing", c.root.Host)
	}
	u, err := url.Parse(doc.Pairing)
	if err != nil || u.Host == "" || u.User != nil || u.Scheme != "wss" && (u.Scheme != "ws" || c.root.Scheme != "http") {
		return "", fmt.Errorf("cannot find the pairing relay of %s: %w: it names %.100q", c.root.Host, ErrBadAnswer, doc.Pairing)
	}
	return doc.Pairing, nil
}
