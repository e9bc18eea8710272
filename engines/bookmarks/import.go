package bookmarks

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engine/importing"
	"github.com/syncmanager/syncmanager/engines/bookmarks/internal/tree"
	"github.com/syncmanager/syncmanager/engines/internal/exchange"
	"github.com/syncmanager/syncmanager/internal/skips"
)

// importer adds the items of a source to the tree.
type importer struct {
	*tx
	report *importing.Report
}

// sameness is by what an item is known among its siblings.
type sameness struct {
	kind       Kind
	title, url string
}

// folder adds items to a folder. In a new one there are no duplicates.
func (im *importer) folder(ctx context.Context, guid engine.ID, sources []*exchange.Item, isNew bool) error {
	items, err := im.items(sources)
	if err != nil {
		return err
	}
	have := make(map[sameness][]engine.ID)
	if !isNew {
		if have, err = im.have(guid, items); err != nil {
			return err
		}
	}
	for i, src := range sources {
		it := items[i]
		if it == nil {
			continue
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		isNew := !im.identify(it, have)
		if isNew {
			err = im.addNew(it, guid, src)
		} else {
			err = im.duplicate(it, src)
		}
		if err != nil {
			return err
		}
		if it.Kind == Folder {
			if err := im.folder(ctx, it.ID, src.Children, isNew); err != nil {
				return err
			}
		}
	}
	return nil
}

// identify gives an item of the source the GUID of the one that is here, if there is one. It
// takes that out of have: two that are alike in the source stay two.
func (im *importer) identify(it *imported, have map[sameness][]engine.ID) bool {
	if it.here != nil {
		it.ID = it.here.ID
		return true
	}
	key := sameness{it.Kind, it.Title, it.URL}
	same := have[key]
	if len(same) == 0 {
		return false
	}
	it.ID, have[key] = same[0], same[1:]
	return true
}

// have are the items of a folder, without those that the source names by their
// GUIDs.
func (im *importer) have(folder engine.ID, items []*imported) (map[sameness][]engine.ID, error) {
	named := make(map[engine.ID]bool)
	for _, it := range items {
		if it != nil && it.here != nil {
			named[it.here.ID] = true
		}
	}
	f, err := im.find(folder)
	if err != nil {
		return nil, err
	}
	rows, err := im.rows(sqlChildren, f.n)
	if err != nil {
		return nil, err
	}
	have := make(map[sameness][]engine.ID)
	for _, r := range rows {
		if !named[r.ID] {
			key := sameness{r.Kind, r.Title, r.URL}
			have[key] = append(have[key], r.ID)
		}
	}
	return have, nil
}

func (im *importer) addNew(it *imported, folder engine.ID, src *exchange.Item) error {
	it.Parent = folder
	var err error
	if it.Keyword, err = im.freeKeyword(it.URL, it.Keyword, src); err != nil {
		return err
	}
	r, err := im.add(it.Item, End)
	if err != nil {
		return err
	}
	it.ID = r.ID
	im.report.Added++
	return nil
}

// duplicate gives what is here already what the source knows besides.
func (im *importer) duplicate(it *imported, src *exchange.Item) error {
	im.report.Duplicates++
	r, err := im.find(it.ID)
	if err != nil {
		return err
	}
	labelled, err := im.moreLabels(it, r, src)
	if err != nil {
		return err
	}
	older, err := im.earlierDate(it, r)
	if err != nil {
		return err
	}
	if labelled || older {
		im.report.Updated++
		im.report.Duplicates--
	}
	return nil
}

// moreLabels gives a URL the source's tags and keyword besides its own, and reports
// whether it did not have them.
func (im *importer) moreLabels(it *imported, r *row, src *exchange.Item) (bool, error) {
	if r.place == 0 {
		return false, nil
	}
	tags, err := checkTags(it.Tags)
	if err != nil {
		return false, err
	}
	keyword, err := im.freeKeyword(r.URL, cleanKeyword(it.Keyword), src)
	if err != nil {
		return false, err
	}
	more := keyword != r.Keyword && keyword != "" ||
		slices.ContainsFunc(tags, func(tag string) bool { return !slices.Contains(r.Tags, tag) })
	return more, im.addLabels(r.place, tags, keyword)
}

// earlierDate gives an item the date of the source if that is earlier, and reports whether
// it is.
func (im *importer) earlierDate(it *imported, r *row) (bool, error) {
	added := unixMilli(it.Added)
	if added <= earliest || added >= unixMilli(r.Added) || IsRoot(r.ID) {
		return false, nil
	}
	if _, err := im.Exec(sqlSetAdded, r.n, added); err != nil {
		return false, err
	}
	if r.place != 0 {
		im.stale(r.place)
	}
	return true, im.touch(r.n)
}

// freeKeyword returns the keyword if it can be used. Otherwise it is reported as left out:
// the user's own keywords do not change.
func (im *importer) freeKeyword(url, keyword string, src *exchange.Item) (string, error) {
	if keyword = cleanKeyword(keyword); keyword == "" || url == "" {
		return "", nil
	}
	place, ok, err := im.Find(url)
	if err != nil {
		return "", err
	}
	if ok {
		_, have, err := im.labels(place.ID)
		if err != nil {
			return "", err
		}
		if have == keyword {
			return keyword, nil
		}
		if have != "" {
			im.skip(src, fmt.Errorf("its keyword %q is left out: the address has the keyword %q", keyword, have))
			return "", nil
		}
	}
	var owner int64
	if err := notFoundIsNil(im.QueryRow(sqlKeyOwner, keyword).Scan(&owner)); err != nil {
		return "", err
	}
	if owner != 0 {
		im.skip(src, fmt.Errorf("its keyword %q is left out: another bookmark has it", keyword))
		return "", nil
	}
	return keyword, nil
}

func (im *importer) skip(src *exchange.Item, err error) {
	name := src.Title
	if name == "" {
		name = src.URL
	}
	im.report.Skip(importing.Skip{Line: src.Line, Item: skips.Shorten(name), Reason: err.Error()})
}

var kinds = map[exchange.Kind]Kind{exchange.Bookmark: Bookmark, exchange.Folder: Folder, exchange.Separator: Separator, exchange.Query: Query}

// imported is an item of the source.
type imported struct {
	Item
	// here is what is here under its GUID, if that is the same item.
	here *row
}

// items checks items. One that cannot be stored is named, and nil in the list.
func (im *importer) items(sources []*exchange.Item) ([]*imported, error) {
	items := make([]*imported, len(sources))
	for i, src := range sources {
		it, err := im.item(src)
		if errors.Is(err, engine.ErrInvalid) {
			im.skip(src, err)
			continue
		}
		if err != nil {
			return nil, err
		}
		items[i] = it
	}
	return items, nil
}

// item checks an item. It keeps the GUID of its source, also where the user
// deleted that one: it is the same item that comes back, and if it is as it was,
// no other device has anything to do. Only if something else has the GUID now, it
// gets a new one.
func (im *importer) item(src *exchange.Item) (*imported, error) {
	it := &imported{Item: Item{Kind: kinds[src.Kind], Title: cleanTitle(src.Title), URL: src.URL, Tags: src.Tags, Keyword: src.Keyword,
		Added: src.Added, Modified: src.Modified}}
	switch it.Kind {
	case Bookmark, Query:
		url, err := checkURL(it.URL)
		if err != nil {
			return nil, err
		}
		it.URL, it.Kind = url, kindOf(url)
	case Separator:
		it.Title = ""
	}
	guid := engine.ID(src.GUID)
	if !tree.ValidGUID(guid) || IsRoot(guid) {
		return it, nil
	}
	here, err := im.find(guid)
	switch {
	case errors.Is(err, errNotFound):
		it.ID = guid
	case err != nil:
		return nil, err
	case here.Kind == it.Kind && here.URL == it.URL:
		it.here = here
	}
	return it, nil
}
