package bookmarks

import "github.com/syncmanager/syncmanager/engine"

// excludeOversized finds the items that do not go up, because the record of their folder
// cannot: it is too large, was refused for ever, or would overwrite one that this version
// of the program cannot read. Other devices would find them
// without a folder, or in no order, and put them elsewhere. So what the server's record
// of the folder does not list stays here, with all that is below it, until the folder
// fits. A folder that the server never had is in no list until then. maxPayload is the
// largest payload that the server takes; 0 is unknown.
func (t *tx) excludeOversized(maxPayload int) error {
	stuck, err := t.stuckFolders(maxPayload)
	if err != nil || len(stuck) == 0 {
		return err
	}
	t.heldBack, t.omitted = make(map[engine.ID]bool), make(map[engine.ID]bool)
	for _, folder := range stuck {
		if err := t.excludeOversizedIn(folder); err != nil {
			return err
		}
	}
	return nil
}

// stuckFolders are the folders whose records cannot go up.
func (t *tx) stuckFolders(maxPayload int) (stuck []*row, err error) {
	if stuck, err = t.rows(sqlRefusedFolders); err != nil {
		return nil, err
	}
	held, err := t.rows(sqlHeldFolders)
	if stuck = append(stuck, held...); err != nil || maxPayload == 0 {
		return stuck, err
	}
	// A GUID takes at least its twelve characters, two quotes and a comma.
	const perChild, rest = 15, 32 << 10
	large, err := t.rows(sqlLargeFolders, max(maxPayload-rest, 0)/perChild)
	if err != nil {
		return nil, err
	}
	titles := make(map[int64]string)
	for _, r := range large {
		o, err := t.record(r, titles)
		if err != nil {
			return nil, err
		}
		if len(o.append(nil)) > maxPayload {
			stuck = append(stuck, r)
		}
	}
	return stuck, nil
}

func (t *tx) excludeOversizedIn(folder *row) error {
	there, known, err := t.mirrored(folder.ID)
	if err != nil {
		return err
	}
	if !known && !IsRoot(folder.ID) {
		t.omitted[folder.ID] = true
	}
	listed := set(there.children)
	children, err := t.rows(sqlChildren, folder.n)
	if err != nil {
		return err
	}
	for _, c := range children {
		if c.changes == 0 || listed[c.ID] {
			continue
		}
		t.heldBack[c.ID] = true
		if c.Kind != Folder {
			continue
		}
		below, err := t.rows(sqlBelow, c.n)
		if err != nil {
			return err
		}
		for _, b := range below {
			if b.changes > 0 {
				t.heldBack[b.ID] = true
			}
		}
	}
	return nil
}

const (
	sqlRefusedFolders = sqlItem + `WHERE b.refused > 0 AND b.n > 0 AND b.refused = b.changes AND b.kind = 3`
	sqlHeldFolders    = sqlItem + `JOIN bookmark_retry h ON h.id = b.guid WHERE h.held = 1 AND h.id > '' AND b.kind = 3 AND b.changes > 0`
	sqlLargeFolders   = sqlItem + `WHERE b.changes > 0 AND b.n > 0 AND b.refused <> b.changes AND b.kind = 3 AND b.parent IS NOT NULL
		AND (SELECT count(*) FROM (SELECT 1 FROM bookmarks c WHERE c.parent = b.n LIMIT ?1 + 1)) > ?1`
)
