package accounts

import (
	"database/sql"
	"encoding/hex"
	"errors"
	"net/http"
	"strconv"
)

// attachedClients lists what is signed in to the account: sessions, and clients
// with a refresh token, with the device of each.
func (s *Service) attachedClients(r *request) (any, error) {
	c, err := s.session(r)
	if err != nil {
		return nil, err
	}
	rows, err := s.db.Read().QueryContext(r.Context(), `
		SELECT t.hash, NULL, NULL, NULL, t.user_agent, t.created_at, t.used_at, d.id, d.name, d.type
			FROM tokens t LEFT JOIN devices d ON d.session = t.hash WHERE t.uid = ?1 AND t.kind = 'session' AND t.verified = 1
		UNION ALL
		SELECT NULL, f.hash, f.client_id, f.scope, '', f.created_at, f.used_at, d.id, d.name, d.type
			FROM refresh_tokens f LEFT JOIN devices d ON d.refresh = f.hash WHERE f.uid = ?1
		ORDER BY 6, 1, 2`, c.uid)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	list := []map[string]any{}
	for rows.Next() {
		var session, refresh []byte
		var clientID, scope, device, name, kind sql.Null[string]
		var agent string
		var createdAt, usedAt int64
		if err := rows.Scan(&session, &refresh, &clientID, &scope, &agent, &createdAt, &usedAt, &device, &name, &kind); err != nil {
			return nil, err
		}
		entry := map[string]any{
			"clientId": orNull(clientID), "sessionTokenId": publicHash(session), "refreshTokenId": publicHash(refresh),
			"deviceId": orNull(device), "deviceType": orNull(kind), "name": orNull(name), "scope": nil,
			"isCurrentSession": session != nil && string(session) == string(c.hash),
			"createdTime":      createdAt, "lastAccessTime": usedAt, "approximateLastAccessTime": nil,
			"location": struct{}{}, "userAgent": agent, "os": nil,
		}
		if scope.Valid {
			have, err := parseScopes(scope.V)
			if err != nil {
				return nil, err
			}
			entry["scope"] = have
		}
		if !name.Valid && clientID.Valid {
			entry["name"] = clients[clientID.V]
		}
		list = append(list, entry)
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	// Firefox tells by it how long ago a client was there; in milliseconds.
	return jsonAnswer(http.StatusOK, list, map[string]string{"X-Timestamp": strconv.FormatInt(s.cfg.Now().UnixMilli(), 10)})
}

func orNull(n sql.Null[string]) any {
	if !n.Valid {
		return nil
	}
	return n.V
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
		return nothing, s.removeDevice(r.Context(), c, c.uid, in.DeviceID)
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
	return nothing, s.updateBy(ctx, c, func(tx *sql.Tx) error {
		err := endTogether(ctx, tx, c.uid, session, refresh)
		if errors.Is(err, errToken) {
			err = nil // it is signed out already
		}
		return err
	})
}
