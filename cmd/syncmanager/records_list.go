package main

import (
	"bufio"
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/syncmanager/syncmanager"
)

func (a *app) recordsListCommand() *cobra.Command {
	var raw, ids, payload bool
	c := &cobra.Command{
		Use:   "list COLLECTION",
		Short: "List the records of a collection, the oldest first",
		Long: `List the records of a collection, the oldest first: when each was written, how
many bytes it has, its ID, and what is wrong with one that cannot be read.`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: completeCollections,
		RunE: a.withRecords(func(ctx context.Context, r syncmanager.Records, args []string) error {
			records := r.List(ctx, args[0], raw || ids)
			if a.json {
				return printArray(a.jsonOut(), records, func(rec syncmanager.Record) any {
					if ids {
						return rec.ID
					}
					return recordToJSON(rec, payload)
				})
			}
			// Lines of their own and no table, which would hold them all.
			out := bufio.NewWriter(a.stdout)
			for rec, err := range records {
				if err != nil {
					_ = out.Flush()
					return err
				}
				if _, err := fmt.Fprintln(out, printable(a.recordLine(rec, ids, payload))); err != nil {
					return err
				}
			}
			return out.Flush()
		}),
	}
	c.Flags().BoolVar(&raw, "raw", false, "do not open the records")
	c.Flags().BoolVar(&ids, "ids", false, "print the IDs alone")
	c.Flags().BoolVar(&payload, "payload", false, "print what the records say, secrets too")
	c.MarkFlagsMutuallyExclusive("ids", "payload")
	return c
}

func (a *app) recordLine(rec syncmanager.Record, ids, payload bool) string {
	if ids {
		return string(rec.ID)
	}
	at := rec.Modified.Time()
	line := fmt.Sprintf("%s  %9s  %s", a.moment(&at), count(len(rec.Sealed)), rec.ID)
	switch {
	case rec.Err != nil:
		line += "  cannot be read: " + rec.Err.Error()
	case payload && rec.Cleartext != nil:
		line += "  " + string(rec.Cleartext)
	case payload:
		line += "  " + rec.Sealed
	}
	return line
}
