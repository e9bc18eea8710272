package sqlstore

import "github.com/syncmanager/syncmanager/server/accounts/internal/store"

const (
	sqlAccount = `SELECT uid, email, email_key, generation, keys_changed_at, auth_salt, cost, verify_hash, wrap_wrap_kb,
		COALESCE(client_salt, ''), verify_hash_v2, wrap_wrap_kb_v2, ka, display_name, profile_changed_at, created_at, confirmed
		FROM accounts WHERE uid = ?`
	sqlAccountByKey = `SELECT uid, email, email_key, generation, keys_changed_at, auth_salt, cost, verify_hash, wrap_wrap_kb,
		COALESCE(client_salt, ''), verify_hash_v2, wrap_wrap_kb_v2, ka, display_name, profile_changed_at, created_at, confirmed
		FROM accounts WHERE email_key = ?`
	sqlAnyAccount = `SELECT EXISTS (SELECT 1 FROM accounts)`
	sqlUsers      = `SELECT uid, email, created_at,
		COALESCE((SELECT max(used_at) FROM tokens t WHERE t.uid = a.uid AND kind = 'session'), 0),
		(SELECT count(*) FROM devices d WHERE d.uid = a.uid), confirmed = 0
		FROM accounts a WHERE email_key NOT LIKE 'decoy %' ORDER BY email_key`
	sqlUser = `SELECT uid, email, created_at,
		COALESCE((SELECT max(used_at) FROM tokens t WHERE t.uid = a.uid AND kind = 'session'), 0),
		(SELECT count(*) FROM devices d WHERE d.uid = a.uid), confirmed = 0
		FROM accounts a WHERE email_key NOT LIKE 'decoy %' AND (email_key = ?1 OR uid = ?1)`
	sqlAddAccount = `INSERT INTO accounts (uid, email, email_key, created_at, generation, keys_changed_at, auth_salt, cost,
			verify_hash, wrap_wrap_kb, client_salt, verify_hash_v2, wrap_wrap_kb_v2, ka, profile_changed_at, confirmed)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, NULLIF(?, ''), ?, ?, ?, ?, ?) ON CONFLICT (email_key) DO NOTHING`
	sqlSetPassword = `UPDATE accounts SET generation = ?, auth_salt = ?, cost = ?, verify_hash = ?, wrap_wrap_kb = ?,
		client_salt = NULLIF(?, ''), verify_hash_v2 = ?, wrap_wrap_kb_v2 = ? WHERE uid = ?`
	sqlUpgradePassword = `UPDATE accounts SET client_salt = ?, verify_hash_v2 = ?, wrap_wrap_kb_v2 = ?
		WHERE uid = ? AND client_salt IS NULL AND verify_hash = ?`
	sqlSetDisplayName    = `UPDATE accounts SET display_name = ? WHERE uid = ?`
	sqlSetProfileChanged = `UPDATE accounts SET profile_changed_at =
		CASE WHEN profile_changed_at >= ?1 THEN profile_changed_at + 1 ELSE ?1 END WHERE uid = ?2`
	sqlRemoveAccount     = `DELETE FROM accounts WHERE uid = ?`
	sqlRemoveUnconfirmed = `DELETE FROM accounts WHERE uid = ? AND confirmed = 0`
)

func (t tx) account(query, arg string) (*store.Account, error) {
	var a store.Account
	err := t.get([]any{
		&a.UID, &a.Email, &a.Key, &a.Generation, &a.KeysChangedAt, &a.Salt, &a.Cost, &a.V1.Hash, &a.V1.WrapWrapKB,
		&a.ClientSalt, &a.V2.Hash, &a.V2.WrapWrapKB, &a.KA, &a.DisplayName, &a.ProfileAt, &a.CreatedAt, &a.Confirmed,
	}, query, arg)
	if err != nil {
		return nil, err
	}
	return &a, nil
}

func (t tx) Account(uid string) (*store.Account, error) { return t.account(sqlAccount, uid) }

func (t tx) AccountByKey(key string) (*store.Account, error) { return t.account(sqlAccountByKey, key) }

func (t tx) AnyAccount() (bool, error) { return value[bool](t, sqlAnyAccount) }

func userColumns(u *store.User) []any {
	return []any{&u.UID, &u.Email, &u.CreatedAt, &u.SeenAt, &u.Devices, &u.Unconfirmed}
}

func (t tx) Users() ([]store.User, error) { return list(t, userColumns, sqlUsers) }

func (t tx) User(keyOrUID string) (store.User, error) {
	var u store.User
	err := t.get(userColumns(&u), sqlUser, keyOrUID)
	return u, err
}

func (t tx) AddAccount(a *store.Account) (bool, error) {
	return t.changed(sqlAddAccount, a.UID, a.Email, a.Key, a.CreatedAt, a.Generation, a.KeysChangedAt, a.Salt, a.Cost,
		a.V1.Hash, a.V1.WrapWrapKB, a.ClientSalt, a.V2.Hash, a.V2.WrapWrapKB, a.KA, a.ProfileAt, a.Confirmed)
}

func (t tx) SetPassword(a *store.Account) error {
	return t.exec(sqlSetPassword, a.Generation, a.Salt, a.Cost, a.V1.Hash, a.V1.WrapWrapKB,
		a.ClientSalt, a.V2.Hash, a.V2.WrapWrapKB, a.UID)
}

