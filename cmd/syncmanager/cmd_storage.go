package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"maps"
	"slices"

	"github.com/spf13/cobra"

	"github.com/syncmanager/syncmanager/cmd/syncmanager/internal/term"
	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engines/extstorage"
	"github.com/syncmanager/syncmanager/internal/profile"
)

func (a *app) storageCommand() *cobra.Command {
	s := storeCommand[extstorage.Item]{
		name: "storage", one: "key",
		short: "List and edit the data that browser add-ons sync",
		long: `List and edit the data that browser add-ons sync: their storage.sync. EXT is the ID
of an add-on or the beginning of one; a value is JSON. Changes reach the other
devices with the next sync. If a key was changed here and on another device, the
other device's value wins.

'engines enable|disable addons' applies to storage, too.`,
		open: func(ctx context.Context, p *profile.Profile) (itemStore[extstorage.Item], error) {
			store, err := p.ExtensionStorage(ctx)
			if err != nil {
				return nil, err
			}
			return store.Items(), nil
		},
		id:    func(i extstorage.Item) engine.ID { return i.ID() },
		title: storageTitle,
		columns: []column[extstorage.Item]{
			{"ADD-ON", func(i extstorage.Item) string { return i.ExtID }},
			{"KEY", func(i extstorage.Item) string { return i.Key }},
			{"VALUE", func(i extstorage.Item) string { return string(i.Value) }},
		},
		idIsName: true,
	}
	s.subcommands = []*cobra.Command{a.storageShowCommand(), a.storageAddCommand(&s), a.storageEditCommand(&s), a.storageRemoveCommand(&s), a.storageUsageCommand()}
	return s.command(a)
}

func storageTitle(i extstorage.Item) string { return i.ExtID + " " + i.Key }

// findExtension returns the data of the add-on that word names, by its ID or the
// beginning of its ID.
func findExtension(ctx context.Context, p *profile.Profile, word string) (*extstorage.Engine, extstorage.Record, error) {
	store, err := p.ExtensionStorage(ctx)
	if err != nil {
		return nil, extstorage.Record{}, err
	}
	r, err := profile.Pick(word, "add-on", store.List(ctx),
		func(r extstorage.Record) engine.ID { return engine.ID(r.ExtID) }, func(r extstorage.Record) string { return r.ExtID }, nil)
	return store, r, err
}

// hasKey returns an error if the add-on does not have a key.
func hasKey(r *extstorage.Record, key string) error {
	if _, ok := r.Data[key]; !ok {
		return fmt.Errorf("%s has no key %q", r.ExtID, key)
	}
	return nil
}

// completeKeys completes the ID of an add-on, and then its keys.
func (a *app) completeKeys(c *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	return a.complete(c, func(ctx context.Context, p *profile.Profile) (words []string, _ error) {
		store, err := p.ExtensionStorage(ctx)
		if err != nil {
			return nil, err
		}
		if len(args) == 1 {
			return keys(store.Items().List(ctx), args[0])
		}
		for r, err := range store.List(ctx) {
			if err != nil {
				return nil, err
			}
			if len(args) == 0 {
				words = append(words, r.ExtID)
			}
		}
		return words, nil
	})
}

func keys(list iter.Seq2[extstorage.Item, error], ext string) (words []string, _ error) {
	for i, err := range list {
		if err != nil {
			return nil, err
		}
		if i.ExtID == ext {
			words = append(words, i.Key)
		}
	}
	return words, nil
}

func (a *app) storageShowCommand() *cobra.Command {
	return &cobra.Command{
		Use:               "show EXT [KEY]",
		Short:             "Show the data of one add-on, or the value of one key",
		Args:              cobra.RangeArgs(1, 2),
		ValidArgsFunction: a.completeKeys,
		RunE: a.with(func(ctx context.Context, p *profile.Profile, args []string) error {
			_, r, err := findExtension(ctx, p, args[0])
			if err != nil {
				return err
			}
			if len(args) == 2 {
				if err := hasKey(&r, args[1]); err != nil {
					return err
				}
				if a.JSON {
					return a.PrintJSON(r.Data[args[1]])
				}
				return a.Print("%s", r.Data[args[1]])
			}
			if a.JSON {
				return a.PrintJSON(r)
			}
			t := term.Table{Head: []string{"KEY", "VALUE"}, Width: a.Width()}
			for _, key := range slices.Sorted(maps.Keys(r.Data)) {
				t.Add(key, string(r.Data[key]))
			}
			return t.Print(a.Out)
		}),
	}
}

