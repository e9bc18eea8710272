package history

// Every statement of the package, so that a test can read the plan of each.
const (
	sqlSince = `SELECT since FROM history_ledger WHERE one = 1`

	sqlCount        = `SELECT count(*) FROM places WHERE last_visit > 0 AND hidden = 0`
	sqlCountChanged = `SELECT count(*) FROM places WHERE changes > 0 AND refused <> changes AND frecency >= 0 AND ` + notHeld
	sqlCountGone    = `SELECT count(*) FROM history_tombstones WHERE guid > '' AND refused = 0 AND ` + notHeldGone
	// What the server has of a page can be read, or is not here.
	notHeld       = `NOT EXISTS (SELECT 1 FROM history_retry AS h WHERE h.id = places.guid AND h.held = 1)`
	notHeldGone   = `NOT EXISTS (SELECT 1 FROM history_retry AS h WHERE h.id = history_tombstones.guid AND h.held = 1)`
	sqlLastPlace  = `SELECT coalesce(max(id), 0) FROM places`
	sqlLastOrigin = `SELECT coalesce(max(id), 0) FROM origins`

	rowColumns = `id, guid, url, title, hidden, syncable, visits, last_visit, typed, bookmarks, changes, synced = 1, synced > 0, base_title, edited, unknown, preview`
	sqlByGUID  = `SELECT ` + rowColumns + ` FROM places WHERE guid = ?1`
	sqlByID    = `SELECT ` + rowColumns + ` FROM places WHERE id = ?1`
	sqlByURL   = `SELECT ` + rowColumns + ` FROM places WHERE url_hash = ?1 AND url = ?2`

	sqlInsertPage = `INSERT INTO places (guid, url, url_hash, origin, title, hidden, syncable, visits, last_visit, typed, frecency,
		changes, synced, edited, unknown, preview) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16) RETURNING id`
	sqlInsertPages = `INSERT INTO places (id, guid, url, url_hash, origin, title, hidden, syncable, visits, last_visit, typed, frecency,
		changes, synced, edited, unknown, preview) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
	sqlInsertVisits = `INSERT INTO visits (place, date, type, unknown, flags, referrer) VALUES (?, ?, ?, ?, ?, ?)`
	// Of a list of IDs, those that a page has here, or that are known as deleted.
	sqlMet = `SELECT guid FROM places WHERE guid IN (SELECT value FROM json_each(?1))
		UNION ALL SELECT guid FROM history_tombstones WHERE guid IN (SELECT value FROM json_each(?1))
		UNION ALL SELECT id FROM tombstones WHERE store = 'history' AND id IN (SELECT value FROM json_each(?1))`
	sqlUnstageSome = `DELETE FROM history_staged WHERE n IN (SELECT value FROM json_each(?1))`
	sqlSavePage    = `UPDATE places SET title = ?2, hidden = ?3, syncable = ?4, visits = ?5, last_visit = ?6, typed = ?7,
		changes = ?8, synced = ?9, base_title = ?10, edited = ?11, unknown = ?12, preview = ?13, refused = 0 WHERE id = ?1`
	sqlSetPreview = `UPDATE places SET preview = ?2 WHERE id = ?1`
	sqlSetGUID    = `UPDATE places SET guid = ?2, synced = ?3, refused = 0 WHERE id = ?1`

	// A visit is there already if one of its millisecond is: see key.
	sqlAddVisit = `INSERT INTO visits (place, date, type, unknown, flags, referrer) SELECT ?1, ?2, ?3, ?4, ?5, ?6 WHERE NOT EXISTS
		(SELECT 1 FROM visits WHERE place = ?1 AND date >= ?2 - ?2 % 1000 AND date < ?2 - ?2 % 1000 + 1000 AND type = ?3)`
	sqlNoteUnknown = `UPDATE visits SET unknown = ?4 WHERE place = ?1 AND date >= ?2 - ?2 % 1000 AND date < ?2 - ?2 % 1000 + 1000 AND type = ?3
		AND unknown IS NOT ?4`
	sqlVisits = `SELECT date, type, unknown, flags, coalesce((SELECT r.url FROM places AS r WHERE r.id = visits.referrer), '')
		FROM visits WHERE place = ?1 ORDER BY date DESC, type DESC LIMIT ?2`
	sqlTally = `SELECT count(*), coalesce(max(date), 0), count(*) FILTER (WHERE type = 2),
		count(*) FILTER (WHERE type NOT IN (4, 8) AND flags & 6 = 0), count(*) FILTER (WHERE type NOT IN (4, 7, 8) AND flags & 6 = 0) FROM visits WHERE place = ?1`
	sqlDropVisits     = `DELETE FROM visits WHERE place = ?1`
	sqlForgetReferrer = `UPDATE visits SET referrer = NULL WHERE referrer = ?1`
	sqlDropRange      = `DELETE FROM visits WHERE place = ?1 AND date >= ?2 AND date < ?3`
	sqlRange          = `SELECT DISTINCT place FROM (SELECT place FROM visits INDEXED BY visits_date WHERE date >= ?1 AND date < ?2 ORDER BY date LIMIT ?3)`
	sqlAhead          = `SELECT DISTINCT place FROM (SELECT place FROM visits INDEXED BY visits_date WHERE date > ?1 ORDER BY date LIMIT ?2)`
	// Two that would be at one moment are one.
	sqlSettleAhead           = `UPDATE OR IGNORE visits SET date = ?3 WHERE place = ?1 AND date > ?2`
	sqlDropAhead             = `DELETE FROM visits WHERE place = ?1 AND date > ?2 AND ?3 > 0`
	sqlAddVisitTombstones    = `INSERT OR IGNORE INTO visit_tombstones (place, date) SELECT place, date FROM visits WHERE place = ?1 AND date >= ?2 AND date < ?3`
	sqlRemoveTombstoneVisit  = `DELETE FROM visit_tombstones WHERE place = ?1 AND date >= ?2 - ?2 % 1000 AND date < ?2 - ?2 % 1000 + 1000`
	sqlRemoveTombstoneVisits = `DELETE FROM visit_tombstones WHERE place = ?1`
	sqlVisitTombstones       = `SELECT date FROM visit_tombstones WHERE place = ?1`

	sqlTombstone    = `SELECT deleted, seen FROM history_tombstones WHERE guid = ?1`
	sqlAddTombstone = `INSERT INTO history_tombstones (guid, deleted, seen) VALUES (?1, ?2, ?3)
		ON CONFLICT (guid) DO UPDATE SET deleted = excluded.deleted, seen = excluded.seen, refused = 0`
	sqlRemoveTombstone = `DELETE FROM history_tombstones WHERE guid = ?1`
	sqlForgetSeen      = `UPDATE history_tombstones SET seen = ?1, refused = 0 WHERE guid > ''`
	sqlDropTombstones  = `DELETE FROM history_tombstones`

	sqlRecent = `SELECT ` + rowColumns + ` FROM places WHERE last_visit > 0 AND (last_visit < ?1 OR last_visit = ?1 AND id < ?2) AND last_visit <= ?1
		AND last_visit >= ?3 AND hidden = 0 ORDER BY last_visit DESC, id DESC LIMIT ?4`
	sqlAllPages = `SELECT ` + rowColumns + ` FROM places WHERE id > ?1 AND visits > 0 ORDER BY id LIMIT ?2`
	sqlOfHost   = `SELECT p.id FROM origins AS o CROSS JOIN places AS p ON p.origin = o.id
		WHERE o.rev_host >= ?1 AND o.rev_host < ?2 AND p.visits > 0 LIMIT ?3`

	sqlTop = `SELECT ` + rowColumns + `, frecency FROM (SELECT * FROM places WHERE frecency > 0 ORDER BY frecency DESC LIMIT ?1)
		WHERE visits > 0 AND hidden = 0 ORDER BY frecency DESC`
	// ?5 has a bit for each transition that is left out, and ?6 the flags that are.
	sqlVisitsBetween = `SELECT v.date, v.place, v.type, v.flags, p.guid, p.url, p.title, p.hidden, p.preview,
			coalesce((SELECT r.url FROM places AS r WHERE r.id = v.referrer), '') FROM visits AS v INDEXED BY visits_date
		CROSS JOIN places AS p ON p.id = v.place
		WHERE (v.date, v.place, v.type) < (?1, ?2, ?3) AND v.date >= ?4 AND (?5 >> v.type) & 1 = 0 AND v.flags & ?6 = 0
		ORDER BY v.date DESC, v.place DESC, v.type DESC LIMIT ?7`
	sqlCountVisits       = `SELECT count(*) FROM visits INDEXED BY visits_date WHERE date >= ?1 AND date < ?2 AND (?3 >> type) & 1 = 0 AND flags & ?4 = 0`
	sqlCountVisitsOfHost = `SELECT count(*) FROM origins AS o CROSS JOIN places AS p ON p.origin = o.id CROSS JOIN visits AS v ON v.place = p.id
		WHERE o.rev_host >= ?1 AND o.rev_host < ?2 AND v.date >= ?3 AND v.date < ?4 AND (?5 >> v.type) & 1 = 0 AND v.flags & ?6 = 0`

	useColumns = `u.id, p.url, p.title, u.term, coalesce((SELECT r.url FROM places AS r WHERE r.id = u.referrer), ''), u.kind, u.began, u.noted, u.viewed
		FROM page_uses AS u CROSS JOIN places AS p ON p.id = u.place`
	sqlGoOnWithUse = `UPDATE page_uses SET noted = ?5, viewed = viewed + ?6 WHERE id = (SELECT id FROM page_uses
		WHERE place = ?1 AND term = ?2 AND referrer IS ?3 AND kind = ?4 AND noted > ?7 ORDER BY noted DESC LIMIT 1)`
	sqlAddUse    = `INSERT INTO page_uses (place, term, referrer, kind, began, noted, viewed) VALUES (?1, ?2, ?3, ?4, ?5, ?5, ?6)`
	sqlPruneUses = `DELETE FROM page_uses WHERE id <= (SELECT max(id) FROM page_uses) - ?1`
	sqlLastUse   = `SELECT ` + useColumns + ` WHERE u.place = ?1 ORDER BY u.noted DESC LIMIT 1`
	sqlUses      = `SELECT ` + useColumns + ` WHERE (u.noted, u.id) < (?1, ?2) AND u.noted >= ?3 ORDER BY u.noted DESC, u.id DESC LIMIT ?4`
	// ?3 is the weight of the time.
	sqlHighlights = `SELECT ` + rowColumns + `, viewed, uses, ?3 * viewed / max(all_viewed, 1) + (1 - ?3) * uses / all_uses AS score FROM (
			SELECT place, sum(viewed) AS viewed, count(*) AS uses, sum(sum(viewed)) OVER () AS all_viewed, sum(count(*)) OVER () AS all_uses
			FROM (SELECT place, viewed FROM page_uses WHERE noted >= ?1 ORDER BY noted DESC LIMIT ?2) AS c GROUP BY place) AS c
		CROSS JOIN places ON id = c.place WHERE visits > 0 AND hidden = 0 ORDER BY score DESC, id DESC LIMIT ?4`
	sqlForgetUses        = `DELETE FROM page_uses WHERE id IN (SELECT id FROM page_uses WHERE noted >= ?1 AND noted < ?2 LIMIT ?3)`
	sqlForgetUsesOfPage  = `DELETE FROM page_uses WHERE place = ?1`
	sqlForgetUseReferrer = `UPDATE page_uses SET referrer = NULL WHERE referrer = ?1`
	// ?4 is when it began; 0: at any time.
	sqlForgetUse   = `DELETE FROM page_uses WHERE place = ?1 AND term = ?2 AND referrer IS ?3 AND ?4 IN (0, began)`
	sqlForgetTerms = `UPDATE page_uses SET term = '' WHERE id IN (SELECT id FROM page_uses WHERE term <> '' ORDER BY id LIMIT ?1)`
	sqlWipeUses    = `DELETE FROM page_uses WHERE place > ?1 AND place <= ?2`

	sqlForgetAccepted = `DELETE FROM accepted WHERE place = ?1`
	sqlWipeAccepted   = `DELETE FROM accepted WHERE place > ?1 AND place <= ?2`

	sqlStagedPage     = `SELECT n, id, modified, payload, err, fatal FROM history_staged WHERE n > ?1 AND n <= ?2 ORDER BY n`
	sqlStagedDeletion = `SELECT n, modified FROM history_staged WHERE id = ?1 AND n > ?2 AND payload IS NULL AND err IS NULL`
	sqlDeletions      = `SELECT count(*) FROM history_staged AS s CROSS JOIN places AS p ON p.guid = s.id
		WHERE s.payload IS NULL AND s.err IS NULL AND s.id > '' AND p.visits > 0 AND (p.changes = 0 OR p.synced <> 1)`

	sqlSent           = `SELECT payload, title FROM history_outgoing WHERE id = ?1 AND payload IS NOT NULL`
	sqlSendTombstones = `INSERT INTO history_outgoing (id) SELECT guid FROM history_tombstones WHERE guid > '' AND refused = 0 AND ` + notHeldGone + ` LIMIT ?1`
	sqlToSend         = `SELECT id FROM places WHERE changes > 0 AND refused <> changes AND ` + notHeld + ` ORDER BY frecency DESC LIMIT ?1`
	sqlGoing          = `SELECT places.id, guid, url, title, unknown, changes, frecency / 86400 FROM json_each(?1) AS j CROSS JOIN places NOT INDEXED ON places.id = j.value
		WHERE visits > 0 AND changes > 0 AND refused <> changes AND ` + notHeld + `
		AND NOT EXISTS (SELECT 1 FROM history_outgoing AS o WHERE o.id = places.guid)`
	// The newest visits of each page: ?2 + 1, and those at the date of the last of them.
	sqlGoingVisits = `SELECT v.place, v.date, v.type, v.unknown FROM json_each(?1) AS j CROSS JOIN visits AS v ON v.place = j.value
		AND v.date >= coalesce((SELECT w.date FROM visits AS w WHERE w.place = j.value ORDER BY w.date DESC LIMIT 1 OFFSET ?2), 0)`
	sqlSend   = `INSERT INTO history_outgoing (id, payload, title, changes, sortindex) VALUES (?, ?, ?, ?, ?)`
	sqlTooOld = `UPDATE places SET changes = 0 WHERE id IN (SELECT id FROM places WHERE changes > 0 AND synced = 0 AND last_visit < ?1 LIMIT ?2)`

	sqlStored = `UPDATE places SET synced = 1, refused = 0, base_title = CASE WHEN places.title <> o.title THEN o.title END,
			changes = max(places.changes - o.changes, 0)
		FROM history_outgoing AS o WHERE +o.id = places.guid AND o.payload IS NOT NULL AND places.visits > 0
		AND o.n > ?1 AND o.n <= ?2`
	sqlStoredGone = `DELETE FROM history_tombstones WHERE guid IN (SELECT o.id FROM history_outgoing AS o
		WHERE o.n > ?1 AND o.n <= ?2 AND o.payload IS NULL)`
	sqlRefused     = `UPDATE places SET refused = o.changes, reason = ?2 FROM history_outgoing AS o WHERE o.id = places.guid AND o.payload IS NOT NULL AND places.guid = ?1`
	sqlRefusedGone = `UPDATE history_tombstones SET refused = 1 WHERE guid = ?1 AND EXISTS
		(SELECT 1 FROM history_outgoing AS o WHERE o.id = ?1 AND o.payload IS NULL)`

	sqlHeal = `UPDATE places SET changes = max(changes, 1), refused = 0 WHERE guid = ?1 AND visits > 0 AND syncable = 1 AND hidden = 0`

	// A page that the server had with all its changes counts one, and one with changes
	// that were not sent two at least: tombstone tells them apart by it.
	sqlForget = `UPDATE places SET synced = 2 * (synced > 0), refused = 0, base_title = NULL,
			changes = CASE WHEN syncable = 1 AND (last_visit >= ?3 OR changes > 0) THEN max(changes, 1) + (synced = 1 AND changes > 0) ELSE 0 END
		WHERE id > ?1 AND id <= ?2 AND last_visit > 0
		AND NOT (synced = 0 AND refused = 0 AND base_title IS NULL AND syncable = 1 AND changes > 0) -- as it should be`
	// No visit that is here now comes back with a sync, even if its clock is ahead.
	sqlSetCleared    = `UPDATE history_meta SET cleared = max(cleared, ?1, coalesce((SELECT max(date) FROM visits), 0)) WHERE one = 1`
	sqlForgetCleared = `UPDATE history_meta SET cleared = 0 WHERE one = 1`
	sqlCleared       = `SELECT cleared FROM history_meta WHERE one = 1`
	sqlCountChunk    = `SELECT count(*), coalesce(sum(visits), 0) FROM places WHERE id > ?1 AND id <= ?2 AND visits > 0`
	sqlDropRetries   = `DELETE FROM history_retry`

	// The newest of the visits that are kept, and those before it that may go.
	sqlNewestKept = `SELECT date FROM visits WHERE date > 0 ORDER BY date DESC LIMIT 1 OFFSET ?1`
	sqlPrunable   = `SELECT v.place, v.date FROM visits AS v INDEXED BY visits_date CROSS JOIN places AS p ON p.id = v.place
		WHERE v.date >= ?1 AND v.date < ?2 AND p.changes = 0 AND NOT EXISTS (SELECT 1 FROM visit_tombstones AS t WHERE t.place = v.place)
		ORDER BY v.date LIMIT ?3`

	sqlWipeVisits          = `DELETE FROM visits WHERE place > ?1 AND place <= ?2`
	sqlWipeVisitTombstones = `DELETE FROM visit_tombstones WHERE place > ?1 AND place <= ?2`
	sqlWipeSearch          = `DELETE FROM search WHERE rowid IN (SELECT id FROM places WHERE id > ?1 AND id <= ?2 AND bookmarks = 0)`
	sqlWipePlaces          = `DELETE FROM places WHERE id > ?1 AND id <= ?2 AND bookmarks = 0`
	sqlWipeKept            = `SELECT id FROM places WHERE id > ?1 AND id <= ?2 AND visits > 0`
	sqlWipeOrigins         = `DELETE FROM origins WHERE id > ?1 AND id <= ?2 AND NOT EXISTS (SELECT 1 FROM places AS p WHERE p.origin = origins.id)`

	// What is known of deletions; see package tombstones.
	// The server went back to before these deletions.
	sqlRevived = `SELECT count(*) FROM tombstones t CROSS JOIN history_staged s ON s.id = t.id
		WHERE t.store = 'history' AND t.account = ?1 AND t.at > s.modified AND s.payload IS NOT NULL
		AND NOT EXISTS (SELECT 1 FROM places p WHERE p.guid = t.id AND p.visits > 0)`

	// The pages that the server has, or had before a Reset, as they are here.
	whereSettled    = ` WHERE id > ?1 AND id <= ?2 AND visits > 0 AND (synced = 1 AND changes = 0 OR synced = 2 AND changes <= 1)`
	sqlCountSettled = `SELECT count(*) FROM places` + whereSettled
	sqlAllSettled   = `SELECT id FROM places` + whereSettled

	sqlLogEntry = `INSERT INTO history_log (run, at, deleted) VALUES (?1, ?2, 1)
		ON CONFLICT (run) DO UPDATE SET at = excluded.at, deleted = deleted + 1 RETURNING n`
	sqlAddUndoItem = `INSERT INTO history_undo_items (log, guid, url, rev_host, first, last, record, preview, flags)
		VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) ON CONFLICT (log, guid) DO NOTHING`
	sqlLog       = `SELECT run, at, deleted, undone FROM history_log WHERE n > 0 ORDER BY n DESC LIMIT 1000`
	sqlLogRow    = `SELECT n, undone FROM history_log WHERE run = ?1`
	sqlLastRun   = `SELECT run FROM history_log WHERE n > 0 AND undone = 0 ORDER BY n DESC LIMIT 1`
	sqlLogSizes  = `SELECT n, deleted FROM history_log WHERE n > 0 ORDER BY n DESC LIMIT 1000000`
	sqlPruneOld  = `DELETE FROM history_log WHERE n < (SELECT max(n) FROM history_log) AND at < ?1`
	sqlPruneTo   = `DELETE FROM history_log WHERE n <= ?1`
	sqlDropLog   = `DELETE FROM history_log WHERE n > 0`
	sqlUndoItems = `SELECT guid, record, preview, flags FROM history_undo_items WHERE log = ?1 AND guid > ?2 ORDER BY guid LIMIT ?3`
	sqlUndone    = `UPDATE history_log SET undone = ?2 WHERE n = ?1`
	// What the user deletes cannot be brought back by an Undo.
	sqlDropUndoItemsOfPage  = `DELETE FROM history_undo_items WHERE rev_host = ?1 AND url = ?2`
	sqlDropUndoItemsOfHost  = `DELETE FROM history_undo_items WHERE rev_host >= ?1 AND rev_host < ?2`
	sqlDropUndoItemsOfRange = `DELETE FROM history_undo_items WHERE last >= ?1 AND first < ?2`

	// What the user did with pages whose records cannot be read. After a Reset a page that
	// was not changed counts one change.
	whereHeldPage = ` FROM history_retry AS h JOIN places AS p ON p.guid = h.id WHERE h.held = 1 AND h.id > '' AND p.visits > 0 AND p.changes > (p.synced = 2)`
	whereHeldGone = ` FROM history_retry AS h JOIN history_tombstones AS t ON t.guid = h.id WHERE h.held = 1 AND h.id > ''`
	sqlCountHeld  = `SELECT (SELECT count(*)` + whereHeldPage + `) + (SELECT count(*)` + whereHeldGone + `)`
	sqlHeldPage   = `SELECT h.id, h.reason` + whereHeldPage + ` UNION ALL SELECT h.id, h.reason` + whereHeldGone + ` LIMIT ?1`
	sqlHere       = `SELECT EXISTS (SELECT 1 FROM places WHERE guid = ?1 AND visits > 0),
		EXISTS (SELECT 1 FROM places WHERE guid = ?1 AND visits > 0 AND changes > (synced = 2)) OR EXISTS (SELECT 1 FROM history_tombstones WHERE guid = ?1)`

	sqlCountRefused = `SELECT (SELECT count(*) FROM places WHERE refused > 0 AND id > 0 AND refused = changes) +
		(SELECT count(*) FROM history_tombstones WHERE guid > '' AND refused = 1)`
	sqlRefusedPage = `SELECT guid, reason FROM places WHERE refused > 0 AND id > 0 AND refused = changes
		UNION ALL SELECT guid, 'the server refused its deletion' FROM history_tombstones WHERE guid > '' AND refused = 1 LIMIT ?1`
)
