package auth

import (
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/syncmanager/syncmanager/internal/onepw"
	"github.com/syncmanager/syncmanager/server/accounts/internal/fault"
	"github.com/syncmanager/syncmanager/server/accounts/internal/random"
	"github.com/syncmanager/syncmanager/server/accounts/internal/store"
)

// These bound how many tokens one account may keep. The token that was idle longest is removed
// first; a token in use is removed only for a client that showed the password.
const (
	maxSessions = 100
	maxRefresh  = 100
	// maxShort is how many tokens for one purpose, of each kind.
	maxShort = 50
	// idleAfter is when a session or refresh token counts as not in use.
	idleAfter = 24 * time.Hour
)

// NewToken describes a token to create.
type NewToken struct {
	Kind      store.Kind
	UID       string
	UserAgent string
	// Bundle returns what a key fetch token fetches.
	Bundle   func(onepw.KeyFetch) []byte
	Session  []byte // that a key fetch token waits with, or nil
	Grant    []byte
	SecondAt int64 // milliseconds
	Waits    bool  // for a code
	Proved   bool  // by the password
}

// Issue stores a new token, and returns it in hex, and the hash that finds it.
func (a *Authenticator) Issue(tx store.Tx, t NewToken) (text string, found []byte, err error) {
	raw, err := random.Bytes(a.Rand, onepw.KeySize)
	if err != nil {
		return "", nil, err
	}
	var h onepw.HAWK
	var carried []byte
	switch t.Kind {
	case store.Session:
		h = onepw.SessionToken(raw)
	case store.Change:
		h = onepw.PasswordChangeToken(raw)
	case store.Reset:
		h = onepw.AccountResetToken(raw)
	case store.KeyFetch:
		k := onepw.KeyFetchToken(raw)
		h, carried = k.HAWK, t.Bundle(k)
	}
	found = store.Hash(h.ID)
	if err := tx.AddToken(&store.Token{
		Hash: found, Kind: t.Kind, UID: t.UID, SealedKey: sealKey(h.ID, h.Key), Bundle: carried, Session: t.Session, Verified: !t.Waits,
		CreatedAt: a.Now().UnixMilli(), UserAgent: t.UserAgent, Grant: t.Grant, SecondAt: t.SecondAt,
	}); err != nil {
		return "", nil, err
	}
	most, proved := maxShort, true
	if t.Kind == store.Session {
		most, proved = maxSessions, t.Proved
	}
	have, err := tx.CountTokens(t.UID, t.Kind)
	if err != nil {
		return "", nil, err
	}
	return hex.EncodeToString(raw), found, a.makeRoom(have, most, proved, func(usedAt int64, n int) (int, error) {
		return tx.RemoveIdleTokens(t.UID, t.Kind, found, usedAt, n)
	})
}

// sealKey encrypts and decrypts a HAWK key under the HAWK ID. The ID is not stored, so a stolen
// database cannot sign requests.
func sealKey(id string, key []byte) []byte {
	pad, err := hkdf.Key(sha256.New, []byte(id), nil, "syncmanager/accounts/v1/hawkKey", len(key))
	if err != nil {
		panic(fmt.Sprintf("auth: HKDF: %v", err)) // only for lengths that are not used here
	}
	return onepw.XOR(key, pad)
}

// makeRoom removes tokens of a kind until the account has at most max, after one was created.
// removeIdle removes n that were last used at a time or before. proved says that the password
// was shown for the new one.
func (a *Authenticator) makeRoom(have, max int, proved bool, removeIdle func(usedAt int64, n int) (int, error)) error {
	if have <= max {
		return nil
	}
	before := a.Now().UnixMilli()
	if !proved {
		before -= idleAfter.Milliseconds()
	}
	gone, err := removeIdle(before, have-max)
	if err == nil && gone < have-max {
		err = fault.Throttled(a.Window)
	}
	return err
}

// IssueRefresh stores a new refresh token, and returns it in hex. It sets the token's
// Hash and CreatedAt.
func (a *Authenticator) IssueRefresh(tx store.Tx, t *store.RefreshToken) (string, error) {
	text, err := random.Hex(a.Rand, 32)
	if err != nil {
		return "", err
	}
	t.Hash, t.CreatedAt = store.Hash(text), a.Now().UnixMilli()
	if err := tx.AddRefreshToken(t); err != nil {
		return "", err
	}
	have, err := tx.CountRefreshTokens(t.UID)
	if err != nil {
		return "", err
	}
	return text, a.makeRoom(have, maxRefresh, false, func(usedAt int64, n int) (int, error) {
		return tx.RemoveIdleRefreshTokens(t.UID, t.Hash, usedAt, n)
	})
}
