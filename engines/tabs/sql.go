package tabs

// Every statement of the package, so that a test can read the plan of each.
const (
	sqlInitMeta   = `INSERT INTO meta (one, room) VALUES (1, ?1) ON CONFLICT DO NOTHING`
	sqlMeta       = `SELECT changes, refused, uploaded, device, room, devices FROM meta WHERE one = 1`
	sqlSetDevices = `UPDATE meta SET devices = ?1`
	sqlResetMeta  = `UPDATE meta SET changes = max(changes, uploaded > 0 OR (SELECT count(*) > 0 FROM tabs)), refused = 0`
	sqlWipeMeta   = `UPDATE meta SET changes = 0, refused = 0, devices = '[]'`
	sqlForget     = `UPDATE meta SET uploaded = 0, device = '', room = ?1`
	sqlChanged    = `UPDATE meta SET changes = changes + 1`
	sqlSendAgain  = `UPDATE meta SET changes = max(changes, 1) WHERE uploaded > 0`
	sqlSettle     = `UPDATE meta SET changes = max(changes - ?1, 0), refused = 0, uploaded = ?2, device = ?3`
	sqlRefused    = `UPDATE meta SET refused = ?1, room = max(room / 2, 4096)`

	sqlTabs = `SELECT url, title, icon, last_used, pinned, inactive, position, window_id, group_id FROM tabs ORDER BY last_used DESC, n DESC`
	sqlPut  = `INSERT INTO tabs (url, title, icon, last_used, pinned, inactive, position, window_id, group_id)
		VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
		ON CONFLICT (url) DO UPDATE SET title = excluded.title, icon = excluded.icon, last_used = max(last_used, excluded.last_used),
			pinned = excluded.pinned, inactive = excluded.inactive, position = excluded.position,
			window_id = excluded.window_id, group_id = excluded.group_id`
	sqlOpen = `INSERT INTO tabs (url, title, icon, last_used) VALUES (?1, ?2, '', ?3)
		ON CONFLICT (url) DO UPDATE SET title = excluded.title, last_used = max(last_used, excluded.last_used), inactive = 0`
	sqlClose  = `DELETE FROM tabs WHERE url = ?1`
	sqlDelete = `DELETE FROM tabs`
	sqlCount  = `SELECT count(*) FROM tabs`

	sqlStaged   = `SELECT id, modified, payload, err FROM staged WHERE n > ?1 AND n <= ?2 ORDER BY n`
	sqlOthers   = `SELECT id, modified, payload FROM others ORDER BY modified DESC, id`
	sqlPutOther = `INSERT INTO others (id, modified, payload) VALUES (?1, ?2, ?3) ON CONFLICT (id) DO UPDATE
		SET modified = excluded.modified, payload = excluded.payload WHERE payload <> excluded.payload`
	sqlDropOther  = `DELETE FROM others WHERE id = ?1`
	sqlDropOld    = `DELETE FROM others WHERE modified < ?1`
	sqlDropOthers = `DELETE FROM others`

	sqlWindows     = `SELECT id, position, last_used, type FROM windows ORDER BY position, id`
	sqlPutWindow   = `INSERT INTO windows (id, position, last_used, type) VALUES (?1, ?2, ?3, ?4)`
	sqlDropWindows = `DELETE FROM windows`
	sqlGroups      = `SELECT id, name, color, collapsed FROM tab_groups ORDER BY id`
	sqlPutGroup    = `INSERT INTO tab_groups (id, name, color, collapsed) VALUES (?1, ?2, ?3, ?4)`
	sqlDropGroups  = `DELETE FROM tab_groups`

	sqlQueueClose  = `INSERT INTO closes (device, url, queued) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING`
	sqlCountCloses = `SELECT count(*) FROM closes`
	sqlCloses      = `SELECT device, url, queued, sent, attempts, retry_at FROM closes ORDER BY queued, n`
	sqlCloseSentAt = `SELECT sent FROM closes WHERE device = ?1 AND url = ?2`
	sqlUndoClose   = `DELETE FROM closes WHERE device = ?1 AND url = ?2`
	sqlUnsent      = `SELECT device, url, queued, sent, attempts, retry_at FROM closes WHERE sent = 0 ORDER BY queued, n`
	sqlMarkSent    = `UPDATE closes SET sent = ?1 WHERE device = ?2 AND url = ?3`
	sqlMarkFailed  = `UPDATE closes SET attempts = attempts + 1, retry_at = ?1 WHERE device = ?2 AND url = ?3`
	sqlDropExpired = `DELETE FROM closes WHERE queued <= ?1 OR queued > ?2`
	sqlDropClosed  = `DELETE FROM closes WHERE device = ?1 AND url NOT IN (SELECT value FROM json_each(?2))`
	sqlDropGone    = `DELETE FROM closes WHERE device NOT IN (SELECT value FROM json_each(?1))`
	sqlDropCloses  = `DELETE FROM closes`
)
