package token

// All statements of the package, so that a test can check their query plans.
const (
	sqlStatus   = `SELECT disabled, quota FROM account_status WHERE account = ?1`
	sqlStatusOf = `SELECT disabled, quota FROM account_status JOIN users USING (account) WHERE uid = ?1`
	sqlAdmit    = `SELECT u.replaced_at IS NULL, COALESCE(s.disabled = 1 OR s.retired = 1, FALSE)
		FROM users u LEFT JOIN account_status s USING (account) WHERE u.uid = ?1 AND u.account = ?2`
	// sqlOne makes the row of an account if there is none, and keeps it from others until the end of
	// the transaction, as all do first who change what belongs to the account.
	sqlOne = `INSERT INTO account_status (account) VALUES (?1)
		ON CONFLICT (account) DO UPDATE SET retired = account_status.retired`
	sqlSetStatus = `INSERT INTO account_status (account, disabled, quota) VALUES (?1, ?2, ?3)
		ON CONFLICT (account) DO UPDATE SET disabled = excluded.disabled, quota = excluded.quota`
	sqlCount = `SELECT count(*) FROM users WHERE replaced_at IS NULL`
	sqlUsers = `SELECT u.account, u.uid, u.created_at, COALESCE(s.disabled, 0), s.quota
		FROM users u LEFT JOIN account_status s USING (account) WHERE u.replaced_at IS NULL
		UNION ALL
		SELECT s.account, 0, 0, s.disabled, s.quota FROM account_status s
		WHERE s.retired = 0 AND NOT EXISTS (SELECT 1 FROM users u WHERE u.account = s.account AND u.replaced_at IS NULL)
		ORDER BY 1`
	sqlClosed        = `SELECT disabled = 1 OR retired = 1 FROM account_status WHERE account = ?1`
	sqlKeys          = `SELECT uid, client_state, generation, keys_changed_at, replaced_at IS NULL FROM users WHERE account = ?1`
	sqlSetGeneration = `UPDATE users SET generation = ?1, keys_changed_at = ?2 WHERE uid = ?3`
	sqlReplace       = `UPDATE users SET replaced_at = ?1 WHERE account = ?2 AND replaced_at IS NULL`
	sqlAdd           = `INSERT INTO users (account, client_state, generation, keys_changed_at, created_at) VALUES (?1, ?2, ?3, ?4, ?5) RETURNING uid`
	sqlRetire        = `INSERT INTO account_status (account, retired) VALUES (?1, 1)
		ON CONFLICT (account) DO UPDATE SET retired = 1, quota = NULL`
	sqlGiveUp = `DELETE FROM users WHERE uid = ?1 AND replaced_at IS NULL
		RETURNING account, client_state, generation, keys_changed_at, created_at`
	sqlReplaced          = `SELECT uid FROM users WHERE replaced_at < ?1 AND emptied = 0 ORDER BY replaced_at, uid`
	sqlEmptied           = `UPDATE users SET emptied = 1 WHERE uid = ?1 AND replaced_at IS NOT NULL`
	sqlDefaultQuota      = `SELECT value FROM settings WHERE name = 'quota'`
	sqlSetDefaultQuota   = `INSERT INTO settings (name, value) VALUES ('quota', ?1) ON CONFLICT (name) DO UPDATE SET value = excluded.value`
	sqlUnsetDefaultQuota = `DELETE FROM settings WHERE name = 'quota'`
	sqlAccountOf         = `SELECT account FROM users WHERE uid = ?1`
	sqlRetired           = `SELECT retired = 1 FROM account_status WHERE account = ?1`
	sqlReserve           = `INSERT INTO users (account, client_state, generation, keys_changed_at, created_at, replaced_at) VALUES (?1, ?2, 0, 0, 0, ?3) RETURNING uid`
	sqlGiveWay           = `UPDATE users SET account = ?1, client_state = ?2, replaced_at = ?3 WHERE uid = ?4`
	sqlSettle            = `UPDATE users SET account = ?1, client_state = ?2, generation = ?3, keys_changed_at = ?4, created_at = ?5, replaced_at = NULL
		WHERE uid = ?6 AND account = ?7 AND replaced_at IS NOT NULL AND emptied = 0`
	sqlAddOld = `INSERT INTO users (account, client_state, generation, keys_changed_at, created_at, replaced_at, emptied) VALUES (?1, ?2, ?3, ?4, ?5, ?6, 1)
		ON CONFLICT (account, client_state) DO NOTHING`
	sqlStorages = `SELECT uid FROM users WHERE account = ?1`
)
