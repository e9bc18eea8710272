package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/syncmanager/syncmanager/cmd/syncmanager/internal/profile"
	"github.com/syncmanager/syncmanager/cmd/syncmanager/internal/usage"
	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engines/prefs"
)

func (a *app) prefsCommand() *cobra.Command {
	var application string
	n := noun[prefs.Pref]{
		name: "prefs", one: "preference",
		short: "List and edit your browsers' synced preferences",
		long: `List and edit the preferences that your browsers sync: those of Firefox on
desktops, or of --application. Changes reach it with the next sync.

A preference without a value was reset: each browser has its own default. rm
resets one, and takes one that was reset out of the list.

A Firefox takes a preference only where services.sync.prefs.sync.NAME, which is
listed here too, is true in it. It takes true and false for that one too, but
only once it has one: for a preference that Firefox does not sync by itself,
make services.sync.prefs.sync.NAME in about:config first.`,
		open: func(p *profile.Profile, ctx context.Context) (items[prefs.Pref], error) {
			store, err := p.Prefs(ctx)
			if err != nil {
				return nil, err
			}
			return store.Of(application), nil
		},
		id:    func(x prefs.Pref) engine.ID { return engine.ID(x.Name) },
		title: prefTitle,
		columns: []column[prefs.Pref]{
			{"NAME", func(x prefs.Pref) string { return x.Name }},
			{"TYPE", prefType},
			{"VALUE", func(x prefs.Pref) string { return x.Text() }},
		},
		fields: []field[prefs.Pref]{
			shownField("Name", func(x prefs.Pref) string { return x.Name }),
			shownField("Type", prefType),
			shownField("Value", func(x prefs.Pref) string { return x.Text() }),
		},
		named: true,
	}
	n.more = []*cobra.Command{a.prefsAddCommand(&n), a.prefsEditCommand(&n)}
	c := n.command(a)
	c.PersistentFlags().StringVar(&application, "application", prefs.Firefox, "the application's `ID`, with its braces")
	return c
}

func prefTitle(x prefs.Pref) string {
	if prefs.TypeOf(x.Value) == prefs.Null {
		return x.Name
	}
	return x.Name + " = " + x.Text()
}

func prefType(x prefs.Pref) string {
	switch t := prefs.TypeOf(x.Value); t {
	case prefs.Null:
		return "reset"
	case prefs.Other:
		return "unknown"
	default:
		return string(t)
	}
}

// registerPrefType defines --type.
func registerPrefType(c *cobra.Command, t *string) {
	c.Flags().StringVar(t, "type", "", "what VALUE is: bool, int or string")
	_ = c.RegisterFlagCompletionFunc("type", cobra.FixedCompletions([]string{"bool", "int", "string"}, cobra.ShellCompDirectiveNoFileComp))
}

// parsePref reads a value; known is its type if --type does not say one.
func parsePref(p *prefs.Pref, text, flag string, known prefs.Type) (err error) {
	switch t := prefs.Type(flag); t {
	case "":
	case prefs.Bool, prefs.Int, prefs.String:
		known = t
	default:
		return usage.Errorf("--type must be bool, int or string, not %q", flag)
	}
	if p.Value, err = prefs.Parse(text, known); err != nil {
		return usage.Errorf("%w; --type names another type", err)
	}
	return nil
}

func (a *app) prefsAddCommand(n *noun[prefs.Pref]) *cobra.Command {
	var kind string
	c := &cobra.Command{
		Use:   "add NAME VALUE",
		Short: "Add one preference, or set one that was reset",
		Long: `Add one preference, or set one that was reset. true and false are taken for a
bool, whole numbers for an int, and all else for a string; --type says otherwise.
A browser takes no value of another type than the preference has there.`,
		Args: cobra.ExactArgs(2),
		RunE: a.with(func(ctx context.Context, p *profile.Profile, args []string) error {
			store, err := n.open(p, ctx)
			if err != nil {
				return err
			}
			x := prefs.Pref{Name: args[0]}
			if err := parsePref(&x, args[1], kind, prefs.Other); err != nil {
				return err
			}
			if x, err = store.Add(ctx, x); err != nil {
				return n.duplicate(err)
			}
			return n.said(a, "Added", x)
		}),
	}
	registerPrefType(c, &kind)
	return c
}

func (a *app) prefsEditCommand(n *noun[prefs.Pref]) *cobra.Command {
	var kind string
	c := &cobra.Command{
		Use:               "edit NAME VALUE",
		Short:             "Change one preference",
		Long:              "Change one preference. It keeps its type, unless --type names another.",
		Args:              cobra.ExactArgs(2),
		ValidArgsFunction: n.complete(a, false),
		RunE: a.with(func(ctx context.Context, p *profile.Profile, args []string) error {
			store, x, err := n.find(ctx, p, args[0])
			if err != nil {
				return err
			}
			if err := parsePref(&x, args[1], kind, prefs.TypeOf(x.Value)); err != nil {
				return err
			}
			if x, err = store.Update(ctx, x); err != nil {
				return err
			}
			return n.said(a, "Changed", x)
		}),
	}
	registerPrefType(c, &kind)
	return c
}
