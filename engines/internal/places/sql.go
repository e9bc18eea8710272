package places

// Every statement of the package, so that a test can read the plan of each.
const (
	columns = `id, guid, url, title, hidden, typed, visits, last_visit, frecency, bookmarks`

	sqlFind          = `SELECT ` + columns + ` FROM places WHERE url_hash = ?1 AND url = ?2`
	sqlGet           = `SELECT ` + columns + ` FROM places WHERE id = ?1`
	sqlByGUID        = `SELECT ` + columns + ` FROM places WHERE guid = ?1`
	sqlInsert        = `INSERT INTO places (guid, url, url_hash, origin, title) VALUES (?1, ?2, ?3, ?4, ?5) RETURNING id`
	sqlSetTitle      = `UPDATE places SET title = ?2 WHERE id = ?1`
	sqlText          = `SELECT url, title, bookmark_text FROM places WHERE id = ?1`
	sqlSetBookmarked = `UPDATE places SET bookmarks = ?2, bookmarked = ?3, bookmark_text = ?4 WHERE id = ?1`
	sqlRelease       = `DELETE FROM places WHERE id = ?1 AND visits = 0 AND bookmarks = 0 RETURNING origin`
	sqlOrigin        = `INSERT INTO origins (prefix, host, rev_host) VALUES (?1, ?2, ?3)
		ON CONFLICT (prefix, host) DO UPDATE SET rev_host = excluded.rev_host RETURNING id`
	sqlDropOrigin = `DELETE FROM origins WHERE id = ?1 AND NOT EXISTS (SELECT 1 FROM places WHERE origin = ?1)`

	sqlLastVisits  = `SELECT date, type FROM visits WHERE place = ?1 ORDER BY date DESC, type DESC LIMIT ?2`
	sqlCounts      = `SELECT visits, bookmarks, bookmarked FROM places WHERE id = ?1`
	sqlSetFrecency = `UPDATE places SET frecency = ?2 WHERE id = ?1`

	sqlCandidates = `SELECT p.id FROM (SELECT rowid FROM search WHERE search MATCH ?1 ORDER BY rowid DESC LIMIT ?2) AS c
		CROSS JOIN places AS p ON p.id = c.rowid ORDER BY p.frecency DESC, p.id DESC`
	sqlByFrecency = `SELECT ` + columns + `, bookmark_text FROM places ORDER BY frecency DESC LIMIT ?1`
	sqlSearched   = `SELECT ` + columns + `, bookmark_text FROM places WHERE id = ?1`

	sqlIndex   = `INSERT INTO search (rowid, words) VALUES (?1, ?2)`
	sqlReindex = `INSERT OR REPLACE INTO search (rowid, words) VALUES (?1, ?2)`
	sqlUnindex = `DELETE FROM search WHERE rowid = ?1`
)
