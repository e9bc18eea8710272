package mirror

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/internal/sqlite"
)

// Bounds of the log. The newest sync is kept whatever its size.
const (
	keepFor     = 90 * 24 * time.Hour
	keepRecords = 100_000
)

// undoItem is a record that a sync deleted or overwrote, its payloads sealed. after
// is nil where the sync deleted it.
type undoItem struct {
	id            engine.ID
	before, after []byte
}

// undoRecorder notes what a transaction of a sync deleted or overwrote.
type undoRecorder struct {
	seal  func(engine.ID, []byte) ([]byte, error)
	items []undoItem
}

// record notes what a record said before; after is nil where it is deleted.
func (u *undoRecorder) record(id engine.ID, before, after []byte) error {
	item := undoItem{id: id}
	var err error
	if item.before, err = u.seal(id, before); err == nil && after != nil {
		item.after, err = u.seal(id, after)
	}
	u.items = append(u.items, item)
	return err
}

// writeUndo files what was recorded under a run.
func (t *Tx[R]) writeUndo(u *undoRecorder, run string) error {
	if len(u.items) == 0 {
		return nil
	}
	now := t.store.now()
	if run == "" {
		run = "sync " + now.UTC().Format(time.RFC3339)
	}
	deleted := 0
	for _, item := range u.items {
		if item.after == nil {
			deleted++
		}
	}
	var log int64
	if _, err := t.one(sqlLogEntry, []any{run, now.UnixMilli(), len(u.items) - deleted, deleted}, &log); err != nil {
		return err
	}
	for _, item := range u.items {
		if _, err := t.exec(sqlAddUndoItem, log, item.id, item.before, item.after); err != nil {
			return err
		}
	}
	return t.prune(log)
}

// prune drops what is old, and what is more than can be kept.
func (t *Tx[R]) prune(newest int64) error {
	if _, err := t.exec(sqlPruneOld, newest, t.store.now().Add(-keepFor).UnixMilli()); err != nil {
		return err
	}
	rows, err := t.sql.Query(sqlLogSizes)
	if err != nil {
		return err
	}
	defer rows.Close()
	for records := 0; rows.Next(); {
		var n int64
		var size int
		if err := rows.Scan(&n, &size); err != nil {
			return err
		}
		if records += size; records > keepRecords && n < newest {
			_ = rows.Close()
			_, err := t.exec(sqlPruneTo, n)
			return err
		}
	}
	return rows.Err()
}

// Log lists the syncs that changed or deleted records of the user's, the newest first.
func (s *Store[R]) Log(ctx context.Context) ([]engine.LogEntry, error) {
	rows, err := s.db.Query(ctx, sqlLog)
	if err != nil {
		return nil, fmt.Errorf("cannot read the log of %s: %w", s.schema.Collection, sqlite.Explain(err))
	}
	defer rows.Close()
	var log []engine.LogEntry
	for rows.Next() {
		var l engine.LogEntry
		var at, undone int64
		if err := rows.Scan(&l.Run, &at, &l.Changed, &l.Deleted, &undone); err != nil {
			return nil, err
		}
		l.At = time.UnixMilli(at)
		if undone != 0 {
			l.Undone = time.UnixMilli(undone)
		}
		log = append(log, l)
	}
	return log, sqlite.Explain(rows.Err())
}

// Undo brings back what a sync deleted or overwrote, as an edit of the user's that goes
// up with the next sync. What was edited since, by whomever, stays. An empty run means
// the last sync that stands.
func (s *Store[R]) Undo(ctx context.Context, run string) (engine.Undone, error) {
	var done engine.Undone
	err := s.Edit(ctx, func(t *Tx[R]) (err error) {
		done, err = t.undo(run)
		return err
	})
	if err != nil {
		return engine.Undone{}, fmt.Errorf("cannot undo the sync: %w", err)
	}
	return done, nil
}

func (t *Tx[R]) undo(run string) (done engine.Undone, err error) {
	log, run, err := t.findUndoable(run)
	if err != nil {
		return done, err
	}
	done.Run = run
	for after := engine.ID(""); ; {
		page, err := t.undoItems(log, after)
		if err != nil {
			return done, err
		}
		for i := range page {
			if err := t.bringBack(&page[i], &done); err != nil {
				return done, err
			}
		}
		if len(page) < listPage {
			break
		}
		after = page[len(page)-1].id
	}
	_, err = t.exec(sqlUndone, log, t.store.now().UnixMilli())
	return done, err
}

// findUndoable finds a sync that was not undone in the log: the named one, or the last.
func (t *Tx[R]) findUndoable(run string) (log int64, name string, err error) {
	if run == "" {
		if ok, err := t.one(sqlLastRun, nil, &run); err != nil || !ok {
			return 0, "", errors.Join(err, noRun(ok))
		}
	}
	var undone int64
	ok, err := t.one(sqlLogRow, []any{run}, &log, &undone)
	switch {
	case err != nil || !ok:
		return 0, "", errors.Join(err, noRun(ok))
	case undone != 0:
		return 0, "", engine.ErrUndone
	}
	return log, run, nil
}

func noRun(there bool) error {
	if there {
		return nil
	}
	return engine.ErrNoRun
}

// undoItems is a page of a sync's records behind an ID, opened.
func (t *Tx[R]) undoItems(log int64, after engine.ID) (page []undoItem, err error) {
	rows, err := t.sql.Query(sqlUndoItems, log, after, listPage)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var u undoItem
		if err := rows.Scan(&u.id, &u.before, &u.after); err != nil {
			return nil, err
		}
		if u.before, err = t.store.open(u.id, u.before); err != nil {
			return nil, err
		}
		if u.after, err = t.store.open(u.id, u.after); err != nil {
			return nil, err
		}
		page = append(page, u)
	}
	return page, rows.Err()
}

// bringBack gives one record back what the sync took, unless it was edited since.
func (t *Tx[R]) bringBack(u *undoItem, done *engine.Undone) error {
	now, err := t.payload(u.id)
	switch {
	case err != nil && !errors.Is(err, engine.ErrNotFound):
		return err
	case err == nil && same(now, u.before):
		return nil // it is back already
	case (err == nil) != (u.after != nil), err == nil && !same(now, u.after):
		done.Kept++
		return nil
	}
	switch err := t.put(u.id, u.before); {
	case errors.Is(err, engine.ErrDuplicate), errors.As(err, new(*engine.InvalidError)), err != nil && now != nil && t.store.schema.readOnly(now) != nil:
		done.Kept++ // another record is in its place
		return nil
	case err != nil:
		return err
	}
	if u.after == nil {
		done.Restored++
	} else {
		done.Reverted++
	}
	return nil
}
