package bookmarks

import (
	"database/sql"
	"errors"
	"slices"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engines/bookmarks/internal/tree"
)

// plan is what a merge decided, and what it was based on.
type plan struct {
	generation    int64
	items         []localItem // local items, by tree.Item.Ref
	total         int         // how many items the user has
	local, remote *tree.Tree
	merged        *tree.Merged
	// open are the folders of which all children were read; nil: all folders.
	open map[engine.ID]bool
	// added is set once all that is new here was added ahead, and nothing else is to be done
	// to an item.
	added bool
}

// isOpen reports whether all children of a folder were read.
func (p *plan) isOpen(folder engine.ID) bool { return p.open == nil || p.open[folder] }

// localItem is what a plan has in memory of an item of the user's.
type localItem struct {
	n        int64
	position int
	changes  int
	resend   bool // it goes up, and the user did not edit it
}

// plan reads both trees whole and merges them.
func (s *session) plan(t *tx) (*plan, error) {
	s.e.wholeMerges.Add(1)
	l, err := s.newLoader(t)
	if err != nil {
		return nil, err
	}
	if err := l.localItems(); err != nil {
		return nil, err
	}
	l.plan.total = len(l.items)
	base, err := l.remoteItems()
	if err != nil {
		return nil, err
	}
	return l.plan, l.merge(base, s.Start.Prefer, func() (engine.ID, error) {
		guid, err := t.NewGUID()
		return engine.ID(guid), err
	})
}

// merge builds the trees and merges them. base is nil if nothing is known of the last sync.
func (l *loader) merge(base *mirrorTree, prefer engine.Side, newGUID func() (engine.ID, error)) error {
	for i := range l.items {
		if err := l.local.Insert(l.items[i]); err != nil {
			return err
		}
	}
	p := l.plan
	p.local, p.remote = l.local.Build(), l.remote.Build()
	var err error
	o := tree.Options{NewGUID: func() engine.ID {
		guid, failed := newGUID()
		err = errors.Join(err, failed)
		return guid
	}}
	switch prefer {
	case engine.PreferLocal:
		o.Prefer = tree.Local
	case engine.PreferRemote:
		o.Prefer = tree.Remote
	}
	if base != nil {
		o.Base = base
	}
	p.merged = tree.Merge(p.local, p.remote, o)
	if err == nil && base != nil {
		err = base.err
	}
	return err
}

// skew is how far the server's clock is ahead of ours, in milliseconds: the newer
// of two edits is found by one clock.
func (s *session) skew() int64 { return s.Start.Skew.Milliseconds() }

// loader builds the two trees of a plan.
type loader struct {
	*tx
	plan          *plan
	skew          int64
	items         []tree.Item
	changed       map[engine.ID]*tree.Item // the user's
	hidden        *hidden
	mirror        *mirrorTree
	local, remote tree.Builder
}

func (s *session) newLoader(t *tx) (*loader, error) {
	m, err := t.meta()
	return &loader{tx: t, plan: &plan{generation: m.generation}, skew: s.skew(), changed: make(map[engine.ID]*tree.Item)}, err
}

// localItems reads the user's tree.
func (l *loader) localItems() (err error) {
	rows, err := l.Query(sqlLocal)
	if err != nil {
		return err
	}
	if l.items, l.plan.items, err = scanLocal(rows, nil, nil, l.skew); err != nil {
		return err
	}
	return l.localChanges()
}

// scanLocal appends the items of a query like sqlLocal.
func scanLocal(rows *sql.Rows, items []tree.Item, rest []localItem, skew int64) ([]tree.Item, []localItem, error) {
	defer rows.Close()
	for rows.Next() {
		var it tree.Item
		var have localItem
		var title, url string
		var synced bool
		if err := rows.Scan(&have.n, &it.GUID, &it.Parent, &have.position, &it.Kind, &it.Modified, &have.changes, &title, &url, &synced, &have.resend); err != nil {
			return nil, nil, err
		}
		it.Position = int32(have.position)
		it.Modified += skew
		it.Ref = int64(len(rest))
		if have.changes > 0 {
			it.Changed = tree.Changed
			if !synced {
				it.Content = tree.ContentOf(it.Kind, title, url)
			}
		}
		items, rest = append(items, it), append(rest, have)
	}
	return items, rest, rows.Err()
}

// localChanges notes which items the user changed, and which are deleted.
func (l *loader) localChanges() error {
	for i := range l.items {
		if it := &l.items[i]; it.Changed != 0 {
			l.changed[it.GUID] = it
		}
	}
	rows, err := l.Query(sqlTombstones)
	if err != nil {
		return err
	}
	gone, err := scanAll[engine.ID](rows)
	for _, guid := range gone {
		l.local.Delete(guid)
	}
	return err
}

// remoteItems builds the remote tree of the mirror and what was staged, which replaces the
// mirror's records. The mirror alone is the base.
func (l *loader) remoteItems() (*mirrorTree, error) {
	var err error
	if l.hidden, err = l.newHidden(l.items); err != nil {
		return nil, err
	}
	base := &mirrorTree{tx: l.tx, parents: make(map[engine.ID]engine.ID)}
	l.mirror = base
	rows, err := l.Query(sqlMirror)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var it tree.Item
		var modified engine.Timestamp
		var payload []byte
		var staged bool
		if err := rows.Scan(&it.GUID, &it.Parent, &it.Kind, &modified, &payload, &staged); err != nil {
			return nil, err
		}
		base.parents[it.GUID] = it.Parent
		if staged {
			continue
		}
		it.Modified = int64(modified) * 10
		if err := l.insert(it, listOf(payload)); err != nil {
			return nil, err
		}
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	if err := l.stagedItems(); err != nil {
		return nil, err
	}
	if err := l.hidden.insertInto(&l.remote); err != nil {
		return nil, err
	}
	if len(base.parents) == 0 {
		return nil, nil
	}
	return base, l.refine()
}

