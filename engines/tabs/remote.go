package tabs

import (
	"context"
	"fmt"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/internal/sqlite"
)

// DeviceTabs are the tabs of another device.
type DeviceTabs struct {
	// Device is whose they are, as the account lists it.
	Device engine.Device
	// Modified is when it sent them.
	Modified engine.Timestamp
	// Tabs are in the order in which it sent them: usually the one last used first.
	Tabs []Tab
}

// Others returns the tabs of the account's other devices, the most recent first. It omits
// devices that have left the account.
func (e *Engine) Others(ctx context.Context) ([]DeviceTabs, error) {
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
		if err := rows.Scan(&id, &t.Modified, &payload); err != nil {
			return nil, err
		}
		d, known := devices[id]
		if !known {
			continue
		}
		t.Device = d
		name, tabs, err := parse(payload)
		if err != nil {
			return nil, fmt.Errorf("cannot read the tabs of device %s: %w", id, err)
		}
		if t.Device.Name == "" {
			t.Device.Name = name
		}
		t.Tabs = tabs
		all = append(all, t)
	}
	return all, sqlite.Explain(rows.Err())
}
