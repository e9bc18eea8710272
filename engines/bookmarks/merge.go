package bookmarks

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engines/internal/places"
	"github.com/syncmanager/syncmanager/internal/sqlite"
)

// Merge brings both sides together.
func (s *session) Merge(ctx context.Context, at engine.Timestamp) (engine.Merged, error) {
	err := s.merge(ctx, at)
	var refused *engine.TooManyDeletionsError
	if err != nil && !errors.As(err, &refused) {
		err = fmt.Errorf("cannot merge bookmarks: %w", err)
	}
	return s.Result, err
}

func (s *session) merge(ctx context.Context, at engine.Timestamp) error {
	if err := s.sort(ctx); err != nil {
		return err
	}
	if err := s.applyStaged(ctx); err != nil {
		return err
	}
	if err := s.snapshot(ctx); err != nil {
		return err
	}
	return s.Finish(ctx, at, func(t *sqlite.Tx) error {
		if s.cleared == 0 {
			return nil
		}
		_, err := t.Exec(sqlSetCleared, 0)
		return err
	})
}

// sort removes from what was staged what is not to be merged: our own records whose
// receipt was lost, and records that cannot be read.
func (s *session) sort(ctx context.Context) error {
	var staged int
	if err := s.e.db.QueryRow(ctx, sqlCountStaged, 1).Scan(&staged); err != nil || staged == 0 && s.Since() != 0 {
		return err
	}
	var counted engine.Merged
	err := s.e.db.Update(ctx, func(p *places.Tx) error {
		counted = engine.Merged{}
		t := newTx(p)
		if err := s.noteTombstones(t); err != nil {
			return err
		}
		if err := t.awaitFolders(); err != nil {
			return err
		}
		if err := s.compareWithPast(t); err != nil {
			return err
		}
		if err := s.Readable(p.Tx, 0, everything); err != nil {
			return err
		}
		if err := s.echoes(t, &counted); err != nil {
			return err
		}
		return s.bad(t, &counted)
	})
	s.Result = counted
	return err
}

// echoes settles what we sent ourselves.
func (s *session) echoes(t *tx, m *engine.Merged) error {
	rows, err := t.Query(sqlEcho)
	if err != nil {
		return err
	}
	defer rows.Close()
	type echo struct {
		guid engine.ID
		row  int64
		at   engine.Timestamp
	}
	var all []echo
	for rows.Next() {
		var e echo
		if err := rows.Scan(&e.guid, &e.row, &e.at); err != nil {
			return err
		}
		all = append(all, e)
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return err
	}
	for _, e := range all {
		if err := s.Stored(t.Tx.Tx, e.row-1, e.row, e.at); err != nil {
			return err
		}
		if _, err := t.Exec(sqlUnstage, e.guid); err != nil {
			return err
		}
		m.Reconciled++
	}
	return nil
}

// bad notes what cannot be read. An item that the user has, and that the server had, goes
// up in place of a record that is damaged. A record that a newer version of the program may
// read stays on the server, and what the user does with the item is held.
func (s *session) bad(t *tx, m *engine.Merged) error {
	all, err := t.unusable()
	if err != nil {
		return err
	}
	replace, err := t.mayReplace(len(all))
	if err != nil {
		return err
	}
	for _, b := range all {
		_, mirrored, err := t.mirrored(b.guid)
		if err != nil {
			return err
		}
		if !b.fatal && mirrored && replace {
			if _, err := t.Exec(sqlResend, b.guid); err != nil {
				return err
			}
		}
		if err := s.Fail(t.Tx.Tx, m, b.guid, b.reason, b.fatal); err != nil {
			return err
		}
		if _, err := t.Exec(sqlUnstage, b.guid); err != nil {
			return err
		}
	}
	return nil
}

// unusableRecord is a staged record that is damaged, or, if fatal, not known to this
// version of the program.
type unusableRecord struct {
	guid   engine.ID
	reason string
	fatal  bool
}

func (t *tx) unusable() (all []unusableRecord, err error) {
	rows, err := t.Query(sqlBad)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var b unusableRecord
		if err := rows.Scan(&b.guid, &b.reason, &b.fatal); err != nil {
			return nil, err
		}
		all = append(all, b)
	}
	return all, rows.Err()
}

// mayReplace reports whether unreadable records are likely to be damaged and may be
// replaced. If they are many, and most of what came, our keys may be wrong instead.
func (t *tx) mayReplace(bad int) (bool, error) {
	const some = 10
	if bad <= some {
		return true, nil
	}
	var staged int
	err := t.QueryRow(sqlCountStaged, 2*bad).Scan(&staged)
	return 2*bad <= staged, err
}

