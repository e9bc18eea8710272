package sqlstore

import "github.com/syncmanager/syncmanager/server/accounts/internal/store"

const (
	sqlToken = `SELECT t.hash, t.kind, t.uid, t.sealed_key, t.bundle, t.session, COALESCE(s.verified, t.verified), t.created_at, t.used_at,
			t.user_agent, t.grant_id, t.second_step, t.password_at, t.second_at, a.generation, a.confirmed
		FROM tokens t JOIN accounts a USING (uid) LEFT JOIN tokens s ON s.uid = t.uid AND s.hash = t.session
		WHERE t.hash = ?`
	sqlCountTokens = `SELECT count(*) FROM tokens WHERE uid = ? AND kind = ?`
	sqlClients     = `
		SELECT t.hash, NULL, '', '', t.user_agent, t.created_at, t.used_at, d.id, d.name, d.type
			FROM tokens t LEFT JOIN devices d ON d.uid = t.uid AND d.session = t.hash WHERE t.uid = ?1 AND t.kind = 'session' AND t.verified = 1
		UNION ALL
		SELECT NULL, f.hash, f.client_id, f.scope, '', f.created_at, f.used_at, d.id, d.name, d.type
			FROM refresh_tokens f LEFT JOIN devices d ON d.uid = f.uid AND d.refresh = f.hash WHERE f.uid = ?1
		ORDER BY 6, 1, 2`
	sqlAddToken = `INSERT INTO tokens (hash, kind, uid, sealed_key, bundle, session, verified, created_at, used_at, user_agent, grant_id, second_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
	sqlTouchToken         = `UPDATE tokens SET used_at = ?, user_agent = ? WHERE uid = ? AND hash = ?`
	sqlSetPasswordShown   = `UPDATE tokens SET password_at = ? WHERE uid = ? AND hash = ?`
	sqlSetSecondStepShown = `UPDATE tokens SET verified = 1, second_step = 1, second_at = ? WHERE uid = ? AND hash = ?`
	sqlRemoveToken        = `DELETE FROM tokens WHERE uid = ? AND hash = ?`
	sqlRemoveIdleTokens   = `DELETE FROM tokens WHERE uid = ?1 AND hash IN (SELECT hash FROM tokens
		WHERE uid = ?1 AND kind = ?2 AND hash <> ?3 AND used_at <= ?4 ORDER BY used_at, created_at, hash LIMIT ?5)`
	sqlRemoveTokens        = `DELETE FROM tokens WHERE uid = ?`
	sqlRemoveRefreshTokens = `DELETE FROM refresh_tokens WHERE uid = ?`
	sqlRemoveGrantTokens   = `DELETE FROM tokens WHERE uid = ? AND grant_id = ?`
	sqlRemoveGrantRefresh  = `DELETE FROM refresh_tokens WHERE uid = ? AND grant_id = ?`
)

func (t tx) Token(hash []byte) (*store.Token, error) {
	var k store.Token
	err := t.get([]any{
		&k.Hash, &k.Kind, &k.UID, &k.SealedKey, &k.Bundle, &k.Session, &k.Verified, &k.CreatedAt, &k.UsedAt,
		&k.UserAgent, &k.Grant, &k.SecondStep, &k.PasswordAt, &k.SecondAt, &k.Generation, &k.Confirmed,
	}, sqlToken, hash)
	if err != nil {
		return nil, err
	}
	return &k, nil
}

func (t tx) CountTokens(uid string, kind store.Kind) (int, error) {
	return value[int](t, sqlCountTokens, uid, kind)
}

func (t tx) Clients(uid string) ([]store.Client, error) {
	rows, err := t.t.Query(sqlClients, uid)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []store.Client
	for rows.Next() {
		var c store.Client
		var id, name, kind *string
		if err := rows.Scan(&c.Session, &c.Refresh, &c.ClientID, &c.Scope, &c.UserAgent, &c.CreatedAt, &c.UsedAt, &id, &name, &kind); err != nil {
			return nil, err
		}
		if id != nil {
			c.Device = &store.ClientDevice{ID: *id, Name: *name, Type: *kind}
		}
		all = append(all, c)
	}
	return all, rows.Err()
}

func (t tx) AddToken(k *store.Token) error {
	return t.exec(sqlAddToken, k.Hash, k.Kind, k.UID, k.SealedKey, k.Bundle, k.Session, k.Verified, k.CreatedAt, k.CreatedAt,
		k.UserAgent, k.Grant, k.SecondAt)
}

func (t tx) TouchToken(uid string, hash []byte, usedAt int64, userAgent string) error {
	return t.exec(sqlTouchToken, usedAt, userAgent, uid, hash)
}

func (t tx) SetPasswordShown(uid string, hash []byte, at int64) error {
	return t.exec(sqlSetPasswordShown, at, uid, hash)
}

func (t tx) SetSecondStepShown(uid string, hash []byte, at int64) error {
	return t.exec(sqlSetSecondStepShown, at, uid, hash)
}

func (t tx) RemoveToken(uid string, hash []byte) (bool, error) {
	if err := t.exec(sqlNoteEndedSession, uid, hash); err != nil {
		return false, err
	}
	return t.changed(sqlRemoveToken, uid, hash)
}

func (t tx) RemoveIdleTokens(uid string, kind store.Kind, except []byte, usedAt int64, n int) (int, error) {
	gone, err := t.t.Exec(sqlRemoveIdleTokens, uid, kind, except, usedAt, n)
	if err == nil && gone > 0 && kind == store.Session {
		err = t.noteEnded(uid)
	}
	return int(gone), err
}

func (t tx) RemoveTokens(uid string) error {
	if err := t.exec(sqlRemoveTokens, uid); err != nil {
		return err
	}
	if err := t.exec(sqlRemoveRefreshTokens, uid); err != nil {
		return err
	}
	return t.noteEnded(uid)
}

func (t tx) RemoveGrant(uid string, grant []byte) error {
	if err := t.exec(sqlRemoveGrantRefresh, uid, grant); err != nil {
		return err
	}
	if err := t.exec(sqlRemoveGrantTokens, uid, grant); err != nil {
		return err
	}
	return t.noteEnded(uid)
}

const (
	sqlUseSignature = `INSERT INTO signatures (uid, hash, ends_at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING`
	// sqlForgetSignatures removes only a few, because it runs with each request.
	sqlForgetSignatures = `DELETE FROM signatures WHERE uid = ?1 AND hash IN (
		SELECT hash FROM signatures WHERE uid = ?1 AND ends_at <= ?2 LIMIT 8 /*postgres FOR UPDATE SKIP LOCKED */)`
)

func (t tx) UseSignature(uid string, hash []byte, endsAt, now int64) (fresh bool, err error) {
	if err := t.exec(sqlForgetSignatures, uid, now); err != nil {
		return false, err
	}
	return t.changed(sqlUseSignature, uid, hash, endsAt)
}

const (
	sqlRefreshToken = `SELECT f.hash, f.uid, f.client_id, f.scope, f.session, f.grant_id, f.created_at, f.used_at, a.generation
		FROM refresh_tokens f JOIN accounts a USING (uid) WHERE f.hash = ?`
	sqlCountRefreshTokens   = `SELECT count(*) FROM refresh_tokens WHERE uid = ?`
	sqlGrantHasRefreshToken = `SELECT EXISTS (SELECT 1 FROM refresh_tokens WHERE uid = ? AND grant_id = ?)`
	sqlAddRefreshToken      = `INSERT INTO refresh_tokens (hash, uid, client_id, scope, session, created_at, used_at, grant_id)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?)`
	sqlTouchRefreshToken       = `UPDATE refresh_tokens SET used_at = ? WHERE uid = ? AND hash = ?`
	sqlRemoveRefreshToken      = `DELETE FROM refresh_tokens WHERE uid = ? AND hash = ?`
	sqlRemoveIdleRefreshTokens = `DELETE FROM refresh_tokens WHERE uid = ?1 AND hash IN (SELECT hash FROM refresh_tokens
		WHERE uid = ?1 AND hash <> ?2 AND used_at <= ?3 ORDER BY used_at, created_at, hash LIMIT ?4)`
)

func (t tx) RefreshToken(hash []byte) (*store.RefreshToken, error) {
	var f store.RefreshToken
	err := t.get([]any{
		&f.Hash, &f.UID, &f.ClientID, &f.Scope, &f.Session, &f.Grant, &f.CreatedAt, &f.UsedAt, &f.Generation,
	}, sqlRefreshToken, hash)
	if err != nil {
		return nil, err
	}
	return &f, nil
}

func (t tx) CountRefreshTokens(uid string) (int, error) {
	return value[int](t, sqlCountRefreshTokens, uid)
}

func (t tx) GrantHasRefreshToken(uid string, grant []byte) (bool, error) {
	return value[bool](t, sqlGrantHasRefreshToken, uid, grant)
}

func (t tx) AddRefreshToken(f *store.RefreshToken) error {
	return t.exec(sqlAddRefreshToken, f.Hash, f.UID, f.ClientID, f.Scope, f.Session, f.CreatedAt, f.CreatedAt, f.Grant)
}

func (t tx) TouchRefreshToken(uid string, hash []byte, usedAt int64) error {
	return t.exec(sqlTouchRefreshToken, usedAt, uid, hash)
}

func (t tx) RemoveRefreshToken(uid string, hash []byte) error {
	if gone, err := t.changed(sqlRemoveRefreshToken, uid, hash); err != nil || !gone {
		return err
	}
	return t.noteEnded(uid)
}

func (t tx) RemoveIdleRefreshTokens(uid string, except []byte, usedAt int64, n int) (int, error) {
	gone, err := t.t.Exec(sqlRemoveIdleRefreshTokens, uid, except, usedAt, n)
	if err == nil && gone > 0 {
		err = t.noteEnded(uid)
	}
	return int(gone), err
}

const (
	sqlAddCode = `INSERT INTO codes (hash, uid, client_id, scope, challenge, offline, keys_jwe, nonce, auth_at, session, expires_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
	sqlKeepCodes = `DELETE FROM codes WHERE uid = ?1 AND hash IN (
		SELECT hash FROM codes WHERE uid = ?1 ORDER BY expires_at DESC, rowid DESC LIMIT 9223372036854775807 OFFSET ?2)`
	sqlTakeCode = `DELETE FROM codes WHERE hash = ?
		RETURNING hash, uid, client_id, scope, challenge, offline, keys_jwe, nonce, auth_at, session, expires_at,
			(SELECT generation FROM accounts a WHERE a.uid = codes.uid)`
	sqlRevoked = `SELECT EXISTS (SELECT 1 FROM revoked WHERE uid = ? AND jti = ?)`
	sqlRevoke  = `INSERT INTO revoked (uid, jti, expires_at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING`
)

func (t tx) AddCode(c *store.Code, max int) error {
	err := t.exec(sqlAddCode, c.Hash, c.UID, c.ClientID, c.Scope, c.Challenge, c.Offline, c.KeysJWE, c.Nonce, c.AuthAt, c.Session, c.ExpiresAt)
	if err != nil {
		return err
	}
	return t.exec(sqlKeepCodes, c.UID, max)
}

func (t tx) TakeCode(hash []byte) (*store.Code, error) {
	var c store.Code
	err := t.get([]any{
		&c.Hash, &c.UID, &c.ClientID, &c.Scope, &c.Challenge, &c.Offline, &c.KeysJWE, &c.Nonce, &c.AuthAt, &c.Session, &c.ExpiresAt, &c.Generation,
	}, sqlTakeCode, hash)
	if err != nil {
		return nil, err
	}
	return &c, nil
}

func (t tx) Revoked(uid, jti string) (bool, error) { return value[bool](t, sqlRevoked, uid, jti) }

func (t tx) Revoke(uid, jti string, expiresAt int64) error {
	return t.exec(sqlRevoke, uid, jti, expiresAt)
}
