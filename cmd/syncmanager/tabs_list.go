package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/syncmanager/syncmanager/cmd/syncmanager/internal/profile"
	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engines/tabs"
)

// tabsJSON is a device's tabs with the names of their record.
type tabsJSON struct {
	ID         engine.ID `json:"id,omitempty"`
	ClientName string    `json:"clientName"`
	Type       string    `json:"type"`
	// Local is true for this device.
	Local bool       `json:"local"`
	Tabs  []tabs.Tab `json:"tabs"`
}

func (a *app) tabsListCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the open tabs of all devices",
		Args:  cobra.NoArgs,
		RunE: a.with(func(ctx context.Context, p *profile.Profile, _ []string) error {
			devices, err := a.allTabs(ctx, p)
			if err != nil {
				return err
			}
			if a.json {
				return a.printJSON(devices)
			}
			t := table{head: []string{"DEVICE", "TITLE", "URL", "LAST USED"}, width: a.width()}
			for _, d := range devices {
				for _, tab := range d.Tabs {
					name := d.ClientName
					if d.Local {
						name = "this device"
					}
					used := ""
					if tab.LastUsed > 0 {
						used = time.Unix(tab.LastUsed, 0).Local().Format(time.DateOnly)
					}
					t.add(name, tab.Title, tab.URL(), used)
				}
			}
			if len(t.rows) == 0 {
				a.note("No tabs.")
				return nil
			}
			return t.print(a.stdout)
		}),
	}
}

// allTabs lists this device first.
func (a *app) allTabs(ctx context.Context, p *profile.Profile) ([]tabsJSON, error) {
	store, err := p.Tabs(ctx)
	if err != nil {
		return nil, err
	}
	own, err := store.Tabs(ctx)
	if err != nil {
		return nil, err
	}
	others, err := store.Others(ctx)
	if err != nil {
		return nil, err
	}
	if own == nil {
		own = []tabs.Tab{}
	}
	m, err := p.Manager(ctx)
	if err != nil {
		return nil, err
	}
	all := []tabsJSON{{ClientName: p.DeviceName(), Type: profile.DeviceType, Local: true, Tabs: own}}
	for _, d := range m.Devices() {
		if d.Local {
			all[0].ID = d.ID
		}
	}
	for _, o := range others {
		all = append(all, tabsJSON{ID: o.Device.ID, ClientName: o.Device.Name, Type: o.Device.Type, Tabs: o.Tabs})
	}
	return all, nil
}
