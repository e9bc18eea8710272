package accounts

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"net/url"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/syncmanager/syncmanager/server/security"
)

// actor is who asks for devices: a session, or a client with a refresh token.
type actor struct {
	uid     string
	session []byte
	refresh []byte
	device  string // "" while it has registered none
	holder
}

func (s *Service) actor(r *request) (*actor, error) {
	var a actor
	scheme, value, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if strings.EqualFold(scheme, "Bearer") && !strings.HasPrefix(value, bearerPrefixes[kindSession]) {
		t, err := s.refreshToken(r.Context(), value)
		if err != nil {
			return nil, err
		}
		a = actor{uid: t.uid, refresh: t.hash, holder: &grant{uid: t.uid, generation: t.generation, refresh: t.hash}}
	} else {
		c, err := s.session(r)
		if err != nil {
			return nil, err
		}
		a = actor{uid: c.uid, session: c.hash, holder: c}
	}
	err := s.db.Read().QueryRowContext(r.Context(),
		`SELECT id FROM devices WHERE session = ? OR refresh = ?`, a.session, a.refresh).Scan(&a.device)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return nil, err
	}
	return &a, nil
}

// device is a device as clients send it and see it.
type device struct {
	ID            string            `json:"id"`
	Name          *string           `json:"name,omitempty"`
	Type          *string           `json:"type,omitempty"`
	PushCallback  *string           `json:"pushCallback,omitempty"`
	PushPublicKey *string           `json:"pushPublicKey,omitempty"`
	PushAuthKey   *string           `json:"pushAuthKey,omitempty"`
	Commands      map[string]string `json:"availableCommands,omitempty"`
}

func (d *device) check() error {
	if d.ID != "" {
		if _, ok := unhex(d.ID, 16); !ok {
			return invalid("id")
		}
	}
	if d.Name != nil && (*d.Name == "" || utf8.RuneCountInString(*d.Name) > 255 || strings.ContainsFunc(*d.Name, unicode.IsControl)) {
		return invalid("name")
	}
	if d.Type != nil && len(*d.Type) > 16 {
		return invalid("type")
	}
	for name, v := range map[string]*string{"pushPublicKey": d.PushPublicKey, "pushAuthKey": d.PushAuthKey} {
		if v != nil && len(*v) > 128 {
			return invalid(name)
		}
	}
	if d.PushCallback != nil && *d.PushCallback != "" {
		if u, err := url.Parse(*d.PushCallback); err != nil || u.Scheme != "https" || len(*d.PushCallback) > 255 {
			return invalid("pushCallback")
		}
	}
	if len(d.Commands) > maxDeviceCommands {
		return invalid("availableCommands")
	}
	for name, value := range d.Commands {
		if len(name) > maxCommandName || len(value) > maxCommandValue {
			return invalid("availableCommands")
		}
	}
	return nil
}

// registerDevice makes the actor's device, or changes it: what is not sent stays.
func (s *Service) registerDevice(r *request) (any, error) {
	a, err := s.actor(r)
	if err != nil {
		return nil, err
	}
	var in device
	if err := r.decode(&in); err != nil {
		return nil, err
	}
	if err := in.check(); err != nil {
		return nil, err
	}
	if in.ID != "" && a.device != "" && in.ID != a.device {
		return nil, errDeviceConflict.with("deviceId", a.device)
	}
	ctx := r.Context()
	var out map[string]any
	var id string
	err = s.updateBy(ctx, a, func(tx *sql.Tx) error {
		id = a.device
		switch {
		case id == "" && in.ID == "":
			if id, err = s.insertDevice(ctx, tx, a); err != nil {
				return err
			}
		case id == "":
			// A device whose session ended went with it.
			return errUnknownDevice
		}
		if err := updateDevice(ctx, tx, id, &in); err != nil {
			return err
		}
		out, err = readDevice(ctx, tx, id)
		return err
	})
	if err == nil && a.device == "" {
		s.note(r, security.NewDevice, security.Registered, a.uid)
		s.notify(ctx, s.listeners(ctx, a.uid, func(device string) bool { return device != id }),
			"device_connected", map[string]any{"deviceName": out["name"]}, 0)
	}
	return out, err
}

