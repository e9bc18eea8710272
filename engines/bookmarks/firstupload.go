package bookmarks

import "context"

// tryFirstUpload has all go up that is here, if nothing is on the server: nothing is to be
// merged then, and neither tree is read. It fails with errEntangled if something is there, or if
// something here has to be repaired.
func (s *session) tryFirstUpload(ctx context.Context) error {
	var m meta
	err := s.e.view(ctx, func(t *tx) (err error) {
		if m, err = t.meta(); err != nil {
			return err
		}
		for _, query := range []string{sqlAnyThere, sqlAnyStaged, sqlAnyUnsound} {
			var any bool
			if err := t.QueryRow(query).Scan(&any); err != nil {
				return err
			}
			if any {
				return errEntangled
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return s.e.merge(ctx, func(t *tx) error {
		now, err := t.meta()
		if err != nil {
			return err
		}
		if now.generation != m.generation {
			return errEntangled
		}
		_, err = t.Exec(sqlSendAll)
		return err
	})
}

const (
	// Something is on the server, as far as this device has seen or done.
	sqlAnyThere = `SELECT EXISTS (SELECT 1 FROM bookmark_mirror WHERE guid > '') OR EXISTS (SELECT 1 FROM bookmark_retry WHERE id > '')
		OR EXISTS (SELECT 1 FROM bookmark_tombstones WHERE guid > '')`
	sqlAnyStaged = `SELECT EXISTS (SELECT 1 FROM bookmark_staged WHERE n > 0)`
	// Something here that a merge would repair: a GUID or a kind that no item has, positions with
	// gaps, and what is in no folder, next to the roots, or in something else than a folder.
	sqlAnyUnsound = `WITH RECURSIVE below (n, kind) AS (SELECT n, kind FROM bookmarks WHERE guid = 'root________'
			UNION ALL SELECT b.n, b.kind FROM below JOIN bookmarks b ON b.parent = below.n WHERE below.kind = 3)
		SELECT EXISTS (SELECT 1 FROM bookmarks WHERE n > 0 AND (kind NOT IN (1, 2, 3, 5) OR length(guid) <> 12 OR guid GLOB '*[^-0-9A-Z_a-z]*'))
			OR EXISTS (` + sqlBadPositions + `)
			OR 4 <> (SELECT count(*) FROM bookmarks c JOIN bookmarks r ON c.parent = r.n WHERE r.guid = 'root________')
			OR (SELECT count(*) FROM below) <> (SELECT count(*) FROM bookmarks WHERE n > 0)`
	sqlSendAll = `UPDATE bookmarks SET changes = 1, refused = 0, resend = version WHERE n > 0 AND changes = 0 AND parent IS NOT NULL`
)
