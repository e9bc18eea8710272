package tabs

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"
	"net/url"
	"reflect"
	"time"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/internal/sqlite"
)

// unix is a time as the wire has it.
func unix(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return max(t.Unix(), 0)
}

func fromUnix(seconds int64) time.Time {
	if seconds == 0 {
		return time.Time{}
	}
	return time.Unix(seconds, 0).UTC()
}

var (
	errURL     = &engine.InvalidError{Reason: errors.New("this address means nothing on another device, or is too long")}
	errNotOpen = &engine.NotFoundError{Reason: errors.New("no tab has this address")}
)

// maxURL is Firefox's bound for an address, in bytes.
const maxURL = 65536

// private are the schemes that Firefox does not send: their addresses mean nothing on
// another device, or are private.
var private = map[string]bool{
	"about": true, "resource": true, "chrome": true, "file": true, "blob": true,
	"moz-extension": true, "chrome-extension": true, "data": true, "javascript": true, "view-source": true,
}

func acceptable(address string) bool {
	if address == "" || len(address) > maxURL {
		return false
	}
	u, err := url.Parse(address)
	return err == nil && u.Scheme != "" && !private[u.Scheme] && (u.Host != "" || u.Opaque != "" || u.Path != "")
}

// OpenTab notes that the page is open on this device and was looked at just now. A tab that is
// open already keeps its window, its group and its icon, and is not inactive any more. An
// address that means nothing on another device, or is too long, is an
// [engine.InvalidError].
func (e *Engine) OpenTab(ctx context.Context, address, title string) error {
	if !acceptable(address) {
		return fmt.Errorf("cannot open a tab: %w", errURL)
	}
	return e.edit(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, sqlOpen, address, title, unix(e.now()))
		return err
	})
}

// CloseTab notes that the page is no longer open on this device, or returns
// [engine.ErrNotFound].
func (e *Engine) CloseTab(ctx context.Context, address string) error {
	return e.edit(ctx, func(tx *sql.Tx) error {
		r, err := tx.ExecContext(ctx, sqlClose, address)
		if err != nil {
			return err
		}
		n, err := r.RowsAffected()
		if err == nil && n == 0 {
			err = errNotOpen
		}
		return err
	})
}

// SetTabs replaces all tabs of this device, and removes its windows and groups: it is [Engine.SetOpenTabs]
// with tabs alone.
func (e *Engine) SetTabs(ctx context.Context, all []Tab) error {
	return e.SetOpenTabs(ctx, OpenTabs{Tabs: all})
}

// List yields the tabs of this device, the most recently used first. It reads them at once.
func (e *Engine) List(ctx context.Context) iter.Seq2[Tab, error] {
	return each(func() ([]Tab, error) { return readTabs(ctx, e.db.Read()) })
}

// Get returns the tab of this device that has the address, or [engine.ErrNotFound].
func (e *Engine) Get(ctx context.Context, address string) (Tab, error) {
	for t, err := range e.List(ctx) {
		if err != nil || t.URL() == address {
			return t, err
		}
	}
	return Tab{}, errNotOpen
}

// each yields what read returns.
func each[T any](read func() ([]T, error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		all, err := read()
		for _, one := range all {
			if !yield(one, nil) {
				return
			}
		}
		if err != nil {
			var none T
			yield(none, err)
		}
	}
}

// Watch yields what changes from now on, by the user or by a sync, so that a window can
// show it. The IDs are those of the other devices whose tabs a sync changed or the user closed;
// after an edit of this device's tabs there are none. It delays neither edits nor syncs: what happens while the loop is
// busy comes as one [engine.Change]. It ends with ctx, with Close, or when the loop is left,
// and serves one loop.
func (e *Engine) Watch(ctx context.Context) iter.Seq[engine.Change] { return e.watchers.Watch(ctx) }

func put(ctx context.Context, tx *sql.Tx, t Tab) error {
	_, err := tx.ExecContext(ctx, sqlPut, t.URL(), t.Title, t.Icon, unix(t.LastUsed), t.Pinned, t.Inactive, t.Index, t.WindowID, t.GroupID)
	return err
}

func (e *Engine) edit(ctx context.Context, f func(*sql.Tx) error) error {
	changed := false
	err := e.db.Update(ctx, func(tx *sql.Tx) error {
		before, err := readOpen(ctx, tx)
		if err != nil {
			return err
		}
		if err := f(tx); err != nil {
			return err
		}
		after, err := readOpen(ctx, tx)
		changed = err == nil && !reflect.DeepEqual(before, after)
		if !changed {
			return err
		}
		_, err = tx.ExecContext(ctx, sqlChanged)
		return err
	})
	if err == nil && changed {
		e.watchers.Tell(engine.Change{User: true})
		e.Notify()
	}
	return err
}

type rowsQueryer interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

func readTabs(ctx context.Context, q rowsQueryer) ([]Tab, error) {
	rows, err := q.QueryContext(ctx, sqlTabs)
	if err != nil {
		return nil, sqlite.Explain(err)
	}
	defer rows.Close()
	var all []Tab
	for rows.Next() {
		t := Tab{URLHistory: make([]string, 1)}
		var used int64
		if err := rows.Scan(&t.URLHistory[0], &t.Title, &t.Icon, &used, &t.Pinned, &t.Inactive, &t.Index, &t.WindowID, &t.GroupID); err != nil {
			return nil, err
		}
		t.LastUsed = fromUnix(used)
		all = append(all, t)
	}
	return all, sqlite.Explain(rows.Err())
}
