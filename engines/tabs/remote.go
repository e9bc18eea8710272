package tabs

import (
	"context"
	"fmt"
	"iter"
	"time"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/internal/sqlite"
)

// DeviceTabs are the tabs of another device.
type DeviceTabs struct {
	// Device is whose they are, as the account lists it.
	Device engine.Device
	// Modified is when it sent them, by the server's clock, to the hundredth of a second.
	Modified time.Time
	// Tabs are in the order in which it sent them: usually the one last used first. Without those
	// in Closing, which the user closed here, see [Engine.CloseRemote].
	Tabs    []Tab
	Closing []Tab
	// Windows are sorted by Index, and Groups by ID: those that the device sent, which only some
	// apps do.
	Windows []Window
	Groups  []Group
}

// Others yields the tabs of the account's other devices, the most recent first. It omits
// devices that have left the account. It reads them at once. What another device sent is bounded:
// see [Tab], [Window] and [Group]; its addresses are those that [Engine.OpenTab] accepts.
func (e *Engine) Others(ctx context.Context) iter.Seq2[DeviceTabs, error] {
	return each(func() ([]DeviceTabs, error) { return e.others(ctx) })
}

func (e *Engine) others(ctx context.Context) ([]DeviceTabs, error) {
	m, err := readMeta(ctx, e.db.Read())
	if err != nil {
		return nil, err
	}
	devices := make(map[engine.ID]engine.Device, len(m.devices))
	for _, d := range m.devices {
		if !d.Local {
			devices[d.ID] = d
		}
	}
	closes, err := e.readCloses(ctx, sqlCloses, nil)
	if err != nil {
		return nil, err
	}
	closed := map[remoteTab]bool{}
	for _, c := range closes {
		closed[remoteTab{c.Device.ID, c.URL}] = true
	}
	rows, err := e.db.Query(ctx, sqlOthers)
	if err != nil {
		return nil, sqlite.Explain(err)
	}
	defer rows.Close()
	var all []DeviceTabs
	for rows.Next() {
		var id engine.ID
		var t DeviceTabs
		var payload []byte
		var modified engine.Timestamp
		if err := rows.Scan(&id, &modified, &payload); err != nil {
			return nil, err
		}
		t.Modified = modified.Time()
		d, known := devices[id]
		if !known {
			continue
		}
		t.Device = d
		name, open, err := parse(payload)
		if err != nil {
			return nil, fmt.Errorf("cannot read the tabs of device %s: %w", id, err)
		}
		if t.Device.Name == "" {
			t.Device.Name = name
		}
		t.Windows, t.Groups = open.Windows, open.Groups
		t.Tabs, t.Closing = apart(open.Tabs, func(tab Tab) bool { return closed[remoteTab{id, tab.URL()}] })
		all = append(all, t)
	}
	return all, sqlite.Explain(rows.Err())
}

// apart returns the tabs that are open, and those that were closed here.
func apart(all []Tab, closed func(Tab) bool) (open, closing []Tab) {
	open = []Tab{}
	for _, tab := range all {
		if closed(tab) {
			closing = append(closing, tab)
		} else {
			open = append(open, tab)
		}
	}
	return open, closing
}