func (t tx) UpgradePassword(uid string, v1Hash []byte, clientSalt string, v2 store.Password) error {
	return t.exec(sqlUpgradePassword, clientSalt, v2.Hash, v2.WrapWrapKB, uid, v1Hash)
}

func (t tx) SetDisplayName(uid, name string) error { return t.exec(sqlSetDisplayName, name, uid) }

func (t tx) SetProfileChanged(uid string, at int64) error {
	return t.exec(sqlSetProfileChanged, at, uid)
}

func (t tx) RemoveAccount(uid string) error {
	if err := t.noteEnded(uid); err != nil {
		return err
	}
	return t.exec(sqlRemoveAccount, uid)
}

func (t tx) RemoveUnconfirmed(uid string) error { return t.exec(sqlRemoveUnconfirmed, uid) }

const (
	sqlConfirmation    = `SELECT mac, tries, expires_at FROM confirmations WHERE uid = ?`
	sqlSetConfirmation = `INSERT INTO confirmations (uid, mac, tries, expires_at) SELECT uid, ?, 0, ? FROM accounts WHERE uid = ?
		ON CONFLICT (uid) DO UPDATE SET mac = excluded.mac, tries = 0, expires_at = excluded.expires_at`
	sqlCountConfirmationTry = `UPDATE confirmations SET tries = tries + 1 WHERE uid = ?`
	sqlRemoveConfirmation   = `DELETE FROM confirmations WHERE uid = ?`
	sqlConfirm              = `UPDATE accounts SET confirmed = 1 WHERE uid = ?`
	sqlVerifyTokens         = `UPDATE tokens SET verified = 1 WHERE uid = ?`
)

func (t tx) Confirmation(uid string) (store.Confirmation, error) {
	var c store.Confirmation
	err := t.get([]any{&c.MAC, &c.Tries, &c.ExpiresAt}, sqlConfirmation, uid)
	return c, err
}

func (t tx) SetConfirmation(uid string, mac []byte, expiresAt int64) error {
	return t.exec(sqlSetConfirmation, mac, expiresAt, uid)
}

func (t tx) CountConfirmationTry(uid string) error { return t.exec(sqlCountConfirmationTry, uid) }

func (t tx) Confirm(uid string) error {
	for _, query := range []string{sqlRemoveConfirmation, sqlConfirm, sqlVerifyTokens} {
		if err := t.exec(query, uid); err != nil {
			return err
		}
	}
	return nil
}

const (
	sqlInvitationOpen = `SELECT EXISTS (SELECT 1 FROM invitations WHERE hash = ? AND uid IS NULL AND expires_at > ?)`
	sqlInvitations    = `SELECT i.hash, i.note, i.created_at, i.expires_at, COALESCE(a.email, '')
		FROM invitations i LEFT JOIN accounts a USING (uid) WHERE i.uid IS NOT NULL OR i.expires_at > ? ORDER BY i.created_at, i.hash`
	sqlAddInvitation     = `INSERT INTO invitations (hash, note, created_at, expires_at) VALUES (?, ?, ?, ?)`
	sqlUseInvitation     = `UPDATE invitations SET uid = ? WHERE hash = ? AND uid IS NULL AND expires_at > ?`
	sqlRemoveInvitations = `DELETE FROM invitations WHERE uid IS NULL AND hash >= ?1 AND substr(hash, 1, length(?1)) = ?1`
)

func (t tx) InvitationOpen(hash []byte, now int64) (bool, error) {
	return value[bool](t, sqlInvitationOpen, hash, now)
}

func (t tx) Invitations(now int64) ([]store.Invitation, error) {
	return list(t, func(i *store.Invitation) []any {
		return []any{&i.Hash, &i.Note, &i.CreatedAt, &i.ExpiresAt, &i.Email}
	}, sqlInvitations, now)
}

func (t tx) AddInvitation(i store.Invitation) error {
	return t.exec(sqlAddInvitation, i.Hash, i.Note, i.CreatedAt, i.ExpiresAt)
}

func (t tx) UseInvitation(hash []byte, uid string, now int64) (bool, error) {
	return t.changed(sqlUseInvitation, uid, hash, now)
}

func (t tx) RemoveInvitations(prefix []byte) (int, error) {
	n, err := t.t.Exec(sqlRemoveInvitations, prefix)
	return int(n), err
}

const (
	sqlAvatarID  = `SELECT id FROM avatars WHERE uid = ?`
	sqlAvatar    = `SELECT id, type, image FROM avatars WHERE id = ?`
	sqlSetAvatar = `INSERT INTO avatars (uid, id, type, image) VALUES (?, ?, ?, ?)
		ON CONFLICT (uid) DO UPDATE SET id = excluded.id, type = excluded.type, image = excluded.image`
	sqlRemoveAvatar = `DELETE FROM avatars WHERE uid = ? AND id = ?`
)

func (t tx) AvatarID(uid string) (string, error) { return value[string](t, sqlAvatarID, uid) }

func (t tx) Avatar(id string) (store.Avatar, error) {
	var a store.Avatar
	err := t.get([]any{&a.ID, &a.Type, &a.Image}, sqlAvatar, id)
	return a, err
}

func (t tx) SetAvatar(uid string, a store.Avatar) error {
	return t.exec(sqlSetAvatar, uid, a.ID, a.Type, a.Image)
}

func (t tx) RemoveAvatar(uid, id string) (bool, error) { return t.changed(sqlRemoveAvatar, uid, id) }
