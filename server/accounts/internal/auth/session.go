package auth

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/syncmanager/syncmanager/internal/hawk"
	"github.com/syncmanager/syncmanager/server/accounts/internal/api"
	"github.com/syncmanager/syncmanager/server/accounts/internal/fault"
	"github.com/syncmanager/syncmanager/server/accounts/internal/store"
)

const (
	// ShortLife is how long a token for one purpose is valid.
	ShortLife = time.Hour
	// touchEvery is the accuracy of a session's last use, so that not every request costs a
	// write.
	touchEvery = 10 * time.Minute
)

// Credential is a token that a request proved to hold.
type Credential struct{ *store.Token }

// bearerPrefixes begin a token's ID where mobile clients send that as a bearer token
// instead of a HAWK header.
var bearerPrefixes = map[store.Kind]string{store.Session: "fxs_", store.KeyFetch: "fxk_", store.Change: "fxpc_", store.Reset: "fxar_"}

// Token finds the token of a kind that the request proves to hold.
func (a *Authenticator) Token(r *api.Request, kind store.Kind) (*Credential, error) {
	authorization := r.Header.Get("Authorization")
	if scheme, value, _ := strings.Cut(authorization, " "); strings.EqualFold(scheme, "Bearer") {
		id, ok := strings.CutPrefix(value, bearerPrefixes[kind])
		if !ok {
			return nil, fault.ErrToken
		}
		c, _, err := a.findToken(r.Context(), kind, id)
		return c, err
	}
	h, err := hawk.Parse(authorization)
	if err != nil {
		return nil, fault.ErrToken
	}
	c, key, err := a.findToken(r.Context(), kind, h.ID)
	if err != nil {
		return nil, err
	}
	if err := h.Verify(key, hawk.RequestOf(r.Request, a.URLs.Of(r.Context()))); err != nil {
		return nil, fault.ErrSignature
	}
	if err := h.VerifyPayload(r.Header.Get("Content-Type"), r.Body); err != nil {
		return nil, fault.ErrSignature
	}
	now := a.Now()
	switch err := a.Signatures.Use(h, now); {
	case errors.Is(err, hawk.ErrStale):
		return nil, fault.ErrTimestamp.With(fault.Details{ServerTime: now.Unix()})
	case err != nil:
		return nil, fault.ErrNonce
	}
	return c, a.once(r, c, h)
}

// once refuses a request that changes something and was sent before, perhaps to another server, or
// to this one before it was started. A request that only reads is not worth a write: who copied it
// has its answer, and each server still remembers its own in memory.
func (a *Authenticator) once(r *api.Request, c *Credential, h hawk.Header) error {
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		return nil
	}
	now := a.Now()
	// The servers' clocks may differ by as much as a client's.
	ends := now.Add(3 * a.Signatures.Skew).UnixMilli()
	hash := store.Hash(fmt.Sprintf("signature %d %s %s", h.TS, h.Nonce, h.ID))
	var fresh bool
	err := a.DB.UpdateSoon(r.Context(), func(tx store.Tx) (err error) {
		fresh, err = tx.UseSignature(c.UID, hash, ends, now.UnixMilli())
		return err
	})
	if err == nil && !fresh {
		err = fault.ErrNonce
	}
	return err
}

// Known refuses, before its body is read, a request without a known token in any of the
// accepted forms. The handler decides what the token allows.
func (a *Authenticator) Known(r *http.Request) error {
	scheme, text, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	switch {
	case strings.EqualFold(scheme, hawk.Scheme):
		return a.KnownSigner(r)
	case !strings.EqualFold(scheme, "Bearer"):
		return fault.ErrToken
	case r.ContentLength == 0: // the handler is about to find out
		return nil
	}
	var err error
	db := a.DB.Read(r.Context())
	if _, id, ok := strings.Cut(text, "_"); ok && isBearer(text) {
		_, err = db.Token(store.Hash(id))
	} else if strings.Contains(text, ".") { // a signed one, unlike refresh tokens
		_, _, err = a.Access(r.Context(), text)
	} else {
		_, err = db.RefreshToken(store.Hash(text))
	}
	if IsBad(err) || errors.Is(err, store.ErrNotFound) {
		return fault.ErrToken
	}
	return err
}

