package history

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engines/internal/places"
	"github.com/syncmanager/syncmanager/internal/sqlite"
)

// Bounds of the log. A user who deletes history seldom wants copies of it to stay for long.
// The newest sync stays whatever its size.
const (
	keepFor    = 30 * 24 * time.Hour
	keepPages  = 100_000
	keepVisits = 1000 // of a page, the newest
)

// addUndoItem adds a page that is about to be deleted to the undo items of a run.
func (t *tx) addUndoItem(run string, r *row) error {
	visits, err := t.last(r.id, keepVisits)
	if err != nil {
		return err
	}
	return t.addUndoRecord(run, r.guid, &record{url: r.url, title: r.title, visits: visits, unknown: r.unknown, preview: r.preview})
}

func (t *tx) addUndoRecord(run string, guid engine.ID, rec *record) error {
	if len(rec.visits) == 0 {
		return nil
	}
	now := t.Now()
	if run == "" {
		run = "sync " + now.UTC().Format(time.RFC3339)
	}
	var log int64
	if err := t.QueryRow(sqlLogEntry, run, now.UnixMilli()).Scan(&log); err != nil {
		return err
	}
	visits := sortedVisits(rec.visits)
	_, err := t.Exec(sqlAddUndoItem, log, guid, rec.url, places.RevHost(rec.url), visits[len(visits)-1].date, visits[0].date,
		appendRecord(nil, guid, rec.url, rec.title, visits, rec.unknown), rec.preview, flagsOf(visits))
	return err
}

// flagsOf is the value of the column flags of history_undo_items.
func flagsOf(visits []visit) any {
	var all places.Flags
	list := make([]places.Flags, len(visits))
	for i, v := range visits {
		list[i], all = v.flags, all|v.flags
	}
	if all == 0 {
		return nil
	}
	raw, err := json.Marshal(list)
	if err != nil {
		return nil // it cannot fail
	}
	return string(raw)
}

// setFlags gives visits the flags that flagsOf returned for them.
func setFlags(visits []visit, raw []byte) {
	var list []places.Flags
	if json.Unmarshal(raw, &list) != nil || len(list) != len(visits) {
		return
	}
	for i, f := range list {
		visits[i].flags = f
	}
}

// prune drops what is old, and what is more than can be kept.
func prune(t *sqlite.Tx, now time.Time) error {
	if _, err := t.Exec(sqlPruneOld, now.Add(-keepFor).UnixMilli()); err != nil {
		return err
	}
	rows, err := t.Query(sqlLogSizes)
	if err != nil {
		return err
	}
	defer rows.Close()
	for pages, first := 0, true; rows.Next(); first = false {
		var n int64
		var size int
		if err := rows.Scan(&n, &size); err != nil {
			return err
		}
		if pages += size; pages > keepPages && !first {
			_ = rows.Close()
			_, err := t.Exec(sqlPruneTo, n)
			return err
		}
	}
	return rows.Err()
}

// Log lists the syncs that deleted pages of the user's, the newest first.
func (e *Engine) Log(ctx context.Context) (log []engine.LogEntry, err error) {
	err = e.view(ctx, func(tx *tx) error {
		rows, err := tx.Query(sqlLog)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var l engine.LogEntry
			var at, undone int64
			if err := rows.Scan(&l.Run, &at, &l.Deleted, &undone); err != nil {
				return err
			}
			l.At = time.UnixMilli(at)
			if undone != 0 {
				l.Undone = time.UnixMilli(undone)
			}
			log = append(log, l)
		}
		return rows.Err()
	})
	if err != nil {
		return nil, fmt.Errorf("cannot read the log of the history: %w", err)
	}
	return log, nil
}

// Undo brings back the pages that a sync deleted, as an edit of the user's that goes up
// with the next sync. What was visited or deleted since stays so. An empty run means the
// last sync that was not undone. The error is, among others, [engine.ErrNoRun] or
// [engine.ErrUndone]. Undo works in many small transactions: after an error, it can be
// called again.
func (e *Engine) Undo(ctx context.Context, run string) (engine.Undone, error) {
	done, err := e.undo(ctx, run)
	if err != nil {
		return engine.Undone{}, fmt.Errorf("cannot undo the sync: %w", err)
	}
	return done, nil
}

