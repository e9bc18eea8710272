package profile

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engines/bookmarks"
)

// mostMatches bounds how many matches are listed if a word names several bookmarks.
const mostMatches = 20

// FindBookmark returns the one bookmark, folder or separator that word names: by
// its ID or the beginning of it, its URL, or its path: "menu/News/Go".
func (p *Profile) FindBookmark(ctx context.Context, word string) (bookmarks.Item, error) {
	return p.findBookmark(ctx, word, "bookmark")
}

func (p *Profile) findBookmark(ctx context.Context, word, kind string) (bookmarks.Item, error) {
	store, err := p.Bookmarks(ctx)
	if err != nil {
		return bookmarks.Item{}, err
	}
	if it, err := store.Get(ctx, engine.ID(word)); !errors.Is(err, engine.ErrNotFound) {
		return it, err
	}
	// The first way that finds any decides. A URL may lack its scheme.
	for _, find := range []func() ([]bookmarks.Item, error){
		func() ([]bookmarks.Item, error) { return store.ByURL(ctx, word) },
		func() ([]bookmarks.Item, error) { return byPath(ctx, store, word) },
		func() ([]bookmarks.Item, error) { return store.ByURL(ctx, "https://"+word) },
		func() ([]bookmarks.Item, error) { return store.ByURL(ctx, "http://"+word) },
		func() ([]bookmarks.Item, error) { return byIDPrefix(ctx, store, word) },
	} {
		found, err := find()
		if err != nil {
			return bookmarks.Item{}, err
		}
		if len(found) > 0 {
			return only(ctx, store, word, kind, found)
		}
	}
	return bookmarks.Item{}, fmt.Errorf("%s %q not found", kind, word)
}

// FindFolder is [Profile.FindBookmark] for a folder.
func (p *Profile) FindFolder(ctx context.Context, word string) (bookmarks.Item, error) {
	it, err := p.findBookmark(ctx, word, "folder")
	switch {
	case err != nil:
		return it, err
	case it.Kind != bookmarks.Folder:
		return it, fmt.Errorf("%q is a %s, not a folder", word, it.Kind)
	}
	return it, nil
}

// BookmarkPath returns the path of an item, such as "menu/News/Go".
func (p *Profile) BookmarkPath(ctx context.Context, guid engine.ID) (string, error) {
	store, err := p.Bookmarks(ctx)
	if err != nil {
		return "", err
	}
	return pathOf(ctx, store, guid)
}

func pathOf(ctx context.Context, store *bookmarks.Engine, guid engine.ID) (string, error) {
	items, err := store.Path(ctx, guid)
	var names []string
	for _, it := range items {
		names = append(names, Name(it))
	}
	return strings.Join(names, "/"), err
}

// Name returns the name of an item in a path; that of a root is its ID on the wire.
func Name(it bookmarks.Item) string {
	if bookmarks.IsRoot(it.ID) {
		return string(bookmarks.WireID(it.ID))
	}
	return it.Title
}

func only(ctx context.Context, store *bookmarks.Engine, word, kind string, found []bookmarks.Item) (bookmarks.Item, error) {
	all := iter.Seq2[bookmarks.Item, error](func(yield func(bookmarks.Item, error) bool) {
		for _, it := range found {
			if !yield(it, nil) {
				return
			}
		}
	})
	return pick(word, kind, all, func(bookmarks.Item) match { return byName }, func(it bookmarks.Item) string {
		path, err := pathOf(ctx, store, it.ID)
		if err != nil || path == "" {
			path = it.Kind.String()
		}
		return ShortID(it.ID) + " (" + path + ")"
	})
}

func byIDPrefix(ctx context.Context, store *bookmarks.Engine, word string) ([]bookmarks.Item, error) {
	if word == "" {
		return nil, nil
	}
	found, err := store.ByPrefix(ctx, engine.ID(word), mostMatches)
	return slices.DeleteFunc(found, func(it bookmarks.Item) bool { return bookmarks.IsRoot(it.ID) }), err
}

// byPath finds the items with a path. Since titles may contain slashes, it tries each way
// to split the path.
func byPath(ctx context.Context, store *bookmarks.Engine, path string) ([]bookmarks.Item, error) {
	var found []bookmarks.Item
	var walk func(folder engine.ID, rest string) error
	walk = func(folder engine.ID, rest string) error {
		children, err := store.Children(ctx, folder)
		if err != nil {
			return err
		}
		for _, it := range children {
			name := Name(it)
			if it.Kind != bookmarks.Separator && name == rest && len(found) < mostMatches {
				found = append(found, it)
			}
			if below, ok := strings.CutPrefix(rest, name+"/"); ok && it.Kind == bookmarks.Folder {
				if err := walk(it.ID, below); err != nil {
					return err
				}
			}
		}
		return nil
	}
	return found, walk(bookmarks.Root, strings.TrimSuffix(path, "/"))
}
