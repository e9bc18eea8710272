package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/syncmanager/syncmanager/cmd/syncmanager/internal/usage"
	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engines/prefs"
	"github.com/syncmanager/syncmanager/internal/profile"
)

func (a *app) prefsCommand() *cobra.Command {
	var application string
	s := storeCommand[prefs.Pref]{
		name: "prefs", one: "preference",
		short: "List and edit your browsers' synced preferences",
		long: `List and edit the preferences that your browsers sync: those of Firefox on
desktops, or of --application. Changes reach the browsers with the next sync.

A preference without a value was reset: each browser uses its own default. rm
resets a preference, and removes one that was reset already from the list.

Firefox applies a preference only if services.sync.prefs.sync.NAME, which is listed
here too, is true in that Firefox. That preference is synced only if it exists
there: for a preference that Firefox does not sync by default, create
services.sync.prefs.sync.NAME in about:config first.`,
		open: func(ctx context.Context, p *profile.Profile) (itemStore[prefs.Pref], error) {
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
		idIsName: true,
	}
	s.subcommands = []*cobra.Command{a.prefsAddCommand(&s), a.prefsEditCommand(&s)}
	c := s.command(a)
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
	c.Flags().StringVar(t, "type", "", "the type of VALUE: bool, int or string")
	_ = c.RegisterFlagCompletionFunc("type", cobra.FixedCompletions([]string{"bool", "int", "string"}, cobra.ShellCompDirectiveNoFileComp))
}

// parsePref reads a value. known is its type if --type does not name one.
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

func (a *app) prefsAddCommand(s *storeCommand[prefs.Pref]) *cobra.Command {
	var kind string
	c := &cobra.Command{
		Use:   "add NAME VALUE",
		Short: "Add one preference, or set one that was reset",
		Long: `Add one preference, or set one that was reset. true and false are a bool, whole
numbers an int, and everything else a string, unless --type names the type. A
browser ignores a value of another type than its own preference has.`,
		Args: cobra.ExactArgs(2),
		RunE: a.with(func(ctx context.Context, p *profile.Profile, args []string) error {
			store, err := s.open(ctx, p)
			if err != nil {
				return err
			}
			x := prefs.Pref{Name: args[0]}
			if err := parsePref(&x, args[1], kind, prefs.Other); err != nil {
				return err
			}
			if x, err = store.Add(ctx, x); err != nil {
				return s.explain(err)
			}
			return s.report(a, "Added", x)
		}),
	}
	registerPrefType(c, &kind)
	return c
}

func (a *app) prefsEditCommand(s *storeCommand[prefs.Pref]) *cobra.Command {
	var kind string
	c := &cobra.Command{
		Use:               "edit NAME VALUE",
		Short:             "Change one preference",
		Long:              "Change one preference. It keeps its type, unless --type names another.",
		Args:              cobra.ExactArgs(2),
		ValidArgsFunction: s.complete(a, false),
		RunE: a.with(func(ctx context.Context, p *profile.Profile, args []string) error {
			store, x, err := s.find(ctx, p, args[0])
			if err != nil {
				return err
			}
			if err := parsePref(&x, args[1], kind, prefs.TypeOf(x.Value)); err != nil {
				return err
			}
			if x, err = store.Update(ctx, x); err != nil {
				return err
			}
			return s.report(a, "Changed", x)
		}),
	}
	registerPrefType(c, &kind)
	return c
}
