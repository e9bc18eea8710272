package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/syncmanager/syncmanager"
	"github.com/syncmanager/syncmanager/engine"
)

func (a *app) recordsGetCommand() *cobra.Command {
	var raw bool
	c := &cobra.Command{
		Use:   "get COLLECTION ID",
		Short: "Print a record",
		Long: `Print a record: what it says, secrets too, as 'records put' takes it. With --raw,
as the server has it, with its sealed payload; with --json, what it says and what
stands beside it.`,
		Args:              cobra.ExactArgs(2),
		ValidArgsFunction: completeCollections,
		RunE: a.withRecords(func(ctx context.Context, r syncmanager.Records, args []string) error {
			rec, err := r.Get(ctx, args[0], engine.ID(args[1]), raw)
			switch {
			case err != nil:
				return err
			case rec.Err != nil:
				return unread(args[0], rec)
			case raw:
				return a.printJSON(rawRecord{ID: rec.ID, Modified: rec.Modified, SortIndex: rec.SortIndex, Payload: &rec.Sealed})
			case a.json:
				return a.printJSON(recordToJSON(rec, true))
			}
			if _, ok := terminal(a.stdout); ok {
				_, err := a.stdout.Write(append(visibleJSON(rec.Cleartext), '\n'))
				return err
			}
			// Byte for byte: what goes into a file may come back with put.
			_, err = a.stdout.Write(append(rec.Cleartext, '\n'))
			return err
		}),
	}
	c.Flags().BoolVar(&raw, "raw", false, "print it as the server has it")
	return c
}

// rawRecord is a record as the server has it.
type rawRecord struct {
	ID        engine.ID        `json:"id"`
	Modified  engine.Timestamp `json:"modified"`
	SortIndex *int             `json:"sortindex,omitempty"`
	TTL       int              `json:"ttl,omitempty"`
	Payload   *string          `json:"payload"`
}