// maxRestarts is how often a merge begins again because the user edited the tree
// meanwhile. After that, edits wait for the merge.
const maxRestarts = 3

// applyStaged applies what was staged by the first way that can.
func (s *session) applyStaged(ctx context.Context) error {
	ways := [...]func(context.Context) error{
		fastWay: s.tryFastPath, firstUploadWay: s.tryFirstUpload, firstDownloadWay: s.tryFirstDownload,
		partWay:  func(ctx context.Context) error { return s.mergeBy(ctx, s.planPart) },
		wholeWay: func(ctx context.Context) error { return s.mergeBy(ctx, s.plan) },
	}
	for _, way := range ways[s.e.firstTry:] {
		if err := way(ctx); !errors.Is(err, errEntangled) {
			return err
		}
	}
	return errEntangled // which merging the whole trees never returns
}

// mergeWay is a way of merging. Each takes what the one before it cannot.
type mergeWay int

const (
	fastWay          mergeWay = iota // a small change that fits into both trees
	firstUploadWay                   // nothing is there
	firstDownloadWay                 // nothing is here
	partWay                          // a merge of what is around the changes
	wholeWay                         // a merge of the whole trees
)

// errEntangled means that more of the trees has to be looked at.
var errEntangled = errors.New("the change is entangled with others")

// mergeBy carries out what a planner plans.
func (s *session) mergeBy(ctx context.Context, planner planner) error {
	for range maxRestarts {
		err := s.mergeBeside(ctx, planner)
		if !errors.Is(err, errEdited) {
			return err
		}
	}
	return s.e.merge(ctx, func(t *tx) error {
		p, err := planner(t)
		if err != nil {
			return err
		}
		if err := s.limitDeletions(p); err != nil {
			return err
		}
		return s.carryOut(t, p)
	})
}

// planner plans a merge, of the trees or of a part of them.
type planner func(*tx) (*plan, error)

// mergeBeside plans a merge while the user may edit the tree, and carries it out. The
// error is errEdited if the plan is no longer good, or if it added items ahead of the merge
// and has more to do.
func (s *session) mergeBeside(ctx context.Context, planner planner) error {
	var p *plan
	err := s.e.view(ctx, func(t *tx) (err error) { p, err = planner(t); return err })
	if err != nil {
		return err
	}
	if err := s.limitDeletions(p); err != nil {
		return err
	}
	if inserts := p.inserts(); inserts > s.e.atOnce {
		if p.open != nil { // what is added ahead is not staged any more, and a part would not see it
			return errEntangled
		}
		if err := s.prefetch(ctx, p, (*fullMerge).insertSome); err != nil {
			return err
		}
		if !p.added {
			return errEdited
		}
	}
	return s.e.merge(ctx, func(t *tx) error {
		m, err := t.meta()
		if err != nil {
			return err
		}
		if m.generation != p.generation {
			return errEdited
		}
		return s.carryOut(t, p)
	})
}

// errEdited means that the tree changed since the merge was planned.
var errEdited = errors.New("the tree was edited during the merge")

// carryOut applies a plan and counts what it did.
func (s *session) carryOut(t *tx, p *plan) error {
	staged, err := t.stagedGUIDs()
	if err != nil {
		return err
	}
	a, err := s.apply(t, p)
	if err != nil {
		return err
	}
	s.report(a, staged)
	if n := p.merged.RemoteProblems.Total(); n > 0 {
		s.e.log.Info("repaired the bookmarks on the server", slog.Int("problems", n))
	}
	return nil
}

func (t *tx) stagedGUIDs() ([]engine.ID, error) {
	rows, err := t.Query(sqlStagedGUIDs)
	if err != nil {
		return nil, err
	}
	return scanAll[engine.ID](rows)
}

// report counts what became of what was staged.
func (s *session) report(a *applier, staged []engine.ID) {
	s.Result.NoteChanged(slices.Collect(maps.Keys(a.touched))...)
	for _, guid := range staged {
		if _, ok := a.touched[guid]; ok {
			s.Result.Applied++
		} else {
			s.Result.Reconciled++
		}
	}
}

// someDeletions is how many items a sync may delete, however few there are.
const someDeletions = 20

// limitDeletions refuses to delete more than the user likely intended: more than 20 items
// and more than a tenth.
func (s *session) limitDeletions(p *plan) error {
	return tooManyDeletions(len(p.merged.DeleteLocal), p.total-len(wireIDs), s.Start)
}

func tooManyDeletions(deletions, total int, start engine.Start) error {
	if start.AcceptDeletions || deletions <= someDeletions || deletions*10 <= total {
		return nil
	}
	return &engine.TooManyDeletionsError{Deletions: deletions, Total: total}
}
