package ui

import (
	"context"
	"strings"

	"github.com/syncmanager/syncmanager/api"
	"github.com/syncmanager/syncmanager/engine"
)

// bookmarksPage is a folder, or what was found.
type bookmarksPage struct {
	Words string
	// Path are the folders that lead here, the last one being the folder itself; empty: the
	// four that hold all others.
	Path  []api.Bookmark
	Items []api.Bookmark
	Parts parts
	// Folder is the folder's ID, or "" for the four and for what was found.
	Folder engine.ID
}

// rootTitles are the names of the folders that every browser has.
var rootTitles = map[engine.ID]string{
	"menu________": "Bookmarks menu", "toolbar_____": "Bookmarks toolbar", "unfiled_____": "Other bookmarks", "mobile______": "Mobile bookmarks",
}

// isRoot reports whether an item is one of the folders that every browser has.
func isRoot(id engine.ID) bool { return rootTitles[id] != "" }

// named gives the folders that every browser has their names, and others that have none a
// name that can be shown.
func named(list []api.Bookmark) []api.Bookmark {
	for i := range list {
		list[i].Title = shownTitle(list[i])
	}
	return list
}

func shownTitle(b api.Bookmark) string {
	switch {
	case rootTitles[b.ID] != "":
		return rootTitles[b.ID]
	case strings.TrimSpace(b.Title) != "":
		return b.Title
	case b.Kind == "folder":
		return "Folder without a name"
	}
	return b.URL
}

func showBookmarks(ctx context.Context, q *request) (view, error) {
	page := bookmarksPage{Words: strings.TrimSpace(q.bounded("words", 2000))}
	if page.Words != "" {
		found, err := call[api.BookmarkList](ctx, q, "bookmarks.search", api.SearchWords{Words: page.Words, Limit: api.Limit{Limit: pageSize}})
		page.Items = named(found.Bookmarks)
		page.Parts = parts{From: min(1, len(page.Items)), To: len(page.Items), Total: len(page.Items)}
		return view{Title: "Bookmarks", Data: page}, err
	}
	page.Folder = q.id("folder")
	from := q.from()
	got, err := call[api.BookmarkPage](ctx, q, "bookmarks.page", api.FolderPart{
		Folder: api.Folder{Folder: page.Folder}, From: from, Limit: api.Limit{Limit: pageSize},
	})
	if err != nil {
		return view{}, err
	}
	page.Path, page.Items = named(got.Path), named(got.Items)
	page.Parts = partsOf(from, len(page.Items), got.Total, func(from string) string {
		return link("bookmarks", "folder", string(page.Folder), "from", from)
	})
	return view{Title: "Bookmarks", Data: page}, nil
}

// bookmarkPage is an item, and the folder that it is in.
type bookmarkPage struct {
	api.Bookmark
	Root bool
	Path []api.Bookmark
	// Tags as they are typed.
	TagText string
}

func showBookmark(ctx context.Context, q *request) (view, error) {
	b, path, err := bookmark(ctx, q, q.id("id"))
	if err != nil {
		return view{}, err
	}
	page := bookmarkPage{Bookmark: b, Root: isRoot(b.ID), Path: path, TagText: strings.Join(b.Tags, ", ")}
	title := "Edit the bookmark"
	switch {
	case page.Root:
		title = "A folder that every browser has"
	case b.Kind == "folder":
		title = "Edit the folder"
	}
	return view{Title: title, Under: "bookmarks", Data: page}, nil
}

// bookmark returns an item, and the folders that it is in.
func bookmark(ctx context.Context, q *request, id engine.ID) (api.Bookmark, []api.Bookmark, error) {
	path, err := call[api.BookmarkList](ctx, q, "bookmarks.path", api.ID{ID: id})
	n := len(path.Bookmarks)
	if err != nil || n == 0 {
		return api.Bookmark{}, nil, err
	}
	return path.Bookmarks[n-1], named(path.Bookmarks[:n-1]), nil
}

func showBookmarkAdd(ctx context.Context, q *request) (view, error) {
	folder, _, err := bookmark(ctx, q, q.id("folder"))
	folder.Title = shownTitle(folder)
	title := "Add a bookmark"
	data := struct {
		Folder   api.Bookmark
		IsFolder bool
	}{folder, q.bounded("kind", 10) == "folder"}
	if data.IsFolder {
		title = "Add a folder"
	}
	return view{Title: title, Under: "bookmarks", Data: data}, err
}

// movePage chooses a folder.
type movePage struct {
	Item    api.Bookmark
	Path    []api.Bookmark
	Folders []api.Bookmark
	// Here is the folder that is looked at; "" at the top.
	Here engine.ID
	// Inside says that this is the item itself, or inside of it.
	Inside bool
	More   bool
}

func showBookmarkMove(ctx context.Context, q *request) (view, error) {
	item, _, err := bookmark(ctx, q, q.id("id"))
	if err != nil {
		return view{}, err
	}
	page := movePage{Item: item, Here: q.id("folder")}
	page.Item.Title = shownTitle(item)
	got, err := call[api.BookmarkPage](ctx, q, "bookmarks.page", api.FolderPart{Folder: api.Folder{Folder: page.Here}, Limit: api.Limit{Limit: 1000}})
	if err != nil {
		return view{}, err
	}
	page.Path, page.More = named(got.Path), got.Total > len(got.Items)
	for _, folder := range page.Path {
		page.Inside = page.Inside || folder.ID == item.ID
	}
	for _, b := range named(got.Items) {
		if b.Kind == "folder" && b.ID != item.ID {
			page.Folders = append(page.Folders, b)
		}
	}
	return view{Title: "Move “" + page.Item.Title + "”", Under: "bookmarks", Data: page}, nil
}
