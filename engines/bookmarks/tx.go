package bookmarks

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"maps"
	"slices"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engines/internal/places"
	"github.com/syncmanager/syncmanager/internal/rawjson"
)

// tx is a transaction on the tree. The positions of siblings, and what a place has of its
// bookmarks, depend on all of its edits and are settled at its end.
type tx struct {
	*places.Tx
	now int64 // Unix milliseconds
	// undated is set if edits do not count as made now: an import would be newer than
	// what a user edited.
	undated bool
	// hidden are the records that cannot be read; nil: not asked yet.
	hidden map[engine.ID]bool
	// heldBack are the items that do not go up, omitted the folders that the server
	// never had and cannot take; see excludeOversized.
	heldBack, omitted map[engine.ID]bool
	// changed are the items that the user sees otherwise afterwards, touched and labelled the
	// rows of such items, and the places whose bookmarks all are.
	changed           map[engine.ID]struct{}
	touched, labelled map[int64]struct{}
	// renumber holds the rows of folders that lost children, refresh the places
	// whose bookmarks, tags or keyword changed.
	renumber, refresh map[int64]struct{}
	// fresh are places that came with their first bookmark, which is all that they have.
	fresh map[int64]places.Bookmarked
}

func newTx(t *places.Tx) *tx {
	return &tx{Tx: t, now: t.Now().UnixMilli(), changed: make(map[engine.ID]struct{}),
		touched: make(map[int64]struct{}), labelled: make(map[int64]struct{}), renumber: make(map[int64]struct{}), refresh: make(map[int64]struct{}), fresh: make(map[int64]places.Bookmarked)}
}

// edit runs f as an edit of the user's: all of it takes effect, or nothing.
func (e *Engine) edit(ctx context.Context, f func(*tx) error) error {
	var t *tx
	err := e.db.Update(ctx, func(p *places.Tx) error {
		t = newTx(p)
		if err := f(t); err != nil {
			return err
		}
		if err := t.settle(); err != nil {
			return err
		}
		if e.watchers.Watched() {
			if err := t.nameTouched(); err != nil {
				return err
			}
		}
		_, err := t.Exec(sqlBumpEdits)
		return err
	})
	if err == nil {
		e.tell(t, engine.Change{User: true})
		e.Notify()
	}
	return err
}

// merge runs f as a part of a sync.
func (e *Engine) merge(ctx context.Context, f func(*tx) error) error {
	var t *tx
	err := e.db.Update(ctx, func(p *places.Tx) error {
		t = newTx(p)
		return f(t)
	})
	if err == nil {
		e.tell(t, engine.Change{Sync: true})
	}
	return err
}

// tell tells those that watch what a committed transaction changed.
func (e *Engine) tell(t *tx, c engine.Change) {
	if len(t.changed) > 0 {
		c.IDs = slices.Collect(maps.Keys(t.changed))
		e.watchers.Tell(c)
	}
}

// nameTouched adds to changed what touch and touchPlace noted.
func (t *tx) nameTouched() error {
	for query, noted := range map[string]map[int64]struct{}{sqlNamesOfRows: t.touched, sqlNamesOfPlaces: t.labelled} {
		if len(noted) == 0 {
			continue
		}
		list, err := json.Marshal(slices.Collect(maps.Keys(noted)))
		if err != nil {
			return err
		}
		rows, err := t.Query(query, string(list))
		if err != nil {
			return err
		}
		names, err := scanAll[engine.ID](rows)
		if err != nil {
			return err
		}
		for _, id := range names {
			t.changed[id] = struct{}{}
		}
	}
	return nil
}

func (e *Engine) view(ctx context.Context, f func(*tx) error) error {
	return e.db.View(ctx, func(p *places.Tx) error { return f(newTx(p)) })
}

// stale notes that what a place has of its bookmarks must be refreshed.
func (t *tx) stale(place int64) {
	t.refresh[place] = struct{}{}
	delete(t.fresh, place)
}

func (t *tx) settle() error {
	for folder := range t.renumber {
		if _, err := t.Exec(sqlRenumber, folder); err != nil {
			return err
		}
	}
	// In the order of their rows, which is the fastest for the file and the search.
	for _, place := range slices.Sorted(maps.Keys(t.refresh)) {
		if err := t.refreshPlace(place); err != nil {
			return err
		}
	}
	clear(t.renumber)
	clear(t.refresh)
	clear(t.fresh)
	return nil
}

// refreshPlace updates what a place has of its bookmarks. Tags and keyword are deleted with
// the last bookmark.
func (t *tx) refreshPlace(place int64) error {
	if b, ok := t.fresh[place]; ok {
		return t.SetBookmarked(place, b)
	}
	var b places.Bookmarked
	if err := t.QueryRow(sqlPlaceSum, place).Scan(&b.Count, &b.Added, &b.Text); err != nil {
		return err
	}
	b.Added *= 1000
	if b.Count == 0 {
		for _, query := range []string{sqlDropTags, sqlDropKey} {
			if _, err := t.Exec(query, place); err != nil {
				return err
			}
		}
		return t.SetBookmarked(place, b)
	}
	tags, keyword, err := t.labels(place)
	if err != nil {
		return err
	}
	for _, tag := range tags {
		b.Text += " " + tag
	}
	if keyword != "" {
		b.Text += " " + keyword
	}
	return t.SetBookmarked(place, b)
}