func (e *Engine) undo(ctx context.Context, run string) (done engine.Undone, err error) {
	log, run, err := e.undoable(ctx, run)
	done.Run = run
	for after, n := "", e.chunk; err == nil && n == e.chunk; {
		var some engine.Undone
		err = e.edit(ctx, func(tx *tx) error {
			some = engine.Undone{}
			page, err := tx.undoItems(log, after, e.chunk)
			for i := range page {
				if err == nil {
					err = tx.restore(&page[i], &some)
				}
			}
			if n = len(page); n > 0 {
				after = string(page[n-1].guid)
			}
			return err
		})
		done.Restored += some.Restored
		done.Reverted += some.Reverted
		done.Kept += some.Kept
	}
	if err != nil {
		return done, err
	}
	return done, e.update(ctx, func(tx *tx) error {
		_, err := tx.Exec(sqlUndone, log, tx.Now().UnixMilli())
		return err
	})
}

// undoable returns the log of a run that can be undone, and the name of the run: of the last,
// if run is "".
func (e *Engine) undoable(ctx context.Context, run string) (log int64, _ string, err error) {
	err = e.view(ctx, func(tx *tx) error {
		if run == "" {
			if err := tx.QueryRow(sqlLastRun).Scan(&run); err != nil {
				return noRun(err)
			}
		}
		var undone int64
		if err := tx.QueryRow(sqlLogRow, run).Scan(&log, &undone); err != nil {
			return noRun(err)
		}
		if undone != 0 {
			return engine.ErrUndone
		}
		return nil
	})
	return log, run, err
}

func noRun(err error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return engine.ErrNoRun
	}
	return sqlite.Explain(err)
}

// undoItem is a page that a sync deleted.
type undoItem struct {
	guid          engine.ID
	record, flags []byte
	preview       string
}

func (t *tx) undoItems(log int64, after string, n int) (page []undoItem, err error) {
	rows, err := t.Query(sqlUndoItems, log, after, n)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var k undoItem
		if err := rows.Scan(&k.guid, &k.record, &k.preview, &k.flags); err != nil {
			return nil, err
		}
		page = append(page, k)
	}
	return page, rows.Err()
}

// restore brings one page back, or its visits where the user visited it since.
func (t *tx) restore(k *undoItem, done *engine.Undone) error {
	rec, err := parseRecord(k.record, t.Now().UnixMicro())
	if err != nil {
		done.Kept++
		return nil
	}
	rec.preview = k.preview
	setFlags(rec.visits, k.flags)
	r, err := t.byURL(rec.url)
	if err != nil {
		return err
	}
	again := r != nil && r.visits > 0
	if r == nil {
		if r, err = t.revive(k.guid, &rec); err != nil {
			return err
		}
	} else {
		visits, err := t.wanted(r, rec.visits)
		if err != nil {
			return err
		}
		added, err := t.addVisits(r, visits)
		if err != nil || added == 0 {
			return err
		}
		if r.title == "" {
			r.title = rec.title
		}
		if r.preview == "" {
			r.preview = rec.preview
		}
	}
	// The account had it, however long ago it was visited.
	r.had = true
	if err := t.touch(r); err != nil {
		return err
	}
	if again {
		done.Reverted++
	} else {
		done.Restored++
	}
	return t.save(r, true, true)
}

// revive makes a page that is gone again, under the ID that it had.
func (t *tx) revive(guid engine.ID, rec *record) (*row, error) {
	taken, err := t.byGUID(guid)
	if err != nil {
		return nil, err
	}
	r := &row{guid: guid, url: rec.url, title: rec.title, unknown: rec.unknown, preview: rec.preview}
	if taken != nil {
		r.guid = ""
	}
	return r, t.insert(r, rec.visits)
}
