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

// keptItem is a record that a sync took away or overwrote, its payloads sealed. after
// is nil where the sync deleted it.
type keptItem struct {
	id            engine.ID
	before, after []byte
}

// keeper keeps what a transaction of a sync took away or overwrote.
type keeper struct{ items []keptItem }

// keep keeps what a record said before; after is nil where it is deleted.
func (k *keeper) keep(c *core, id engine.ID, before, after []byte) error {
	item := keptItem{id: id}
	var err error
	if item.before, err = c.seal(id, before); err == nil && after != nil {
		item.after, err = c.seal(id, after)
	}
	k.items = append(k.items, item)
	return err
}

// write files what was kept under a run.
func (k *keeper) write(t *tx, run string) error {
	if len(k.items) == 0 {
		return nil
	}
	now := t.core.now()
	if run == "" {
		run = "sync " + now.UTC().Format(time.RFC3339)
	}
	deleted := 0
	for _, item := range k.items {
		if item.after == nil {
			deleted++
		}
	}
	var log int64
	if _, err := t.one(sqlLogEntry, []any{run, now.UnixMilli(), len(k.items) - deleted, deleted}, &log); err != nil {
		return err
	}
	for _, item := range k.items {
		if _, err := t.exec(sqlKeep, log, item.id, item.before, item.after); err != nil {
			return err
		}
	}
	return t.prune(log)
}

// prune drops what is old, and what is more than can be kept.
func (t *tx) prune(newest int64) error {
	if _, err := t.exec(sqlPruneOld, newest, t.core.now().Add(-keepFor).UnixMilli()); err != nil {
		return err
	}
	rows, err := t.Query(sqlLogSizes)
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
func (c *core) Log(ctx context.Context) ([]engine.LogEntry, error) {
	rows, err := c.db.Query(ctx, sqlLog)
	if err != nil {
		return nil, fmt.Errorf("cannot read the log of %s: %w", c.rules.Collection, sqlite.Explain(err))
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

// Undo brings back what a sync took away or overwrote, as an edit of the user's that goes
// up with the next sync. What was edited since, by whomever, stays. An empty run means
// the last sync that stands.
func (c *core) Undo(ctx context.Context, run string) (engine.Undone, error) {
	var done engine.Undone
	err := c.change(ctx, func(e *userTx) (err error) {
		done, err = e.undo(run)
		return err
	})
	if err != nil {
		return engine.Undone{}, fmt.Errorf("cannot undo the sync: %w", err)
	}
	return done, nil
}

func (e *userTx) undo(run string) (done engine.Undone, err error) {
	t := e.tx
	done.Run = run
	if run == "" {
		if ok, err := t.one(sqlLastRun, nil, &done.Run); err != nil || !ok {
			return done, errors.Join(err, noRun(ok))
		}
	}
	var log, undone int64
	ok, err := t.one(sqlLogRow, []any{done.Run}, &log, &undone)
	switch {
	case err != nil || !ok:
		return done, errors.Join(err, noRun(ok))
	case undone != 0:
		return done, engine.ErrUndone
	}
	for after := engine.ID(""); ; {
		page, err := t.kept(log, after)
		if err != nil {
			return done, err
		}
		for i := range page {
			if err := e.bringBack(&page[i], &done); err != nil {
				return done, err
			}
		}
		if len(page) < listPage {
			break
		}
		after = page[len(page)-1].id
	}
	_, err = t.exec(sqlUndone, log, t.core.now().UnixMilli())
	return done, err
}

func noRun(there bool) error {
	if there {
		return nil
	}
	return engine.ErrNoRun
}

// kept is a page of a sync's records behind an ID, opened.
func (t *tx) kept(log int64, after engine.ID) (page []keptItem, err error) {
	rows, err := t.Query(sqlKept, log, after, listPage)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var k keptItem
		if err := rows.Scan(&k.id, &k.before, &k.after); err != nil {
			return nil, err
		}
		if k.before, err = t.core.open(k.id, k.before); err != nil {
			return nil, err
		}
		if k.after, err = t.core.open(k.id, k.after); err != nil {
			return nil, err
		}
		page = append(page, k)
	}
	return page, rows.Err()
}

// bringBack gives one record back what the sync took, unless it was edited since.
func (e *userTx) bringBack(k *keptItem, done *engine.Undone) error {
	now, err := e.get(k.id)
	switch {
	case err != nil && !errors.Is(err, engine.ErrNotFound):
		return err
	case err == nil && same(now, k.before):
		return nil // it is back already
	case (err == nil) != (k.after != nil), err == nil && !same(now, k.after):
		done.Kept++
		return nil
	}
	switch err := e.put(k.id, k.before); {
	case errors.Is(err, engine.ErrDuplicate), errors.As(err, new(*engine.InvalidError)), err != nil && e.tx.core.readOnly(now) != nil:
		done.Kept++ // another record is in its place
		return nil
	case err != nil:
		return err
	}
	if k.after == nil {
		done.Restored++
	} else {
		done.Reverted++
	}
	return nil
}
