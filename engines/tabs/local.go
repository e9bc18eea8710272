package tabs

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"reflect"

	"github.com/syncmanager/syncmanager/internal/sqlite"
)

// Tab is an open page, with the wire's field names.
type Tab struct {
	// Title is the page's title, or "".
	Title string `json:"title"`
	// URLHistory is the page's address and, from some apps, those before it in
	// the tab's history, the newest first.
	URLHistory []string `json:"urlHistory"`
	// Icon is the address of the page's icon, or "".
	Icon string `json:"icon"`
	// LastUsed is when the tab was last looked at, in Unix seconds.
	LastUsed int64 `json:"lastUsed"`
}

// URL is the page's address.
func (t Tab) URL() string {
	if len(t.URLHistory) == 0 {
		return ""
	}
	return t.URLHistory[0]
}

var (
	// ErrURL means that an address cannot be a tab for other devices.
	ErrURL = errors.New("this address means nothing on another device, or is too long")
	// ErrNotOpen means that no tab has the address.
	ErrNotOpen = errors.New("no tab has this address")
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

// OpenTab notes that the page is open on this device and was looked at just now.
func (e *Engine) OpenTab(ctx context.Context, address, title string) error {
	if !acceptable(address) {
		return fmt.Errorf("cannot open a tab: %w", ErrURL)
	}
	t := Tab{Title: title, URLHistory: []string{address}, LastUsed: e.now().Unix()}
	return e.edit(ctx, func(tx *sql.Tx) error { return put(ctx, tx, t) })
}

// CloseTab notes that the page is no longer open on this device, or returns
// ErrNotOpen.
func (e *Engine) CloseTab(ctx context.Context, address string) error {
	return e.edit(ctx, func(tx *sql.Tx) error {
		r, err := tx.ExecContext(ctx, sqlClose, address)
		if err != nil {
			return err
		}
		if n, err := r.RowsAffected(); err != nil || n == 0 {
			return errors.Join(ErrNotOpen, err)
		}
		return nil
	})
}

// SetTabs replaces all tabs of this device. Those that mean nothing elsewhere are
// left out, as Firefox does. The same tabs again do not count as a change.
func (e *Engine) SetTabs(ctx context.Context, all []Tab) error {
	return e.edit(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, sqlDelete); err != nil {
			return err
		}
		left := 0
		for _, t := range all {
			if !acceptable(t.URL()) {
				left++
				continue
			}
			if err := put(ctx, tx, t); err != nil {
				return err
			}
		}
		if left > 0 {
			e.log.InfoContext(ctx, "tabs without an address for other devices were left out", "tabs", left)
		}
		return nil
	})
}

// Tabs returns the tabs of this device, the most recently used first.
func (e *Engine) Tabs(ctx context.Context) ([]Tab, error) { return readTabs(ctx, e.db.Read()) }

func put(ctx context.Context, tx *sql.Tx, t Tab) error {
	_, err := tx.ExecContext(ctx, sqlPut, t.URL(), t.Title, t.Icon, t.LastUsed)
	return err
}

func (e *Engine) edit(ctx context.Context, f func(*sql.Tx) error) error {
	changed := false
	err := e.db.Update(ctx, func(tx *sql.Tx) error {
		before, err := readTabs(ctx, tx)
		if err != nil {
			return err
		}
		if err := f(tx); err != nil {
			return err
		}
		after, err := readTabs(ctx, tx)
		changed = err == nil && !reflect.DeepEqual(before, after)
		if !changed {
			return err
		}
		_, err = tx.ExecContext(ctx, sqlChanged)
		return err
	})
	if err == nil && changed {
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
		if err := rows.Scan(&t.URLHistory[0], &t.Title, &t.Icon, &t.LastUsed); err != nil {
			return nil, err
		}
		all = append(all, t)
	}
	return all, sqlite.Explain(rows.Err())
}
