package bookmarks

import (
	"context"
	"iter"

	"github.com/syncmanager/syncmanager/engine"
)

// Each row has a number that stays, so that a page begins where the one before ended.
const sqlPage = sqlItem + `WHERE b.n > ?1 ORDER BY b.n LIMIT ?2`

// eachPage is how many items Each holds at a time.
const eachPage = 256

// Each yields all items but the roots, in no order that means something to a user: that is in
// their Parent and Position. It holds a page of items at a time, and edits may go on
// meanwhile. What exists all the time comes once; see [Engine.List] for one state of the tree.
func (e *Engine) Each(ctx context.Context) iter.Seq2[Item, error] {
	return func(yield func(Item, error) bool) {
		for last := int64(0); ; {
			var page []*row
			err := e.view(ctx, func(t *tx) (err error) {
				page, err = t.rows(sqlPage, last, eachPage)
				return err
			})
			if err != nil {
				yield(Item{}, err)
				return
			}
			for _, r := range page {
				if last = r.n; !IsRoot(r.ID) && !yield(r.Item, nil) {
					return
				}
			}
			if len(page) < eachPage {
				return
			}
		}
	}
}

// Children returns what is in a folder, in order; see [Engine.Children].
func (t *Tx) Children(folder engine.ID) ([]Item, error) {
	f, err := t.tx.folder(folder)
	if err != nil {
		return nil, err
	}
	rows, err := t.tx.rows(sqlChildren, f.n)
	return itemsOf(rows), err
}

// Tree returns an item with all that is below it; see [Engine.Tree].
func (t *Tx) Tree(id engine.ID) (*Node, error) {
	r, err := t.tx.find(id)
	if err != nil {
		return nil, err
	}
	return t.tx.tree(r.n)
}
