package token

// All statements of the package, so that a test can check their query plans.
const (
	sqlStatus   = `SELECT disabled, quota FROM account_status WHERE account = ?1`
	sqlStatusOf = `SELECT disabled, quota FROM account_status JOIN users USING (account) WHERE uid = ?1`
	sqlAdmit    = `SELECT u.replaced_at IS NULL, COALESCE(s.disabled = 1 OR s.retired = 1, FALSE), s.quota
		FROM users u LEFT JOIN account_status s USING (account) WHERE u.uid = ?1 AND u.account = ?2`
	// sqlOne makes the row of an account if there is none, and keeps it from others until the end of
	// the transaction, as all do first who change what belongs to the account.
	sqlOne = `INSERT INTO account_status (account) VALUES (?1)
		ON CONFLICT (account) DO UPDATE SET retired = account_status.retired`
	sqlSetStatus = `INSERT INTO account_status (account, disabled, quota) VALUES (?1, ?2, ?3)
		ON CONFLICT (account) DO UPDATE SET disabled = excluded.disabled, quota = excluded.quota`
	sqlCount = `SELECT count(*) FROM users WHERE replaced_at IS NULL`
	sqlUsers = `SELECT u.account, u.uid, u.node, u.created_at, COALESCE(s.disabled, 0), s.quota
		FROM users u LEFT JOIN account_status s USING (account) WHERE u.replaced_at IS NULL
		UNION ALL
		SELECT s.account, 0, '', 0, s.disabled, s.quota FROM account_status s
		WHERE s.retired = 0 AND NOT EXISTS (SELECT 1 FROM users u WHERE u.account = s.account AND u.replaced_at IS NULL)
		ORDER BY 1`
	sqlUser          = `SELECT uid, node, created_at FROM users WHERE account = ?1 AND replaced_at IS NULL`
	sqlClosed        = `SELECT disabled = 1 OR retired = 1 FROM account_status WHERE account = ?1`
	sqlKeys          = `SELECT uid, client_state, generation, keys_changed_at, node, replaced_at IS NULL FROM users WHERE account = ?1`
	sqlSetGeneration = `UPDATE users SET generation = ?1, keys_changed_at = ?2 WHERE uid = ?3`
	sqlReplace       = `UPDATE users SET replaced_at = ?1 WHERE account = ?2 AND replaced_at IS NULL`
	sqlAdd           = `INSERT INTO users (account, client_state, generation, keys_changed_at, created_at) VALUES (?1, ?2, ?3, ?4, ?5) RETURNING uid`
	sqlRetire        = `INSERT INTO account_status (account, retired) VALUES (?1, 1)
		ON CONFLICT (account) DO UPDATE SET retired = 1, quota = NULL`
	sqlGiveUp = `DELETE FROM users WHERE uid = ?1 AND replaced_at IS NULL
		RETURNING account, client_state, generation, keys_changed_at, created_at, node`
	sqlReplaced = `SELECT uid, node FROM users WHERE replaced_at < ?1 AND emptied = 0
		AND NOT EXISTS (SELECT 1 FROM moves WHERE to_uid = users.uid) ORDER BY replaced_at, uid`
	sqlEmptied           = `UPDATE users SET emptied = 1 WHERE uid = ?1 AND replaced_at IS NOT NULL`
	sqlDefaultQuota      = `SELECT value FROM settings WHERE name = 'quota'`
	sqlSetDefaultQuota   = `INSERT INTO settings (name, value) VALUES ('quota', ?1) ON CONFLICT (name) DO UPDATE SET value = excluded.value`
	sqlUnsetDefaultQuota = `DELETE FROM settings WHERE name = 'quota'`
	sqlAccountOf         = `SELECT account FROM users WHERE uid = ?1`
	sqlRetired           = `SELECT retired = 1 FROM account_status WHERE account = ?1`
	sqlReserve           = `INSERT INTO users (account, client_state, generation, keys_changed_at, created_at, replaced_at, node) VALUES (?1, ?2, 0, 0, 0, ?3, ?4) RETURNING uid`
	sqlGiveBack          = `DELETE FROM users WHERE uid = ?1 AND account = ?2 AND replaced_at IS NOT NULL`
	sqlGiveWay           = `UPDATE users SET account = ?1, client_state = ?2, replaced_at = ?3 WHERE uid = ?4`
	sqlSettle            = `UPDATE users SET account = ?1, client_state = ?2, generation = ?3, keys_changed_at = ?4, created_at = ?5, replaced_at = NULL
		WHERE uid = ?6 AND account = ?7 AND replaced_at IS NOT NULL AND emptied = 0`
	sqlAddOld = `INSERT INTO users (account, client_state, generation, keys_changed_at, created_at, replaced_at, emptied) VALUES (?1, ?2, ?3, ?4, ?5, ?6, 1)
		ON CONFLICT (account, client_state) DO NOTHING`
	sqlNodeOf   = `SELECT node FROM users WHERE uid = ?1`
	sqlStorages = `SELECT uid, node FROM users WHERE account = ?1`
)

// The statements on what ended.
const (
	sqlNoteEnded   = `INSERT INTO ended_storages (account, at) VALUES (?1, 0) ON CONFLICT (account) DO UPDATE SET at = 0`
	sqlAnyEnded    = `SELECT EXISTS (SELECT 1 FROM ended_storages WHERE at = 0)`
	sqlStampEnded  = `UPDATE ended_storages SET at = ?1 WHERE at = 0`
	sqlEnded       = `SELECT account, at FROM ended_storages WHERE at > ?1 ORDER BY at`
	sqlForgetEnded = `DELETE FROM ended_storages WHERE at > 0 AND at <= ?1`
	sqlCurrent     = `SELECT u.uid, u.node FROM users u LEFT JOIN account_status s USING (account)
		WHERE u.account = ?1 AND u.replaced_at IS NULL AND COALESCE(s.disabled, 0) = 0 AND COALESCE(s.retired, 0) = 0`
)

