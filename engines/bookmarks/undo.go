package bookmarks

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/syncmanager/syncmanager/engine"
)

// Undo reverts what a sync changed, as an edit of the user's that goes up with
// the next sync. What was edited since, here or by another device, stays. An empty run
// means the last sync that was not undone. The error is, among others, [engine.ErrNoRun]
// or [engine.ErrUndone].
func (e *Engine) Undo(ctx context.Context, run string) (engine.Undone, error) {
	var done engine.Undone
	err := e.edit(ctx, func(t *tx) (err error) {
		done = engine.Undone{Run: run}
		if run == "" {
			if err := t.QueryRow(sqlLastRun).Scan(&done.Run); err != nil {
				return noRun(err)
			}
		}
		var log, undone int64
		if err := t.QueryRow(sqlLogRow, done.Run).Scan(&log, &undone); err != nil {
			return noRun(err)
		}
		if undone != 0 {
			return engine.ErrUndone
		}
		u := &undo{tx: t, done: &done, items: make(map[engine.ID]*undoItem)}
		if err := u.read(log); err != nil {
			return err
		}
		for _, step := range []func() error{u.restoreAll, u.revertAll, u.removeAdded, u.reorderAll} {
			if err := step(); err != nil {
				return err
			}
		}
		_, err = t.Exec(sqlUndone, log, t.now)
		return err
	})
	if err != nil {
		return engine.Undone{}, fmt.Errorf("cannot undo the sync: %w", err)
	}
	return done, nil
}

func noRun(err error) error {
	if notFoundIsNil(err) == nil {
		return engine.ErrNoRun
	}
	return err
}

// undoItem is an item that the sync changed. before is nil for what the sync added, after for
// what it deleted; here is what there is now.
type undoItem struct {
	guid          engine.ID
	before, after *state
	version       int
	here          *row
}

type undo struct {
	*tx
	done  *engine.Undone
	items map[engine.ID]*undoItem
	order []*undoItem
}

func (u *undo) read(log int64) error {
	rows, err := u.Query(sqlUndoItems, log)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		k := &undoItem{}
		var before, after []byte
		if err := rows.Scan(&k.guid, &before, &after, &k.version); err != nil {
			return err
		}
		for text, into := range map[*[]byte]**state{&before: &k.before, &after: &k.after} {
			if *text != nil {
				if err := json.Unmarshal(*text, into); err != nil {
					return err
				}
			}
		}
		if k.here, err = u.find(k.guid); err != nil && !errors.Is(err, errNotFound) {
			return err
		}
		u.items[k.guid] = k
		u.order = append(u.order, k)
	}
	// Siblings come back from the first to the last, so that each finds its place.
	slices.SortStableFunc(u.order, func(a, b *undoItem) int { return cmp.Compare(a.position(), b.position()) })
	return rows.Err()
}

func (k *undoItem) position() int {
	if k.before == nil {
		return 0
	}
	return k.before.Position
}

// restoreAll brings back what the sync deleted.
func (u *undo) restoreAll() error {
	for _, k := range u.order {
		if err := u.restore(k); err != nil {
			return err
		}
	}
	return nil
}

// restore brings one item back, its folder first.
func (u *undo) restore(k *undoItem) error {
	if k.before == nil || k.after != nil || k.here != nil {
		return nil
	}
	b := k.before
	into, err := u.restoredFolder(k)
	if err != nil {
		return err
	}
	r, err := u.add(Item{ID: k.guid, Kind: b.Kind, Parent: into, Title: b.Title, URL: b.URL,
		Tags: b.Tags, Keyword: b.Keyword, Added: instant(b.Added)}, b.Position)
	if err != nil {
		return err
	}
	if b.Extra != nil {
		if _, err := u.Exec(sqlSetValue, r.n, r.Kind, r.place, r.Title, unixMilli(r.Added), u.now, text0(b.Extra)); err != nil {
			return err
		}
	}
	k.here, err = u.findRow(r.n)
	u.done.Restored++
	return err
}

// restoredFolder returns the folder that an item comes back to: the one that it was in,
// which is restored first, or Unfiled.
func (u *undo) restoredFolder(k *undoItem) (engine.ID, error) {
	was := k.before.Parent
	if parent := u.items[was]; parent != nil && parent != k {
		if err := u.restore(parent); err != nil {
			return "", err
		}
	}
	f, err := u.folder(was)
	switch {
	case errors.Is(err, errNotFound), errors.Is(err, ErrNotFolder), err == nil && f.ID == Root:
		return Unfiled, nil
	case err != nil:
		return "", err
	}
	return was, nil
}

// revertAll gives what the sync changed or moved its old values and place.
func (u *undo) revertAll() error {
	for _, k := range u.order {
		if k.before == nil || k.after == nil || IsRoot(k.guid) {
			continue
		}
		if k.here == nil {
			u.done.Kept++ // it was deleted since
			continue
		}
		if err := u.revert(k); err != nil {
			return err
		}
	}
	return nil
}