// BySession reports whether a request is by a session, and not by another kind of bearer
// token.
func BySession(r *http.Request) bool {
	scheme, text, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	return !strings.EqualFold(scheme, "Bearer") || strings.HasPrefix(text, bearerPrefixes[store.Session])
}

// isBearer reports whether text is a token's id in the form of bearerPrefixes.
func isBearer(text string) bool {
	for _, prefix := range bearerPrefixes {
		if strings.HasPrefix(text, prefix) {
			return true
		}
	}
	return false
}

// KnownSigner refuses, before its body is read, a request whose HAWK signature is not that of a
// known token.
func (a *Authenticator) KnownSigner(r *http.Request) error {
	authorization := r.Header.Get("Authorization")
	if scheme, _, _ := strings.Cut(authorization, " "); !strings.EqualFold(scheme, hawk.Scheme) {
		return nil
	}
	h, err := hawk.Parse(authorization)
	if err != nil {
		return fault.ErrToken
	}
	t, err := a.DB.Read(r.Context()).Token(store.Hash(h.ID))
	switch {
	case errors.Is(err, store.ErrNotFound):
		return fault.ErrToken
	case err != nil:
		return fmt.Errorf("find a token: %w", err)
	}
	if h.Verify(sealKey(h.ID, t.SealedKey), hawk.RequestOf(r, a.URLs.Of(r.Context()))) != nil {
		return fault.ErrSignature
	}
	return nil
}

// findToken reads a token by its id, with its HAWK key.
func (a *Authenticator) findToken(ctx context.Context, kind store.Kind, id string) (*Credential, []byte, error) {
	t, err := a.DB.Read(ctx).Token(store.Hash(id))
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil, fault.ErrToken
	}
	if err != nil {
		return nil, nil, fmt.Errorf("find a token: %w", err)
	}
	if t.Kind != kind || kind != store.Session && a.Now().UnixMilli()-t.CreatedAt > ShortLife.Milliseconds() {
		return nil, nil, fault.ErrToken
	}
	return &Credential{t}, sealKey(id, t.SealedKey), nil
}

// Session authenticates by a session token whose sign-in is complete.
func (a *Authenticator) Session(r *api.Request) (*Credential, error) {
	c, err := a.AnySession(r)
	if err != nil {
		return nil, err
	}
	return c, c.Complete()
}

// Complete says what a sign-in still waits for.
func (c *Credential) Complete() error {
	switch {
	case !c.Confirmed:
		return fault.ErrUnconfirmed
	case !c.Verified:
		return fault.ErrUnverified
	}
	return nil
}

// AnySession authenticates by a session token that may still wait for its second
// step or for its account's confirmation, and notes that it is in use.
func (a *Authenticator) AnySession(r *api.Request) (*Credential, error) {
	c, err := a.Token(r, store.Session)
	if err != nil {
		return nil, err
	}
	now := a.Now().UnixMilli()
	if now-c.UsedAt > touchEvery.Milliseconds() {
		err = a.DB.Update(r.Context(), c.UID, func(tx store.Tx) error {
			if err := tx.TouchToken(c.UID, c.Hash, now, r.Program()); err != nil {
				return err
			}
			if c.Complete() != nil {
				return nil
			}
			return a.Tries.Know(tx, r, c.UID)
		})
	}
	return c, err
}

// Consume removes a token that is valid for one use. If another request was faster, the token
// is reported as missing.
func Consume(tx store.Tx, c *Credential) error {
	removed, err := tx.RemoveToken(c.UID, c.Hash)
	if err == nil && !removed {
		err = fault.ErrToken
	}
	return err
}
