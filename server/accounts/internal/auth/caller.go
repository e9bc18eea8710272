package auth

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/syncmanager/syncmanager/server/accounts/internal/api"
	"github.com/syncmanager/syncmanager/server/accounts/internal/fault"
	"github.com/syncmanager/syncmanager/server/accounts/internal/store"
)

// Caller is who asks for devices: a session, or a client with a refresh token. One of the
// two hashes is nil.
type Caller struct {
	UID     string
	Session []byte
	Refresh []byte
	Device  string // "" while it has registered none
	Holder
}

// Caller authenticates by a session or a refresh token.
func (a *Authenticator) Caller(r *api.Request) (*Caller, error) {
	var c Caller
	if !BySession(r.Request) {
		_, text, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		t, err := a.RefreshToken(r.Context(), text)
		if err != nil {
			return nil, err
		}
		c = Caller{UID: t.UID, Refresh: t.Hash, Holder: refreshHolder{t}}
	} else {
		session, err := a.Session(r)
		if err != nil {
			return nil, err
		}
		c = Caller{UID: session.UID, Session: session.Hash, Holder: session}
	}
	id, err := a.DB.Read(r.Context()).DeviceOf(c.UID, c.Session, c.Refresh)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return nil, err
	}
	c.Device = id
	return &c, nil
}

// refreshHolder is a client with a refresh token.
type refreshHolder struct{ *store.RefreshToken }

// Whose implements Holder.
func (h refreshHolder) Whose() string { return h.UID }

// Still implements Holder.
func (h refreshHolder) Still(tx store.Reader) error {
	if err := Unchanged(tx, &store.Account{UID: h.UID, Generation: h.Generation}); err != nil {
		return err
	}
	t, err := tx.RefreshToken(h.Hash)
	if ok, err := store.Found(err); !ok || t.UID != h.UID {
		return OrToken(err)
	}
	return nil
}

// RefreshToken finds a token that a client showed, and notes that it is in use.
func (a *Authenticator) RefreshToken(ctx context.Context, text string) (*store.RefreshToken, error) {
	t, err := a.DB.Read(ctx).RefreshToken(store.Hash(text))
	if errors.Is(err, store.ErrNotFound) {
		return nil, fault.ErrToken
	}
	if err != nil {
		return nil, fmt.Errorf("find a refresh token: %w", err)
	}
	if now := a.Now().UnixMilli(); now-t.UsedAt > touchEvery.Milliseconds() {
		err = a.DB.Update(ctx, t.UID, func(tx store.Tx) error { return tx.TouchRefreshToken(t.UID, t.Hash, now) })
	}
	return t, err
}
