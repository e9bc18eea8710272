package main

import (
	"context"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/syncmanager/syncmanager/cmd/syncmanager/internal/profile"
	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engines/addons"
	"github.com/syncmanager/syncmanager/engines/prefs"
)

func (a *app) addonsCommand() *cobra.Command {
	n := noun[addons.Addon]{
		name: "addons", one: "add-on",
		short: "List, enable and disable the add-ons of your browsers",
		long: `List, enable and disable the add-ons of your browsers. Nothing is installed here:
this edits the list that browsers sync. A Firefox enables, disables and
uninstalls its add-ons by that list, with its next sync after yours, and
installs new ones from addons.mozilla.org.

What add-ons keep is in 'storage'. 'engines enable|disable addons' chooses for
both.`,
		open:  func(p *profile.Profile, ctx context.Context) (items[addons.Addon], error) { return p.Addons(ctx) },
		id:    func(x addons.Addon) engine.ID { return x.ID },
		title: addonTitle,
		columns: []column[addons.Addon]{
			{"ADD-ON", func(x addons.Addon) string { return x.AddonID }},
			{"STATE", addonState},
			{"BROWSER", browser},
		},
		fields: []field[addons.Addon]{
			shownField("Add-on", func(x addons.Addon) string { return x.AddonID }),
			{
				label: "State", text: addonState, flag: "enabled", usage: "whether it is enabled: true or false",
				set: func(x *addons.Addon, s string) (err error) { x.Enabled, err = strconv.ParseBool(s); return err },
			},
			shownField("Browser", browser),
			shownField("Source", func(x addons.Addon) string { return x.Source }),
		},
		editOnly: true,
		sure:     "this uninstalls the add-on in Firefox, on all your devices",
	}
	n.more = []*cobra.Command{a.addonsSetCommand(&n, "enable", "Enabled", true), a.addonsSetCommand(&n, "disable", "Disabled", false)}
	return n.command(a)
}

func addonTitle(x addons.Addon) string { return x.AddonID }

func addonState(x addons.Addon) string {
	if x.Enabled {
		return "enabled"
	}
	return "disabled"
}

// browser names the application that runs an add-on.
func browser(x addons.Addon) string {
	if x.ApplicationID == prefs.Firefox {
		return "Firefox"
	}
	return x.ApplicationID
}

func (a *app) addonsSetCommand(n *noun[addons.Addon], verb, done string, enabled bool) *cobra.Command {
	return &cobra.Command{
		Use:               verb + " ADD-ON…",
		Short:             "Have your browsers " + verb + " add-ons",
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: n.complete(a, true),
		RunE: a.with(func(ctx context.Context, p *profile.Profile, args []string) error {
			store, found, err := n.findAll(ctx, p, args)
			if err != nil {
				return err
			}
			return n.each(a, found, done, func(x *addons.Addon) (err error) {
				x.Enabled = enabled
				*x, err = store.Update(ctx, *x)
				return err
			})
		}),
	}
}
