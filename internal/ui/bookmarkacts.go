package ui

import (
	"context"
	"fmt"
	"strings"

	"github.com/syncmanager/syncmanager/api"
	"github.com/syncmanager/syncmanager/engine"
)

// folderLink leads to a folder, and to an item in it. The item may be on another part of the
// folder's list, which position tells.
func folderLink(folder, item engine.ID, position int) string {
	from := ""
	if part := position / pageSize * pageSize; part > 0 {
		from = fmt.Sprint(part)
	}
	to := link("bookmarks", "folder", string(folder), "from", from)
	if item != "" {
		to += "#b-" + string(item)
	}
	return to
}

// read is the item of a form, as it was shown.
func (q *request) read() api.Read {
	return api.Read{ID: api.ID{ID: engine.ID(q.form.Get("id"))}, ETag: q.form.Get("etag")}
}

// tags are those that were typed, separated by commas.
func tags(text string) []string {
	list := []string{}
	for tag := range strings.SplitSeq(text, ",") {
		if tag = strings.TrimSpace(tag); tag != "" {
			list = append(list, tag)
		}
	}
	return list
}

func actBookmarkAdd(ctx context.Context, q *request) (string, error) {
	folder := engine.ID(q.form.Get("folder"))
	ask := api.AddBookmark{Parent: folder, Title: q.form.Get("title"), URL: strings.TrimSpace(q.form.Get("url")), Kind: q.form.Get("kind")}
	if ask.Kind == "bookmark" {
		ask.Tags = tags(q.form.Get("tags"))
	}
	b, err := call[api.Bookmark](ctx, q, "bookmarks.add", ask)
	if err != nil {
		return link("bookmark-add", "folder", string(folder), "kind", ask.Kind), err
	}
	q.of.say(notice{Text: "Added “" + shownTitle(b) + "”."})
	return folderLink(b.Parent, b.ID, b.Position), nil
}

func actBookmarkEdit(ctx context.Context, q *request) (string, error) {
	ask := api.UpdateBookmark{Read: q.read()}
	back := link("bookmark", "id", string(ask.ID.ID))
	was, _, err := bookmark(ctx, q, ask.ID.ID)
	if err != nil {
		return "bookmarks", err
	}
	for _, f := range []struct {
		name string
		to   **string
	}{{"title", &ask.Title}, {"url", &ask.URL}, {"keyword", &ask.Keyword}} {
		if q.form.Has(f.name) {
			value := q.form.Get(f.name)
			*f.to = &value
		}
	}
	if q.form.Has("tags") {
		list := tags(q.form.Get("tags"))
		ask.Tags = &list
	}
	b, err := call[api.Bookmark](ctx, q, "bookmarks.update", ask)
	if err != nil {
		return back, err
	}
	to := folderLink(b.Parent, b.ID, b.Position)
	undoing := api.UpdateBookmark{Read: api.Read{ID: api.ID{ID: b.ID}, ETag: b.ETag}, Title: &was.Title}
	if was.Kind != "folder" {
		wasTags := append([]string{}, was.Tags...)
		undoing.URL, undoing.Keyword, undoing.Tags = &was.URL, &was.Keyword, &wasTags
	}
	return to, q.offerUndo("Saved “"+shownTitle(b)+"”.", undo{verb: "bookmarks.update", ask: undoing, said: "As it was before.", after: to})
}

// actBookmarkMove moves an item: up or down by one, into a folder, or before or after another
// item.
func actBookmarkMove(ctx context.Context, q *request) (string, error) {
	ask := api.MoveBookmark{Read: q.read()}
	was, _, err := bookmark(ctx, q, ask.ID.ID)
	if err != nil {
		return "bookmarks", err
	}
	back := folderLink(was.Parent, was.ID, was.Position)
	if err := target(ctx, q, was, &ask); err != nil {
		return back, err
	}
	b, err := call[api.Bookmark](ctx, q, "bookmarks.move", ask)
	if err != nil {
		return back, err
	}
	to := folderLink(b.Parent, b.ID, b.Position)
	if b.Parent == was.Parent && b.Position == was.Position {
		return to, nil
	}
	position := was.Position
	undoing := api.MoveBookmark{Read: api.Read{ID: api.ID{ID: b.ID}, ETag: b.ETag}, Parent: was.Parent, Position: &position}
	return to, q.offerUndo("Moved “"+shownTitle(b)+"”.", undo{verb: "bookmarks.move", ask: undoing, said: "It is where it was.", after: back})
}

// target sets where an item is moved to.
func target(ctx context.Context, q *request, was api.Bookmark, ask *api.MoveBookmark) error {
	at := func(n int) { ask.Position = &n }
	switch q.form.Get("to") {
	case "up":
		at(max(0, was.Position-1))
	case "down":
		at(was.Position + 1)
	case "into":
		ask.Parent = engine.ID(q.form.Get("folder"))
	case "before", "after":
		other, _, err := bookmark(ctx, q, engine.ID(q.form.Get("other")))
		if err != nil {
			return err
		}
		n := other.Position
		if q.form.Get("to") == "after" {
			n++
		}
		if other.Parent == was.Parent && was.Position < n {
			n-- // positions are counted without the item
		}
		ask.Parent = other.Parent
		at(n)
	default:
		return &api.Error{Code: api.CodeInvalid, Message: "say where the item goes"}
	}
	return nil
}

// actBookmarkDelete deletes an item with what is in it, and can bring it back.
func actBookmarkDelete(ctx context.Context, q *request) (string, error) {
	ask := api.DeleteBookmark{Read: q.read(), Contents: true}
	was, _, err := bookmark(ctx, q, ask.ID.ID)
	if err != nil {
		return "bookmarks", err
	}
	back := folderLink(was.Parent, "", was.Position)
	items := []api.RestoreBookmark{restored(was)}
	if was.Kind == "folder" {
		tree, err := call[api.BookmarkTree](ctx, q, "bookmarks.tree", api.Folder{Folder: was.ID})
		if codeOf(err) == api.CodeTooLarge {
			return back, &api.Error{Code: api.CodeTooLarge, Message: "this folder holds more than 10 000 items, which could not be brought back: delete what is in it in parts"}
		}
		if err != nil {
			return back, err
		}
		items = below(items, tree)
	}
	if err := act(ctx, q, "bookmarks.delete", ask); err != nil {
		return back, err
	}
	said := "Deleted “" + shownTitle(was) + "”."
	if n := len(items) - 1; n > 0 {
		said = "Deleted “" + shownTitle(was) + "” with " + plural(n, "item", "items") + " in it."
	}
	return back, q.offerUndo(said, undo{
		verb: "bookmarks.restore", ask: api.RestoreBookmarks{Items: items}, said: "It is back.", after: folderLink(was.Parent, was.ID, was.Position),
		weight: len(items),
	})
}

// restored is what brings an item back.
func restored(b api.Bookmark) api.RestoreBookmark {
	position := b.Position
	return api.RestoreBookmark{
		AddBookmark: api.AddBookmark{
			ID: b.ID, Kind: b.Kind, Parent: b.Parent, Position: &position, Title: b.Title, URL: b.URL, Tags: b.Tags, Keyword: b.Keyword,
		},
		Added: b.Added,
	}
}

// below adds what is in a folder.
func below(items []api.RestoreBookmark, folder api.BookmarkTree) []api.RestoreBookmark {
	for _, child := range folder.Children {
		items = below(append(items, restored(child.Bookmark)), child)
	}
	return items
}
