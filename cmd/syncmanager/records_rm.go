package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/syncmanager/syncmanager"
	"github.com/syncmanager/syncmanager/engine"
)

func (a *app) recordsRemoveCommand() *cobra.Command {
	var all, yes, force bool
	c := &cobra.Command{
		Use:   "rm COLLECTION ID… | COLLECTION --all --yes",
		Short: "Remove records from the server",
		Long: `Remove records, or a whole collection, from the server. Devices that have them keep
them, and do not hear of it: to delete a record everywhere, write {"deleted":true}
with 'records put'.`,
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: completeCollections,
	}
	c.Flags().BoolVar(&all, "all", false, "remove the whole collection")
	c.Flags().BoolVar(&yes, "yes", false, "yes, the whole collection")
	registerForce(c, &force)
	c.PreRunE = func(_ *cobra.Command, args []string) error {
		switch {
		case all == (len(args) > 1):
			return errors.New("say what to remove in one way: IDs, or --all")
		case all && !yes:
			return fmt.Errorf("--all removes every record of %s from the server; add --yes if you mean it", args[0])
		}
		return nil
	}
	c.RunE = a.withRecords(func(ctx context.Context, r syncmanager.Records, args []string) error {
		collection, ids := args[0], args[1:]
		if err := a.mayWrite(collection, force); err != nil {
			return err
		}
		if all {
			if err := r.DeleteCollection(ctx, collection); err != nil {
				return err
			}
			if a.json {
				return a.printJSON(map[string]any{"collection": collection})
			}
			a.note("Removed %s from the server.", collection)
			return nil
		}
		// All are looked up first: a mistyped one removes nothing.
		modified := make(map[engine.ID]engine.Timestamp, len(ids))
		for _, id := range ids {
			rec, err := r.Get(ctx, collection, engine.ID(id), true)
			if err != nil {
				return err
			}
			modified[rec.ID] = rec.Modified
		}
		for id, at := range modified {
			if err := r.Delete(ctx, collection, id, at); err != nil {
				return err
			}
		}
		if a.json {
			return a.printJSON(map[string]any{"collection": collection, "ids": ids})
		}
		a.note("Removed %s from the server.", plural(len(modified), "record"))
		return nil
	})
	return c
}
