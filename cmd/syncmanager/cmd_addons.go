package main

import (
	"context"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engines/addons"
	"github.com/syncmanager/syncmanager/engines/prefs"
	"github.com/syncmanager/syncmanager/internal/profile"
)

func (a *app) addonsCommand() *cobra.Command {
	s := storeCommand[addons.Addon]{
		name: "addons", one: "add-on",
		short: "List, enable and disable the add-ons of your browsers",
		long: `List, enable and disable the add-ons of your browsers. This edits the list that
browsers sync, and installs nothing here. With its next sync after yours, Firefox
enables, disables and uninstalls its add-ons by that list, and installs new ones
from addons.mozilla.org.

'storage' has the data of add-ons. 'engines enable|disable addons' applies to both.`,
		open:  func(ctx context.Context, p *profile.Profile) (itemStore[addons.Addon], error) { return p.Addons(ctx) },
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
				label: "State", text: addonState, flag: "enabled", usage: "true or false",
				set: func(x *addons.Addon, s string) (err error) { x.Enabled, err = strconv.ParseBool(s); return err },
			},
			shownField("Browser", browser),
			shownField("Source", func(x addons.Addon) string { return x.Source }),
		},
		editOnly: true,
		confirm:  "this uninstalls the add-on in Firefox on all your devices",
	}
	s.subcommands = []*cobra.Command{a.addonsSetCommand(&s, "enable", "Enabled", true), a.addonsSetCommand(&s, "disable", "Disabled", false)}
	return s.command(a)
}

func addonTitle(x addons.Addon) string { return x.AddonID }

func addonState(x addons.Addon) string {
	if x.Enabled {
		return "enabled"
	}
	return "disabled"
}

// browser returns the name of the application that runs an add-on.
func browser(x addons.Addon) string {
	if x.ApplicationID == prefs.Firefox {
		return "Firefox"
	}
	return x.ApplicationID
}

func (a *app) addonsSetCommand(s *storeCommand[addons.Addon], verb, done string, enabled bool) *cobra.Command {
	return &cobra.Command{
		Use:               verb + " ADD-ON…",
		Short:             strings.ToUpper(verb[:1]) + verb[1:] + " add-ons in your browsers",
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: s.complete(a, true),
		RunE: a.with(func(ctx context.Context, p *profile.Profile, args []string) error {
			store, found, err := s.findAll(ctx, p, args)
			if err != nil {
				return err
			}
			return s.forEach(a, found, done, func(x *addons.Addon) (err error) {
				x.Enabled = enabled
				*x, err = store.Update(ctx, *x)
				return err
			})
		}),
	}
}
