package places

// Every statement of the package, so that a test can read the plan of each.
const (
	columns = `id, guid, url, title, hidden, typed, visits, last_visit, frecency, bookmarks`

	sqlFind          = `SELECT ` + columns + ` FROM places WHERE url_hash = ?1 AND url = ?2`
	sqlGet           = `SELECT ` + columns + ` FROM places WHERE id = ?1`
	sqlByGUID        = `SELECT ` + columns + ` FROM places WHERE guid = ?1`
	sqlInsert        = `INSERT INTO places (guid, url, url_hash, origin, title) VALUES (?1, ?2, ?3, ?4, ?5) RETURNING id`
	sqlFindMany      = `SELECT p.id, p.url FROM json_each(?1) AS j CROSS JOIN places AS p ON p.url_hash = j.value`
	sqlLastPlace     = `SELECT coalesce(max(id), 0) FROM places`
	sqlInsertMany    = `INSERT INTO places (id, guid, url, url_hash, origin, bookmarks, bookmarked, bookmark_text, frecency) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`
	sqlSetTitle      = `UPDATE places SET title = ?2 WHERE id = ?1`
	sqlText          = `SELECT url, title, bookmark_text FROM places WHERE id = ?1`
	sqlSetBookmarked = `UPDATE places SET bookmarks = ?2, bookmarked = ?3, bookmark_text = ?4 WHERE id = ?1`
	sqlRelease       = `DELETE FROM places WHERE id = ?1 AND visits = 0 AND bookmarks = 0 RETURNING origin`
	sqlOrigin        = `INSERT INTO origins (prefix, host, rev_host) VALUES (?1, ?2, ?3)
		ON CONFLICT (prefix, host) DO UPDATE SET rev_host = excluded.rev_host RETURNING id`
	sqlFindOrigins   = `SELECT o.id, o.prefix, o.host FROM json_each(?1) AS j CROSS JOIN origins AS o ON o.host = j.value`
	sqlLastOrigin    = `SELECT coalesce(max(id), 0) FROM origins`
	sqlInsertOrigins = `INSERT INTO origins (id, prefix, host, rev_host) VALUES (?, ?, ?, ?)`
	sqlDropOrigin    = `DELETE FROM origins WHERE id = ?1 AND NOT EXISTS (SELECT 1 FROM places WHERE origin = ?1)`

	sqlLastVisits  = `SELECT date, type, flags FROM visits WHERE place = ?1 ORDER BY date DESC, type DESC LIMIT ?2`
	sqlCounts      = `SELECT visits, bookmarks, bookmarked FROM places WHERE id = ?1`
	sqlSetFrecency = `UPDATE places SET frecency = ?2 WHERE id = ?1`

	sqlCandidates = `SELECT rowid FROM search WHERE search MATCH ?1 ORDER BY rowid DESC LIMIT ?2`
	// The inner query sets the order.
	sqlRanked = `SELECT ` + columns + `, bookmark_text FROM (SELECT p.id AS ranked FROM json_each(?1) AS j
			CROSS JOIN places AS p INDEXED BY places_rank ON p.id = j.value ORDER BY p.frecency DESC, p.id DESC LIMIT ?2) AS c
		CROSS JOIN places ON id = c.ranked`
	sqlByFrecency    = `SELECT ` + columns + `, bookmark_text FROM places ORDER BY frecency DESC LIMIT ?1`
	sqlWordsOfTheTop = `SELECT id, url, title, bookmark_text FROM places ORDER BY frecency DESC LIMIT ?1`

	// Of the places with most frecency the first of such a host, and else the best of
	// those hosts. ?1 to ?4 are two ranges of hosts, ?5 a scheme or "".
	sqlBestHost = `SELECT o.prefix, o.host FROM (SELECT origin, frecency FROM places WHERE frecency > 0 ORDER BY frecency DESC LIMIT ?6) AS c
		CROSS JOIN origins AS o ON o.id = c.origin
		WHERE (o.host >= ?1 AND o.host < ?2 OR o.host >= ?3 AND o.host < ?4) AND ?5 IN ('', o.prefix) ORDER BY c.frecency DESC LIMIT 1`
	sqlHostsFrom = `SELECT prefix, host FROM (
			SELECT id, prefix, host FROM (SELECT id, prefix, host FROM origins WHERE host >= ?1 AND host < ?2 LIMIT ?6)
			UNION ALL SELECT id, prefix, host FROM (SELECT id, prefix, host FROM origins WHERE host >= ?3 AND host < ?4 LIMIT ?6)) AS c
		WHERE ?5 IN ('', prefix) AND (SELECT max(frecency) FROM places WHERE origin = c.id) > 0
		ORDER BY (SELECT max(frecency) FROM places WHERE origin = c.id) DESC LIMIT 1`
	sqlOriginsOf = `SELECT id, prefix || host FROM origins WHERE host IN (?1, ?2) AND ?3 IN ('', prefix)`
	sqlBestPages = `SELECT url, frecency FROM places WHERE origin = ?1 AND frecency > 0 ORDER BY frecency DESC LIMIT ?2`
	sqlPagesOf   = `SELECT ` + columns + `, bookmark_text FROM places WHERE origin = ?1 AND frecency > 0 ORDER BY frecency DESC LIMIT ?2`

	// The bookmarks of a place, as far as the search shows them.
	sqlOfKeyword = `SELECT ` + columns + ` FROM places WHERE id = (SELECT place FROM bookmark_keywords WHERE keyword = ?1)`
	sqlNewest    = `SELECT guid, title FROM (SELECT guid, title, added, n FROM bookmarks WHERE place = ?1 LIMIT ?2) AS c ORDER BY added DESC, n DESC LIMIT 1`
	sqlTags      = `SELECT tag FROM bookmark_tags WHERE place = ?1 ORDER BY tag LIMIT ?2`
	sqlKeyword   = `SELECT keyword FROM bookmark_keywords WHERE place = ?1`

	sqlAccepted    = `SELECT until FROM accepted WHERE input = ?1 AND place = ?2`
	sqlAccept      = `INSERT INTO accepted (input, place, until) VALUES (?1, ?2, ?3) ON CONFLICT (input, place) DO UPDATE SET until = excluded.until`
	sqlAcceptedFor = `SELECT ` + columns + `, bookmark_text, c.until FROM (SELECT place, max(until) AS until FROM accepted
			WHERE input >= ?1 AND input < ?2 AND until > ?3 GROUP BY place ORDER BY 2 DESC LIMIT ?4) AS c
		CROSS JOIN places ON places.id = c.place ORDER BY c.until DESC`
	sqlPruneAccepted = `DELETE FROM accepted WHERE until <= (SELECT until FROM accepted WHERE until > 0 ORDER BY until DESC LIMIT 1 OFFSET ?1)`

	sqlIndex      = `INSERT INTO search (rowid, words) VALUES (?1, ?2)`
	sqlReindex    = `INSERT OR REPLACE INTO search (rowid, words) VALUES (?1, ?2)`
	sqlMergeIndex = `INSERT INTO search (search, rank) VALUES ('merge', ?1)`
	sqlUnindex    = `DELETE FROM search WHERE rowid = ?1`
)
