package bookmarks

import (
	"database/sql"
	"slices"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engines/bookmarks/internal/tree"
)

// A window is the part of both trees that a merge depends on. After a sync both trees are
// the same, and whatever differs since is staged, or marked as changed or deleted here: that
// is touched. An item that is read brings its folders on both sides, up to the root. Of a
// folder that was touched all children are read: it is open. Of any other folder only those
// are that something else asks for, in the order that they have.
//
// What is not in the window cannot change: it is the same on both sides, in a folder whose
// children the merge leaves as they are; see [plan.toOpen]. Siblings and levels keep their
// order in the window, so what is decided by that order is decided as in the whole trees.
type window struct {
	*tx
	skew int64
	// items are the user's items, as in loader.
	items []tree.Item
	rest  []localItem
	// seen are the items that were asked for, whether they exist or not.
	seen   map[engine.ID]*seen
	mirror []tree.Item
	staged map[engine.ID]remoteItem
	open   map[engine.ID]bool
	lists  map[engine.ID][]engine.ID // of folders, in the mirror
}

// seen is what a window has of an item: indexes in items and mirror, or -1.
type seen struct {
	local, mirror int
	touched       bool
}

// maxWindow bounds how many items are read in parts: the whole trees are faster then.
const maxWindow = 25_000

// newWindow reads what both sides touched, and what is around it. It fails with
// errEntangled if the trees must be merged whole.
func (s *session) newWindow(t *tx) (*window, error) {
	w := &window{tx: t, skew: s.skew(), seen: make(map[engine.ID]*seen), staged: make(map[engine.ID]remoteItem),
		open: make(map[engine.ID]bool), lists: make(map[engine.ID][]engine.ID)}
	// Only then is what is not touched alike on both sides.
	var synced, hidden bool
	if err := t.QueryRow(sqlMirrorAny).Scan(&synced); err != nil {
		return nil, err
	}
	if err := t.QueryRow(sqlHiddenAny).Scan(&hidden); err != nil {
		return nil, err
	}
	if s.Since() == 0 || !synced || hidden {
		return nil, errEntangled
	}
	touched, err := w.touched()
	if err != nil {
		return nil, err
	}
	if err := w.look(append(allRoots(), touched...)); err != nil {
		return nil, err
	}
	for _, guid := range touched {
		w.seen[guid].touched = true
	}
	return w, w.openAll(touched)
}

// touched reads what was staged, and lists what either side touched.
func (w *window) touched() ([]engine.ID, error) {
	rows, err := w.Query(sqlTouched, maxFastPath+1)
	if err != nil {
		return nil, err
	}
	touched, err := scanAll[engine.ID](rows)
	if err != nil {
		return nil, err
	}
	if rows, err = w.Query(sqlStaged); err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() && len(touched) <= maxFastPath {
		var in remoteItem
		var at engine.Timestamp
		var payload []byte
		if err := rows.Scan(&in.GUID, &in.Parent, &in.Kind, &at, &payload); err != nil {
			return nil, err
		}
		if in.Kind == tree.Folder {
			in.children = listOf(payload)
		}
		w.staged[in.GUID] = in
		touched = append(touched, in.GUID)
	}
	if len(touched) > maxFastPath {
		return nil, errEntangled
	}
	return touched, rows.Err()
}

// look reads items, with the folders that they are in on either side.
func (w *window) look(guids []engine.ID) error {
	for len(guids) > 0 {
		var fresh []engine.ID
		for _, guid := range guids {
			if guid != "" && w.seen[guid] == nil {
				w.seen[guid] = &seen{local: -1, mirror: -1}
				fresh = append(fresh, guid)
			}
		}
		if len(w.seen) > maxWindow {
			return errEntangled
		}
		if len(fresh) == 0 {
			return nil
		}
		list := guidList(fresh)
		if err := w.lookHere(list); err != nil {
			return err
		}
		if err := w.lookThere(list); err != nil {
			return err
		}
		guids = nil
		for _, guid := range fresh {
			parents := w.parents(guid)
			if !w.isSynced(guid, parents) {
				return errEntangled
			}
			guids = append(guids, parents...)
		}
	}
	return nil
}

