package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/syncmanager/syncmanager/cmd/syncmanager/internal/term"
	"github.com/syncmanager/syncmanager/cmd/syncmanager/internal/usage"
	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engines/tabs"
	"github.com/syncmanager/syncmanager/internal/profile"
)

func (a *app) tabsCommand() *cobra.Command {
	list := a.tabsListCommand()
	c := &cobra.Command{
		Use:   "tabs",
		Short: "List the open tabs of all devices, and edit this one's",
		Args:  cobra.NoArgs,
		RunE:  list.RunE,
	}
	c.AddCommand(list, a.tabsOpenCommand(), a.tabsCloseCommand(), a.tabsUndoCommand(), a.tabsInboxCommand())
	return c
}

// tabsJSON is a device's tabs, with the names that they have on the wire.
type tabsJSON struct {
	ID         engine.ID `json:"id,omitempty"`
	ClientName string    `json:"clientName"`
	Type       string    `json:"type"`
	// Local is true for this device.
	Local bool       `json:"local"`
	Tabs  []tabs.Tab `json:"tabs"`
	// Closing are those that were closed here, and that the device did not close yet.
	Closing []tabs.Tab `json:"closing,omitempty"`
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
			if a.JSON {
				return a.PrintJSON(devices)
			}
			t := term.Table{Head: []string{"DEVICE", "TITLE", "URL", "LAST USED"}, Width: a.Width()}
			for _, d := range devices {
				for _, tab := range d.Tabs {
					name := d.ClientName
					if d.Local {
						name = "this device"
					}
					t.Add(name, tab.Title, tab.URL(), day(tab.LastUsed))
				}
				for _, tab := range d.Closing {
					t.Add(d.ClientName, tab.Title, tab.URL(), "closed here")
				}
			}
			if len(t.Rows) == 0 {
				a.Note("No tabs.")
				return nil
			}
			return t.Print(a.Out)
		}),
	}
}

// allTabs lists this device first.
func (a *app) allTabs(ctx context.Context, p *profile.Profile) ([]tabsJSON, error) {
	store, err := p.Tabs(ctx)
	if err != nil {
		return nil, err
	}
	own := []tabs.Tab{}
	for tab, err := range store.List(ctx) {
		if err != nil {
			return nil, err
		}
		own = append(own, tab)
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
	for o, err := range store.Others(ctx) {
		if err != nil {
			return nil, err
		}
		all = append(all, tabsJSON{ID: o.Device.ID, ClientName: o.Device.Name, Type: o.Device.Type, Tabs: o.Tabs, Closing: o.Closing})
	}
	return all, nil
}

func (a *app) tabsOpenCommand() *cobra.Command {
	var title string
	c := &cobra.Command{
		Use:     "open URL",
		Short:   "Add a page to this device's tabs, which other devices show",
		Args:    cobra.ExactArgs(1),
		PreRunE: func(_ *cobra.Command, args []string) error { return usage.CheckURL(args[0]) },
		RunE: a.with(func(ctx context.Context, p *profile.Profile, args []string) error {
			store, err := p.Tabs(ctx)
			if err != nil {
				return err
			}
			if err := store.OpenTab(ctx, args[0], title); err != nil {
				return err
			}
			return a.tabChanged("Opened", args[0])
		}),
	}
	c.Flags().StringVar(&title, "title", "", "the page's `TITLE`")
	return c
}

func (a *app) tabChanged(what, url string) error {
	if a.JSON {
		return a.PrintJSON(map[string]string{"url": url})
	}
	a.Note("%s %s; the next sync tells the other devices.", what, url)
	return nil
}

func (a *app) tabsCloseCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "close URL | DEVICE URL…",
		Short: "Close a tab of this device, or tabs of another one",
		Long: `Remove a page from this device's tabs, or close pages that are open on another device.
The next sync asks that device; until then 'syncmanager tabs undo' takes it back.
DEVICE is a name, an ID, or the beginning of an ID; see 'syncmanager devices'.`,
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: a.completeTabs,
		RunE: a.with(func(ctx context.Context, p *profile.Profile, args []string) error {
			if len(args) > 1 {
				return a.closeRemote(ctx, p, args[0], args[1:])
			}
			store, err := p.Tabs(ctx)
			if err != nil {
				return err
			}
			if err := store.CloseTab(ctx, args[0]); err != nil {
				return err
			}
			return a.tabChanged("Closed", args[0])
		}),
	}
}

func (a *app) tabsInboxCommand() *cobra.Command {
	var clear bool
	c := &cobra.Command{
		Use:   "inbox",
		Short: "List the pages that other devices sent to this one",
		Long: `Ask the server for the pages that other devices sent to this one, and list all that
were received. 'syncmanager sync' asks too, at most once in five minutes.`,
		Args: cobra.NoArgs,
		RunE: a.with(func(ctx context.Context, p *profile.Profile, _ []string) error {
			got, err := p.Receive(ctx, 0)
			if err != nil {
				a.Note("The server could not be asked: %s.", sentence(err))
			}
			a.noteUnusable(got)
			list, err := p.Inbox()
			if err != nil {
				return err
			}
			if err := a.printInbox(list); err != nil || !clear {
				return err
			}
			return p.ClearInbox()
		}),
	}
	c.Flags().BoolVar(&clear, "clear", false, "delete the list after printing it")
	return c
}

func (a *app) printInbox(list []profile.ReceivedTab) error {
	if a.JSON {
		return a.PrintJSON(list)
	}
	if len(list) == 0 {
		a.Note("No pages from other devices.")
		return nil
	}
	t := term.Table{Head: []string{"FROM", "TITLE", "URL", "RECEIVED"}, Width: a.Width()}
	for _, tab := range list {
		t.Add(tab.From, tab.Title, tab.URL, a.moment(&tab.ReceivedAt))
	}
	return t.Print(a.Out)
}

// receive adds what other devices sent to the result of a sync that the user asked
// for. If it fails, the sync has not.
func (a *app) receive(ctx context.Context, p *profile.Profile, r *syncResult) {
	got, err := p.Receive(ctx, profile.PollEvery)
	if err != nil {
		a.Note("What other devices sent could not be received: %s.", sentence(err))
	}
	a.noteUnusable(got)
	r.Arrivals = got
	r.AccountRequests += got.Requests
}

// noteUnusable names the messages that cannot be used.
func (a *app) noteUnusable(got profile.Arrivals) {
	for _, text := range got.Unusable {
		a.Note("%s.", sentence(errors.New(text)))
	}
}

func (a *app) completeTabs(c *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return a.complete(c, func(ctx context.Context, p *profile.Profile) (words []string, _ error) {
		store, err := p.Tabs(ctx)
		if err != nil {
			return nil, err
		}
		for tab, err := range store.List(ctx) {
			if err != nil {
				return nil, err
			}
			words = append(words, cobra.CompletionWithDesc(tab.URL(), term.Printable(tab.Title)))
		}
		return words, nil
	})
}
