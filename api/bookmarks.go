package api

import (
	"context"
	"iter"
	"time"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engines/bookmarks"
)

// Bookmark is a bookmark, query, folder or separator.
type Bookmark struct {
	ID engine.ID `json:"id"`
	// ETag stands for all but the position, which changes with the other items of a folder.
	ETag string `json:"etag"`
	Kind string `json:"kind" enum:"bookmark,query,folder,separator"`
	// Parent is the folder that holds it, and Position its place there, from 0.
	Parent   engine.ID `json:"parent"`
	Position int       `json:"position"`
	Title    string    `json:"title"`
	URL      string    `json:"url,omitempty"`
	// Tags and Keyword belong to the URL: all its bookmarks share them.
	Tags     []string  `json:"tags,omitempty"`
	Keyword  string    `json:"keyword,omitempty"`
	Added    time.Time `json:"added"`
	Modified time.Time `json:"modified"`
}

// BookmarkTree is an item with what is in it.
type BookmarkTree struct {
	Bookmark
	Children []BookmarkTree `json:"children,omitempty"`
}

// BookmarkList lists bookmarks.
type BookmarkList struct {
	Bookmarks []Bookmark `json:"bookmarks"`
}

// Folder names a folder.
type Folder struct {
	// Folder is the folder; absent: the root, which holds menu________, toolbar_____,
	// unfiled_____ and mobile______.
	Folder engine.ID `json:"folder,omitempty" bound:"1..64"`
}

func (f Folder) id() engine.ID {
	if f.Folder == "" {
		return bookmarks.Root
	}
	return f.Folder
}

// FindBookmarks says which bookmarks are asked for: those of a URL, a tag or a keyword; the
// first that is set counts.
type FindBookmarks struct {
	URL     string `json:"url,omitempty" bound:"1..65536"`
	Tag     string `json:"tag,omitempty" bound:"1..100"`
	Keyword string `json:"keyword,omitempty" bound:"1..1000"`
}

// SearchWords asks for items that have all words.
type SearchWords struct {
	Words string `json:"words" bound:"0..2000"`
	Limit
}

// AddBookmark is a new bookmark, query, folder or separator.
type AddBookmark struct {
	// ID is 12 letters, digits, "-" and "_"; absent: a new one.
	ID engine.ID `json:"id,omitempty" bound:"12..12"`
	// Kind is absent for a bookmark, which has a URL, and for a folder, which has none.
	Kind string `json:"kind,omitempty" enum:"bookmark,query,folder,separator"`
	// Parent is the folder; absent: unfiled_____.
	Parent engine.ID `json:"parent,omitempty" bound:"1..64"`
	// Position is the place in the folder, from 0; absent: the end.
	Position *int     `json:"position,omitempty" bound:"0..10000000"`
	Title    string   `json:"title,omitempty" bound:"0..4096"`
	URL      string   `json:"url,omitempty" bound:"1..65536"`
	Tags     []string `json:"tags,omitempty" bound:"0..1000" each:"1..100"`
	Keyword  string   `json:"keyword,omitempty" bound:"0..1000"`
}

// UpdateBookmark changes a bookmark. Absent fields stay as they are.
type UpdateBookmark struct {
	Read
	Title   *string   `json:"title,omitempty" bound:"0..4096"`
	URL     *string   `json:"url,omitempty" bound:"1..65536"`
	Tags    *[]string `json:"tags,omitempty" bound:"0..1000" each:"1..100"`
	Keyword *string   `json:"keyword,omitempty" bound:"0..1000"`
}

// MoveBookmark puts an item elsewhere.
type MoveBookmark struct {
	Read
	// Parent is the folder; absent: the one that it is in.
	Parent engine.ID `json:"parent,omitempty" bound:"1..64"`
	// Position is the place in the folder, from 0 and counted without the item; absent: the
	// end.
	Position *int `json:"position,omitempty" bound:"0..10000000"`
}

// DeleteBookmark names an item that goes.
type DeleteBookmark struct {
	Read
	// Contents says that a folder goes with what is in it.
	Contents bool `json:"contents,omitempty"`
}

// TagBookmark has tags of a bookmark's URL.
type TagBookmark struct {
	ID
	Tags []string `json:"tags" bound:"1..1000" each:"1..100"`
}

// Tags lists tags.
type Tags struct {
	Tags []string `json:"tags"`
}

func (c *call) bookmark(it bookmarks.Item) (Bookmark, error) {
	etag, err := c.etag("bookmarks", bookmarkState(it))
	return Bookmark{
		ID: it.ID, ETag: etag, Kind: it.Kind.String(), Parent: it.Parent, Position: it.Position, Title: it.Title,
		URL: it.URL, Tags: it.Tags, Keyword: it.Keyword, Added: it.Added.UTC(), Modified: it.Modified.UTC(),
	}, err
}

// bookmarkState is what the etag of an item stands for.
func bookmarkState(it bookmarks.Item) any {
	return []any{it.ID, it.Parent, it.Title, it.URL, append([]string{}, it.Tags...), it.Keyword}
}

