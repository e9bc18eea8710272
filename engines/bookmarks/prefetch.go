package bookmarks

import (
	"context"
	"database/sql"
	"errors"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engines/bookmarks/internal/tree"
)

// maxAtOnce is how many new items one transaction may add to the tree: with more, the
// user's edits would wait too long.
const maxAtOnce = 2000

// inserts counts the items that would be new to the user.
func (p *plan) inserts() (n int) {
	for i := range p.merged.Nodes {
		if p.merged.Nodes[i].Local < 0 {
			n++
		}
	}
	return n
}

// prefetch adds the new items that need no repair, many transactions long, a
// folder before what is in it. What it adds goes into the mirror as well: it is what
// both sides have from then on, and the merge that follows finds little left
// to do. Killed in between, the tree has some of the items; the next sync brings
// all of them again.
func (s *session) prefetch(ctx context.Context, p *plan) error {
	for at := 5; at < len(p.merged.Nodes); {
		applied := 0
		err := s.e.merge(ctx, func(t *tx) (err error) {
			w := &fullMerge{applier: newApplier(t, s), plan: p}
			if at, err = w.insertSome(at); err != nil {
				return err
			}
			applied = len(w.touched)
			return nil
		})
		if err != nil {
			return err
		}
		s.Result.Applied += applied
	}
	return nil
}

// insertSome inserts the next few items and returns where to go on.
func (w *fullMerge) insertSome(at int) (next int, err error) {
	folders := make(map[engine.ID]int64)
	var done []engine.ID
	for ; at < len(w.plan.merged.Nodes) && len(done) < chunkSize; at++ {
		n := &w.plan.merged.Nodes[at]
		if n.Local >= 0 || n.Upload || n.Kind == tree.Livemark {
			continue
		}
		inserted, err := w.insertAsIs(n, folders)
		if err != nil {
			return 0, err
		}
		if inserted {
			done = append(done, n.GUID)
		}
	}
	return at, w.absorbSome(done)
}

// insertAsIs inserts an item unless the merge has to repair it. folders are the rows of
// folders that were looked up.
func (w *fullMerge) insertAsIs(n *tree.Node, folders map[engine.ID]int64) (inserted bool, err error) {
	parent := w.plan.merged.Nodes[n.Parent].GUID
	r, modified, err := w.incoming(n.GUID)
	if errors.Is(err, sql.ErrNoRows) || err == nil && (r.parent != parent || r.rewritten) {
		return false, nil // its GUID, its folder or its value is being repaired
	}
	if err != nil {
		return false, err
	}
	if _, known := folders[parent]; !known {
		if folders[parent], err = w.rowOf(parent); err != nil {
			return false, err
		}
	}
	if folders[parent] == 0 {
		return false, nil // the user has deleted it meanwhile, or it was not inserted
	}
	_, err = w.insert(n.GUID, &r, modified, folders[parent], int(n.Position), false)
	return err == nil, err
}

// rowOf returns the row of the user's item with a GUID; 0 if there is none.
func (t *tx) rowOf(guid engine.ID) (n int64, err error) {
	err = t.QueryRow(sqlRowOf, guid).Scan(&n)
	return n, notFoundIsNil(err)
}

// absorbSome is absorb for some of what was staged.
func (a *applier) absorbSome(guids []engine.ID) error {
	if err := a.finish(); err != nil {
		return err
	}
	list := guidList(guids)
	if _, err := a.Exec(sqlMirrorPutSome, list); err != nil {
		return err
	}
	if _, err := a.Exec(sqlUnstageSome, list); err != nil {
		return err
	}
	return a.sendRevived()
}
