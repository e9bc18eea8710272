package sqlstore

import "github.com/syncmanager/syncmanager/server/accounts/internal/store"

const (
	sqlTOTP          = `SELECT secret, enabled, used_step FROM totp WHERE uid = ?`
	sqlSetTOTPSecret = `INSERT INTO totp (uid, secret, enabled, used_step) VALUES (?, ?, 0, 0)
		ON CONFLICT (uid) DO UPDATE SET secret = excluded.secret, used_step = 0`
	sqlUseTOTP           = `UPDATE totp SET enabled = 1, used_step = ? WHERE uid = ?`
	sqlRemoveTOTP        = `DELETE FROM totp WHERE uid = ?`
	sqlCountBackupCodes  = `SELECT count(*) FROM backup_codes WHERE uid = ?`
	sqlAddBackupCode     = `INSERT INTO backup_codes (hash, uid) VALUES (?, ?)`
	sqlUseBackupCode     = `DELETE FROM backup_codes WHERE uid = ? AND hash = ?`
	sqlRemoveBackupCodes = `DELETE FROM backup_codes WHERE uid = ?`
)

func (t tx) TOTP(uid string) (store.TOTP, error) {
	var o store.TOTP
	err := t.get([]any{&o.Secret, &o.Enabled, &o.UsedStep}, sqlTOTP, uid)
	return o, err
}

func (t tx) SetTOTPSecret(uid string, secret []byte) error {
	return t.exec(sqlSetTOTPSecret, uid, secret)
}

func (t tx) UseTOTP(uid string, step int64) error { return t.exec(sqlUseTOTP, step, uid) }

func (t tx) CountBackupCodes(uid string) (int, error) { return value[int](t, sqlCountBackupCodes, uid) }

func (t tx) ReplaceBackupCodes(uid string, hashes [][]byte) error {
	if err := t.exec(sqlRemoveBackupCodes, uid); err != nil {
		return err
	}
	for _, h := range hashes {
		if err := t.exec(sqlAddBackupCode, h, uid); err != nil {
			return err
		}
	}
	return nil
}

func (t tx) UseBackupCode(uid string, hash []byte) (bool, error) {
	return t.changed(sqlUseBackupCode, uid, hash)
}

func (t tx) RemoveSecondStep(uid string) error {
	if err := t.exec(sqlRemoveTOTP, uid); err != nil {
		return err
	}
	return t.exec(sqlRemoveBackupCodes, uid)
}

const (
	sqlHasRecoveryKey = `SELECT EXISTS (SELECT 1 FROM recovery_keys WHERE uid = ?)`
	sqlRecoveryKey    = `SELECT k.hash, k.data, a.uid, a.email
		FROM accounts a JOIN recovery_keys k ON k.uid = a.uid WHERE a.email_key = ?`
	sqlSetRecoveryKey = `INSERT INTO recovery_keys (uid, hash, data) VALUES (?, ?, ?)
		ON CONFLICT (uid) DO UPDATE SET hash = excluded.hash, data = excluded.data WHERE ? = 1`
	sqlRemoveRecoveryKey = `DELETE FROM recovery_keys WHERE uid = ?`
)

func (t tx) HasRecoveryKey(uid string) (bool, error) { return value[bool](t, sqlHasRecoveryKey, uid) }

func (t tx) RecoveryKey(accountKey string) (store.RecoveryKey, error) {
	var k store.RecoveryKey
	err := t.get([]any{&k.Hash, &k.Data, &k.UID, &k.Email}, sqlRecoveryKey, accountKey)
	return k, err
}

func (t tx) SetRecoveryKey(uid string, k store.RecoveryKey, replace bool) (bool, error) {
	return t.changed(sqlSetRecoveryKey, uid, k.Hash, k.Data, replace)
}

func (t tx) RemoveRecoveryKey(uid string) (bool, error) { return t.changed(sqlRemoveRecoveryKey, uid) }

const (
	sqlNotices   = `SELECT kind, at FROM notices WHERE uid = ? ORDER BY at DESC LIMIT 20`
	sqlSetNotice = `INSERT INTO notices (uid, kind, at) VALUES (?, ?, ?)
		ON CONFLICT (uid, kind) DO UPDATE SET at = excluded.at WHERE excluded.at > notices.at`
	sqlRemoveNotice = `DELETE FROM notices WHERE uid = ? AND kind = ? AND at <= ?`
)

func (t tx) Notices(uid string) ([]store.Notice, error) {
	return list(t, func(n *store.Notice) []any { return []any{&n.Kind, &n.At} }, sqlNotices, uid)
}

func (t tx) SetNotice(uid string, n store.Notice) error {
	return t.exec(sqlSetNotice, uid, n.Kind, n.At)
}

func (t tx) RemoveNotice(uid string, n store.Notice) error {
	return t.exec(sqlRemoveNotice, uid, n.Kind, n.At)
}
