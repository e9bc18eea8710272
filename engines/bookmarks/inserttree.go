package bookmarks

import (
	"context"
	"fmt"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engines/internal/exchange"
)

// MaxTree bounds the items that [Engine.InsertTree] adds at once: edits and syncs wait for it.
const MaxTree = 10_000

// maxDepth bounds how deep folders nest in a tree that is inserted.
const maxDepth = exchange.MaxDepth

// InsertTree adds top with all that is below it, all or nothing, and returns it as it is
// then. The place of top is that of [Engine.Insert]; what is below it keeps the order of its
// Children, so their fields Parent and Position are not read. IDs and times that are given are
// kept. The error is, among others, one of those of Insert; it names the item where that is
// not top.
func (e *Engine) InsertTree(ctx context.Context, top *Node, at int) (added *Node, err error) {
	err = e.Edit(ctx, func(tx *Tx) (err error) {
		added, err = tx.InsertTree(top, at)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("cannot add the bookmarks: %w", err)
	}
	return added, nil
}

// InsertTree adds top with all that is below it; see [Engine.InsertTree].
func (t *Tx) InsertTree(top *Node, at int) (*Node, error) {
	items := 0
	if err := checkTree(top, 1, &items); err != nil {
		return nil, err
	}
	r, err := t.tx.addChecked(top.Item, at)
	if err == nil {
		err = t.tx.addBelow(r.ID, top.Children)
	}
	if err != nil {
		return nil, err
	}
	added, err := t.tx.tree(r.n)
	if err == nil {
		t.recordTree(added)
	}
	return added, err
}

// addBelow adds nodes at the end of a folder, with all that is below them.
func (t *tx) addBelow(folder engine.ID, nodes []*Node) error {
	for _, n := range nodes {
		it := n.Item
		it.Parent = folder
		r, err := t.addChecked(it, End)
		if err != nil {
			return inItem(it, err)
		}
		if err := t.addBelow(r.ID, n.Children); err != nil {
			return err
		}
	}
	return nil
}

// inItem is an error about an item of a tree.
func inItem(it Item, err error) error {
	name := it.Title
	if name == "" {
		name = it.URL
	}
	return fmt.Errorf("%.120q: %w", name, err)
}

// checkTree checks the form of a tree before anything of it is added. It adds its items to
// those that were counted.
func checkTree(n *Node, depth int, items *int) error {
	switch *items++; {
	case n == nil:
		return invalid("an item of the tree is nil")
	case *items > MaxTree:
		return invalid("the tree has more than %d items", MaxTree)
	case depth > maxDepth:
		return invalid("the tree is more than %d folders deep", maxDepth)
	}
	isFolder := n.Kind == Folder || n.Kind == 0 && n.URL == ""
	if len(n.Children) > 0 && !isFolder {
		return inItem(n.Item, ErrNotFolder)
	}
	for _, child := range n.Children {
		if err := checkTree(child, depth+1, items); err != nil {
			return err
		}
	}
	return nil
}
