package bookmarks

import (
	"context"
	"fmt"
	"iter"
	"slices"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engines/internal/places"
	"github.com/syncmanager/syncmanager/internal/sqlite"
)

// Node is an item with what is below it.
type Node struct {
	Item
	Children []*Node
}

// Get returns the item with that GUID, or [engine.ErrNotFound]. A root is also found by the ID
// of its record; see [WireID].
func (e *Engine) Get(ctx context.Context, guid engine.ID) (it Item, err error) {
	err = e.view(ctx, func(t *tx) error {
		r, err := t.find(guid)
		if err == nil {
			it = r.Item
		}
		return err
	})
	return it, err
}

// List yields all items but the roots, each folder before what is in it, in order. It reads
// them at once, from one state of the file.
func (e *Engine) List(ctx context.Context) iter.Seq2[Item, error] {
	return func(yield func(Item, error) bool) {
		top, err := e.Tree(ctx, Root)
		if err != nil {
			yield(Item{}, err)
			return
		}
		top.each(yield)
	}
}

// each yields what is below an item, without the roots. It returns false to end the loop.
func (n *Node) each(yield func(Item, error) bool) bool {
	for _, child := range n.Children {
		if !IsRoot(child.ID) && !yield(child.Item, nil) || !child.each(yield) {
			return false
		}
	}
	return true
}

// Children returns what is in a folder, in order.
func (e *Engine) Children(ctx context.Context, folder engine.ID) (items []Item, err error) {
	err = e.view(ctx, func(t *tx) error {
		f, err := t.folder(folder)
		if err != nil {
			return err
		}
		rows, err := t.rows(sqlChildren, f.n)
		items = itemsOf(rows)
		return err
	})
	return items, err
}

// Tree returns an item with all that is below it; Root is everything.
func (e *Engine) Tree(ctx context.Context, guid engine.ID) (top *Node, err error) {
	err = e.view(ctx, func(t *tx) error {
		r, err := t.find(guid)
		if err != nil {
			return err
		}
		top, err = t.tree(r.n)
		return err
	})
	return top, err
}

// tree returns the item of a row with all that is below it.
func (t *tx) tree(top int64) (*Node, error) {
	rows, err := t.rows(sqlBelow, top)
	if err != nil {
		return nil, err
	}
	nodes := make(map[int64]*Node, len(rows))
	for _, r := range rows {
		nodes[r.n] = &Node{Item: r.Item}
	}
	for _, below := range rows {
		if parent := nodes[below.parent]; parent != nil && below.n != top {
			parent.Children = append(parent.Children, nodes[below.n])
		}
	}
	for _, n := range nodes {
		slices.SortFunc(n.Children, func(a, b *Node) int { return a.Position - b.Position })
	}
	return nodes[top], nil
}

// Path returns the folders that an item is in, from the root's child down, and
// the item itself as the last.
func (e *Engine) Path(ctx context.Context, guid engine.ID) (path []Item, err error) {
	err = e.view(ctx, func(t *tx) error {
		r, err := t.find(guid)
		for ; err == nil && r.parent != 0; r, err = t.findRow(r.parent) {
			path = append(path, r.Item)
		}
		slices.Reverse(path)
		return err
	})
	return path, err
}

// Search returns at most limit bookmarks that match all words: a word matches the beginning
// of a word in the title, URL, tags or keyword. The pages with the highest frecency come
// first.
func (e *Engine) Search(ctx context.Context, words string, limit int) (items []Item, err error) {
	pages, err := e.db.Search(ctx, words, places.Bookmarks, limit)
	if err != nil {
		return nil, fmt.Errorf("cannot search the bookmarks: %w", err)
	}
	err = e.view(ctx, func(t *tx) error {
		for _, place := range pages {
			rows, err := t.rows(sqlByPlace, place.ID)
			if err != nil {
				return err
			}
			items = append(items, itemsOf(rows)...)
		}
		return nil
	})
	return items[:min(len(items), limit)], err
}

// Recent returns the n bookmarks that were added last, the newest first. Queries, folders and
// separators are not among them.
func (e *Engine) Recent(ctx context.Context, n int) ([]Item, error) {
	return e.items(ctx, sqlRecent, max(n, 0))
}

// CountBookmarks counts the bookmarks in folders and in all folders below them, each once.
// Queries, folders and separators are not counted. An ID that is not that of a folder here
// counts nothing.
func (e *Engine) CountBookmarks(ctx context.Context, folders ...engine.ID) (n int, err error) {
	local := make([]engine.ID, len(folders))
	for i, id := range folders {
		local[i] = localID(id)
	}
	err = e.db.QueryRow(ctx, sqlCountBookmarks, guidList(local)).Scan(&n)
	return n, sqlite.Explain(err)
}

// Tags lists all tags, sorted.
func (e *Engine) Tags(ctx context.Context) (tags []string, err error) {
	rows, err := e.db.Query(ctx, sqlTags)
	if err != nil {
		return nil, sqlite.Explain(err)
	}
	tags, err = scanAll[string](rows)
	return tags, sqlite.Explain(err)
}

// Tagged returns the bookmarks that have a tag.
func (e *Engine) Tagged(ctx context.Context, tag string) (items []Item, err error) {
	return e.items(ctx, sqlByTag, tag)
}

// ByKeyword returns the bookmarks that a keyword leads to; all have one URL.
func (e *Engine) ByKeyword(ctx context.Context, keyword string) ([]Item, error) {
	return e.items(ctx, sqlOfKeyword, cleanKeyword(keyword))
}

func (e *Engine) items(ctx context.Context, query string, arg any) (items []Item, err error) {
	err = e.view(ctx, func(t *tx) error {
		rows, err := t.rows(query, arg)
		items = itemsOf(rows)
		return err
	})
	return items, err
}

func itemsOf(rows []*row) []Item {
	items := make([]Item, len(rows))
	for i, r := range rows {
		items[i] = r.Item
	}
	return items
}

// Count is the number of bookmarks, queries, folders and separators, the roots not counted.
func (e *Engine) Count(ctx context.Context) (n int, err error) {
	err = e.db.QueryRow(ctx, sqlCount).Scan(&n)
	return n - len(wireIDs), sqlite.Explain(err)
}

// Changes counts the records that the next sync will send. Those that the server
// refused for ever are not among them.
func (e *Engine) Changes(ctx context.Context) (n int, err error) {
	err = e.db.QueryRow(ctx, sqlChanged).Scan(&n)
	return n, sqlite.Explain(err)
}
