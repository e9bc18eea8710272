package mirror

// Every statement of the package, so that a test can read the plan of each.
const (
	sqlMeta        = `SELECT collection, global, sync_id, since FROM meta WHERE one = 1`
	sqlInitMeta    = `INSERT INTO meta (one, collection) VALUES (1, ?1) ON CONFLICT DO NOTHING`
	sqlSetMeta     = `UPDATE meta SET global = ?1, sync_id = ?2, since = ?3 WHERE one = 1`
	sqlSetSince    = `UPDATE meta SET since = max(since, ?1) WHERE one = 1`
	sqlLastRecord  = `SELECT coalesce(max(n), 0) FROM records`
	sqlLastStaged  = `SELECT coalesce(max(n), 0) FROM staged`
	sqlLastSent    = `SELECT coalesce(max(n), 0) FROM outgoing`
	sqlCountIDs    = `SELECT count(*) FROM records WHERE id > ''`
	sqlCountGone   = `SELECT count(*) FROM records WHERE deleted = 1 AND n > 0`
	sqlCountChange = `SELECT count(*) FROM records WHERE changes > 0 AND n > 0 AND refused <> changes`

	sqlRow     = `SELECT n, id, mirror, local, deleted, changes, edited, modified FROM records WHERE id = ?1`
	sqlByKey   = `SELECT n, id, mirror, local, deleted, changes, edited, modified FROM records WHERE dupe = ?1`
	sqlPage    = `SELECT n, id, coalesce(local, mirror) FROM records WHERE n > ?1 AND deleted = 0 ORDER BY n LIMIT ?2`
	sqlMany    = `SELECT id, coalesce(local, mirror) FROM records WHERE deleted = 0 AND id IN (SELECT value FROM json_each(?1))`
	sqlInsert  = `INSERT INTO records (id, mirror, local, changes, edited, modified, dupe) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)`
	sqlAdd     = `INSERT OR IGNORE INTO records (id, local, changes, edited, dupe) VALUES (?1, ?2, 1, ?3, ?4)`
	sqlEdit    = `UPDATE records SET local = ?2, deleted = 0, changes = changes + 1, edited = ?3, dupe = ?4 WHERE n = ?1`
	sqlSettle  = `UPDATE records SET mirror = ?2, local = ?3, deleted = 0, changes = ?4, refused = 0, modified = ?5, dupe = ?6 WHERE n = ?1`
	sqlMirror  = `UPDATE records SET mirror = ?2, modified = ?3 WHERE n = ?1`
	sqlOrphan  = `UPDATE records SET local = ?2, mirror = NULL, refused = 0 WHERE n = ?1`
	sqlBury    = `UPDATE records SET deleted = 1, mirror = ?2, local = NULL, changes = changes + 1, edited = ?3, dupe = NULL WHERE n = ?1`
	sqlDrop    = `DELETE FROM records WHERE n = ?1`
	sqlForget  = `UPDATE records SET local = coalesce(local, mirror), mirror = NULL, changes = max(changes, 1), refused = 0, modified = 0 WHERE n > ?1 AND n <= ?2 AND deleted = 0`
	sqlDropSet = `DELETE FROM records WHERE n > ?1 AND n <= ?2`

	sqlStage      = `INSERT INTO staged (id, modified, payload, dupe, err, fatal) VALUES `
	sqlStageAgain = ` ON CONFLICT (id) DO UPDATE SET modified = excluded.modified, payload = excluded.payload,
		dupe = excluded.dupe, err = excluded.err, fatal = excluded.fatal`
	sqlUnstage   = `DELETE FROM staged WHERE n > ?1 AND n <= ?2`
	sqlDeletions = `SELECT count(*) FROM staged s JOIN records r ON r.id = s.id
		WHERE s.payload IS NULL AND s.err IS NULL AND s.id > '' AND r.deleted = 0 AND r.changes = 0`
	sqlStagedPage = `SELECT n FROM staged WHERE n > ?1 AND n <= ?2 ORDER BY n`
	sqlStagedOne  = `SELECT id, modified, payload, dupe, err, fatal FROM staged WHERE n = ?1`
	sqlNew        = `INSERT OR IGNORE INTO records (id, mirror, modified, dupe)
		SELECT id, payload, modified, dupe FROM staged WHERE n > ?1 AND n <= ?2 AND payload IS NOT NULL ORDER BY n`
	sqlNewIDs     = `SELECT id FROM records WHERE n > ?1`
	sqlUnstageNew = `DELETE FROM staged WHERE n > ?1 AND n <= ?2
		AND EXISTS (SELECT 1 FROM records r WHERE r.id = staged.id AND r.n > ?3)`
	sqlReadable = `DELETE FROM retry WHERE id IN (SELECT id FROM staged WHERE n > ?1 AND n <= ?2 AND err IS NULL)`

	sqlSnapshot = `INSERT INTO outgoing (id, payload, changes)
		SELECT id, CASE deleted WHEN 1 THEN NULL ELSE coalesce(local, mirror) END, changes FROM records
		WHERE n > ?1 AND n <= ?2 AND changes > 0 AND refused <> changes ORDER BY n`
	sqlNextChanged = `SELECT n FROM records WHERE n > ?1 AND changes > 0 ORDER BY n LIMIT 1 OFFSET ?2`
	sqlSent        = `SELECT payload FROM outgoing WHERE id = ?1`
	sqlUnsend      = `DELETE FROM outgoing WHERE n > ?1 AND n <= ?2`
	sqlOutgoing    = `SELECT n, id, payload FROM outgoing WHERE n > ?1 ORDER BY n LIMIT ?2`
	sqlStored      = `UPDATE records SET mirror = o.payload, modified = ?2, refused = 0,
			local = CASE WHEN records.changes > o.changes THEN records.local END,
			edited = CASE WHEN records.changes > o.changes THEN max(records.edited, ?3) ELSE records.edited END,
			changes = max(records.changes - o.changes, 0)
		FROM outgoing o WHERE o.id = records.id AND records.id IN (SELECT value FROM json_each(?1))`
	sqlBuried    = `DELETE FROM records WHERE deleted = 1 AND changes = 0 AND id IN (SELECT value FROM json_each(?1))`
	sqlSettled   = `DELETE FROM outgoing WHERE id IN (SELECT value FROM json_each(?1))`
	sqlRefused   = `UPDATE records SET refused = o.changes FROM outgoing o WHERE o.id = records.id AND records.id = ?1`
	sqlRetryDue  = `SELECT id FROM retry WHERE attempts < ?1 ORDER BY attempts, id LIMIT ?2`
	sqlRetryHave = `SELECT attempts FROM retry WHERE id = ?1`
	sqlRetryPut  = `INSERT INTO retry (id, attempts, reason) VALUES (?1, ?2, ?3)
		ON CONFLICT (id) DO UPDATE SET attempts = max(attempts + 1, excluded.attempts), reason = excluded.reason`
	sqlRetryMiss = `UPDATE retry SET attempts = attempts + 1 WHERE id IN (SELECT value FROM json_each(?1))`
	sqlRetryDrop = `DELETE FROM retry`
)
