package devices

import (
	"encoding/hex"
	"errors"
	"net/http"
	"strconv"

	"github.com/syncmanager/syncmanager/server/accounts/internal/api"
	"github.com/syncmanager/syncmanager/server/accounts/internal/auth"
	"github.com/syncmanager/syncmanager/server/accounts/internal/fault"
	"github.com/syncmanager/syncmanager/server/accounts/internal/oauth"
	"github.com/syncmanager/syncmanager/server/accounts/internal/store"
)

// attachedClient is what is signed in. The pointers are null where there is none.
type attachedClient struct {
	ClientID       *string      `json:"clientId"`
	SessionID      *string      `json:"sessionTokenId"`
	RefreshTokenID *string      `json:"refreshTokenId"`
	DeviceID       *string      `json:"deviceId"`
	DeviceType     *string      `json:"deviceType"`
	Name           *string      `json:"name"`
	Scope          oauth.Scopes `json:"scope"`
	Current        bool         `json:"isCurrentSession"`
	CreatedAt      int64        `json:"createdTime"`
	UsedAt         int64        `json:"lastAccessTime"`
	ApproximateAt  *int64       `json:"approximateLastAccessTime"`
	Location       struct{}     `json:"location"`
	UserAgent      string       `json:"userAgent"`
	OS             *string      `json:"os"`
}

// Clients lists what is signed in to the account: sessions, and clients
// with a refresh token, with the device of each.
func (h *Handlers) Clients(r *api.Request) (any, error) {
	c, err := h.Auth.Session(r)
	if err != nil {
		return nil, err
	}
	found, err := h.DB.Read(r.Context()).Clients(c.UID)
	if err != nil {
		return nil, err
	}
	list := []attachedClient{}
	for _, f := range found {
		entry := attachedClient{
			SessionID: publicHash(f.Session), RefreshTokenID: publicHash(f.Refresh),
			Current:   f.Session != nil && string(f.Session) == string(c.Hash),
			CreatedAt: f.CreatedAt, UsedAt: f.UsedAt, UserAgent: f.UserAgent,
		}
		if f.Refresh != nil {
			if entry.Scope, err = oauth.Parse(f.Scope); err != nil {
				return nil, err
			}
			name := oauth.Clients[f.ClientID]
			entry.ClientID, entry.Name = &f.ClientID, &name
		}
		if d := f.Device; d != nil {
			entry.DeviceID, entry.DeviceType, entry.Name = &d.ID, &d.Type, &d.Name
		}
		list = append(list, entry)
	}
	// Firefox tells by it how long ago a client was there; in milliseconds.
	return api.JSON(http.StatusOK, list, map[string]string{"X-Timestamp": strconv.FormatInt(h.Now().UnixMilli(), 10)})
}

// DestroyClient signs out what attachedClients listed.
func (h *Handlers) DestroyClient(r *api.Request) (any, error) {
	c, err := h.Auth.Session(r)
	if err != nil {
		return nil, err
	}
	var in struct {
		SessionTokenID string `json:"sessionTokenId"`
		RefreshTokenID string `json:"refreshTokenId"`
		DeviceID       string `json:"deviceId"`
	}
	if err := r.Decode(&in); err != nil {
		return nil, err
	}
	if in.DeviceID != "" {
		return api.Nothing, h.remove(r.Context(), c, c.UID, in.DeviceID)
	}
	var session, refresh []byte
	switch {
	case in.SessionTokenID != "":
		if session, err = hex.DecodeString(in.SessionTokenID); err != nil {
			return nil, fault.Invalid("sessionTokenId")
		}
	case in.RefreshTokenID != "":
		if refresh, err = hex.DecodeString(in.RefreshTokenID); err != nil {
			return nil, fault.Invalid("refreshTokenId")
		}
	default:
		return nil, fault.Missing("sessionTokenId")
	}
	ctx := r.Context()
	return api.Nothing, h.Auth.UpdateBy(ctx, c, func(tx store.Tx) error {
		err := auth.EndTogether(tx, c.UID, session, refresh)
		if errors.Is(err, fault.ErrToken) {
			err = nil // it is signed out already
		}
		return err
	})
}

// publicHash names a token to other clients of its account. They must not learn its ID, which
// alone authenticates mobile clients.
func publicHash(h []byte) *string {
	if h == nil {
		return nil
	}
	text := hex.EncodeToString(h)
	return &text
}
