package main

import (
	"context"
	"fmt"
	"iter"

	"github.com/spf13/cobra"

	"github.com/syncmanager/syncmanager/cmd/syncmanager/internal/profile"
	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engines/extstorage"
)

func (a *app) storageCommand() *cobra.Command {
	n := noun[extstorage.Item]{
		name: "storage", one: "key",
		short: "List and edit what browser add-ons keep for all devices",
		long: `List and edit what browser add-ons keep for all devices: their storage.sync. EXT is
an add-on's ID or its beginning, a value is JSON. Changes reach the other devices
with the next sync; what changed there stands before what was changed here.

'engines enable|disable addons' chooses for storage, too.`,
		open: func(p *profile.Profile, ctx context.Context) (items[extstorage.Item], error) {
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
		named: true,
	}
	n.more = []*cobra.Command{a.storageShowCommand(), a.storageAddCommand(&n), a.storageEditCommand(&n), a.storageRemoveCommand(&n)}
	return n.command(a)
}

func storageTitle(i extstorage.Item) string { return i.ExtID + " " + i.Key }

// findExtension is the storage that has the add-on that word names: by its ID, or the
// beginning of its ID.
func findExtension(ctx context.Context, p *profile.Profile, word string) (*extstorage.Engine, extstorage.Record, error) {
	store, err := p.ExtensionStorage(ctx)
	if err != nil {
		return nil, extstorage.Record{}, err
	}
	r, err := profile.Pick(word, "add-on", store.List(ctx),
		func(r extstorage.Record) engine.ID { return engine.ID(r.ExtID) }, func(r extstorage.Record) string { return r.ExtID })
	return store, r, err
}

// hasKey refuses a key that the add-on does not have.
func hasKey(r *extstorage.Record, key string) error {
	if _, ok := r.Data[key]; !ok {
		return fmt.Errorf("%s has no key %q", r.ExtID, key)
	}
	return nil
}

// completeKeys completes an add-on's ID, and then its keys.
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
