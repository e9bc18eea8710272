package bookmarks

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engines/bookmarks/internal/tree"
)

// Tx is a transaction of the user's changes; see [Engine.Edit].
type Tx struct {
	tx *tx
	// undo records what changes; nil: nothing is recorded.
	undo *undoRecorder
}

// Edit runs f in one transaction: all changes are kept if f returns nil, and none otherwise.
// f must be quick and use only tx, because syncs and other edits wait for it.
func (e *Engine) Edit(ctx context.Context, f func(tx *Tx) error) error {
	return e.edit(ctx, func(t *tx) error { return f(&Tx{tx: t}) })
}

// Get returns the item with the ID, or [engine.ErrNotFound].
func (t *Tx) Get(id engine.ID) (Item, error) {
	r, err := t.tx.find(id)
	if err != nil {
		return Item{}, err
	}
	return r.Item, nil
}

// Add adds an item as [Engine.Add] does, and sets it to what was added.
func (t *Tx) Add(it *Item) error { return t.Insert(it, End) }

// Insert adds an item as [Engine.Insert] does, and sets it to what was added.
func (t *Tx) Insert(it *Item, at int) error {
	r, err := t.tx.addWhole(*it, at)
	if err == nil {
		*it = r.Item
		t.recordAdded(r.ID)
	}
	return err
}

// Update changes the item that has it's ID as [Engine.Update] does, and sets it to what it
// is then.
func (t *Tx) Update(it *Item) error {
	r, err := t.tx.find(it.ID)
	if err != nil {
		return err
	}
	var c Change
	if it.Title != r.Title {
		c.Title = &it.Title
	}
	if it.URL != r.URL {
		c.URL = &it.URL
	}
	if it.Keyword != r.Keyword {
		c.Keyword = &it.Keyword
	}
	if !slices.Equal(sortedTags(it.Tags), r.Tags) {
		c.Tags = &it.Tags
	}
	t.recordChanged(r)
	if r, err = t.tx.changeChecked(r, c); err == nil {
		*it = r.Item
	}
	return err
}

// Move puts an item at a position of a folder; see [Engine.Move].
func (t *Tx) Move(id, folder engine.ID, at int) error {
	if err := t.recordMoved(id); err != nil {
		return err
	}
	return t.tx.moveTo(id, folder, at)
}

// Delete deletes the item with all that is below it, or returns [engine.ErrNotFound].
func (t *Tx) Delete(id engine.ID) error {
	if err := t.recordDeleted(id); err != nil {
		return err
	}
	return t.tx.deleteItem(id)
}

// Add adds a bookmark, query, folder or separator at the end of it.Parent, or of Unfiled
// without one, and returns it with its ID, place and times; see [Engine.Insert].
func (e *Engine) Add(ctx context.Context, it Item) (Item, error) { return e.Insert(ctx, it, End) }

// Insert adds a bookmark, query, folder or separator at a position of it.Parent, or at its
// [End]; without a parent, of [Unfiled]. It returns the item with its ID and times, and keeps
// those that are given: an ID is 12 letters, digits, "-" and "_". A zero Kind is a bookmark if
// there is a URL and a folder if not. The error is, among others, an [engine.InvalidError], an
// [engine.DuplicateError] if an item has the ID, or [engine.ErrNotFound] if the folder is not
// here. [Engine.InsertTree] adds a folder with what is in it.
func (e *Engine) Insert(ctx context.Context, it Item, at int) (Item, error) {
	var added Item
	err := e.edit(ctx, func(t *tx) error {
		r, err := t.addWhole(it, at)
		if err == nil {
			added = r.Item
		}
		return err
	})
	if err != nil {
		return Item{}, fmt.Errorf("cannot add the bookmark: %w", err)
	}
	return added, nil
}

// addChecked is add of an item whose ID and URL nobody checked.
func (t *tx) addChecked(it Item, at int) (_ *row, err error) {
	if it.URL != "" {
		if it.URL, err = checkURL(it.URL); err != nil {
			return nil, err
		}
	}
	if err := t.checkID(it.ID); err != nil {
		return nil, err
	}
	return t.add(it, at)
}

// addWhole is addChecked that returns the whole row.
func (t *tx) addWhole(it Item, at int) (*row, error) {
	r, err := t.addChecked(it, at)
	if err != nil {
		return nil, err
	}
	return t.findRow(r.n)
}