// bookmarkList is a list of a bounded length.
func (c *call) bookmarkList(items []bookmarks.Item, err error) (BookmarkList, error) {
	out := BookmarkList{[]Bookmark{}}
	for _, it := range items {
		if err != nil {
			break
		}
		var b Bookmark
		b, err = c.bookmark(it)
		out.Bookmarks = append(out.Bookmarks, b)
	}
	return out, err
}

// eachBookmark yields items of a list that is in memory.
func eachBookmark(items []bookmarks.Item) iter.Seq2[bookmarks.Item, error] {
	return func(yield func(bookmarks.Item, error) bool) {
		for _, it := range items {
			if !yield(it, nil) {
				return
			}
		}
	}
}

func bookmarkVerbs() []*Verb {
	reading, writing := Needs{Engines: []string{"bookmarks"}}, Needs{Engines: []string{"bookmarks"}, Write: true}
	return append([]*Verb{
		stream("bookmarks.list", "Lists all bookmarks, folders and separators, in no particular order: parent and position say where each is.", reading,
			func(ctx context.Context, c *call, _ Empty) (iter.Seq2[Bookmark, error], error) {
				e, err := c.home.Bookmarks(ctx)
				if err != nil {
					return nil, err
				}
				return mapped(e.Each(ctx), c.bookmark), nil
			}),
		value("bookmarks.tree", "Returns a folder with all that is below it, of at most 10,000 items; larger ones are listed by bookmarks.list.", reading, bookmarkTree),
		stream("bookmarks.children", "Lists what is in a folder, in order.", reading,
			func(ctx context.Context, c *call, q Folder) (iter.Seq2[Bookmark, error], error) {
				e, err := c.home.Bookmarks(ctx)
				if err != nil {
					return nil, err
				}
				items, err := e.Children(ctx, q.id())
				return mapped(eachBookmark(items), c.bookmark), err
			}),
		value("bookmarks.get", "Returns an item.", reading, func(ctx context.Context, c *call, q ID) (Bookmark, error) {
			e, err := c.home.Bookmarks(ctx)
			if err != nil {
				return Bookmark{}, err
			}
			it, err := e.Get(ctx, q.ID)
			if err != nil {
				return Bookmark{}, err
			}
			return c.bookmark(it)
		}),
		value("bookmarks.path", "Returns the folders that an item is in, the outermost first, and the item as the last.", reading,
			func(ctx context.Context, c *call, q ID) (BookmarkList, error) {
				e, err := c.home.Bookmarks(ctx)
				if err != nil {
					return BookmarkList{}, err
				}
				return c.bookmarkList(e.Path(ctx, q.ID))
			}),
		value("bookmarks.search", "Finds bookmarks by the beginnings of words in title, URL, tags and keyword.", reading,
			func(ctx context.Context, c *call, q SearchWords) (BookmarkList, error) {
				e, err := c.home.Bookmarks(ctx)
				if err != nil {
					return BookmarkList{}, err
				}
				return c.bookmarkList(e.Search(ctx, q.Words, q.or(usualLimit)))
			}),
		stream("bookmarks.find", "Lists the bookmarks of a URL, a tag or a keyword.", reading, findBookmarks),
		value("bookmarks.recent", "Returns the bookmarks that were added last.", reading,
			func(ctx context.Context, c *call, q Limit) (BookmarkList, error) {
				e, err := c.home.Bookmarks(ctx)
				if err != nil {
					return BookmarkList{}, err
				}
				return c.bookmarkList(e.Recent(ctx, q.or(usualLimit)))
			}),
		value("bookmarks.tags", "Lists all tags, sorted.", reading, func(ctx context.Context, c *call, _ Empty) (Tags, error) {
			e, err := c.home.Bookmarks(ctx)
			if err != nil {
				return Tags{}, err
			}
			tags, err := e.Tags(ctx)
			return Tags{append([]string{}, tags...)}, err
		}),
		value("bookmarks.add", "Adds a bookmark, query, folder or separator, and returns it.", writing, addBookmark),
		value("bookmarks.update", "Changes title, URL, tags or keyword of an item, and returns it. Absent fields stay as they are.", writing, updateBookmark),
		value("bookmarks.move", "Moves an item to another place, and returns it.", writing, moveBookmark),
		action("bookmarks.delete", "Deletes an item, here and with the next sync everywhere.", writing, deleteBookmark),
		action("bookmarks.tag", "Gives a bookmark's URL more tags.", writing, func(ctx context.Context, c *call, q TagBookmark) error {
			e, err := c.home.Bookmarks(ctx)
			if err != nil {
				return err
			}
			return e.Tag(ctx, q.ID.ID, q.Tags...)
		}),
		action("bookmarks.untag", "Takes tags from a bookmark's URL.", writing, func(ctx context.Context, c *call, q TagBookmark) error {
			e, err := c.home.Bookmarks(ctx)
			if err != nil {
				return err
			}
			return e.Untag(ctx, q.ID.ID, q.Tags...)
		}),
	}, undoVerbs("bookmarks", func(ctx context.Context, h Home) (undoer, error) { return h.Bookmarks(ctx) })...)
}