func (u *undo) revert(k *undoItem) error {
	now, kept := stateOf(k.here), false
	var c Change
	back := func(field **string, before, after, now string) {
		switch {
		case before == after:
		case now == after:
			*field = &before
		default:
			kept = true
		}
	}
	back(&c.Title, k.before.Title, k.after.Title, now.Title)
	back(&c.URL, k.before.URL, k.after.URL, now.URL)
	back(&c.Keyword, k.before.Keyword, k.after.Keyword, now.Keyword)
	if !slices.Equal(k.before.Tags, k.after.Tags) {
		if slices.Equal(now.Tags, k.after.Tags) {
			c.Tags = &k.before.Tags
		} else {
			kept = true
		}
	}
	if k.here.place == 0 {
		c.URL, c.Keyword, c.Tags = nil, nil, nil
	}
	if c != (Change{}) {
		if err := u.change(k.here, c); err != nil {
			return err
		}
		u.done.Reverted++
	}
	if k.before.Parent != k.after.Parent {
		moved, err := u.moveBack(k)
		if err != nil {
			return err
		}
		kept = kept || !moved
	}
	if kept {
		u.done.Kept++
	}
	return nil
}

func (u *undo) moveBack(k *undoItem) (moved bool, err error) {
	if k.here.Parent != k.after.Parent {
		return false, nil
	}
	into, err := u.folder(k.before.Parent)
	if errors.Is(err, errNotFound) || errors.Is(err, ErrNotFolder) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if err := u.noCycle(k.here.n, into.n); errors.Is(err, ErrCycle) {
		return false, nil
	} else if err != nil {
		return false, err
	}
	// What was restored before may have shifted it.
	if k.here, err = u.findRow(k.here.n); err != nil {
		return false, err
	}
	u.done.Moved++
	return true, u.move(k.here, into.n, k.before.Position)
}

// removeAdded removes what the sync added and what was not changed since. A folder is
// removed only when it is empty.
func (u *undo) removeAdded() error {
	var folders []*undoItem
	for _, k := range u.order {
		switch {
		case k.before != nil:
		case k.here == nil || k.here.version != k.version:
			u.done.Kept++
		case k.here.Kind == Folder:
			folders = append(folders, k)
		default:
			if err := u.drop(k); err != nil {
				return err
			}
		}
	}
	return u.dropEmpty(folders)
}

// dropEmpty removes the folders that are empty, the innermost first.
func (u *undo) dropEmpty(folders []*undoItem) error {
	for {
		var rest []*undoItem
		for _, k := range folders {
			children, err := u.guids(k.here.n)
			if err != nil {
				return err
			}
			if len(children) > 0 {
				rest = append(rest, k)
			} else if err := u.drop(k); err != nil {
				return err
			}
		}
		if len(rest) == len(folders) {
			u.done.Kept += len(rest)
			return nil
		}
		folders = rest
	}
}

func (u *undo) drop(k *undoItem) error {
	u.done.Removed++
	_, err := u.remove(k.here)
	return err
}

// reorderAll sorts folders as they were sorted.
func (u *undo) reorderAll() error {
	for _, k := range u.order {
		if k.before == nil || k.after == nil || k.before.Children == nil || k.here == nil {
			continue
		}
		if err := u.reorder(k); err != nil {
			return err
		}
	}
	return nil
}

// reorder sorts a folder as it was, unless its items were sorted again since. What was
// added since stays behind the item that it is behind now.
func (u *undo) reorder(k *undoItem) error {
	if due := u.renumber; len(due) > 0 {
		if err := u.settle(); err != nil {
			return err
		}
	}
	now, err := u.guids(k.here.n)
	if err != nil {
		return err
	}
	if !slices.Equal(common(now, k.after.Children), common(k.after.Children, now)) {
		u.done.Kept++
		return nil
	}
	was := common(k.before.Children, now)
	sorted := slices.Clone(now)
	next, old := 0, set(was)
	for i, guid := range sorted {
		if old[guid] {
			sorted[i] = was[next]
			next++
		}
	}
	if slices.Equal(sorted, now) {
		return nil
	}
	for i, guid := range sorted {
		if _, err := u.Exec(sqlSetPositionOf, guid, i); err != nil {
			return err
		}
	}
	u.done.Reverted++
	return u.touch(k.here.n)
}

// common is what of a is also in b, in a's order.
func common(a, b []engine.ID) (both []engine.ID) {
	in := set(b)
	for _, guid := range a {
		if in[guid] {
			both = append(both, guid)
		}
	}
	return both
}

func set(guids []engine.ID) map[engine.ID]bool {
	m := make(map[engine.ID]bool, len(guids))
	for _, guid := range guids {
		m[guid] = true
	}
	return m
}
