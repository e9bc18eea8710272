package account

import (
	"bytes"
	"cmp"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/syncmanager/syncmanager/internal/onepw"
)

// signedIn is the answer to creating an account and to signing in.
type signedIn struct {
	UID          string `json:"uid"`
	SessionToken string `json:"sessionToken"`
	// KeyFetchToken fetches the key as version 1 of the stretching wraps it,
	// KeyFetchV2 as version 2 does. A sign-in gets the one that it proved.
	KeyFetchToken string `json:"keyFetchToken"`
	KeyFetchV2    string `json:"keyFetchTokenVersion2"`
	// Verified and SessionVerified say the same, if present.
	Verified        *bool `json:"verified"`
	SessionVerified *bool `json:"sessionVerified"`
	// Method is how a sign-in that waits is completed.
	Method string `json:"verificationMethod"`
}

// waits reports whether the session cannot be used yet. Mozilla's answer to a new account has
// only the method.
func (s signedIn) waits() bool {
	if s.Verified == nil && s.SessionVerified == nil {
		return s.Method != ""
	}
	isFalse := func(b *bool) bool { return b != nil && !*b }
	return isFalse(s.Verified) || isFalse(s.SessionVerified)
}

// CreateAccount creates an account and signs in to it. The error is, among others,
// [ErrExists] or [ErrSignUpClosed].
func (c *Client) CreateAccount(ctx context.Context, email, password string) (*Account, error) {
	email, err := cleaned(email, password)
	if err != nil {
		return nil, err
	}
	at, _, err := c.discover(ctx)
	if err != nil {
		return nil, err
	}
	salt, err := onepw.NewClientSalt(c.cfg.Rand)
	if err != nil {
		return nil, err
	}
	kB := make([]byte, onepw.KeySize)
	if _, err := io.ReadFull(c.cfg.Rand, kB); err != nil {
		return nil, fmt.Errorf("make the account's key: %w", err)
	}
	v1 := onepw.StretchV1(email, password)
	v2, err := onepw.StretchV2(salt, password)
	if err != nil {
		return nil, err
	}
	var got signedIn
	in := map[string]string{
		"email": email, "authPW": hex.EncodeToString(v1.AuthPW), "wrapKb": hex.EncodeToString(onepw.XOR(kB, v1.UnwrapBKey)),
		"authPWVersion2": hex.EncodeToString(v2.AuthPW), "wrapKbVersion2": hex.EncodeToString(onepw.XOR(kB, v2.UnwrapBKey)),
		"clientSalt": salt, "verificationMethod": "email-otp",
	}
	if c.cfg.Invitation != "" {
		in["invitation"] = c.cfg.Invitation
	}
	err = c.do(ctx, call{
		doing: "create the account", method: http.MethodPost, url: at.Auth + "/account/create?keys=true", in: in, out: &got,
	})
	if err != nil {
		return nil, err
	}
	// A server that knows only version 1 made its own key.
	return c.finish(ctx, at, email, salt, got, func(wrapKB []byte) []byte {
		if bytes.Equal(onepw.XOR(wrapKB, v2.UnwrapBKey), kB) {
			return kB
		}
		return onepw.XOR(wrapKB, v1.UnwrapBKey)
	})
}

// Login signs in to an account. The error is, among others, [ErrWrongPassword],
// [ErrWrongCode], a *[NeedsCodeError], or [ErrTooMany].
func (c *Client) Login(ctx context.Context, email, password string) (*Account, error) {
	email, err := cleaned(email, password)
	if err != nil {
		return nil, err
	}
	at, _, err := c.discover(ctx)
	if err != nil {
		return nil, err
	}
	a, err := c.login(ctx, at, email, password)
	// The address is a salt: the server returns its right spelling, and the sign-in is tried
	// once more.
	if e, ok := errors.AsType[*Error](err); ok && e.Errno == errnoEmailCase && strings.EqualFold(e.email, email) {
		a, err = c.login(ctx, at, e.email, password)
	}
	return a, err
}

// stretching is how an account's password is stretched.
type stretching struct {
	Version string `json:"currentVersion"`
	Salt    string `json:"clientSalt"`
	// Upgrade says that the account has version 1 and must be upgraded.
	Upgrade bool `json:"upgradeNeeded"`
	// Both says that the server does not reveal whether an account has version 1 alone, and so
	// accepts both at a sign-in.
	Both bool `json:"acceptsVersion1"`
}

// howStretched asks the server for the stretching. A server that does not know this request has
// version 1.
func (c *Client) howStretched(ctx context.Context, at endpoints, email, doing string) (how stretching, err error) {
	err = c.do(ctx, call{
		doing: doing, method: http.MethodPost, url: at.Auth + "/account/credentials/status",
		in: map[string]string{"email": email}, out: &how,
	})
	if e, ok := errors.AsType[*Error](err); ok && e.Status == http.StatusNotFound {
		err = nil
	}
	if how.Version != "v2" || how.Upgrade {
		how = stretching{} // whose salt is the address
	}
	return how, err
}

