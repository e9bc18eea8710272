package accounts

import (
	"encoding/hex"
	"errors"
	"net/http"
	"strconv"

	"github.com/syncmanager/syncmanager/server/accounts/internal/store"
)

// attachedClients lists what is signed in to the account: sessions, and clients
// with a refresh token, with the device of each.
func (s *Service) attachedClients(r *request) (any, error) {
	c, err := s.session(r)
	if err != nil {
		return nil, err
	}
	found, err := s.db.Read(r.Context()).Clients(c.UID)
	if err != nil {
		return nil, err
	}
	list := []map[string]any{}
	for _, f := range found {
		entry := map[string]any{
			"clientId": nil, "sessionTokenId": publicHash(f.Session), "refreshTokenId": publicHash(f.Refresh),
			"deviceId": nil, "deviceType": nil, "name": nil, "scope": nil,
			"isCurrentSession": f.Session != nil && string(f.Session) == string(c.Hash),
			"createdTime":      f.CreatedAt, "lastAccessTime": f.UsedAt, "approximateLastAccessTime": nil,
			"location": struct{}{}, "userAgent": f.UserAgent, "os": nil,
		}
		if f.Refresh != nil {
			have, err := parseScopes(f.Scope)
			if err != nil {
				return nil, err
			}
			entry["scope"], entry["clientId"], entry["name"] = have, f.ClientID, clients[f.ClientID]
		}
		if f.Device != nil {
			entry["deviceId"], entry["deviceType"], entry["name"] = f.Device.ID, f.Device.Type, f.Device.Name
		}
		list = append(list, entry)
	}
	// Firefox tells by it how long ago a client was there; in milliseconds.
	return jsonAnswer(http.StatusOK, list, map[string]string{"X-Timestamp": strconv.FormatInt(s.cfg.Now().UnixMilli(), 10)})
}

// destroyClient signs out what attachedClients listed.
func (s *Service) destroyClient(r *request) (any, error) {
	c, err := s.session(r)
	if err != nil {
		return nil, err
	}
	var in struct {
		SessionTokenID string `json:"sessionTokenId"`
		RefreshTokenID string `json:"refreshTokenId"`
		DeviceID       string `json:"deviceId"`
	}
	if err := r.decode(&in); err != nil {
		return nil, err
	}
	if in.DeviceID != "" {
		return nothing, s.removeDevice(r.Context(), c, c.UID, in.DeviceID)
	}
	var session, refresh []byte
	switch {
	case in.SessionTokenID != "":
		if session, err = hex.DecodeString(in.SessionTokenID); err != nil {
			return nil, invalid("sessionTokenId")
		}
	case in.RefreshTokenID != "":
		if refresh, err = hex.DecodeString(in.RefreshTokenID); err != nil {
			return nil, invalid("refreshTokenId")
		}
	default:
		return nil, missing("sessionTokenId")
	}
	ctx := r.Context()
	return nothing, s.updateBy(ctx, c, func(tx store.Tx) error {
		err := endTogether(tx, c.UID, session, refresh)
		if errors.Is(err, errToken) {
			err = nil // it is signed out already
		}
		return err
	})
}
