package api

import (
	"context"
	"time"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engines/bookmarks"
)

// FolderPart asks for a part of a folder.
type FolderPart struct {
	Folder
	// From is the place of the first item, from 0.
	From int `json:"from,omitempty" bound:"0..10000000"`
	Limit
}

// BookmarkPage is a part of a folder, and where the folder is.
type BookmarkPage struct {
	// Path are the folders that the folder is in, the outermost first, and itself as the
	// last.
	Path []Bookmark `json:"path"`
	// Total counts what is in the folder.
	Total int `json:"total"`
	// Items are in order.
	Items []Bookmark `json:"items"`
}

// RestoreBookmarks brings items back.
type RestoreBookmarks struct {
	// Items are all or nothing. A folder comes before what is in it.
	Items []RestoreBookmark `json:"items" bound:"1..10000"`
}

// RestoreBookmark is an item as it was.
type RestoreBookmark struct {
	AddBookmark
	// Added is when it was added; absent: now.
	Added time.Time `json:"added,omitzero"`
}

// CheckedBookmarks is what a check of the bookmarks found.
type CheckedBookmarks struct {
	// Items counts those on this device, and Records those on the server as the last sync
	// saw it.
	Items   int `json:"items"`
	Records int `json:"records"`
	// Faults are the first few hundred inconsistencies; Total counts them all.
	Faults []BookmarkFault `json:"faults"`
	Total  int             `json:"total"`
}

// BookmarkFault is an inconsistency.
type BookmarkFault struct {
	// Where is "device", "server" or "both" for a difference between the two.
	Where string `json:"where" enum:"device,server,both"`
	// Kind names it: "orphan", "cycle", "different value".
	Kind string `json:"kind"`
	// ID is the item, and Folder the other one involved.
	ID     engine.ID `json:"id"`
	Folder engine.ID `json:"folder,omitempty"`
}

func bookmarkPageVerbs() []*Verb {
	reading, writing := Needs{Engines: []string{"bookmarks"}}, Needs{Engines: []string{"bookmarks"}, Write: true}
	return []*Verb{
		value("bookmarks.page", "Returns a part of a folder, how many items the folder has, and the folders that it is in.", reading, bookmarkPage),
		large(value("bookmarks.restore", "Adds items with their former IDs, all or none of them, and returns the first.", writing, restoreBookmarks)),
		value("bookmarks.check", "Looks for what is wrong with the bookmarks here and on the server, as the last sync saw it.", reading, checkBookmarks),
	}
}

func bookmarkPage(ctx context.Context, c *call, q FolderPart) (BookmarkPage, error) {
	e, err := c.home.Bookmarks(ctx)
	if err != nil {
		return BookmarkPage{}, err
	}
	items, err := e.Children(ctx, q.id())
	if err != nil {
		return BookmarkPage{}, err
	}
	page := BookmarkPage{Path: []Bookmark{}, Total: len(items)}
	if q.id() != bookmarks.Root {
		path, err := c.bookmarkList(e.Path(ctx, q.id()))
		if err != nil {
			return BookmarkPage{}, err
		}
		page.Path = path.Bookmarks
	}
	items = items[min(q.From, len(items)):]
	list, err := c.bookmarkList(items[:min(q.or(usualLimit), len(items))], nil)
	page.Items = list.Bookmarks
	return page, err
}

func restoreBookmarks(ctx context.Context, c *call, q RestoreBookmarks) (Bookmark, error) {
	e, err := c.home.Bookmarks(ctx)
	if err != nil {
		return Bookmark{}, err
	}
	var first engine.ID
	err = e.Edit(ctx, func(tx *bookmarks.Tx) error {
		for i, item := range q.Items {
			it := item.item()
			it.Added = item.Added
			if err := tx.Insert(&it, place(item.Position)); err != nil {
				return err
			}
			if i == 0 {
				first = it.ID
			}
		}
		return nil
	})
	if err != nil {
		return Bookmark{}, err
	}
	it, err := e.Get(ctx, first)
	if err != nil {
		return Bookmark{}, err
	}
	return c.bookmark(it)
}

func checkBookmarks(ctx context.Context, c *call, _ Empty) (CheckedBookmarks, error) {
	e, err := c.home.Bookmarks(ctx)
	if err != nil {
		return CheckedBookmarks{}, err
	}
	found, err := e.Check(ctx)
	if err != nil {
		return CheckedBookmarks{}, err
	}
	out := CheckedBookmarks{Items: found.Items, Records: found.Records, Faults: []BookmarkFault{}}
	for _, n := range found.Counts {
		out.Total += n
	}
	for _, f := range found.Faults {
		out.Faults = append(out.Faults, BookmarkFault{string(f.Where), f.Kind, f.GUID, f.Folder})
	}
	return out, nil
}