func findBookmarks(ctx context.Context, c *call, q FindBookmarks) (iter.Seq2[Bookmark, error], error) {
	e, err := c.home.Bookmarks(ctx)
	if err != nil {
		return nil, err
	}
	var items []bookmarks.Item
	switch {
	case q.URL != "":
		items, err = e.ByURL(ctx, q.URL)
	case q.Tag != "":
		items, err = e.Tagged(ctx, q.Tag)
	case q.Keyword != "":
		items, err = e.ByKeyword(ctx, q.Keyword)
	default:
		err = invalidf("", "give a url, a tag or a keyword")
	}
	return mapped(eachBookmark(items), c.bookmark), err
}

func bookmarkTree(ctx context.Context, c *call, q Folder) (BookmarkTree, error) {
	e, err := c.home.Bookmarks(ctx)
	if err != nil {
		return BookmarkTree{}, err
	}
	top, err := e.Tree(ctx, q.id())
	if err != nil {
		return BookmarkTree{}, err
	}
	left := bookmarks.MaxTree
	return c.bookmarkTree(top, &left)
}

// bookmarkTree is a tree of at most left items.
func (c *call) bookmarkTree(n *bookmarks.Node, left *int) (t BookmarkTree, err error) {
	if *left--; *left < 0 {
		return t, &Error{Code: CodeTooLarge, Message: "the folder holds more than 10,000 items; ask for bookmarks.children or bookmarks.list"}
	}
	if t.Bookmark, err = c.bookmark(n.Item); err != nil {
		return t, err
	}
	for _, child := range n.Children {
		below, err := c.bookmarkTree(child, left)
		if err != nil {
			return t, err
		}
		t.Children = append(t.Children, below)
	}
	return t, nil
}

// kinds are the kinds of items by their names.
var kinds = map[string]bookmarks.Kind{
	"bookmark": bookmarks.Bookmark, "query": bookmarks.Query, "folder": bookmarks.Folder, "separator": bookmarks.Separator,
}

func addBookmark(ctx context.Context, c *call, q AddBookmark) (Bookmark, error) {
	e, err := c.home.Bookmarks(ctx)
	if err != nil {
		return Bookmark{}, err
	}
	it, err := e.Insert(ctx, q.item(), place(q.Position))
	if err != nil {
		return Bookmark{}, err
	}
	return c.bookmark(it)
}

func (q AddBookmark) item() bookmarks.Item {
	return bookmarks.Item{ID: q.ID, Kind: kinds[q.Kind], Parent: q.Parent, Title: q.Title, URL: q.URL, Tags: q.Tags, Keyword: q.Keyword}
}

func place(position *int) int {
	if position == nil {
		return bookmarks.End
	}
	return *position
}

// editBookmark edits an item that did not change since it was read.
func editBookmark(ctx context.Context, c *call, q Read, f func(tx *bookmarks.Tx, it bookmarks.Item) error) (b Bookmark, err error) {
	e, err := c.home.Bookmarks(ctx)
	if err != nil {
		return b, err
	}
	var it bookmarks.Item
	err = e.Edit(ctx, func(tx *bookmarks.Tx) error {
		it, err = tx.Get(q.ID.ID)
		if err != nil {
			return err
		}
		if err := c.matches(q.ETag, "bookmarks", bookmarkState(it)); err != nil {
			return err
		}
		return f(tx, it)
	})
	if err != nil {
		return b, err
	}
	// The transaction settles positions at its end.
	if it, err = e.Get(ctx, q.ID.ID); err != nil {
		return b, err
	}
	return c.bookmark(it)
}

func updateBookmark(ctx context.Context, c *call, q UpdateBookmark) (Bookmark, error) {
	return editBookmark(ctx, c, q.Read, func(tx *bookmarks.Tx, it bookmarks.Item) error {
		for _, field := range []struct{ to, from *string }{{&it.Title, q.Title}, {&it.URL, q.URL}, {&it.Keyword, q.Keyword}} {
			if field.from != nil {
				*field.to = *field.from
			}
		}
		if q.Tags != nil {
			it.Tags = *q.Tags
		}
		return tx.Update(&it)
	})
}

func moveBookmark(ctx context.Context, c *call, q MoveBookmark) (Bookmark, error) {
	return editBookmark(ctx, c, q.Read, func(tx *bookmarks.Tx, it bookmarks.Item) error {
		if q.Parent == "" {
			q.Parent = it.Parent
		}
		return tx.Move(it.ID, q.Parent, place(q.Position))
	})
}

func deleteBookmark(ctx context.Context, c *call, q DeleteBookmark) error {
	e, err := c.home.Bookmarks(ctx)
	if err != nil {
		return err
	}
	return e.Edit(ctx, func(tx *bookmarks.Tx) error {
		it, err := tx.Get(q.ID.ID)
		if err != nil {
			return err
		}
		if err := c.matches(q.ETag, "bookmarks", bookmarkState(it)); err != nil {
			return err
		}
		if it.Kind == bookmarks.Folder && !q.Contents {
			switch below, err := tx.Children(it.ID); {
			case err != nil:
				return err
			case len(below) > 0:
				return errNotEmpty
			}
		}
		return tx.Delete(it.ID)
	})
}
