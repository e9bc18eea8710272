package api

import (
	"context"
	"iter"
	"time"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engines/tabs"
)

// Tab is an open page.
type Tab struct {
	URL   string `json:"url" bound:"1..65536"`
	Title string `json:"title,omitempty" bound:"0..4096"`
	// Icon is the address of the page's icon.
	Icon string `json:"icon,omitempty" bound:"0..65536"`
	// LastUsed is when it was last looked at, to the second; absent: not known.
	LastUsed time.Time `json:"lastUsed,omitzero"`
	Pinned   bool      `json:"pinned,omitempty"`
	Inactive bool      `json:"inactive,omitempty"`
}

// SetTabs are all tabs of this device.
type SetTabs struct {
	// Tabs are in the order in which other devices show them.
	Tabs []Tab `json:"tabs" bound:"0..10000"`
}

// DeviceTabs are the tabs of a device.
type DeviceTabs struct {
	Device Device `json:"device"`
	// Sent is when the device sent them, by the server's clock.
	Sent time.Time `json:"sent,omitzero"`
	Tabs []Tab     `json:"tabs"`
	// Closing are those that the user closed here, and that the device did not close yet.
	Closing []Tab `json:"closing,omitempty"`
}

// CloseTabs names tabs of another device.
type CloseTabs struct {
	DeviceID
	URLs []string `json:"urls" bound:"1..1000" each:"1..65536"`
}

// ReopenTab names a tab of another device.
type ReopenTab struct {
	DeviceID
	URL string `json:"url" bound:"1..65536"`
}

func tabOf(t tabs.Tab) Tab {
	return Tab{t.URL(), t.Title, t.Icon, t.LastUsed.UTC(), t.Pinned, t.Inactive}
}

func tabsOf(list []tabs.Tab) []Tab {
	out := []Tab{}
	for _, t := range list {
		out = append(out, tabOf(t))
	}
	return out
}

func tabVerbs() []*Verb {
	reading, writing := Needs{Engines: []string{"tabs"}}, Needs{Engines: []string{"tabs"}, Write: true}
	return []*Verb{
		stream("tabs.own", "Lists the tabs of this device, the most recently used first.", reading,
			func(ctx context.Context, c *call, _ Empty) (iter.Seq2[Tab, error], error) {
				e, err := c.home.Tabs(ctx)
				if err != nil {
					return nil, err
				}
				return mapped(e.List(ctx), func(t tabs.Tab) (Tab, error) { return tabOf(t), nil }), nil
			}),
		action("tabs.set", "Replaces the tabs of this device, which other devices see after the next sync. Pages that mean nothing elsewhere are left out.", writing, setTabs),
		stream("tabs.others", "Lists the tabs of the account's other devices, the most recent device first.", reading,
			func(ctx context.Context, c *call, _ Empty) (iter.Seq2[DeviceTabs, error], error) {
				e, err := c.home.Tabs(ctx)
				if err != nil {
					return nil, err
				}
				return mapped(e.Others(ctx), func(d tabs.DeviceTabs) (DeviceTabs, error) {
					out := DeviceTabs{Device: deviceOf(d.Device), Sent: d.Modified.UTC(), Tabs: tabsOf(d.Tabs)}
					if len(d.Closing) > 0 {
						out.Closing = tabsOf(d.Closing)
					}
					return out, nil
				}), nil
			}),
		action("tabs.closeRemote", "Closes tabs of another device: it is asked some seconds later, and tabs.reopenRemote can take it back until then.", writing,
			func(ctx context.Context, c *call, q CloseTabs) error {
				e, err := c.home.Tabs(ctx)
				if err != nil {
					return err
				}
				return e.CloseRemote(ctx, q.Device, q.URLs...)
			}),
		action("tabs.reopenRemote", "Takes tabs.closeRemote back.", writing,
			func(ctx context.Context, c *call, q ReopenTab) error {
				e, err := c.home.Tabs(ctx)
				if err != nil {
					return err
				}
				return e.UndoClose(ctx, q.Device, q.URL)
			}),
	}
}

func setTabs(ctx context.Context, c *call, q SetTabs) error {
	e, err := c.home.Tabs(ctx)
	if err != nil {
		return err
	}
	var all []tabs.Tab
	for _, t := range q.Tabs {
		all = append(all, tabs.Tab{
			URLHistory: []string{t.URL}, Title: t.Title, Icon: t.Icon, LastUsed: t.LastUsed, Pinned: t.Pinned, Inactive: t.Inactive,
		})
	}
	return e.SetTabs(ctx, all)
}

// idOf is a name as an ID.
func idOf(name string) engine.ID { return engine.ID(name) }