func (w *window) lookHere(list string) error {
	rows, err := w.Query(sqlLocalSome, list)
	if err != nil {
		return err
	}
	before := len(w.items)
	if w.items, w.rest, err = scanLocal(rows, w.items, w.rest, w.skew); err != nil {
		return err
	}
	for i := before; i < len(w.items); i++ {
		w.seen[w.items[i].GUID].local = i
	}
	return nil
}

func (w *window) lookThere(list string) error {
	rows, err := w.Query(sqlMirrorSome, list)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		it, err := scanMirror(rows)
		if err != nil {
			return err
		}
		w.seen[it.GUID].mirror = len(w.mirror)
		w.mirror = append(w.mirror, it)
	}
	return rows.Err()
}

func scanMirror(rows *sql.Rows) (it tree.Item, err error) {
	var modified engine.Timestamp
	err = rows.Scan(&it.GUID, &it.Parent, &it.Kind, &modified)
	it.Modified = int64(modified) * 10
	return it, err
}

// parents are the folders that anything says an item is in.
func (w *window) parents(guid engine.ID) (parents []engine.ID) {
	s := w.seen[guid]
	if s.local >= 0 {
		parents = append(parents, w.items[s.local].Parent)
	}
	if s.mirror >= 0 {
		parents = append(parents, w.mirror[s.mirror].Parent)
	}
	if in, ok := w.staged[guid]; ok {
		parents = append(parents, in.Parent)
	}
	return parents
}

// isSynced reports whether an item is where items are synced: not next to the roots, nor
// below Firefox's folder of tags. What is there concerns all that is below it.
func (w *window) isSynced(guid engine.ID, parents []engine.ID) bool {
	return guid != tree.Tags && (IsRoot(guid) || !slices.Contains(parents, Root))
}

// openAll reads the children of those of the items that are folders on either side.
func (w *window) openAll(guids []engine.ID) error {
	for _, guid := range guids {
		if w.isFolder(guid) {
			if err := w.openFolder(guid, false); err != nil {
				return err
			}
		}
	}
	return nil
}

func (w *window) isFolder(guid engine.ID) bool {
	s := w.seen[guid]
	return s.local >= 0 && w.items[s.local].Kind == tree.Folder || s.mirror >= 0 && w.mirror[s.mirror].Kind == tree.Folder ||
		w.staged[guid].Kind == tree.Folder
}

// openFolder reads the children of a folder on both sides. A folder that is new to one side
// may be found on the other by all that is below it, so all of that is read.
func (w *window) openFolder(guid engine.ID, below bool) error {
	if w.open[guid] {
		return nil
	}
	w.open[guid] = true
	s := w.seen[guid]
	var here []engine.ID
	var err error
	if s.local >= 0 {
		if here, err = w.guids(w.rest[s.local].n); err != nil {
			return err
		}
	}
	there, err := w.list(guid)
	if err != nil {
		return err
	}
	if !s.touched && guid != Root && !slices.Equal(here, there) {
		return errEntangled
	}
	children := slices.Concat(here, there, w.staged[guid].children)
	if err := w.look(children); err != nil {
		return err
	}
	if below = below || s.local < 0 || s.mirror < 0; !below {
		return nil
	}
	for _, child := range children {
		if w.isFolder(child) {
			if err := w.openFolder(child, true); err != nil {
				return err
			}
		}
	}
	return nil
}

// list is the list of children of a folder in the mirror.
func (w *window) list(guid engine.ID) ([]engine.ID, error) {
	s := w.seen[guid]
	if s.mirror < 0 || w.mirror[s.mirror].Kind != tree.Folder {
		return nil, nil
	}
	if list, ok := w.lists[guid]; ok {
		return list, nil
	}
	var payload []byte
	var modified engine.Timestamp
	if err := w.QueryRow(sqlMirrorOne, guid).Scan(&payload, &modified); err != nil {
		return nil, err
	}
	w.lists[guid] = listOf(payload)
	return w.lists[guid], nil
}

// isAlike reports whether what nobody touched is the same on both sides. A root need not
// have a record.
func (w *window) isAlike(guid engine.ID, s *seen) bool {
	if s.touched || s.local < 0 && s.mirror < 0 || IsRoot(guid) && s.mirror < 0 {
		return true
	}
	if s.local < 0 || s.mirror < 0 {
		return false
	}
	here, there := &w.items[s.local], &w.mirror[s.mirror]
	return here.Kind == there.Kind && (here.Parent == there.Parent || IsRoot(guid))
}