func (s *Service) insertDevice(ctx context.Context, tx *sql.Tx, a *actor) (string, error) {
	id, err := s.randomHex(16)
	if err != nil {
		return "", err
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO devices (id, uid, session, refresh, name, type, push_callback, push_key, push_auth, commands, created_at)
		VALUES (?, ?, ?, ?, '', 'desktop', '', '', '', '{}', ?)`, id, a.uid, a.session, a.refresh, s.cfg.Now().UnixMilli())
	return id, err
}

func updateDevice(ctx context.Context, tx *sql.Tx, id string, d *device) error {
	var commands any
	if d.Commands != nil {
		b, err := json.Marshal(d.Commands)
		if err != nil {
			return err
		}
		commands = string(b)
	}
	_, err := tx.ExecContext(ctx, `UPDATE devices SET name = COALESCE(?, name), type = COALESCE(?, type),
		push_callback = COALESCE(?, push_callback), push_key = COALESCE(?, push_key), push_auth = COALESCE(?, push_auth),
		commands = COALESCE(?, commands), push_expired = push_expired AND ? IS NULL WHERE id = ?`,
		d.Name, d.Type, d.PushCallback, d.PushPublicKey, d.PushAuthKey, commands, d.PushCallback, id)
	return err
}

const deviceQuery = `SELECT d.id, d.name, d.type, d.push_callback, d.push_key, d.push_auth, d.push_expired, d.commands, d.created_at,
	COALESCE(t.used_at, f.used_at, d.created_at)
	FROM devices d LEFT JOIN tokens t ON t.hash = d.session LEFT JOIN refresh_tokens f ON f.hash = d.refresh `

func scanDevice(row interface{ Scan(...any) error }) (out map[string]any, usedAt int64, err error) {
	var id, name, kind, callback, key, auth, commands string
	var createdAt int64
	var expired bool
	if err := row.Scan(&id, &name, &kind, &callback, &key, &auth, &expired, &commands, &createdAt, &usedAt); err != nil {
		return nil, 0, err
	}
	out = map[string]any{
		"id": id, "name": name, "type": kind, "createdAt": createdAt, "lastAccessTime": usedAt,
		"availableCommands": json.RawMessage(commands), "pushEndpointExpired": expired, "location": struct{}{},
	}
	// Absent, not null: Firefox takes null for a subscription that was lost, and
	// subscribes again and again.
	for name, v := range map[string]string{"pushCallback": callback, "pushPublicKey": key, "pushAuthKey": auth} {
		if v != "" {
			out[name] = v
		}
	}
	return out, usedAt, nil
}

func readDevice(ctx context.Context, tx *sql.Tx, id string) (map[string]any, error) {
	out, _, err := scanDevice(tx.QueryRowContext(ctx, deviceQuery+`WHERE d.id = ?`, id))
	return out, err
}

func (s *Service) listDevices(r *request) (any, error) {
	a, err := s.actor(r)
	if err != nil {
		return nil, err
	}
	var since int64
	if text := r.URL.Query().Get("filterIdleDevicesTimestamp"); text != "" {
		if since, err = strconv.ParseInt(text, 10, 64); err != nil {
			return nil, invalid("filterIdleDevicesTimestamp")
		}
	}
	rows, err := s.db.Read().QueryContext(r.Context(), deviceQuery+`WHERE d.uid = ? ORDER BY d.created_at, d.rowid`, a.uid)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	list := []map[string]any{}
	for rows.Next() {
		d, usedAt, err := scanDevice(rows)
		if err != nil {
			return nil, err
		}
		d["isCurrentDevice"] = d["id"] == a.device
		if usedAt >= since || d["id"] == a.device {
			list = append(list, d)
		}
	}
	return list, rows.Err()
}

// renameDevice gives a device of the account another name, for a settings page,
// which is no device itself. This server's own; elsewhere only a device can
// rename itself.
func (s *Service) renameDevice(r *request) (any, error) {
	c, err := s.session(r)
	if err != nil {
		return nil, err
	}
	var in struct {
		ID   string  `json:"id"`
		Name *string `json:"name"`
	}
	if err := r.decode(&in); err != nil {
		return nil, err
	}
	if in.Name == nil {
		return nil, missing("name")
	}
	if err := (&device{ID: in.ID, Name: in.Name}).check(); err != nil {
		return nil, err
	}
	return nothing, s.updateBy(r.Context(), c, func(tx *sql.Tx) error {
		res, err := tx.ExecContext(r.Context(), `UPDATE devices SET name = ? WHERE id = ? AND uid = ?`, *in.Name, in.ID, c.uid)
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n == 1 {
			return err
		}
		return errUnknownDevice
	})
}

// destroyDevice removes a device of the account, and signs it out.
func (s *Service) destroyDevice(r *request) (any, error) {
	a, err := s.actor(r)
	if err != nil {
		return nil, err
	}
	var in struct {
		ID string `json:"id"`
	}
	if err := r.decode(&in); err != nil {
		return nil, err
	}
	return nothing, s.removeDevice(r.Context(), a, a.uid, in.ID)
}

// removeDevice ends a device with all that was given together with its token.
func (s *Service) removeDevice(ctx context.Context, by holder, uid, id string) error {
	// The one that goes hears of it too, and then of nothing more.
	listeners := s.listeners(ctx, uid, everyDevice)
	err := s.updateBy(ctx, by, func(tx *sql.Tx) error {
		var session, refresh []byte
		err := tx.QueryRowContext(ctx, `DELETE FROM devices WHERE id = ? AND uid = ? RETURNING session, refresh`, id, uid).Scan(&session, &refresh)
		if errors.Is(err, sql.ErrNoRows) {
			return errUnknownDevice
		}
		if err != nil {
			return err
		}
		return endTogether(ctx, tx, uid, session, refresh)
	})
	if err == nil {
		s.notify(ctx, listeners, "device_disconnected", map[string]any{"id": id}, goodbyeLife)
	}
	return err
}
