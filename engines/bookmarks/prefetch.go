package bookmarks

import (
	"context"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engines/bookmarks/internal/tree"
)

// maxAtOnce is how many new items one transaction may add to the tree: with more, the
// user's edits would wait too long.
const maxAtOnce = 4000

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
// to do, or nothing: see [plan.onlyInserts]. Killed in between, the tree has some of the items; the next sync brings
// all of them again. insertSome inserts the items from a node on, at most max, and returns
// where to go on.
func (s *session) prefetch(ctx context.Context, p *plan, insertSome func(w *fullMerge, at, max int) (next int, err error)) error {
	added := 0
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
		added += applied
	}
	p.added = added == p.inserts() && p.onlyInserts()
	return nil
}

// onlyInserts reports whether a plan does nothing but insert items as they came. After that a
// second merge would find both sides as this one left them, and decide nothing else.
func (p *plan) onlyInserts() bool {
	m := p.merged
	if m.LocalProblems.Total()+m.RemoteProblems.Total()+len(m.DeleteLocal)+len(m.DeleteRemote)+len(m.Forget) > 0 {
		return false
	}
	for i := range m.Nodes {
		n := &m.Nodes[i]
		if n.Upload || n.Conflict || n.Local >= 0 && n.Apply&^tree.ApplyPosition != 0 {
			return false
		}
	}
	return true
}

// insertSome inserts the next few items by few statements.
func (w *fullMerge) insertSome(at, max int) (next int, err error) {
	b := &planned{batch: batch{applier: w.applier}, plan: w.plan}
	if next, err = b.read(at, max); err != nil {
		return 0, err
	}
	for _, step := range []func() error{b.choose, b.write} {
		if err := step(); err != nil {
			return 0, err
		}
	}
	guids := make([]engine.ID, len(b.chosen))
	for i := range b.chosen {
		guids[i] = b.chosen[i].guid
	}
	if err := w.absorbSome(guids); err != nil {
		return 0, err
	}
	_, err = w.Exec(sqlUnstageSome, guidList(guids))
	return next, err
}

// absorbSome is absorb for some of what was staged, which stays staged.
func (a *applier) absorbSome(guids []engine.ID) error {
	if err := a.finish(); err != nil {
		return err
	}
	if _, err := a.Exec(sqlMirrorPutSome, guidList(guids)); err != nil {
		return err
	}
	return a.sendRevived()
}
