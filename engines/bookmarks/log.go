package bookmarks

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/internal/sqlite"
)

// Bounds of the log. The newest sync stays whatever its size.
const (
	keepFor   = 90 * 24 * time.Hour
	keepItems = 500_000
)

const (
	sqlLog      = `SELECT run, at, added, changed, moved, deleted, repairs, undone FROM bookmark_log WHERE n > 0 ORDER BY n DESC`
	sqlLogEntry = `INSERT INTO bookmark_log (run, at, added, changed, moved, deleted, repairs) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
		ON CONFLICT (run) DO UPDATE SET at = excluded.at, added = added + excluded.added, changed = changed + excluded.changed,
			moved = moved + excluded.moved, deleted = deleted + excluded.deleted,
			repairs = coalesce(excluded.repairs, repairs) RETURNING n`
	sqlAddUndoItem = `INSERT INTO bookmark_undo_items (log, guid, before, after, version) VALUES (?1, ?2, ?3, ?4, ?5)
		ON CONFLICT (log, guid) DO UPDATE SET after = excluded.after, version = excluded.version`
	sqlAddUndoAdded = `INSERT INTO bookmark_undo_items (log, guid, version) SELECT ?1, value, 1 FROM json_each(?2) WHERE true
		ON CONFLICT (log, guid) DO UPDATE SET after = excluded.after, version = excluded.version`
	sqlPruneOld  = `DELETE FROM bookmark_log WHERE n < ?1 AND at < ?2`
	sqlLogSizes  = `SELECT n, added + changed + moved + deleted FROM bookmark_log WHERE n > 0 ORDER BY n DESC`
	sqlPruneTo   = `DELETE FROM bookmark_log WHERE n <= ?1`
	sqlLogRow    = `SELECT n, undone FROM bookmark_log WHERE run = ?1`
	sqlLastRun   = `SELECT run FROM bookmark_log WHERE n > 0 AND undone = 0 ORDER BY n DESC LIMIT 1`
	sqlUndoItems = `SELECT guid, before, after, version FROM bookmark_undo_items WHERE log = ?1 ORDER BY guid`
	sqlUndone    = `UPDATE bookmark_log SET undone = ?2 WHERE n = ?1`
)

// state is an item as the log stores it. Children is the order of a folder that was sorted.
type state struct {
	Parent   engine.ID       `json:"parent"`
	Position int             `json:"position"`
	Kind     Kind            `json:"kind"`
	Title    string          `json:"title,omitempty"`
	URL      string          `json:"url,omitempty"`
	Tags     []string        `json:"tags,omitempty"`
	Keyword  string          `json:"keyword,omitempty"`
	Added    int64           `json:"added,omitempty"`
	Extra    json.RawMessage `json:"extra,omitempty"`
	Children []engine.ID     `json:"children,omitempty"`
}

func stateOf(r *row) *state {
	return &state{Parent: r.Parent, Position: r.Position, Kind: r.Kind, Title: r.Title, URL: r.URL,
		Tags: r.Tags, Keyword: r.Keyword, Added: unixMilli(r.Added), Extra: r.extra}
}

// undoRecorder records the states that items had before a sync changed them.
type undoRecorder struct {
	before                         map[engine.ID]*state // nil: it was not there
	order                          []engine.ID
	added, changed, moved, deleted int
	repairs                        map[string]int
	// readding is set if what is added was here before it was wiped: to undo that would
	// delete it in the account.
	readding bool
}

func newUndoRecorder() *undoRecorder {
	return &undoRecorder{before: make(map[engine.ID]*state), repairs: make(map[string]int)}
}

func (u *undoRecorder) record(guid engine.ID, s *state) {
	if _, ok := u.before[guid]; !ok {
		u.before[guid] = s
		u.order = append(u.order, guid)
	}
}

func (u *undoRecorder) add(guid engine.ID) {
	if !u.readding {
		u.record(guid, nil)
		u.added++
	}
}

func (u *undoRecorder) change(r *row) { u.record(r.ID, stateOf(r)); u.changed++ }
func (u *undoRecorder) move(r *row)   { u.record(r.ID, stateOf(r)); u.moved++ }
func (u *undoRecorder) remove(r *row) { u.record(r.ID, stateOf(r)); u.deleted++ }

