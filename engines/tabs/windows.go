package tabs

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/internal/sqlite"
)

const (
	// maxWindows and maxGroups are how many windows and groups a device has.
	maxWindows = 200
	maxGroups  = 1000
	// maxID is the length of the ID of a window or group, and maxColor that of a color, in bytes.
	maxID    = 128
	maxColor = 64
)

// Window is a window of a device.
type Window struct {
	// ID names the window on its device, with 1 to 128 bytes.
	ID string
	// Index is the window's place among the others, from 0.
	Index int
	// LastUsed is when the window was last used, to the millisecond, in UTC; zero: not known.
	LastUsed time.Time
	// Type is the wire's number for the kind of window: 0 for a normal one, the only kind so far.
	Type int
}

// Group is a group of tabs of a device.
type Group struct {
	// ID names the group on its device, with 1 to 128 bytes.
	ID string
	// Name is the name that the user gave, or "". Color is a word of the app: "blue".
	Name, Color string
	// Collapsed says that the tabs of the group are hidden behind its name.
	Collapsed bool
}

// OpenTabs are all the tabs of a device, with the windows and groups that they are in.
type OpenTabs struct {
	Tabs []Tab
	// Windows are sorted by Index, and Groups by ID.
	Windows []Window
	Groups  []Group
}

// wireWindow and wireGroup are as records have them, by ID.
type (
	wireWindow struct {
		ID       string `json:"id"`
		LastUsed int64  `json:"lastUsed"` // Unix milliseconds
		Index    int    `json:"index"`
		Type     int    `json:"windowType,omitempty"`
	}
	wireGroup struct {
		ID        string `json:"id"`
		Name      string `json:"name"`
		Color     string `json:"color"`
		Collapsed bool   `json:"collapsed"`
	}
)

// SetOpenTabs replaces all tabs, windows and groups of this device. Tabs that mean nothing
// elsewhere are left out, as Firefox does, and windows and groups without tabs are not sent. The
// same tabs again do not count as a change. A tab in a window or group that is not listed, one
// that is listed twice, or an ID, name or color that is too long is an [engine.InvalidError].
func (e *Engine) SetOpenTabs(ctx context.Context, all OpenTabs) error {
	if err := all.check(); err != nil {
		return fmt.Errorf("cannot set the tabs: %w", &engine.InvalidError{Reason: err})
	}
	return e.edit(ctx, func(tx *sql.Tx) error {
		for _, query := range []string{sqlDelete, sqlDropWindows, sqlDropGroups} {
			if _, err := tx.ExecContext(ctx, query); err != nil {
				return err
			}
		}
		return errors.Join(putWindows(ctx, tx, all), e.putTabs(ctx, tx, all.Tabs))
	})
}

func putWindows(ctx context.Context, tx *sql.Tx, all OpenTabs) error {
	for _, w := range all.Windows {
		if _, err := tx.ExecContext(ctx, sqlPutWindow, w.ID, w.Index, millis(w.LastUsed), w.Type); err != nil {
			return err
		}
	}
	for _, g := range all.Groups {
		if _, err := tx.ExecContext(ctx, sqlPutGroup, g.ID, g.Name, g.Color, g.Collapsed); err != nil {
			return err
		}
	}
	return nil
}

func (e *Engine) putTabs(ctx context.Context, tx *sql.Tx, all []Tab) error {
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
}

// OpenTabs returns the tabs of this device, the most recently used first, with its windows and
// groups.
func (e *Engine) OpenTabs(ctx context.Context) (all OpenTabs, err error) {
	err = e.db.View(ctx, func(tx *sql.Tx) error {
		all, err = readOpen(ctx, tx)
		return err
	})
	return all, err
}

// check returns what is wrong with tabs of this device.
func (o OpenTabs) check() error {
	if len(o.Windows) > maxWindows || len(o.Groups) > maxGroups || len(o.Tabs) > maxTabs {
		return fmt.Errorf("a device has at most %d tabs, %d windows and %d groups", maxTabs, maxWindows, maxGroups)
	}
	windows, groups := map[string]bool{}, map[string]bool{}
	for _, w := range o.Windows {
		if err := checkID(w.ID, windows); err != nil {
			return err
		}
		if !w.inRange() {
			return errors.New("the index or the type of a window is out of range")
		}
	}
	for _, g := range o.Groups {
		if err := checkID(g.ID, groups); err != nil {
			return err
		}
		if len(g.Name) > maxTitle || len(g.Color) > maxColor {
			return fmt.Errorf("the name of a group has at most %d bytes, and its color %d", maxTitle, maxColor)
		}
	}
	windows[""], groups[""] = true, true // a tab may be in none
	for _, t := range o.Tabs {
		if !windows[t.WindowID] || !groups[t.GroupID] || !isPlace(t.Index) {
			return errors.New("a tab is in a window or group that is not listed, or its index is out of range")
		}
	}
	return nil
}

