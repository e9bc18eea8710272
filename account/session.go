package account

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"

	"github.com/syncmanager/syncmanager/internal/onepw"
)

// Session holds the credentials of a signed-in device. It must be kept private: it grants
// access to everything that the account syncs. It marshals to JSON, for apps that do not use
// [SessionFile].
type Session struct {
	Server string
	Email  string
	UID    string
	// Token authenticates this device to the accounts server, in hexadecimal.
	Token string
	// Key is the account's sync key, 64 bytes, and KeyID its key ID.
	Key   []byte
	KeyID string

	kept kept
}

// kept is the part of a session that only this package uses.
type kept struct {
	Endpoints endpoints `json:"endpoints"`
	DeviceID  string    `json:"deviceId,omitempty"`
	// Salt is the salt that the password was stretched with; another one means that the
	// password was changed. "" if the address was the salt.
	Salt string `json:"clientSalt,omitempty"`
	// Tokens are the OAuth tokens by their scopes. With them, a new process does not need to
	// request any. The map is replaced, never changed: copies of the session share it.
	Tokens map[string]keptToken `json:"accessTokens,omitempty"`
	// Profile is the profile as it was read last; nil: never.
	Profile *keptProfile `json:"profile,omitempty"`
	// Commands decrypts what other devices send; nil before this device accepts any.
	Commands *commandKeys `json:"commandKeys,omitempty"`
	// CommandIndex is the index of the first message that was not received yet.
	CommandIndex int64 `json:"commandIndex,omitempty"`
	// Push is this device's push subscription, and decrypts the messages to it; nil: none.
	Push *pushKeys `json:"push,omitempty"`
}

// storedSession is a session as JSON.
type storedSession struct {
	Server string `json:"server"`
	Email  string `json:"email"`
	UID    string `json:"uid"`
	Token  string `json:"sessionToken"`
	KeyID  string `json:"kid"`
	Key    []byte `json:"key"`
	kept
}

// MarshalJSON writes the session for UnmarshalJSON, including its secrets.
func (s Session) MarshalJSON() ([]byte, error) {
	return json.Marshal(storedSession{s.Server, s.Email, s.UID, s.Token, s.KeyID, s.Key, s.kept})
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (s *Session) UnmarshalJSON(text []byte) error {
	var in storedSession
	if err := json.Unmarshal(text, &in); err != nil {
		return err
	}
	*s = Session{in.Server, in.Email, in.UID, in.Token, in.Key, in.KeyID, in.kept}
	return nil
}

// String returns the account's name, without secrets.
func (s Session) String() string { return fmt.Sprintf("session of %s at %s", s.Email, s.Server) }

// GoString returns the same as String.
func (s Session) GoString() string { return s.String() }

// Account is an account that this device is signed in to. It is safe for concurrent use.
type Account struct {
	c *Client
	// turn is held across the requests that change the session: many callers that need a token
	// wait for one request.
	turn chan struct{}

	mu      sync.Mutex
	session Session
	ended   error // why the session ended, once that is known

	pushes pushes
}

// Resume returns the account of a saved session. It makes no request.
func (c *Client) Resume(s Session) *Account {
	return &Account{c: c, session: s, turn: make(chan struct{}, 1)}
}

// take waits for the turn until ctx ends.
func (a *Account) take(ctx context.Context) error {
	select {
	case a.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (a *Account) giveBack() { <-a.turn }

// Session returns the current session.
func (a *Account) Session() Session {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.session
}

// change changes the session and saves it.
func (a *Account) change(f func(*Session)) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	f(&a.session)
	if a.c.cfg.Save == nil {
		return nil
	}
	if err := a.c.cfg.Save(a.session); err != nil {
		return fmt.Errorf("cannot keep the session: %w", err)
	}
	return nil
}

// do makes a request to the auth server, signed by the session.
func (a *Account) do(ctx context.Context, doing, method, path string, in, out any) error {
	s := a.Session()
	raw, _ := unhex(s.Token) // the server refuses what a damaged one signs
	h := onepw.SessionToken(raw)
	err := a.c.do(ctx, call{doing: doing, method: method, url: s.kept.Endpoints.Auth + path, auth: &h, in: in, out: out})
	if e, ok := errors.AsType[*Error](err); ok && e.SignInAgain() {
		e.why = a.whyEnded(ctx)
		return fmt.Errorf("cannot %s: %w", doing, e)
	}
	return err
}

// TokenServer returns the token server's URL, without /1.0/sync/1.5.
func (a *Account) TokenServer() string { return a.Session().kept.Endpoints.Token }

// Requests returns how many requests were made to the accounts server.
func (a *Account) Requests() int { return a.c.Requests() }

// SyncKey returns the account's 64-byte sync key and its key ID.
func (a *Account) SyncKey(context.Context) (kid string, key []byte, err error) {
	s := a.Session()
	return s.KeyID, s.Key, nil
}