// reorder records the order that a folder had.
func (u *undoRecorder) reorder(folder *row, before []engine.ID, moved int) {
	u.record(folder.ID, stateOf(folder))
	if s := u.before[folder.ID]; s != nil {
		s.Children = before
	}
	u.moved += moved
}

// write stores what was recorded as the undo items of a run, with what became of each.
func (u *undoRecorder) write(t *tx, run string) error {
	if len(u.order) == 0 && len(u.repairs) == 0 {
		return nil
	}
	var repairs any
	if len(u.repairs) > 0 {
		b, err := json.Marshal(u.repairs)
		if err != nil {
			return err
		}
		repairs = string(b)
	}
	if run == "" {
		run = "sync " + time.UnixMilli(t.now).UTC().Format(time.RFC3339)
	}
	var log int64
	if err := t.QueryRow(sqlLogEntry, run, t.now, u.added, u.changed, u.moved, u.deleted, repairs).Scan(&log); err != nil {
		return err
	}
	var added, others []engine.ID
	for _, guid := range u.order {
		if u.before[guid] == nil {
			added = append(added, guid)
		} else {
			others = append(others, guid)
		}
	}
	if len(added) > 0 {
		slices.Sort(added) // the order of the table, which is the fastest
		if _, err := t.Exec(sqlAddUndoAdded, log, guidList(added)); err != nil {
			return err
		}
	}
	if err := u.writeStates(t, log, others); err != nil {
		return err
	}
	return t.prune(log)
}

// writeStates stores what was before, and what became of it.
func (u *undoRecorder) writeStates(t *tx, log int64, guids []engine.ID) error {
	args := make([]any, 5)
	var failed error
	err := t.Each(sqlAddUndoItem, len(guids), func(i int) []any {
		guid := guids[i]
		before := u.before[guid]
		args[0], args[1], args[2], args[3], args[4] = log, guid, nil, nil, 1
		args[2] = jsonText(before)
		now, err := t.find(guid)
		if errors.Is(err, errNotFound) {
			return args
		}
		if err != nil {
			failed = errors.Join(failed, err)
			return args
		}
		after := stateOf(now)
		if before.Children != nil {
			after.Children, err = t.guids(now.n)
			failed = errors.Join(failed, err)
		}
		args[3], args[4] = jsonText(after), now.version
		return args
	})
	return errors.Join(err, failed)
}

func (t *tx) guids(folder int64) ([]engine.ID, error) {
	rows, err := t.Query(sqlGUIDs, folder)
	if err != nil {
		return nil, err
	}
	return scanAll[engine.ID](rows)
}

func jsonText(s *state) string {
	b, _ := json.Marshal(s) // of strings and numbers: it cannot fail
	return string(b)
}

// prune drops what is old, and what is more than can be kept.
func (t *tx) prune(newest int64) error {
	if _, err := t.Exec(sqlPruneOld, newest, t.now-keepFor.Milliseconds()); err != nil {
		return err
	}
	rows, err := t.Query(sqlLogSizes)
	if err != nil {
		return err
	}
	defer rows.Close()
	items := 0
	for rows.Next() {
		var n int64
		var size int
		if err := rows.Scan(&n, &size); err != nil {
			return err
		}
		if items += size; items > keepItems && n < newest {
			_ = rows.Close()
			_, err := t.Exec(sqlPruneTo, n)
			return err
		}
	}
	return rows.Err()
}

// Log lists the syncs that changed the user's bookmarks, the newest first.
func (e *Engine) Log(ctx context.Context) ([]engine.LogEntry, error) {
	rows, err := e.db.Query(ctx, sqlLog)
	if err != nil {
		return nil, fmt.Errorf("cannot read the log of bookmarks: %w", sqlite.Explain(err))
	}
	defer rows.Close()
	var log []engine.LogEntry
	for rows.Next() {
		var l engine.LogEntry
		var at, undone int64
		var repairs []byte
		if err := rows.Scan(&l.Run, &at, &l.Added, &l.Changed, &l.Moved, &l.Deleted, &repairs, &undone); err != nil {
			return nil, err
		}
		if repairs != nil {
			if err := json.Unmarshal(repairs, &l.Repairs); err != nil {
				return nil, err
			}
		}
		l.At, l.Undone = instant(at), instant(undone)
		log = append(log, l)
	}
	return log, sqlite.Explain(rows.Err())
}
