package bookmarks

import (
	"context"

	"github.com/syncmanager/syncmanager/engine"
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
// all of them again. insertSome inserts the items from a node on, at most max, and returns
// where to go on.
func (s *session) prefetch(ctx context.Context, p *plan, insertSome func(w *fullMerge, at, max int) (next int, err error)) error {
	for at := 5; at < len(p.merged.Nodes); {
		applied := 0
		err := s.e.merge(ctx, func(t *tx) (err error) {
			w := &fullMerge{applier: newApplier(t, s), plan: p}
			if at, err = insertSome(w, at, s.e.atOnce); err != nil {
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

// insertSome inserts the next few items by few statements.
func (w *fullMerge) insertSome(at, max int) (next int, err error) {
	b := &batch{fullMerge: w}
	if next, err = b.read(at, max); err != nil {
		return 0, err
	}
	for _, step := range []func() error{b.choose, b.bookmark, b.insert} {
		if err := step(); err != nil {
			return 0, err
		}
	}
	guids := make([]engine.ID, len(b.chosen))
	for i := range b.chosen {
		guids[i] = b.chosen[i].guid
	}
	return next, w.absorbSome(guids)
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
