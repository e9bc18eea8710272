package sqlstore

import "github.com/syncmanager/syncmanager/server/accounts/internal/store"

const (
	sqlDeviceOf = `SELECT id FROM devices WHERE uid = ?1 AND session = ?2 OR uid = ?1 AND refresh = ?3`
	sqlDevice   = `SELECT d.id, d.uid, d.session, d.refresh, d.name, d.type, d.push_callback, d.push_key, d.push_auth, d.push_expired,
			d.commands, d.created_at, COALESCE(t.used_at, f.used_at, d.created_at)
		FROM devices d LEFT JOIN tokens t ON t.uid = d.uid AND t.hash = d.session
			LEFT JOIN refresh_tokens f ON f.uid = d.uid AND f.hash = d.refresh
		WHERE d.uid = ? AND d.id = ?`
	sqlDevices = `SELECT d.id, d.uid, d.session, d.refresh, d.name, d.type, d.push_callback, d.push_key, d.push_auth, d.push_expired,
			d.commands, d.created_at, COALESCE(t.used_at, f.used_at, d.created_at)
		FROM devices d LEFT JOIN tokens t ON t.uid = d.uid AND t.hash = d.session
			LEFT JOIN refresh_tokens f ON f.uid = d.uid AND f.hash = d.refresh
		WHERE d.uid = ? ORDER BY d.created_at, d.rowid`
	sqlAddDevice = `INSERT INTO devices (id, uid, session, refresh, name, type, push_callback, push_key, push_auth, commands, created_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
	sqlChangeDevice = `UPDATE devices SET name = COALESCE(?, name), type = COALESCE(?, type),
		push_callback = COALESCE(?3, push_callback), push_key = COALESCE(?, push_key), push_auth = COALESCE(?, push_auth),
		commands = COALESCE(?, commands), push_expired = CASE WHEN ?3 IS NULL THEN push_expired ELSE 0 END WHERE uid = ? AND id = ?`
	sqlSetPushExpired = `UPDATE devices SET push_expired = 1 WHERE uid = ? AND id = ? AND push_callback = ?`
	sqlRemoveDevice   = `DELETE FROM devices WHERE uid = ? AND id = ? RETURNING session, refresh`
)

func deviceColumns(d *store.Device) []any {
	return []any{
		&d.ID, &d.UID, &d.Session, &d.Refresh, &d.Name, &d.Type, &d.Push.Callback, &d.Push.PublicKey, &d.Push.AuthKey, &d.PushExpired,
		&d.Commands, &d.CreatedAt, &d.UsedAt,
	}
}

func (t tx) DeviceOf(uid string, session, refresh []byte) (string, error) {
	return value[string](t, sqlDeviceOf, uid, session, refresh)
}

func (t tx) Device(uid, id string) (*store.Device, error) {
	var d store.Device
	if err := t.get(deviceColumns(&d), sqlDevice, uid, id); err != nil {
		return nil, err
	}
	return &d, nil
}

func (t tx) Devices(uid string) ([]store.Device, error) {
	return list(t, deviceColumns, sqlDevices, uid)
}

func (t tx) AddDevice(d *store.Device) error {
	return t.exec(sqlAddDevice, d.ID, d.UID, d.Session, d.Refresh, d.Name, d.Type, d.Push.Callback, d.Push.PublicKey, d.Push.AuthKey, d.Commands, d.CreatedAt)
}

func (t tx) ChangeDevice(uid, id string, c store.DeviceChange) (bool, error) {
	return t.changed(sqlChangeDevice, c.Name, c.Type, c.PushCallback, c.PushPublicKey, c.PushAuthKey, c.Commands, uid, id)
}

func (t tx) SetPushExpired(uid, id, callback string) error {
	return t.exec(sqlSetPushExpired, uid, id, callback)
}

func (t tx) RemoveDevice(uid, id string) (session, refresh []byte, err error) {
	err = t.get([]any{&session, &refresh}, sqlRemoveDevice, uid, id)
	return session, refresh, err
}

const (
	sqlCommands = `SELECT idx, sender, command, payload, expires_at FROM commands
		WHERE uid = ? AND device = ? AND idx >= ? AND expires_at > ? ORDER BY idx LIMIT ?`
	sqlNextCommand = `UPDATE accounts SET next_command = next_command + 1 WHERE uid = ? RETURNING next_command - 1`
	sqlAddCommand  = `INSERT INTO commands (uid, idx, device, sender, command, payload, expires_at) VALUES (?, ?, ?, ?, ?, ?, ?)`
	// sqlKeepDeviceCommands and sqlKeepCommands keep the newest.
	sqlKeepDeviceCommands = `DELETE FROM commands WHERE uid = ?1 AND device = ?2 AND idx <= (
		SELECT idx FROM commands WHERE uid = ?1 AND device = ?2 ORDER BY idx DESC LIMIT 1 OFFSET ?3)`
	sqlKeepCommands = `DELETE FROM commands WHERE uid = ?1 AND idx <= (
		SELECT idx FROM commands WHERE uid = ?1 ORDER BY idx DESC LIMIT 1 OFFSET ?2)`
)

func (t tx) Commands(uid, device string, from, now int64, limit int) ([]store.Command, error) {
	return list(t, func(c *store.Command) []any {
		return []any{&c.Index, &c.Sender, &c.Command, &c.Payload, &c.ExpiresAt}
	}, sqlCommands, uid, device, from, now, limit)
}

func (t tx) AddCommand(uid, device string, c store.Command, perDevice, perAccount int) (int64, error) {
	index, err := value[int64](t, sqlNextCommand, uid)
	if err != nil {
		return 0, err
	}
	if err := t.exec(sqlAddCommand, uid, index, device, c.Sender, c.Command, c.Payload, c.ExpiresAt); err != nil {
		return 0, err
	}
	if err := t.exec(sqlKeepDeviceCommands, uid, device, perDevice); err != nil {
		return 0, err
	}
	return index, t.exec(sqlKeepCommands, uid, perAccount)
}