func (a *app) storageAddCommand(s *storeCommand[extstorage.Item]) *cobra.Command {
	return &cobra.Command{
		Use:               "add EXT KEY JSON",
		Short:             "Add one key; EXT is the whole ID of the add-on",
		Args:              cobra.ExactArgs(3),
		ValidArgsFunction: a.completeKeys,
		RunE: a.with(func(ctx context.Context, p *profile.Profile, args []string) error {
			store, err := s.open(ctx, p)
			if err != nil {
				return err
			}
			i, err := store.Add(ctx, extstorage.Item{ExtID: args[0], Key: args[1], Value: json.RawMessage(args[2])})
			if err != nil {
				return s.explain(err)
			}
			return s.report(a, "Added", i)
		}),
	}
}

func (a *app) storageEditCommand(s *storeCommand[extstorage.Item]) *cobra.Command {
	return &cobra.Command{
		Use:               "edit EXT KEY JSON",
		Short:             "Change the value of one key",
		Args:              cobra.ExactArgs(3),
		ValidArgsFunction: a.completeKeys,
		RunE: a.with(func(ctx context.Context, p *profile.Profile, args []string) error {
			store, r, err := findExtension(ctx, p, args[0])
			if err != nil {
				return err
			}
			if err := hasKey(&r, args[1]); err != nil {
				return err
			}
			i, err := store.Items().Update(ctx, extstorage.Item{ExtID: r.ExtID, Key: args[1], Value: json.RawMessage(args[2])})
			if err != nil {
				return err
			}
			return s.report(a, "Changed", i)
		}),
	}
}

func (a *app) storageRemoveCommand(s *storeCommand[extstorage.Item]) *cobra.Command {
	return &cobra.Command{
		Use:               "rm EXT [KEY…]",
		Short:             "Delete keys, or all data of the add-on, on all devices",
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: a.completeKeys,
		RunE: a.with(func(ctx context.Context, p *profile.Profile, args []string) error {
			store, r, err := findExtension(ctx, p, args[0])
			if err != nil {
				return err
			}
			names := args[1:]
			for _, key := range names {
				if err := hasKey(&r, key); err != nil {
					return err
				}
			}
			area := store.Of(r.ExtID)
			if len(names) > 0 {
				_, err = area.Remove(ctx, names...)
			} else {
				names = slices.Sorted(maps.Keys(r.Data))
				_, err = area.Clear(ctx)
			}
			if err != nil {
				return err
			}
			found := []extstorage.Item{}
			for _, key := range names {
				found = append(found, extstorage.Item{ExtID: r.ExtID, Key: key, Value: r.Data[key]})
			}
			return s.forEach(a, found, "Deleted", func(*extstorage.Item) error { return nil })
		}),
	}
}

func (a *app) storageUsageCommand() *cobra.Command {
	type usage struct {
		ExtID string `json:"extId"`
		Keys  int    `json:"keys"`
		Bytes int    `json:"bytes"`
	}
	return &cobra.Command{
		Use:   "usage",
		Short: "Say how many keys and bytes each add-on keeps",
		Long: fmt.Sprintf(`Say how many keys and bytes each add-on keeps. Firefox lets an add-on keep
%s keys and %s bytes.`, term.Count(extstorage.MaxItems), term.Count(extstorage.MaxBytes)),
		Args: cobra.NoArgs,
		RunE: a.with(func(ctx context.Context, p *profile.Profile, _ []string) error {
			store, err := p.ExtensionStorage(ctx)
			if err != nil {
				return err
			}
			all := []usage{}
			for r, err := range store.List(ctx) {
				if err != nil {
					return err
				}
				n, err := store.Of(r.ExtID).BytesInUse(ctx)
				if err != nil {
					return err
				}
				all = append(all, usage{r.ExtID, len(r.Data), n})
			}
			slices.SortFunc(all, func(x, y usage) int { return cmp.Compare(x.ExtID, y.ExtID) })
			if a.JSON {
				return a.PrintJSON(all)
			}
			t := term.Table{Head: []string{"ADD-ON", "KEYS", "BYTES"}, Width: a.Width()}
			for _, u := range all {
				t.Add(u.ExtID, term.Count(u.Keys), term.Count(u.Bytes))
			}
			return t.Print(a.Out)
		}),
	}
}
