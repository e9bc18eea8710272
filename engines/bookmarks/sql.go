package bookmarks

// Every statement of the package, so that a test can read the plan of each.
const (
	sqlItem        = sqlItemColumns + sqlItemTables
	sqlItemColumns = `SELECT b.n, b.guid, coalesce(p.guid, ''), coalesce(b.parent, 0), b.position, b.kind, coalesce(b.place, 0), coalesce(l.url, ''),
			b.title, b.added, b.modified, b.extra, b.changes, b.version, coalesce(k.keyword, ''),
			(SELECT json_group_array(tag) FROM (SELECT tag FROM bookmark_tags WHERE place = b.place ORDER BY tag))`
	sqlItemTables = `
		FROM bookmarks b LEFT JOIN bookmarks p ON p.n = b.parent LEFT JOIN places l ON l.id = b.place
		LEFT JOIN bookmark_keywords k ON k.place = b.place `
	sqlByGUID    = sqlItem + `WHERE b.guid = ?1`
	sqlByRow     = sqlItem + `WHERE b.n = ?1`
	sqlChildren  = sqlItem + `WHERE b.parent = ?1 ORDER BY b.position`
	sqlByPlace   = sqlItem + `WHERE b.place = ?1 ORDER BY b.n`
	sqlByTag     = sqlItem + `WHERE b.place IN (SELECT place FROM bookmark_tags WHERE tag = ?1) ORDER BY b.n`
	sqlOfKeyword = sqlItem + `WHERE b.place = (SELECT place FROM bookmark_keywords WHERE keyword = ?1) ORDER BY b.n`
	// The kinds are those of tree: 1 is a bookmark, 3 a folder.
	sqlRecent         = sqlItem + `WHERE b.kind = 1 AND b.added >= 0 ORDER BY b.added DESC, b.n DESC LIMIT ?1`
	sqlCountBookmarks = `WITH RECURSIVE below (n, kind) AS (SELECT n, kind FROM bookmarks WHERE guid IN (SELECT value FROM json_each(?1)) AND kind = 3
		UNION SELECT b.n, b.kind FROM below JOIN bookmarks b ON b.parent = below.n) SELECT count(*) FROM below WHERE kind = 1`
	sqlTags          = `SELECT DISTINCT tag FROM bookmark_tags WHERE tag > '' ORDER BY tag`
	sqlSubtree       = `WITH RECURSIVE below (n) AS (SELECT ?1 UNION SELECT b.n FROM below JOIN bookmarks b ON b.parent = below.n) `
	sqlBelow         = sqlSubtree + sqlItem + `WHERE b.n IN below`
	sqlNamesOfRows   = `SELECT guid FROM bookmarks WHERE n IN (SELECT value FROM json_each(?1))`
	sqlNamesOfPlaces = `SELECT guid FROM bookmarks WHERE place IN (SELECT value FROM json_each(?1))`
	sqlGUIDs         = `SELECT guid FROM bookmarks WHERE parent = ?1 ORDER BY position`
	sqlRowOf         = `SELECT n FROM bookmarks WHERE guid = ?1`
	sqlParentOf      = `SELECT coalesce(parent, 0) FROM bookmarks WHERE n = ?1`
	sqlCountRoots    = `SELECT count(*) FROM bookmarks WHERE guid IN (SELECT value FROM json_each(?1))`
	sqlMakeRoot      = `INSERT OR IGNORE INTO bookmarks (guid, parent, position, kind, title, added, modified)
		VALUES (?1, (SELECT n FROM bookmarks WHERE guid = ?2), ?3, ?4, ?5, ?6, ?6)`
	sqlCount   = `SELECT count(*) FROM bookmarks WHERE guid > ''`
	sqlChanged = `SELECT (SELECT count(*) FROM bookmarks WHERE changes > 0 AND n > 0 AND parent IS NOT NULL AND refused <> changes
		AND NOT EXISTS (SELECT 1 FROM bookmark_retry h WHERE h.id = bookmarks.guid AND h.held = 1)) +
		(SELECT count(*) FROM bookmark_tombstones WHERE guid > '' AND refused = 0 AND ` + sqlNotHeldGone + `)`
	// What the server has of an item can be read, or is not here.
	sqlNotHeld     = `NOT EXISTS (SELECT 1 FROM bookmark_retry h WHERE h.id = b.guid AND h.held = 1)`
	sqlNotHeldGone = `NOT EXISTS (SELECT 1 FROM bookmark_retry h WHERE h.id = bookmark_tombstones.guid AND h.held = 1)`

	sqlLastPosition = `SELECT coalesce(max(position) + 1, 0) FROM bookmarks WHERE parent = ?1`
	sqlShift        = `UPDATE bookmarks SET position = position + 1 WHERE parent = ?1 AND position >= ?2`
	sqlRenumber     = `UPDATE bookmarks SET position = r.i FROM
		(SELECT n, row_number() OVER (ORDER BY position) - 1 AS i FROM bookmarks WHERE parent = ?1) r
		WHERE bookmarks.n = r.n AND bookmarks.position <> r.i`
	sqlInsert = `INSERT INTO bookmarks (guid, parent, position, kind, place, title, added, modified, extra, changes)
		VALUES (?1, ?2, ?3, ?4, nullif(?5, 0), ?6, ?7, ?8, ?9, ?10) RETURNING n`
	sqlLastRow    = `SELECT coalesce(max(n), 0) FROM bookmarks`
	sqlRowsOf     = `SELECT guid, n FROM bookmarks WHERE guid IN (SELECT value FROM json_each(?1))`
	sqlInsertMany = `INSERT INTO bookmarks (n, guid, parent, position, kind, place, title, added, modified, extra, changes)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
	sqlSetValue    = `UPDATE bookmarks SET kind = ?2, place = nullif(?3, 0), title = ?4, added = ?5, modified = ?6, extra = ?7, version = version + 1 WHERE n = ?1`
	sqlSetRoot     = `UPDATE bookmarks SET added = CASE WHEN ?2 > 0 THEN min(added, ?2) ELSE added END, extra = ?3 WHERE n = ?1`
	sqlSetPlace    = `UPDATE bookmarks SET parent = ?2, position = ?3, version = version + 1 WHERE n = ?1`
	sqlSetPosition = `UPDATE bookmarks SET position = ?2 WHERE n = ?1 AND position <> ?2`
	sqlSetGUID     = `UPDATE bookmarks SET guid = ?2, version = version + 1 WHERE n = ?1`
	sqlTouch       = `UPDATE bookmarks SET changes = changes + 1, version = version + 1, modified = coalesce(?2, modified) WHERE n = ?1`
	sqlTouchPlace  = `UPDATE bookmarks SET changes = changes + 1, version = version + 1, modified = coalesce(?2, modified) WHERE place = ?1`
	// What was added while the clock was far ahead was added now at the latest: others
	// would not believe the record. See plausible.
	sqlAddedAhead = `UPDATE bookmarks SET added = ?1 WHERE changes > 0 AND n > 0 AND added > ?2`
	sqlSetAdded   = `UPDATE bookmarks SET added = ?2 WHERE n = ?1`
	sqlSettleSame = `UPDATE bookmarks SET changes = max(changes - ?2, 0), refused = 0 WHERE n = ?1`
	sqlHidden     = `SELECT id FROM bookmark_retry r WHERE id > '' AND NOT EXISTS (SELECT 1 FROM bookmark_mirror m WHERE m.guid = r.id)`
	sqlHiddenAny  = `SELECT EXISTS (` + sqlHidden + `)`
	sqlRetryAll   = `SELECT id FROM bookmark_retry WHERE id > ''`
	sqlUnreadable = `SELECT EXISTS (SELECT 1 FROM bookmark_retry WHERE id = ?1)`
	sqlSetChanges = `UPDATE bookmarks SET changes = ?2, refused = 0 WHERE n = ?1 AND changes <> ?2`
	sqlMustGo     = `UPDATE bookmarks SET changes = max(changes, 1), refused = 0, resend = iif(changes = 0, version, resend) WHERE n = ?1`
	sqlDelete     = `DELETE FROM bookmarks WHERE guid IN (SELECT value FROM json_each(?1))`
	sqlBumpEdits  = `UPDATE bookmark_meta SET generation = generation + 1 WHERE one = 1`

	sqlPlaceSum = `SELECT count(*), coalesce(max(added), 0), coalesce(group_concat(title, ' '), '') FROM bookmarks WHERE place = ?1`
	sqlTagsOf   = `SELECT tag FROM bookmark_tags WHERE place = ?1 ORDER BY tag`
	sqlAddTag   = `INSERT OR IGNORE INTO bookmark_tags (place, tag) VALUES (?1, ?2)`
	sqlAddTags  = `INSERT INTO bookmark_tags (place, tag) VALUES (?, ?)`
	sqlDropTag  = `DELETE FROM bookmark_tags WHERE place = ?1 AND tag = ?2`
	sqlDropTags = `DELETE FROM bookmark_tags WHERE place = ?1`
	sqlKeyword  = `SELECT keyword FROM bookmark_keywords WHERE place = ?1`
	sqlKeyOwner = `SELECT place FROM bookmark_keywords WHERE keyword = ?1`
	sqlSetKey   = `INSERT INTO bookmark_keywords (keyword, place) VALUES (?1, ?2)`
	sqlDropKey  = `DELETE FROM bookmark_keywords WHERE place = ?1`

	// The server may have what the mirror has, and what went up without a receipt.
	sqlAddTombstones = `INSERT INTO bookmark_tombstones (guid, deleted) SELECT value, ?2 FROM json_each(?1)
		WHERE EXISTS (SELECT 1 FROM bookmark_mirror WHERE guid = value)
		OR EXISTS (SELECT 1 FROM bookmark_outgoing WHERE id = value AND payload IS NOT NULL)
		ON CONFLICT (guid) DO UPDATE SET deleted = excluded.deleted, refused = 0`
	sqlTombstone       = `INSERT OR IGNORE INTO bookmark_tombstones (guid, deleted) VALUES (?1, ?2)`
	sqlRemoveTombstone = `DELETE FROM bookmark_tombstones WHERE guid = ?1`

	sqlMeta       = `SELECT generation, cleared FROM bookmark_meta WHERE one = 1`
	sqlSetCleared = `UPDATE bookmark_meta SET cleared = ?1 WHERE one = 1`
	sqlPlaced     = `SELECT DISTINCT place FROM bookmarks WHERE place IS NOT NULL`
	sqlWipeItems  = `DELETE FROM bookmarks WHERE guid NOT IN (SELECT value FROM json_each(?1))`
	sqlWipeRoots  = `UPDATE bookmarks SET changes = 0, refused = 0 WHERE guid > ''`
	sqlWipeLog    = `DELETE FROM bookmark_log WHERE n > 0`

	sqlDropTombstones = `DELETE FROM bookmark_tombstones WHERE guid > ''`
	sqlDropMirror     = `DELETE FROM bookmark_mirror WHERE guid > ''`
	sqlDropStaged     = `DELETE FROM bookmark_staged WHERE n > 0`

	sqlCountStaged = `SELECT count(*) FROM (SELECT 1 FROM bookmark_staged WHERE n > 0 LIMIT ?1)`
	sqlStaged      = `SELECT id, parent, kind, modified, payload FROM bookmark_staged WHERE n > 0 ORDER BY n`
	sqlStagedOne   = `SELECT payload, modified FROM bookmark_staged WHERE id = ?1 AND payload IS NOT NULL`
	sqlStagedSome  = `SELECT j.key, s.payload, s.modified FROM json_each(?1) AS j CROSS JOIN bookmark_staged AS s ON s.id = j.value WHERE s.payload IS NOT NULL`
	sqlMirrorOne   = `SELECT payload, modified FROM bookmark_mirror WHERE guid = ?1`
	sqlMirrorAny   = `SELECT EXISTS (SELECT 1 FROM bookmark_mirror WHERE guid > '')`
	sqlMirrorSome  = `SELECT guid, parent, kind, modified FROM bookmark_mirror WHERE guid IN (SELECT value FROM json_each(?1))`
	sqlMirror      = `SELECT m.guid, m.parent, m.kind, m.modified, CASE m.kind WHEN 3 THEN m.payload END,
			EXISTS (SELECT 1 FROM bookmark_staged s WHERE s.id = m.guid)
		FROM bookmark_mirror m WHERE m.guid > ''`
	sqlMirrorAll    = `SELECT guid, parent, kind, modified, payload FROM bookmark_mirror WHERE guid > ''`
	sqlTombstones   = `SELECT guid FROM bookmark_tombstones WHERE guid > ''`
	sqlHasTombstone = `SELECT EXISTS (SELECT 1 FROM bookmark_tombstones WHERE guid = ?1)`
	sqlLocalItem    = `SELECT b.n, b.guid, coalesce(p.guid, ''), b.position, b.kind, b.modified, b.changes,
			CASE WHEN b.changes > 0 THEN b.title ELSE '' END, coalesce(l.url, ''), m.guid IS NOT NULL, b.resend = b.version
		FROM bookmarks b LEFT JOIN bookmarks p ON p.n = b.parent LEFT JOIN bookmark_mirror m ON m.guid = b.guid
		LEFT JOIN places l ON l.id = CASE WHEN b.changes > 0 AND m.guid IS NULL THEN b.place END `
	sqlLocal     = sqlLocalItem + `WHERE b.n > 0`
	sqlLocalSome = sqlLocalItem + `WHERE b.guid IN (SELECT value FROM json_each(?1))`
	// What either side touched since the last sync.
	sqlTouched = `SELECT guid FROM bookmarks WHERE changes > 0 AND n > 0 UNION ALL SELECT guid FROM bookmark_tombstones WHERE guid > '' LIMIT ?1`

	// What came from the server is what the last snapshot sent, so the snapshot
	// arrived and its receipt was lost.
	sqlEcho = `SELECT s.id, o.n, s.modified FROM bookmark_staged s JOIN bookmark_outgoing o ON o.id = s.id
		WHERE s.n > 0 AND s.err IS NULL AND s.payload IS o.payload`
	// An item that is new to the server as far as is known, unedited since it was sent.
	sqlOnlySent = `SELECT EXISTS (SELECT 1 FROM bookmark_outgoing o JOIN bookmarks b ON b.guid = o.id AND b.changes = o.changes AND b.resend >= 0
		WHERE o.id = ?1 AND o.payload IS NOT NULL AND NOT EXISTS (SELECT 1 FROM bookmark_mirror m WHERE m.guid = o.id))`
	sqlUnstage      = `DELETE FROM bookmark_staged WHERE id = ?1`
	sqlBad          = `SELECT id, err, fatal FROM bookmark_staged WHERE n > 0 AND err IS NOT NULL ORDER BY n`
	sqlResend       = `UPDATE bookmarks SET changes = max(changes, 1), refused = 0, resend = iif(changes = 0, version, resend) WHERE guid = ?1`
	sqlMirrorGone   = `DELETE FROM bookmark_mirror WHERE guid IN (SELECT id FROM bookmark_staged WHERE payload IS NULL AND n > 0)`
	sqlMirrorForget = `DELETE FROM bookmark_mirror WHERE guid IN (SELECT value FROM json_each(?1))`
	sqlMirrorPut    = `INSERT INTO bookmark_mirror (guid, parent, kind, modified, payload)
		SELECT id, parent, kind, modified, payload FROM bookmark_staged WHERE n > 0 AND payload IS NOT NULL
		ON CONFLICT (guid) DO UPDATE SET parent = excluded.parent, kind = excluded.kind, modified = excluded.modified, payload = excluded.payload`

	sqlGoing     = sqlItemColumns + `, coalesce(l.frecency, 0), EXISTS (SELECT 1 FROM bookmark_mirror m WHERE m.guid = b.guid)` + sqlItemTables + `WHERE b.changes > 0 AND b.n > 0 AND b.refused <> b.changes AND b.parent IS NOT NULL AND ` + sqlNotHeld + ` ORDER BY b.n`
	sqlSend      = `INSERT INTO bookmark_outgoing (id, parent, kind, payload, changes, sortindex) VALUES (?, ?, ?, ?, ?, ?)`
	sqlTitle     = `SELECT title FROM bookmarks WHERE n = ?1`
	sqlFrecency  = `SELECT frecency FROM places WHERE id = ?1`
	sqlGoingGone = `SELECT guid FROM bookmark_tombstones WHERE refused = 0 AND guid > '' AND ` + sqlNotHeldGone + ` ORDER BY guid`
	sqlStored    = `INSERT INTO bookmark_mirror (guid, parent, kind, modified, payload)
		SELECT id, parent, kind, ?3, payload FROM bookmark_outgoing WHERE n > ?1 AND n <= ?2 AND payload IS NOT NULL
		ON CONFLICT (guid) DO UPDATE SET parent = excluded.parent, kind = excluded.kind, modified = excluded.modified, payload = excluded.payload`
	sqlStoredGone = `DELETE FROM bookmark_mirror WHERE guid IN (SELECT o.id FROM bookmark_outgoing o
		WHERE o.n > ?1 AND o.n <= ?2 AND o.payload IS NULL)`
	sqlRemoveSentTombstones = `DELETE FROM bookmark_tombstones WHERE guid IN (SELECT o.id FROM bookmark_outgoing o
		WHERE o.n > ?1 AND o.n <= ?2 AND o.payload IS NULL)`
	sqlSubtract = `UPDATE bookmarks SET refused = 0, changes = max(bookmarks.changes - o.changes, 0) FROM bookmark_outgoing o
		WHERE o.n > ?1 AND o.n <= ?2 AND o.id = bookmarks.guid`
	sqlRefused       = `UPDATE bookmarks SET refused = o.changes, reason = ?2 FROM bookmark_outgoing o WHERE o.id = bookmarks.guid AND bookmarks.guid = ?1`
	sqlRefusedGone   = `UPDATE bookmark_tombstones SET refused = 1 WHERE guid = ?1`
	sqlStagedGUIDs   = `SELECT id FROM bookmark_staged WHERE n > 0`
	sqlSetPositionOf = `UPDATE bookmarks SET position = ?2 WHERE guid = ?1`
	sqlMirrorPutSome = `INSERT INTO bookmark_mirror (guid, parent, kind, modified, payload)
		SELECT id, parent, kind, modified, payload FROM bookmark_staged WHERE payload IS NOT NULL AND id IN (SELECT value FROM json_each(?1))
		ON CONFLICT (guid) DO UPDATE SET parent = excluded.parent, kind = excluded.kind, modified = excluded.modified, payload = excluded.payload`
	sqlUnstageSome = `DELETE FROM bookmark_staged WHERE id IN (SELECT value FROM json_each(?1))`

	// After a Reset: what the server has no more, and what it has as it was before.
	sqlLost = `UPDATE bookmarks SET changes = max(changes, 1), refused = 0, resend = CASE WHEN changes = 0 THEN version WHEN resend = version THEN resend ELSE -1 END WHERE guid > ''
		AND NOT EXISTS (SELECT 1 FROM bookmark_staged s WHERE s.id = bookmarks.guid)
		AND (guid NOT IN (SELECT value FROM json_each(?1)) OR EXISTS (SELECT 1 FROM bookmarks c WHERE c.parent = bookmarks.n))`
	sqlLostRoots = `UPDATE bookmarks SET changes = max(changes, 1), refused = 0, resend = CASE WHEN changes = 0 THEN version WHEN resend = version THEN resend ELSE -1 END WHERE guid IN (SELECT value FROM json_each(?1))
		AND NOT EXISTS (SELECT 1 FROM bookmark_staged s WHERE s.id = bookmarks.guid) AND EXISTS (SELECT 1 FROM bookmarks c WHERE c.parent = bookmarks.n)`
	sqlLostGone = `INSERT INTO bookmark_staged (id, parent, kind, modified, payload, err, fatal)
		SELECT guid, '', 0, modified, NULL, NULL, 0 FROM bookmark_mirror m WHERE guid > ''
		AND NOT EXISTS (SELECT 1 FROM bookmark_staged s WHERE s.id = m.guid) AND guid NOT IN (SELECT value FROM json_each(?1))`
	// The server may be without a record for a moment only: another device fills it again.
	sqlRemoveMetTombstone = `DELETE FROM bookmark_tombstones WHERE guid = ?1
		AND (EXISTS (SELECT 1 FROM bookmark_staged WHERE id = ?1) OR EXISTS (SELECT 1 FROM bookmarks WHERE guid = ?1))`
	sqlLostMirror = `DELETE FROM bookmark_mirror WHERE guid > '' AND NOT EXISTS (SELECT 1 FROM bookmark_staged s WHERE s.id = bookmark_mirror.guid)
		AND NOT EXISTS (SELECT 1 FROM bookmark_tombstones t WHERE t.guid = bookmark_mirror.guid)`
	sqlBehind = `UPDATE bookmarks SET changes = max(changes, 1), refused = 0, resend = iif(changes = 0, version, resend) WHERE guid IN (SELECT s.id FROM bookmark_staged s
		JOIN bookmark_mirror m ON m.guid = s.id WHERE s.n > 0 AND s.err IS NULL AND s.modified < m.modified)`
	sqlBehindMirror = `UPDATE bookmark_mirror SET parent = s.parent, kind = s.kind, payload = s.payload FROM bookmark_staged s
		WHERE bookmark_mirror.guid > '' AND s.id = bookmark_mirror.guid AND s.payload IS NOT NULL AND s.modified < bookmark_mirror.modified`
	sqlBehindGone = `DELETE FROM bookmark_mirror WHERE guid IN (SELECT s.id FROM bookmark_staged s JOIN bookmark_mirror m ON m.guid = s.id
		JOIN bookmarks b ON b.guid = s.id WHERE s.n > 0 AND s.payload IS NULL AND s.err IS NULL AND s.modified < m.modified)`
	sqlBehindStaged = `DELETE FROM bookmark_staged WHERE n > 0 AND payload IS NULL AND err IS NULL
		AND EXISTS (SELECT 1 FROM bookmarks b WHERE b.guid = bookmark_staged.id AND b.changes > 0)
		AND NOT EXISTS (SELECT 1 FROM bookmark_mirror m WHERE m.guid = bookmark_staged.id)`

	// What is known of deletions; see package tombstones.
	// The server went back to before these deletions.
	sqlRevived = `SELECT s.id FROM tombstones t CROSS JOIN bookmark_staged s ON s.id = t.id
		WHERE t.store = 'bookmarks' AND t.account = ?1 AND t.at > s.modified AND s.payload IS NOT NULL AND s.kind > 0
		AND NOT EXISTS (SELECT 1 FROM bookmarks b WHERE b.guid = t.id)`

	// What the user did with items whose records cannot be read.
	sqlWhereHeld     = ` FROM bookmark_retry h JOIN bookmarks b ON b.guid = h.id WHERE h.held = 1 AND h.id > '' AND b.changes > 0`
	sqlWhereHeldGone = ` FROM bookmark_retry h JOIN bookmark_tombstones t ON t.guid = h.id WHERE h.held = 1 AND h.id > ''`
	sqlCountHeld     = `SELECT (SELECT count(*)` + sqlWhereHeld + `) + (SELECT count(*)` + sqlWhereHeldGone + `)`
	sqlHeldPage      = `SELECT h.id, h.reason` + sqlWhereHeld + ` UNION ALL SELECT h.id, h.reason` + sqlWhereHeldGone + ` LIMIT ?1`
	sqlHere          = `SELECT EXISTS (SELECT 1 FROM bookmarks WHERE guid = ?1), EXISTS (SELECT 1 FROM bookmarks WHERE guid = ?1 AND changes > 0)
		OR EXISTS (SELECT 1 FROM bookmark_tombstones WHERE guid = ?1)`

	sqlCountRefused = `SELECT (SELECT count(*) FROM bookmarks WHERE refused > 0 AND n > 0 AND refused = changes) +
		(SELECT count(*) FROM bookmark_tombstones WHERE guid > '' AND refused = 1)`
	sqlRefusedPage = `SELECT guid, reason FROM bookmarks WHERE refused > 0 AND n > 0 AND refused = changes
		UNION ALL SELECT guid, 'the server refused its deletion' FROM bookmark_tombstones WHERE guid > '' AND refused = 1 LIMIT ?1`
)