// checkID returns why a new item cannot have an ID that it was given; "" is none.
func (t *tx) checkID(id engine.ID) error {
	if id == "" {
		return nil
	}
	if !tree.ValidGUID(id) || id == tree.Tags {
		return invalid("an ID has 12 letters, digits, dashes and underscores, unlike %.120q", id)
	}
	switch _, err := t.find(id); {
	case err == nil:
		return &engine.DuplicateError{ID: id}
	case !errors.Is(err, errNotFound):
		return err
	}
	return nil
}

// add adds an item as an edit of the user's. Its URL was checked, or stored before. The row
// that add returns lacks what is settled at the end of the transaction.
func (t *tx) add(it Item, at int) (*row, error) {
	if it.Parent == "" {
		it.Parent = Unfiled
	}
	parent, err := t.folder(it.Parent)
	if err != nil {
		return nil, err
	}
	if parent.ID == Root {
		return nil, ErrRoot
	}
	if err := t.complete(&it); err != nil {
		return nil, err
	}
	r := &row{Item: it, parent: parent.n, changes: 1}
	if r.Position, err = t.makeSpace(parent.n, at); err != nil {
		return nil, err
	}
	if r.n, err = t.insert(r); err != nil {
		return nil, err
	}
	t.changed[r.ID] = struct{}{}
	if err := t.touch(parent.n); err != nil {
		return nil, err
	}
	if _, err := t.Exec(sqlRemoveTombstone, r.ID); err != nil {
		return nil, err
	}
	if r.place == 0 {
		return r, nil
	}
	return r, t.addLabels(r.place, it.Tags, it.Keyword)
}

// complete checks a new item and fills in what it lacks.
func (t *tx) complete(it *Item) (err error) {
	if it.Kind == 0 {
		if it.Kind = Folder; it.URL != "" {
			it.Kind = Bookmark
		}
	}
	it.Title = cleanTitle(it.Title)
	switch it.Kind {
	case Bookmark, Query:
		if it.URL, err = acceptURL(it.URL); err != nil {
			return err
		}
		it.Kind = kindOf(it.URL)
		if it.Tags, err = checkTags(it.Tags); err != nil {
			return err
		}
		it.Keyword = cleanKeyword(it.Keyword)
	case Folder, Separator:
		it.URL, it.Tags, it.Keyword = "", nil, ""
		if it.Kind == Separator {
			it.Title = ""
		}
	default:
		return invalid("a bookmark cannot be a %s", it.Kind)
	}
	if it.ID == "" {
		guid, err := t.NewGUID()
		if err != nil {
			return err
		}
		it.ID = engine.ID(guid)
	}
	t.date(it)
	return nil
}

// date sets the times of a new item that are missing or impossible. An imported item
// without times counts as never edited.
func (t *tx) date(it *Item) {
	now := time.UnixMilli(t.now)
	known := func(at time.Time) bool { return unixMilli(at) > earliest && !at.After(now) }
	switch {
	case known(it.Added):
	case t.undated && known(it.Modified):
		it.Added = it.Modified
	case t.undated:
		it.Added, it.Modified = now, time.Time{}
		return
	default:
		it.Added = now
	}
	if it.Modified.Before(it.Added) || it.Modified.After(now) {
		if it.Modified = now; t.undated {
			it.Modified = it.Added
		}
	}
}

// addLabels gives the URL of a new bookmark more tags, and a keyword if the
// bookmark brings one. Its other bookmarks change with it.
func (t *tx) addLabels(place int64, tags []string, keyword string) error {
	if len(tags) == 0 && keyword == "" {
		return nil
	}
	have, key, err := t.labels(place)
	if err != nil {
		return err
	}
	if keyword == "" {
		keyword = key
	}
	return t.editLabels(place, sortedTags(append(slices.Clone(have), tags...)), keyword)
}

// editLabels sets tags and keyword of a URL as an edit of all of its bookmarks.
func (t *tx) editLabels(place int64, tags []string, keyword string) error {
	changed, stolen, err := t.setLabels(place, tags, keyword)
	if err != nil {
		return err
	}
	if changed {
		if err := t.touchPlace(place); err != nil {
			return err
		}
	}
	if stolen != 0 {
		return t.touchPlace(stolen)
	}
	return nil
}

