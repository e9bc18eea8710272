package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/syncmanager/syncmanager"
	"github.com/syncmanager/syncmanager/cmd/syncmanager/internal/profile"
	"github.com/syncmanager/syncmanager/cmd/syncmanager/internal/term"
	"github.com/syncmanager/syncmanager/cmd/syncmanager/internal/usage"
	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/internal/catalogue"
)

func (a *app) recordsCommand() *cobra.Command {
	list := a.recordsCollectionsCommand()
	noun := &cobra.Command{
		Use:   "records",
		Short: "Look at the records on the server, and mend them by hand",
		Long: `Look at the records on the server, and mend them by hand: for experts. Any
collection is read and written, record by record, opened or (--raw) as the server
has it. No data on this device is asked or changed; what is written here, the next
sync takes up as if another device had written it.

  syncmanager records get passwords ID > login.json
  syncmanager records put passwords ID login.json`,
		Args: cobra.NoArgs,
		RunE: list.RunE,
	}
	noun.AddCommand(list, a.recordsListCommand(), a.recordsGetCommand(), a.recordsPutCommand(), a.recordsRemoveCommand())
	return noun
}

func (a *app) recordsCollectionsCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "collections",
		Short: "List the collections that the account has on the server",
		Args:  cobra.NoArgs,
		RunE: a.withRecords(func(ctx context.Context, r syncmanager.Records, _ []string) error {
			collections, err := r.Collections(ctx)
			if err != nil {
				return err
			}
			if a.JSON {
				return a.PrintJSON(collections)
			}
			if len(collections) == 0 {
				a.Note("The account has no data on the server; 'syncmanager sync' brings some.")
				return nil
			}
			t := term.Table{Head: []string{"COLLECTION", "RECORDS", "BYTES", "MODIFIED"}, Width: a.Width()}
			for _, c := range collections {
				bytes := "-"
				if c.Bytes != nil {
					bytes = term.Count(int(*c.Bytes))
				}
				at := c.Modified.Time()
				t.Add(c.Name, term.Number(c.Records), bytes, a.moment(&at))
			}
			return t.Print(a.Out)
		}),
	}
}

// withRecords runs work on the account's records, as a command's RunE.
func (a *app) withRecords(work func(ctx context.Context, r syncmanager.Records, args []string) error) func(*cobra.Command, []string) error {
	return a.with(func(ctx context.Context, p *profile.Profile, args []string) error {
		m, err := p.Manager(ctx)
		if err != nil {
			return err
		}
		if p.Account() == nil {
			return profile.NotSignedInError{}
		}
		return work(ctx, m.Records(), args)
	})
}

// delicate are the collections that hold the account together, and what a wrong
// record does there.
var delicate = map[string]string{
	"meta":    "it says which engines the account syncs: a wrong record makes every device stop, or upload everything afresh",
	"crypto":  "it holds the keys of all records: without the right ones no device reads any of them",
	"clients": "it holds the account's devices and the commands that wait for them: a wrong record hides a device or orders it to drop its data",
}

// mayWrite refuses to write to a collection that holds the account together,
// unless that is forced, and warns where somebody else owns the records.
func (a *app) mayWrite(collection string, force bool) error {
	why, isDelicate := delicate[collection]
	switch {
	case isDelicate && !force:
		return usage.Errorf("%s is not written by hand, for %s; add --force if you mean it", collection, why)
	case slices.Contains(profile.Engines(), collection):
		a.Note("Mind that the next sync of %s will take this over, here and on the other devices.", collection)
	case slices.Contains(catalogue.WellKnown(), collection) && !isDelicate:
		a.Note("Mind that Firefox will take this over with its next sync of %s.", collection)
	}
	return nil
}

func registerForce(c *cobra.Command, force *bool) {
	c.Flags().BoolVar(force, "force", false, "write to meta, crypto and clients too, which hold the account together")
}

// completeCollections completes the collections that are known without asking the
// server.
func completeCollections(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return append(slices.Sorted(slices.Values(catalogue.WellKnown())), "crypto", "meta"), cobra.ShellCompDirectiveNoFileComp
}

// recordJSON is a record as --json prints it.
type recordJSON struct {
	ID        engine.ID        `json:"id"`
	Modified  engine.Timestamp `json:"modified"`
	SortIndex *int             `json:"sortindex,omitempty"`
	Bytes     int              `json:"bytes"`
	// Payload is an object, or the stored text of a record that was not opened.
	Payload any    `json:"payload,omitempty"`
	Error   string `json:"error,omitempty"`
}

func recordToJSON(rec syncmanager.Record, payload bool) recordJSON {
	j := recordJSON{ID: rec.ID, Modified: rec.Modified, SortIndex: rec.SortIndex, Bytes: len(rec.Sealed)}
	switch {
	case rec.Err != nil:
		j.Error = rec.Err.Error()
	case !payload:
	case rec.Cleartext != nil:
		j.Payload = json.RawMessage(rec.Cleartext)
	default:
		j.Payload = rec.Sealed
	}
	return j
}

// unread says that a record cannot be opened.
func unread(collection string, rec syncmanager.Record) error {
	return fmt.Errorf("%s/%s cannot be read: %w; --raw prints it as it is", collection, rec.ID, rec.Err)
}

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
			if a.JSON {
				return term.PrintArray(a.JSONOut(), records, func(rec syncmanager.Record) any {
					if ids {
						return rec.ID
					}
					return recordToJSON(rec, payload)
				})
			}
			// Lines of their own and no table, which would hold them all.
			out := bufio.NewWriter(a.Out)
			for rec, err := range records {
				if err != nil {
					_ = out.Flush()
					return err
				}
				if _, err := fmt.Fprintln(out, term.Printable(a.recordLine(rec, ids, payload))); err != nil {
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
	line := fmt.Sprintf("%s  %9s  %s", a.moment(&at), term.Count(len(rec.Sealed)), rec.ID)
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
				return a.PrintJSON(rawRecord{ID: rec.ID, Modified: rec.Modified, SortIndex: rec.SortIndex, Payload: &rec.Sealed})
			case a.JSON:
				return a.PrintJSON(recordToJSON(rec, true))
			}
			if a.ToTerminal() {
				_, err := a.Out.Write(append(term.VisibleJSON(rec.Cleartext), '\n'))
				return err
			}
			// Byte for byte: what goes into a file may come back with put.
			_, err = a.Out.Write(append(rec.Cleartext, '\n'))
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
			if a.JSON {
				return a.PrintJSON(map[string]any{"collection": collection})
			}
			a.Note("Removed %s from the server.", collection)
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
		if a.JSON {
			return a.PrintJSON(map[string]any{"collection": collection, "ids": ids})
		}
		a.Note("Removed %s from the server.", plural(len(modified), "record"))
		return nil
	})
	return c
}
