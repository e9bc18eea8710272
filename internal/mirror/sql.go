package mirror

// Every statement of the package, so that a test can read the plan of each.
const (
	sqlMeta           = `SELECT collection, canary, lookups FROM meta WHERE one = 1`
	sqlInitMeta       = `INSERT INTO meta (one, collection, canary) VALUES (1, ?1, ?2) ON CONFLICT DO NOTHING`
	sqlSetCanary      = `UPDATE meta SET canary = ?1 WHERE one = 1`
	sqlNotedSecret    = `SELECT noted FROM meta WHERE one = 1`
	sqlSetNotedSecret = `UPDATE meta SET noted = ?1 WHERE one = 1`
	sqlNote           = `INSERT OR IGNORE INTO noted (mac) VALUES (?1)`
	sqlPruneNoted     = `DELETE FROM noted WHERE n <= (SELECT n FROM noted WHERE n > 0 ORDER BY n DESC LIMIT 1 OFFSET ?1)`
	sqlNoted          = `SELECT mac FROM noted WHERE n > 0`
	sqlForgetNoted    = `DELETE FROM noted WHERE n > 0`
	sqlSetIndexed     = `UPDATE meta SET lookups = ?1 WHERE one = 1`
	sqlPast           = `SELECT past_global, past_sync_id FROM meta WHERE one = 1`
	sqlSetPast        = `UPDATE meta SET past_global = ?1, past_sync_id = ?2 WHERE one = 1`
	sqlForkSecret     = `SELECT forks FROM meta WHERE one = 1`
	sqlSetForkSecret  = `UPDATE meta SET forks = ?1 WHERE one = 1`
	sqlLastRecord     = `SELECT coalesce(max(n), 0) FROM records`
	sqlCountIDs       = `SELECT count(*) FROM records WHERE id > ''`
	sqlCountGone      = `SELECT count(*) FROM records WHERE deleted = 1 AND n > 0`
	sqlCountChange    = `SELECT count(*) FROM records WHERE changes > 0 AND n > 0 AND refused <> changes
		AND NOT EXISTS (SELECT 1 FROM retry WHERE retry.id = records.id AND held = 1)`

	sqlRow     = `SELECT n, id, mirror, local, deleted, changes, edited, modified, past, life, base FROM records WHERE id = ?1`
	sqlByKey   = `SELECT n, id, mirror, local, deleted, changes, edited, modified, past, life, base FROM records WHERE dupe = ?1`
	sqlByLoose = `SELECT n, id, mirror, local, deleted, changes, edited, modified, past, life, base FROM records WHERE loose = ?1 ORDER BY n LIMIT ?2`
	sqlPage    = `SELECT n, id, coalesce(local, mirror) FROM records WHERE n > ?1 AND deleted = 0 ORDER BY n LIMIT ?2`
	sqlMany    = `SELECT id, coalesce(local, mirror) FROM records WHERE deleted = 0 AND id IN (SELECT value FROM json_each(?1))`
	sqlLookup  = `SELECT r.n, r.id, coalesce(r.local, r.mirror) FROM lookups l JOIN records r ON r.n = l.n
		WHERE l.key = ?1 AND l.n > ?2 ORDER BY l.n LIMIT ?3`
	sqlCountLookup = `SELECT count(*) FROM lookups WHERE key = ?1`
	sqlToIndex     = `SELECT n, id, CASE deleted WHEN 0 THEN coalesce(local, mirror) END FROM records WHERE id IN (SELECT value FROM json_each(?1))`
	sqlUnindex     = `DELETE FROM lookups WHERE n IN (SELECT value FROM json_each(?1))`
	sqlIndex       = `INSERT OR IGNORE INTO lookups (key, n) VALUES (?, ?)`

	// What Scrub looks at: a row's number, its ID, up to three payloads, and whether it is a
	// deletion; behind a number and an ID. All of them take the same parameters.
	sqlAllRecords   = `SELECT n, id, mirror, local, base, deleted FROM records WHERE n > ?1 AND id <> ?2 ORDER BY n LIMIT ?3`
	sqlAllOutgoing  = `SELECT n, id, payload, NULL, NULL, 0 FROM outgoing WHERE n > ?1 AND id <> ?2 ORDER BY n LIMIT ?3`
	sqlAllUndoItems = `SELECT log, id, before, after, NULL, 0 FROM undo_items WHERE (log, id) > (?1, ?2) ORDER BY log, id LIMIT ?3`
	sqlAllHeld      = `SELECT 0, id, payload, NULL, NULL, 0 FROM retry WHERE held = 1 AND ?1 < 1 AND id > ?2 ORDER BY id LIMIT ?3`
	sqlScrub        = `UPDATE records SET changes = max(changes, 1), past = CASE WHEN ?2 THEN 0 ELSE past END,
		mirror = CASE WHEN NOT ?2 THEN mirror END, base = CASE WHEN NOT ?3 THEN base END WHERE n = ?1`
	sqlDropOutgoing = `DELETE FROM outgoing WHERE n = ?1 AND id = ?2`
	sqlDropUndoItem = `DELETE FROM undo_items WHERE log = ?1 AND id = ?2`
	sqlAskAgain     = `INSERT INTO retry (id, attempts, reason) VALUES (?1, 0, ?2)
		ON CONFLICT (id) DO UPDATE SET attempts = 0, reason = excluded.reason, held = 0, payload = NULL`

	sqlInsert = `INSERT INTO records (id, mirror, local, changes, edited, modified, dupe, loose) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)`
	sqlAdd    = `INSERT OR IGNORE INTO records (id, local, changes, edited, dupe, loose) VALUES (?1, ?2, 1, ?3, ?4, ?5)`
	sqlEdit   = `UPDATE records SET local = ?2, deleted = 0, changes = changes + 1, edited = ?3, dupe = ?4, loose = ?5,
		past = CASE past WHEN 0 THEN 0 ELSE 2 END WHERE n = ?1`
	sqlSettle       = `UPDATE records SET mirror = ?2, local = ?3, deleted = 0, changes = ?4, refused = 0, modified = ?5, dupe = ?6, loose = ?7, past = 0, base = NULL WHERE n = ?1`
	sqlMirror       = `UPDATE records SET mirror = ?2, modified = ?3, past = 0 WHERE n = ?1`
	sqlOrphan       = `UPDATE records SET local = ?2, mirror = NULL, past = 0, refused = 0, edited = max(edited, ?3), base = coalesce(?4, base) WHERE n = ?1`
	sqlAddTombstone = `UPDATE records SET deleted = 1, mirror = ?2, local = NULL, changes = changes + 1, edited = ?3, dupe = NULL, loose = NULL WHERE n = ?1`
	// What is not as it should be on the server, and is here, goes up again.
	sqlRepair = `UPDATE records SET changes = max(changes, 1) WHERE id = ?1 AND deleted = 0`
	sqlDrop   = `DELETE FROM records WHERE n = ?1`
	sqlForget = `UPDATE records SET life = CASE past WHEN 0 THEN 1 ELSE life END, past = CASE WHEN mirror IS NULL THEN 0 WHEN deleted = 0 AND (changes = 0 OR past = 1) THEN 1 ELSE 2 END,
		changes = max(changes, 1), refused = 0 WHERE n > ?1 AND n <= ?2
		AND (mirror IS NOT NULL OR past <> 0 OR changes = 0 OR refused <> 0) -- the others are as they should be`
	sqlOlder   = `UPDATE records SET life = 0 WHERE n > ?1 AND n <= ?2 AND life = 1`
	sqlDropSet = `DELETE FROM records WHERE n > ?1 AND n <= ?2`

	sqlDeletions = `SELECT count(*) FROM staged s JOIN records r ON r.id = s.id
		WHERE s.payload IS NULL AND s.err IS NULL AND s.id > '' AND r.deleted = 0 AND (r.changes = 0 OR r.past = 1)`
	sqlStagedPage     = `SELECT n FROM staged WHERE n > ?1 AND n <= ?2 ORDER BY n`
	sqlStagedOne      = `SELECT id, modified, payload, dupe, loose, err, fatal FROM staged WHERE n = ?1`
	sqlStagedDeletion = `SELECT n FROM staged WHERE id = ?1 AND n > ?2 AND payload IS NULL AND err IS NULL`
	sqlNew            = `INSERT OR IGNORE INTO records (id, mirror, modified, dupe, loose)
		SELECT id, payload, modified, dupe, loose FROM staged WHERE n > ?1 AND n <= ?2 AND payload IS NOT NULL
		AND NOT EXISTS (SELECT 1 FROM tombstones t WHERE t.store = ?3 AND t.id = staged.id AND t.account = ?4 AND t.at > staged.modified)
		AND (loose IS NULL OR NOT EXISTS (SELECT 1 FROM records r WHERE r.loose = staged.loose AND r.mirror IS NULL)) ORDER BY n`
	sqlNewIDs     = `SELECT id FROM records WHERE n > ?1`
	sqlUnstageNew = `DELETE FROM staged WHERE n > ?1 AND n <= ?2
		AND EXISTS (SELECT 1 FROM records r WHERE r.id = staged.id AND r.n > ?3)`

	// A record has the same row number in both tables. Where it is another's there, the ID differs.
	sqlSnapshot = `INSERT INTO outgoing (n, id, payload, changes)
		SELECT n, id, CASE deleted WHEN 1 THEN NULL ELSE coalesce(local, mirror) END, changes FROM records
		WHERE n > ?1 AND n <= ?2 AND changes > 0 AND refused <> changes
		AND NOT EXISTS (SELECT 1 FROM retry WHERE retry.id = records.id AND held = 1) ORDER BY n`
	sqlLastChanged = `SELECT coalesce(max(n), 0) FROM records WHERE changes > 0`
	sqlNextChanged = `SELECT n FROM records WHERE n > ?1 AND changes > 0 ORDER BY n LIMIT 1 OFFSET ?2`
	sqlSent        = `SELECT payload FROM outgoing WHERE n = ?1 AND id = ?2`
	sqlStored      = `UPDATE records SET mirror = o.payload, modified = ?3, refused = 0, past = 0, base = NULL,
			local = CASE WHEN records.changes > o.changes THEN records.local END,
			edited = CASE WHEN records.changes > o.changes THEN max(records.edited, ?4) ELSE records.edited END,
			changes = max(records.changes - o.changes, 0)
		FROM outgoing o WHERE o.n > ?1 AND o.n <= ?2 AND records.n = o.n AND records.id = o.id`
	sqlDropTombstones = `DELETE FROM records WHERE deleted = 1 AND changes = 0 AND n > ?1 AND n <= ?2`
	sqlRefused        = `UPDATE records SET refused = o.changes, reason = ?2 FROM outgoing o WHERE o.n = records.n AND o.id = records.id AND records.id = ?1`

	// What the user did with records that cannot be read.
	sqlCountHeld = `SELECT count(*) FROM retry h JOIN records r ON r.id = h.id WHERE h.held = 1 AND h.id > '' AND r.changes > 0 AND r.past <> 1`
	sqlHeldPage  = `SELECT h.id, h.reason FROM retry h JOIN records r ON r.id = h.id
		WHERE h.held = 1 AND h.id > '' AND r.changes > 0 AND r.past <> 1 ORDER BY h.id LIMIT ?1`
	sqlHere = `SELECT deleted = 0, changes > 0 AND past <> 1 FROM records WHERE id = ?1`

	sqlCountRefused = `SELECT count(*) FROM records WHERE refused > 0 AND n > 0 AND refused = changes`
	sqlRefusedPage  = `SELECT id, reason FROM records WHERE refused > 0 AND n > 0 AND refused = changes ORDER BY n LIMIT ?1`

	sqlLogEntry = `INSERT INTO undo_log (run, at, changed, deleted) VALUES (?1, ?2, ?3, ?4)
		ON CONFLICT (run) DO UPDATE SET at = excluded.at, changed = changed + excluded.changed, deleted = deleted + excluded.deleted,
			undone = 0 RETURNING n`
	sqlAddUndoItem = `INSERT INTO undo_items (log, id, before, after) VALUES (?1, ?2, ?3, ?4)
		ON CONFLICT (log, id) DO UPDATE SET after = excluded.after`
	sqlLog       = `SELECT run, at, changed, deleted, undone FROM undo_log WHERE n > 0 ORDER BY n DESC`
	sqlLogSizes  = `SELECT n, changed + deleted FROM undo_log WHERE n > 0 ORDER BY n DESC`
	sqlPruneOld  = `DELETE FROM undo_log WHERE n > 0 AND n < ?1 AND at < ?2`
	sqlPruneTo   = `DELETE FROM undo_log WHERE n <= ?1`
	sqlLogRow    = `SELECT n, undone FROM undo_log WHERE run = ?1`
	sqlLastRun   = `SELECT run FROM undo_log WHERE n > 0 AND undone = 0 ORDER BY n DESC LIMIT 1`
	sqlUndoItems = `SELECT id, before, after FROM undo_items WHERE log = ?1 AND id > ?2 ORDER BY id LIMIT ?3`
	sqlUndone    = `UPDATE undo_log SET undone = ?2 WHERE n = ?1`

	// All that is encrypted: see Rekey.
	sqlSealedRecords  = `SELECT n, id, mirror, local, base, dupe, loose FROM records WHERE n > ?1 ORDER BY n LIMIT ?2`
	sqlSealRecord     = `UPDATE records SET mirror = ?2, local = ?3, base = ?4, dupe = ?5, loose = ?6 WHERE n = ?1`
	sqlSealedStaged   = `SELECT n, id, payload, unread, NULL, dupe, loose FROM staged WHERE n > ?1 ORDER BY n LIMIT ?2`
	sqlSealStaged     = `UPDATE staged SET payload = ?2, unread = ?3, dupe = ?5, loose = ?6 WHERE n = ?1 AND ?4 IS NULL`
	sqlSealedOutgoing = `SELECT n, id, payload, NULL, NULL FROM outgoing WHERE n > ?1 ORDER BY n LIMIT ?2`
	sqlSealOutgoing   = `UPDATE outgoing SET payload = ?2 WHERE n = ?1 AND ?3 IS NULL AND ?4 IS NULL`
	sqlSealedUnread   = `SELECT id, payload FROM retry WHERE held = 1 AND id > ?1 ORDER BY id LIMIT 1`
	sqlSealUnread     = `UPDATE retry SET payload = ?2 WHERE id = ?1`
	sqlSealedUndo     = `SELECT log, id, before, after FROM undo_items WHERE (log, id) > (?1, ?2) ORDER BY log, id LIMIT 1`
	sqlSealUndo       = `UPDATE undo_items SET before = ?3, after = ?4 WHERE log = ?1 AND id = ?2`

	// What is known of deletions; see package tombstones.
	sqlRevived = `SELECT count(*) FROM tombstones t CROSS JOIN staged s ON s.id = t.id
		WHERE t.store = ?1 AND t.account = ?2 AND t.at > s.modified AND s.payload IS NOT NULL
		AND NOT EXISTS (SELECT 1 FROM records r WHERE r.id = t.id)`
	sqlDeleteAgain = `INSERT INTO records (id, mirror, deleted, changes, edited, modified) VALUES (?1, ?2, 1, 1, ?3, ?4)`

	// What the account had, and the user has not changed since.
	sqlCountUnchanged = `SELECT count(*) FROM records WHERE n > 0 AND deleted = 0 AND (changes = 0 OR past = 1)`
	sqlUnchanged      = `SELECT id, coalesce(local, mirror) FROM records WHERE n > ?1 AND n <= ?2 AND deleted = 0 AND (changes = 0 OR past = 1)`
	sqlDropUnchanged  = `DELETE FROM records WHERE n > ?1 AND n <= ?2 AND deleted = 0 AND (changes = 0 OR past = 1)`
)