// The statements on nodes.
const (
	sqlNodes   = `SELECT url, capacity, users, draining, down FROM nodes ORDER BY url`
	sqlAnyNode = `SELECT EXISTS (SELECT 1 FROM nodes)`
	sqlAddSelf = `INSERT INTO nodes (url, capacity) VALUES ('', 0) ON CONFLICT (url) DO NOTHING`
	// A negative capacity keeps that of a node that is known, and stands for ?3 in a new one.
	sqlAddNode = `INSERT INTO nodes (url, capacity) VALUES (?1, CASE WHEN CAST(?2 AS BIGINT) < 0 THEN ?3 ELSE ?2 END)
		ON CONFLICT (url) DO UPDATE SET capacity = CASE WHEN CAST(?2 AS BIGINT) < 0 THEN nodes.capacity ELSE ?2 END, draining = 0
		RETURNING capacity`
	sqlLockNodes = `UPDATE nodes SET users = users`
	sqlRecount   = `UPDATE nodes SET users = (SELECT count(*) FROM users u WHERE u.node = nodes.url AND u.replaced_at IS NULL)
		+ (SELECT count(*) FROM moves m WHERE m.to_node = nodes.url)`
	sqlDrainNode  = `UPDATE nodes SET draining = 1 WHERE url = ?1`
	sqlDownNode   = `UPDATE nodes SET down = ?2 WHERE url = ?1`
	sqlRemoveNode = `DELETE FROM nodes WHERE url = ?1`
	// The server itself is no longer one of several nodes.
	sqlRemoveSelf = `DELETE FROM nodes WHERE url = '' AND capacity = 0 AND NOT EXISTS (SELECT 1 FROM nodes WHERE url <> '')`
	sqlNodeUsed   = `SELECT EXISTS (SELECT 1 FROM users WHERE node = ?1 AND replaced_at IS NULL)
		OR EXISTS (SELECT 1 FROM moves WHERE to_node = ?1 OR from_node = ?1)`
	sqlNodeEmptied = `UPDATE users SET emptied = 1 WHERE node = ?1 AND replaced_at IS NOT NULL AND emptied = 0`
	// A node that is full by the time that its row is locked is not taken.
	sqlTake = `UPDATE nodes SET users = users + 1 WHERE url = (
			SELECT url FROM nodes WHERE url <> ?1 AND draining = 0 AND down = 0 AND users < capacity AND capacity > 0
			ORDER BY users * 1.0 / capacity, url LIMIT 1)
		AND draining = 0 AND down = 0 AND users < capacity RETURNING url`
	// sqlRoom is what sqlTake would take.
	sqlRoom = `SELECT url FROM nodes WHERE draining = 0 AND down = 0 AND users < capacity AND capacity > 0
		ORDER BY users * 1.0 / capacity, url LIMIT 1`
	sqlJoin      = `UPDATE nodes SET users = users + 1 WHERE url = ?1 AND draining = 0 AND users < capacity`
	sqlPlaced    = `SELECT node FROM users WHERE account = ?1 AND replaced_at IS NULL`
	sqlNodeStays = `SELECT draining = 0 FROM nodes WHERE url = ?1`
	sqlLeave     = `UPDATE nodes SET users = users - 1 WHERE url = ?1`
	sqlLeaveAll  = `UPDATE nodes SET users = users - 1 WHERE url IN (SELECT node FROM users WHERE account = ?1 AND replaced_at IS NULL)`
	sqlSetNode   = `UPDATE users SET node = ?2 WHERE uid = ?1`
)

// The statements on moves.
const (
	sqlOnNode    = `SELECT uid, node FROM users WHERE node = ?1 AND uid > ?2 AND replaced_at IS NULL ORDER BY uid LIMIT ?3`
	sqlMovable   = `SELECT node FROM users WHERE uid = ?1 AND account = ?2 AND replaced_at IS NULL`
	sqlAddMoving = `INSERT INTO users (account, client_state, generation, keys_changed_at, created_at, replaced_at, node)
		VALUES (?1, ?2, 0, 0, ?3, ?3, ?4) RETURNING uid`
	sqlAddMove       = `INSERT INTO moves (to_uid, to_node, uid, from_node) VALUES (?1, ?2, ?3, ?4)`
	sqlEndedBySwitch = `DELETE FROM moves WHERE to_uid = ?1 AND ended = 0`
	sqlMoving        = `SELECT client_state, generation, keys_changed_at, created_at FROM users
		WHERE uid = ?1 AND account = ?2 AND replaced_at IS NULL`
	sqlMovedFrom  = `UPDATE users SET client_state = ?2, replaced_at = ?3 WHERE uid = ?1`
	sqlMovedTo    = `UPDATE users SET client_state = ?2, generation = ?3, keys_changed_at = ?4, created_at = ?5, replaced_at = NULL WHERE uid = ?1`
	sqlEndMove    = `UPDATE moves SET ended = 1 WHERE to_uid = ?1`
	sqlForgetMove = `DELETE FROM moves WHERE to_uid = ?1 AND ended = 1`
	sqlMoves      = `SELECT uid, from_node, to_uid, to_node FROM moves ORDER BY to_uid`
)
