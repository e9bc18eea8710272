package bookmarks

import (
	"errors"
	"slices"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engines/bookmarks/internal/tree"
)

// hidden are the records on the server that this device could never read, and folders
// that are not on the server though many of their items are. Other devices may have them.
// So a folder that lists one is not repaired, keeps it in its list when it goes up, and
// what is in a folder that cannot be read waits for that folder. Until the device with the
// good copy sends it again, the others have nothing to send.
type hidden struct {
	guids map[engine.ID]bool
	// here are the user's items.
	here map[engine.ID]bool
	// later are the other records, until all are known.
	later []remoteItem
}

type remoteItem struct {
	tree.Item
	children []engine.ID
}

// manyOrphans is how many items may be in a folder that is not on the server before they
// wait for it. Firefox sends the items of a folder of some 100,000 whose own record the
// server does not take: to put them elsewhere would take the folder apart on every device.
// Fewer are taken for the rest of a damaged storage, and go to Unfiled as in Firefox.
const manyOrphans = 1000

// errNoFolder is about a folder that many items wait for.
var errNoFolder = errors.New("its items are on the server and the folder is not: it may be too large for the server; make it smaller where it is")

// awaitFolders hides the folders that many of the staged items are in and that neither the
// server nor the user has. It stops hiding those that nothing waits for.
func (t *tx) awaitFolders() error {
	rows, err := t.Query(sqlNoFolder, manyOrphans)
	if err != nil {
		return err
	}
	missing, err := scanAll[engine.ID](rows)
	if err != nil {
		return err
	}
	if _, err := t.Exec(sqlAwaited, errNoFolder.Error()); err != nil {
		return err
	}
	for _, guid := range missing {
		if _, err := t.Exec(sqlAwait, guid, errNoFolder.Error()); err != nil {
			return err
		}
	}
	return nil
}

const (
	sqlNoFolder = `SELECT s.parent FROM bookmark_staged s WHERE s.n > 0 AND s.payload IS NOT NULL AND s.parent > ''
		GROUP BY s.parent HAVING count(*) > ?1
		AND NOT EXISTS (SELECT 1 FROM bookmark_staged p WHERE p.id = s.parent)
		AND NOT EXISTS (SELECT 1 FROM bookmark_mirror p WHERE p.guid = s.parent)
		AND NOT EXISTS (SELECT 1 FROM bookmarks p WHERE p.guid = s.parent)
		AND NOT EXISTS (SELECT 1 FROM bookmark_tombstones p WHERE p.guid = s.parent)
		AND NOT EXISTS (SELECT 1 FROM tombstones p WHERE p.store = 'bookmarks' AND p.id = s.parent)`
	// It is not asked for by its ID: it comes when a device sends it.
	sqlAwait = `INSERT INTO bookmark_retry (id, attempts, reason) VALUES (?1, 1000, ?2)
		ON CONFLICT (id) DO UPDATE SET attempts = excluded.attempts, reason = excluded.reason`
	sqlAwaited = `DELETE FROM bookmark_retry WHERE id > '' AND reason = ?1
		AND NOT EXISTS (SELECT 1 FROM bookmark_staged s WHERE s.n > 0 AND s.parent = bookmark_retry.id)
		AND NOT EXISTS (SELECT 1 FROM bookmark_mirror m WHERE m.guid > '' AND m.parent = bookmark_retry.id
			AND NOT EXISTS (SELECT 1 FROM bookmark_staged s WHERE s.id = m.guid))`
)

func (t *tx) hiddenGUIDs() (map[engine.ID]bool, error) {
	if t.hidden != nil {
		return t.hidden, nil
	}
	rows, err := t.Query(sqlHidden)
	if err != nil {
		return nil, err
	}
	guids, err := scanAll[engine.ID](rows)
	t.hidden = set(guids)
	return t.hidden, err
}