// Update changes the title, URL, tags and keyword of the item that has it's ID to those of
// it, and returns the item. Its place stays: [Engine.Move] changes that, and
// [Engine.UpdateFields] both. A new URL takes tags and keyword along; the old one keeps its
// tags if other bookmarks have it.
func (e *Engine) Update(ctx context.Context, it Item) (Item, error) {
	err := e.Edit(ctx, func(tx *Tx) error { return tx.Update(&it) })
	if err != nil {
		return Item{}, fmt.Errorf("cannot change the bookmark: %w", err)
	}
	return it, nil
}

// Change is what UpdateFields changes of an item; nil leaves it as it is.
type Change struct {
	Title, URL, Keyword *string
	// Tags replaces all tags of the URL.
	Tags *[]string
	// Parent is the folder that the item is moved to.
	Parent *engine.ID
	// Position is the item's new place in its folder, from 0 and counted without the item, or
	// [End]. Nil: the end of another folder, or where it is.
	Position *int
}

// UpdateFields changes just the values and the place that c sets, all or none, and returns
// the item. A new URL takes tags and keyword along; the old one keeps its tags if other
// bookmarks have it. The error is, among others, [engine.ErrNotFound], an
// [engine.InvalidError], [ErrRoot], [ErrNotFolder], or [ErrCycle] if a folder would come below
// itself.
func (e *Engine) UpdateFields(ctx context.Context, guid engine.ID, c Change) (Item, error) {
	var edited Item
	err := e.edit(ctx, func(t *tx) error {
		r, err := t.find(guid)
		if err != nil {
			return err
		}
		if r, err = t.changeChecked(r, c); err == nil {
			edited = r.Item
		}
		return err
	})
	if err != nil {
		return Item{}, fmt.Errorf("cannot change the bookmark: %w", err)
	}
	return edited, nil
}

// changeChecked is change of an item that may be a root, to a URL that nobody checked. It
// returns the whole row.
func (t *tx) changeChecked(r *row, c Change) (*row, error) {
	if IsRoot(r.ID) {
		return nil, ErrRoot
	}
	if c.URL != nil && *c.URL != r.URL {
		url, err := checkURL(*c.URL)
		if err != nil {
			return nil, err
		}
		c.URL = &url
	}
	if err := t.change(r, c); err != nil {
		return nil, err
	}
	if err := t.place(r, c); err != nil {
		return nil, err
	}
	return t.findRow(r.n)
}

// place moves an item to where c puts it.
func (t *tx) place(r *row, c Change) error {
	folder, at := r.Parent, End
	if c.Parent != nil {
		folder = localID(*c.Parent)
	}
	switch {
	case c.Position != nil:
		at = *c.Position
	case folder == r.Parent:
		return nil
	}
	return t.moveTo(r.ID, folder, at)
}

func (t *tx) change(r *row, c Change) error {
	if r.place == 0 && (c.URL != nil || c.Tags != nil || c.Keyword != nil) {
		return invalid("a %s has no URL, tags or keyword", r.Kind)
	}
	to, err := c.of(r.Item)
	if err != nil {
		return err
	}
	place := r.place
	if to.URL != r.URL {
		if place, err = t.Ensure(to.URL); err != nil {
			return err
		}
		t.stale(r.place)
		r.Kind = kindOf(to.URL)
	}
	if to.Title != r.Title || to.URL != r.URL {
		if err := t.setValue(r, place, to.Title); err != nil {
			return err
		}
	}
	if place == 0 {
		return nil
	}
	if to.URL != r.URL && c.Tags == nil && c.Keyword == nil {
		return t.addLabels(place, to.Tags, to.Keyword)
	}
	return t.editLabels(place, to.Tags, to.Keyword)
}

// setValue gives an item a page and a title.
func (t *tx) setValue(r *row, place int64, title string) error {
	if place != 0 {
		t.stale(place)
	}
	if _, err := t.Exec(sqlSetValue, r.n, r.Kind, place, title, unixMilli(r.Added), t.now, text0(r.extra)); err != nil {
		return err
	}
	return t.touch(r.n)
}

// of returns an item with the values that c gives it.
func (c Change) of(it Item) (_ Item, err error) {
	if c.Title != nil && it.Kind != Separator {
		it.Title = cleanTitle(*c.Title)
	}
	if c.URL != nil {
		if it.URL, err = acceptURL(*c.URL); err != nil {
			return it, err
		}
	}
	if c.Tags != nil {
		if it.Tags, err = checkTags(*c.Tags); err != nil {
			return it, err
		}
	}
	if c.Keyword != nil {
		it.Keyword = cleanKeyword(*c.Keyword)
	}
	return it, nil
}