// insert puts an item into the remote tree, or keeps it for later if something of
// that cannot be read.
func (l *loader) insert(it tree.Item, children []engine.ID) error {
	if l.hidden.any() {
		l.hidden.later = append(l.hidden.later, remoteItem{it, children})
		return nil
	}
	return insertItem(&l.remote, it, children)
}

func insertItem(b *tree.Builder, it tree.Item, children []engine.ID) error {
	if err := b.Insert(it); err != nil {
		return err
	}
	if it.Kind == tree.Folder {
		b.List(it.GUID, children...)
	}
	return nil
}

func (l *loader) stagedItems() error {
	rows, err := l.Query(sqlStaged)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var it tree.Item
		var modified engine.Timestamp
		var payload []byte
		if err := rows.Scan(&it.GUID, &it.Parent, &it.Kind, &modified, &payload); err != nil {
			return err
		}
		if payload == nil {
			l.remote.Delete(it.GUID)
			if err := l.deletedThere(it.GUID); err != nil {
				return err
			}
			continue
		}
		r, err := parseRecord(it.GUID, payload, modified)
		if err != nil {
			return err
		}
		it.Modified, it.Changed = int64(modified)*10, tree.Changed
		it.Content = tree.ContentOf(it.Kind, r.title, r.url)
		if r.rewritten {
			it.Validity = tree.Reupload
		}
		if err := l.compare(&it, &r); err != nil {
			return err
		}
		if err := l.insert(it, r.children); err != nil {
			return err
		}
	}
	return rows.Err()
}

// deletedThere has the deletion of an item stand that waits to go up without an edit: a
// sync marked it, or it is what another device had from here, the receipt for which was
// lost.
func (l *loader) deletedThere(guid engine.ID) error {
	it := l.changed[guid]
	if it == nil {
		return nil
	}
	unedited := l.plan.items[it.Ref].resend
	if !unedited {
		if err := l.QueryRow(sqlOnlySent, guid).Scan(&unedited); err != nil {
			return err
		}
	}
	if unedited {
		it.Changed = 0
	}
	return nil
}

// compare finds out what a staged record changed: of the mirror's, and, where
// the user changed the item too, whether both say the same now.
func (l *loader) compare(it *tree.Item, r *record) error {
	if _, ok := l.mirror.Parent(it.GUID); ok {
		if err := l.compareWithMirror(it, r); err != nil {
			return err
		}
	}
	mine := l.changed[it.GUID]
	if mine == nil {
		return nil
	}
	here, err := l.find(it.GUID)
	if err != nil {
		return err
	}
	if sameValue(recordOf(here), r) {
		it.Changed &^= tree.ChangedValue
		mine.Changed &^= tree.ChangedValue
	}
	return nil
}

// compareWithMirror finds out what a staged record changed of the mirror's.
func (l *loader) compareWithMirror(it *tree.Item, r *record) error {
	old, ok, err := l.mirrored(it.GUID)
	if err != nil || !ok || !sameValue(&old, r) {
		return err
	}
	it.Changed &^= tree.ChangedValue
	if old.parent == r.parent && slices.Equal(old.children, r.children) {
		it.Changed = 0 // the same record once more, as after a Reset
	}
	return nil
}

// refine finds out which of the items that the user changed have other values
// than the mirror, and which only moved or hold others.
func (l *loader) refine() error {
	for guid, it := range l.changed {
		if it.Changed&tree.ChangedValue == 0 {
			continue
		}
		old, ok, err := l.mirrored(guid)
		if err != nil {
			return err
		}
		if !ok {
			continue
		}
		here, err := l.find(guid)
		if err != nil {
			return err
		}
		// A date that is to be corrected is a change, although the record is read as corrected.
		if sameValue(recordOf(here), &old) && !old.datesBack(unixMilli(here.Added)) {
			it.Changed &^= tree.ChangedValue
		}
	}
	return nil
}

// mirrored is the mirror's record of an item.
func (t *tx) mirrored(guid engine.ID) (r record, ok bool, err error) {
	var payload []byte
	var modified engine.Timestamp
	err = t.QueryRow(sqlMirrorOne, guid).Scan(&payload, &modified)
	if errors.Is(err, sql.ErrNoRows) {
		return record{}, false, nil
	}
	if err != nil {
		return record{}, false, err
	}
	r, err = parseRecord(guid, payload, modified)
	return r, err == nil, err
}

// incoming is the record that this sync brought, or else the mirror's.
func (t *tx) incoming(guid engine.ID) (r record, at engine.Timestamp, err error) {
	var payload []byte
	err = t.QueryRow(sqlStagedOne, guid).Scan(&payload, &at)
	if errors.Is(err, sql.ErrNoRows) {
		err = t.QueryRow(sqlMirrorOne, guid).Scan(&payload, &at)
	}
	if err != nil {
		return record{}, 0, err
	}
	r, err = parseRecord(guid, payload, at)
	return r, at, err
}

// mirrorTree is the tree of the last sync.
type mirrorTree struct {
	tx      *tx
	parents map[engine.ID]engine.ID
	err     error
}

// Parent is the folder that an item was in.
func (m *mirrorTree) Parent(guid engine.ID) (engine.ID, bool) {
	parent, ok := m.parents[guid]
	return parent, ok
}

// Children are what was in a folder, in order.
func (m *mirrorTree) Children(guid engine.ID) []engine.ID {
	r, _, err := m.tx.mirrored(guid)
	m.err = errors.Join(m.err, err)
	return r.children
}
