package bookmarks

import (
	"github.com/syncmanager/syncmanager/engine"
)

// everything is behind the last row that was staged.
const everything = 1<<63 - 1

// noteTombstones brings what is known of deletions up to what was staged. In the first
// merge after a Reset, what was deleted later than its record was stored is the past:
// the server went back, and it is deleted again.
func (s *session) noteTombstones(t *tx) error {
	if err := s.NoteDeletions(t.Tx.Tx, 0, everything); err != nil {
		return err
	}
	if s.Since() != 0 {
		return nil
	}
	rows, err := t.Query(sqlRevived, s.Start.Account)
	if err != nil {
		return err
	}
	revived, err := scanAll[engine.ID](rows)
	if err != nil || len(revived) == 0 {
		return err
	}
	if s.Start.Prefer == engine.PreferRemote {
		s.revived = set(revived)
		return nil
	}
	total := 0
	if err := t.QueryRow(sqlCount).Scan(&total); err != nil {
		return err
	}
	// The server may have been restored for just these.
	if err := tooManyDeletions(len(revived), total-len(wireIDs)+len(revived), s.Start); err != nil {
		return err
	}
	return t.deleteAgain(revived, s.Start.Run)
}

// deleteAgain deletes items that are back on the server. The user can undo it.
func (t *tx) deleteAgain(guids []engine.ID, run string) error {
	u := newUndoRecorder()
	positions := make(map[engine.ID]map[engine.ID]int)
	for _, guid := range guids {
		r, _, err := t.incoming(guid)
		if err != nil {
			continue // it cannot be read, and nothing comes of it
		}
		if positions[r.parent] == nil {
			positions[r.parent] = make(map[engine.ID]int)
			folder, _, err := t.incoming(r.parent)
			if err = notFoundIsNil(err); err != nil {
				return err
			}
			for i, child := range folder.children {
				positions[r.parent][child] = i
			}
		}
		u.record(guid, &state{Parent: r.parent, Position: positions[r.parent][guid], Kind: r.kind, Title: r.title, URL: r.url, Tags: r.tags, Keyword: r.keyword, Added: r.added, Extra: r.extra})
		u.deleted++
		if _, err := t.Exec(sqlTombstone, guid, t.now); err != nil {
			return err
		}
	}
	// It is what both sides had, and no change by another device.
	if _, err := t.Exec(sqlMirrorPutSome, guidList(guids)); err != nil {
		return err
	}
	return u.write(t, run)
}