func (t *tx) newHidden(items []tree.Item) (*hidden, error) {
	guids, err := t.hiddenGUIDs()
	h := &hidden{guids: guids}
	if err != nil || len(guids) == 0 {
		return h, err
	}
	h.here = make(map[engine.ID]bool, len(items))
	for i := range items {
		h.here[items[i].GUID] = true
	}
	return h, nil
}

func (h *hidden) any() bool { return len(h.guids) > 0 }

// insertInto inserts those records that wait for none that is hidden.
func (h *hidden) insertInto(b *tree.Builder) error {
	if !h.any() {
		return nil
	}
	parents := make(map[engine.ID]engine.ID, len(h.later))
	for i := range h.later {
		parents[h.later[i].GUID] = h.later[i].Parent
	}
	for i := range h.later {
		it := &h.later[i]
		if h.waits(it.GUID, parents) {
			continue
		}
		children := slices.DeleteFunc(it.children, func(guid engine.ID) bool {
			_, readable := parents[guid]
			return h.guids[guid] && !readable && !h.here[guid] || readable && h.waits(guid, parents)
		})
		if err := insertItem(b, it.Item, children); err != nil {
			return err
		}
	}
	return nil
}

// waits reports whether an item that is not here is in a folder that is hidden.
func (h *hidden) waits(guid engine.ID, parents map[engine.ID]engine.ID) bool {
	if h.here[guid] {
		return false
	}
	// As often as there are records, for they may go in a circle.
	for range len(parents) + 1 {
		parent, readable := parents[guid]
		if !readable {
			return h.guids[guid] && !h.here[guid]
		}
		if guid = parent; h.here[guid] {
			return false
		}
	}
	return false
}

// list is the list of children in a folder's record: those that are here, and
// between them those of the server's list that stay in it, each behind the child that it
// is behind there. partial is set while folders cannot go up: the list lacks those, and
// still has what left for one of them.
func (t *tx) list(r *row) (children []engine.ID, partial bool, err error) {
	if children, err = t.guids(r.n); err != nil {
		return nil, false, err
	}
	all := len(children)
	children = slices.DeleteFunc(children, func(guid engine.ID) bool { return t.omitted[guid] })
	partial = len(children) < all
	hidden, err := t.hiddenGUIDs()
	if err != nil || len(hidden)+len(t.heldBack) == 0 {
		return children, partial, err
	}
	there, ok, err := t.mirrored(r.ID)
	if err != nil || !ok {
		return children, partial, err
	}
	listed, before := set(children), engine.ID("")
	behind := make(map[engine.ID][]engine.ID) // by the child before them; "": the first
	for _, guid := range there.children {
		if listed[guid] {
			before = guid
			continue
		}
		stays, left, err := t.staysListed(guid)
		if err != nil {
			return nil, false, err
		}
		if stays {
			listed[guid] = true
			behind[before] = append(behind[before], guid)
			partial = partial || left
		}
	}
	return insertBehind(children, behind), partial, nil
}

// staysListed reports whether a folder's record goes on listing a child that is not in the
// folder here: one whose record cannot be read, or one that left for a folder that cannot
// go up.
func (t *tx) staysListed(guid engine.ID) (stays, left bool, err error) {
	if !t.hidden[guid] && !t.heldBack[guid] {
		return false, false, nil
	}
	var here, deleted bool
	if err := t.QueryRow(sqlIsHere, guid).Scan(&here, &deleted); err != nil || deleted {
		return false, false, err
	}
	left = here && t.heldBack[guid]
	return left || !here, left, nil
}

// insertBehind returns children with more of them, each group behind the child that it is
// keyed by, or first.
func insertBehind(children []engine.ID, behind map[engine.ID][]engine.ID) []engine.ID {
	if len(behind) == 0 {
		return children
	}
	list := slices.Clone(behind[""])
	for _, guid := range children {
		list = append(append(list, guid), behind[guid]...)
	}
	return list
}