func (c *Client) login(ctx context.Context, at endpoints, email, password string) (*Account, error) {
	const doing = "sign in"
	how, err := c.howStretched(ctx, at, email, doing)
	if err != nil {
		return nil, err
	}
	stretched := onepw.Stretched{}
	if how.Version == "v2" {
		if stretched, err = onepw.StretchV2(how.Salt, password); err != nil {
			return nil, fmt.Errorf("cannot %s: %w: %w", doing, ErrBadAnswer, err)
		}
	} else {
		stretched = onepw.StretchV1(email, password)
	}
	in := map[string]string{
		"email": email, "authPW": hex.EncodeToString(stretched.AuthPW), "reason": "login",
		// If the server wants a confirmation, ask for a code, which can be typed, and not for a
		// link.
		"verificationMethod": "email-otp",
	}
	v1 := onepw.StretchV1(email, password)
	if how.Version == "v2" && how.Both {
		in["authPWVersion1"] = hex.EncodeToString(v1.AuthPW)
	}
	var got signedIn
	try := func(unblockCode string) error {
		if unblockCode != "" {
			in["unblockCode"] = strings.ToUpper(unblockCode)
		}
		return c.do(ctx, call{doing: doing, method: http.MethodPost, url: at.Auth + "/account/login?keys=true", in: in, out: &got})
	}
	err = try("")
	if e, ok := errors.AsType[*Error](err); ok && e.Errno == errnoBlocked && e.unblockable {
		err = c.unblock(ctx, at, email, try)
	}
	if err != nil {
		return nil, err
	}
	if how.Both && got.KeyFetchV2 == "" {
		stretched, how.Salt = v1, "" // it has version 1 alone
	}
	return c.finish(ctx, at, email, how.Salt, got, func(wrapKB []byte) []byte { return onepw.XOR(wrapKB, stretched.UnwrapBKey) })
}

// finish gets the sync key of a new session; unwrap gives kB.
func (c *Client) finish(ctx context.Context, at endpoints, email, salt string, got signedIn, unwrap func(wrapKB []byte) []byte) (*Account, error) {
	const doing = "get the account's keys"
	token, ok1 := unhex(got.SessionToken)
	fetch, ok2 := unhex(cmp.Or(got.KeyFetchV2, got.KeyFetchToken))
	if !ok1 || !ok2 || got.UID == "" {
		return nil, fmt.Errorf("cannot sign in: %w: a token is missing", ErrBadAnswer)
	}
	if got.waits() {
		if err := c.confirm(ctx, at, got); err != nil {
			return nil, err
		}
	}
	session := onepw.SessionToken(token)
	// Do first what may fail: the key fetch token is valid once.
	var scoped map[string]struct {
		Rotated int64 `json:"keyRotationTimestamp"`
	}
	err := c.do(ctx, call{
		doing: doing, method: http.MethodPost, url: at.Auth + "/account/scoped-key-data", auth: &session,
		in: map[string]string{"client_id": c.cfg.ClientID, "scope": onepw.OldSync}, out: &scoped,
	})
	if err != nil {
		return nil, err
	}
	rotated := scoped[onepw.OldSync].Rotated
	if rotated <= 0 {
		return nil, fmt.Errorf("cannot %s: %w: it does not grant sync", doing, ErrBadAnswer)
	}
	keys := onepw.KeyFetchToken(fetch)
	var answer struct {
		Bundle string `json:"bundle"`
	}
	if err := c.do(ctx, call{doing: doing, method: http.MethodGet, url: at.Auth + "/account/keys", auth: &keys.HAWK, out: &answer}); err != nil {
		return nil, err
	}
	bundle, err := hex.DecodeString(answer.Bundle)
	if err != nil {
		return nil, fmt.Errorf("cannot %s: %w", doing, onepw.ErrBundle)
	}
	_, wrapKB, err := keys.Open(bundle)
	if err != nil {
		return nil, fmt.Errorf("cannot %s: %w", doing, err)
	}
	kB := unwrap(wrapKB)
	a := c.Resume(Session{
		Server: c.root.String(), Email: email, UID: got.UID, Token: got.SessionToken, kept: kept{Endpoints: at, Salt: salt},
		KeyID: onepw.KeyID(rotated, kB), Key: onepw.ScopedKey(kB),
	})
	return a, a.change(func(*Session) {})
}

func cleaned(email, password string) (string, error) {
	email = strings.TrimSpace(email)
	if !strings.Contains(email, "@") {
		return "", fmt.Errorf("%q is not an e-mail address", email)
	}
	if password == "" {
		return "", errors.New("the password is empty")
	}
	return email, nil
}

func unhex(s string) ([]byte, bool) {
	b, err := hex.DecodeString(s)
	return b, err == nil && len(b) == onepw.KeySize
}