// labels are a place's tags and keyword.
func (t *tx) labels(place int64) (tags []string, keyword string, err error) {
	rows, err := t.Query(sqlTagsOf, place)
	if err != nil {
		return nil, "", err
	}
	if tags, err = scanAll[string](rows); err != nil {
		return nil, "", err
	}
	err = t.QueryRow(sqlKeyword, place).Scan(&keyword)
	return tags, keyword, notFoundIsNil(err)
}

func notFoundIsNil(err error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	return err
}

// scanAll reads a query of one column.
func scanAll[T any](rows *sql.Rows) (all []T, err error) {
	defer rows.Close()
	for rows.Next() {
		var v T
		if err := rows.Scan(&v); err != nil {
			return nil, err
		}
		all = append(all, v)
	}
	return all, rows.Err()
}

// touch notes an edit of the user's.
func (t *tx) touch(n int64) error {
	t.touched[n] = struct{}{}
	_, err := t.Exec(sqlTouch, n, t.editedAt())
	return err
}

// editedAt is what an edit sets as the time of the last change; nil: it stays.
func (t *tx) editedAt() any {
	if t.undated {
		return nil
	}
	return t.now
}

// touchPlace notes an edit of all bookmarks of a URL.
func (t *tx) touchPlace(place int64) error {
	t.stale(place)
	t.labelled[place] = struct{}{}
	_, err := t.Exec(sqlTouchPlace, place, t.editedAt())
	return err
}

// End is the position after a folder's last item.
const End = -1

// makeSpace shifts siblings for an item at a position of a folder, and returns the position.
func (t *tx) makeSpace(folder int64, at int) (int, error) {
	if _, due := t.renumber[folder]; due {
		if _, err := t.Exec(sqlRenumber, folder); err != nil {
			return 0, err
		}
		delete(t.renumber, folder)
	}
	var end int
	if err := t.QueryRow(sqlLastPosition, folder).Scan(&end); err != nil {
		return 0, err
	}
	if at < 0 || at >= end {
		return end, nil
	}
	_, err := t.Exec(sqlShift, folder, at)
	return at, err
}

// insert writes a new item, r, into the folder r.parent at r.Position, which must
// be free, and returns its row.
func (t *tx) insert(r *row) (n int64, err error) {
	if r.URL != "" {
		if r.place, err = t.Ensure(r.URL); err != nil {
			return 0, err
		}
		t.stale(r.place)
	}
	err = t.QueryRow(sqlInsert, r.ID, r.parent, r.Position, r.Kind, r.place, r.Title,
		unixMilli(r.Added), unixMilli(r.Modified), text0(r.extra), r.changes).Scan(&n)
	return n, err
}

// text0 is JSON for a column of text; nil is NULL.
func text0(b []byte) any {
	if b == nil {
		return nil
	}
	return string(b)
}

// setLabels gives a place its tags and keyword, and reports whether they were
// others. Another place that had the keyword loses it: stolen is that place, or 0.
func (t *tx) setLabels(place int64, tags []string, keyword string) (changed bool, stolen int64, err error) {
	have, key, err := t.labels(place)
	if err != nil {
		return false, 0, err
	}
	if !slices.Equal(have, sortedTags(tags)) {
		changed = true
		if _, err := t.Exec(sqlDropTags, place); err != nil {
			return false, 0, err
		}
		for _, tag := range tags {
			if _, err := t.Exec(sqlAddTag, place, tag); err != nil {
				return false, 0, err
			}
		}
	}
	if keyword != key {
		changed = true
		if stolen, err = t.setKeyword(place, keyword); err != nil {
			return false, 0, err
		}
	}
	if changed {
		t.stale(place)
	}
	return changed, stolen, nil
}

func (t *tx) setKeyword(place int64, keyword string) (stolen int64, err error) {
	if _, err := t.Exec(sqlDropKey, place); err != nil || keyword == "" {
		return 0, err
	}
	err = t.QueryRow(sqlKeyOwner, keyword).Scan(&stolen)
	if err == nil {
		if _, err := t.Exec(sqlDropKey, stolen); err != nil {
			return 0, err
		}
		t.stale(stolen)
	} else if !errors.Is(err, sql.ErrNoRows) {
		return 0, err
	}
	_, err = t.Exec(sqlSetKey, keyword, place)
	return stolen, err
}

// sortedTags is tags in order, each once.
func sortedTags(tags []string) []string {
	if len(tags) < 2 {
		return tags
	}
	tags = slices.Clone(tags)
	slices.Sort(tags)
	return slices.Compact(tags)
}

// guidList is the GUIDs as a JSON array, which one statement can take whole.
func guidList(guids []engine.ID) string {
	text := []byte{'['}
	for i, id := range guids {
		if i > 0 {
			text = append(text, ',')
		}
		text = rawjson.AppendQuoted(text, id)
	}
	return string(append(text, ']'))
}