// checkID refuses the ID of a window or group that is malformed or that another one has.
func checkID(id string, taken map[string]bool) error {
	if id == "" || len(id) > maxID || taken[id] {
		return fmt.Errorf("the ID of a window or group has 1 to %d bytes, and no other one has it", maxID)
	}
	taken[id] = true
	return nil
}

func (w Window) inRange() bool { return isPlace(w.Index) && w.Type >= 0 && w.Type <= math.MaxUint8 }

func isPlace(index int) bool { return index >= 0 && index <= math.MaxInt32 }

// readOpen reads the tabs, windows and groups of this device.
func readOpen(ctx context.Context, q rowsQueryer) (all OpenTabs, err error) {
	if all.Tabs, err = readTabs(ctx, q); err != nil {
		return all, err
	}
	all.Windows, err = readAll(ctx, q, sqlWindows, func(rows *sql.Rows, w *Window) error {
		var used int64
		err := rows.Scan(&w.ID, &w.Index, &used, &w.Type)
		w.LastUsed = fromMillis(used)
		return err
	})
	if err != nil {
		return all, err
	}
	all.Groups, err = readAll(ctx, q, sqlGroups, func(rows *sql.Rows, g *Group) error {
		return rows.Scan(&g.ID, &g.Name, &g.Color, &g.Collapsed)
	})
	return all, err
}

// readAll reads the rows of a statement.
func readAll[T any](ctx context.Context, q rowsQueryer, query string, scan func(*sql.Rows, *T) error, args ...any) (all []T, err error) {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, sqlite.Explain(err)
	}
	defer rows.Close()
	for rows.Next() {
		var one T
		if err := scan(rows, &one); err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return all, sqlite.Explain(rows.Err())
}

// wire returns the windows and groups that have tabs, as a record has them.
func (o OpenTabs) wire() (windows map[string]wireWindow, groups map[string]wireGroup) {
	usedWindows, usedGroups := map[string]bool{}, map[string]bool{}
	for _, t := range o.Tabs {
		usedWindows[t.WindowID], usedGroups[t.GroupID] = true, true
	}
	windows, groups = map[string]wireWindow{}, map[string]wireGroup{}
	for _, w := range o.Windows {
		if usedWindows[w.ID] {
			windows[w.ID] = wireWindow{w.ID, millis(w.LastUsed), w.Index, w.Type}
		}
	}
	for _, g := range o.Groups {
		if usedGroups[g.ID] {
			groups[g.ID] = wireGroup(g)
		}
	}
	return windows, groups
}

// parseWindows reads the windows of another device's record. One that is malformed is left out.
func parseWindows(raw []byte) (all []Window) {
	list := readAs[map[string]json.RawMessage](raw)
	for _, id := range slices.Sorted(maps.Keys(list)) {
		var w struct {
			LastUsed json.RawMessage `json:"lastUsed"`
			Index    json.RawMessage `json:"index"`
			Type     json.RawMessage `json:"windowType"`
		}
		if id == "" || len(id) > maxID || json.Unmarshal(list[id], &w) != nil || len(all) == maxWindows {
			continue
		}
		kind := readAs[int64](w.Type)
		if kind < 0 || kind > math.MaxUint8 {
			kind = 0
		}
		all = append(all, Window{id, place(w.Index), fromMillis(whole(w.LastUsed, 1<<50)), int(kind)})
	}
	slices.SortStableFunc(all, func(a, b Window) int { return cmp.Compare(a.Index, b.Index) })
	return all
}

// parseGroups reads the groups of another device's record, likewise.
func parseGroups(raw []byte) (all []Group) {
	list := readAs[map[string]json.RawMessage](raw)
	for _, id := range slices.Sorted(maps.Keys(list)) {
		var g struct {
			Name      json.RawMessage `json:"name"`
			Color     json.RawMessage `json:"color"`
			Collapsed json.RawMessage `json:"collapsed"`
		}
		if id == "" || len(id) > maxID || json.Unmarshal(list[id], &g) != nil || len(all) == maxGroups {
			continue
		}
		color := readAs[string](g.Color)
		if len(color) > maxColor {
			color = ""
		}
		all = append(all, Group{id, cut(readAs[string](g.Name)), color, readAs[bool](g.Collapsed)})
	}
	return all
}

func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return max(t.UnixMilli(), 0)
}

func fromMillis(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}
