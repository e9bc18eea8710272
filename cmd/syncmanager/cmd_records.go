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
	"github.com/syncmanager/syncmanager/bso"
	"github.com/syncmanager/syncmanager/cmd/syncmanager/internal/term"
	"github.com/syncmanager/syncmanager/cmd/syncmanager/internal/usage"
	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/internal/catalogue"
	"github.com/syncmanager/syncmanager/internal/profile"
)

func (a *app) recordsCommand() *cobra.Command {
	list := a.recordsCollectionsCommand()
	c := &cobra.Command{
		Use:   "records",
		Short: "Read and write the records on the server, for experts",
		Long: `Read and write the records on the server, for experts. This works on single records of
any collection, decrypted or, with --raw, as the server has them. It neither reads nor
changes the data on this device: the next sync treats what was written here as
another device's change.

  syncmanager records get passwords ID > login.json
  syncmanager records put passwords ID login.json`,
		Args: cobra.NoArgs,
		RunE: list.RunE,
	}
	c.AddCommand(list, a.recordsListCommand(), a.recordsGetCommand(), a.recordsPutCommand(), a.recordsRemoveCommand())
	return c
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
				a.Note("The account has no data on the server; 'syncmanager sync' uploads some.")
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

// withRecords returns a RunE that runs work on the records of the account.
func (a *app) withRecords(work func(ctx context.Context, r syncmanager.Records, args []string) error) func(*cobra.Command, []string) error {
	run := a.with(func(ctx context.Context, p *profile.Profile, args []string) error {
		m, err := p.Manager(ctx)
		if err != nil {
			return err
		}
		if p.Account() == nil {
			return profile.NotSignedInError{}
		}
		return work(ctx, m.Records(), args)
	})
	return a.do(func(c *cobra.Command, args []string) error {
		if len(args) > 0 && !bso.ValidCollection(args[0]) { // before there is a profile
			return usage.Errorf("%q cannot be a collection: 'syncmanager records collections' lists those that there are", args[0])
		}
		return run(c, args)
	})
}

// delicate are the collections that all devices depend on, and what their records
// hold.
var delicate = map[string]string{
	"meta":    "it says which engines the account syncs, and a wrong record makes every device stop, or upload everything again",
	"crypto":  "it holds the keys of all records, without which no device can read them",
	"clients": "it holds the account's devices and the commands that wait for them, and a wrong record hides a device or makes it delete its data",
}

// mayWrite refuses to write to a delicate collection unless that is forced, and warns
// if an engine owns the records.
func (a *app) mayWrite(collection string, force bool) error {
	why, isDelicate := delicate[collection]
	switch {
	case isDelicate && !force:
		return usage.Errorf("%s is not to be written by hand, since %s; add --force if you mean it", collection, why)
	case slices.Contains(profile.Engines(), collection):
		a.Note("The next sync of %s applies this here and on the other devices.", collection)
	case slices.Contains(catalogue.WellKnown(), collection) && !isDelicate:
		a.Note("Firefox applies this with its next sync of %s.", collection)
	}
	return nil
}

func registerForce(c *cobra.Command, force *bool) {
	c.Flags().BoolVar(force, "force", false, "write to meta, crypto and clients, which all devices depend on")
}

// completeCollections completes the collections that are known without the server.
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
	// Payload is an object, or the stored text of a record that was not decrypted.
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

// unread returns the error for a record that cannot be decrypted.
func unread(collection string, rec syncmanager.Record) error {
	return fmt.Errorf("%s/%s cannot be read: %w; --raw prints it undecrypted", collection, rec.ID, rec.Err)
}

func (a *app) recordsListCommand() *cobra.Command {
	var raw, ids, payload bool
	c := &cobra.Command{
		Use:   "list COLLECTION",
		Short: "List the records of a collection, the oldest first",
		Long: `List the records of a collection, the oldest first: when each was written, its size in
bytes, its ID, and why it cannot be read, if it cannot.`,
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
			// Lines rather than a table, which would keep all records in memory.
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
	c.Flags().BoolVar(&raw, "raw", false, "do not decrypt the records")
	c.Flags().BoolVar(&ids, "ids", false, "print only the IDs")
	c.Flags().BoolVar(&payload, "payload", false, "print the contents of the records, including secrets")
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
		Long: `Print the contents of a record, including secrets, as 'records put' reads them. With
--raw, print the record as the server has it, with its encrypted payload; with
--json, the contents with the ID, the time and the weight.`,
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
			// Byte for byte, so that put can write it back from a file.
			_, err = a.Out.Write(append(rec.Cleartext, '\n'))
			return err
		}),
	}
	c.Flags().BoolVar(&raw, "raw", false, "print the record as the server has it")
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
		Long: `Remove records, or a whole collection, from the server. Devices that have the records
keep them, and are not told. To delete a record everywhere, write {"deleted":true}
with 'records put'.`,
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: completeCollections,
	}
	c.Flags().BoolVar(&all, "all", false, "remove the whole collection")
	c.Flags().BoolVar(&yes, "yes", false, "confirm --all")
	registerForce(c, &force)
	c.PreRunE = func(_ *cobra.Command, args []string) error {
		switch {
		case all == (len(args) > 1):
			return errors.New("name either IDs or --all")
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
			return a.removeCollection(ctx, r, collection)
		}
		return a.removeRecords(ctx, r, collection, ids)
	})
	return c
}

func (a *app) removeCollection(ctx context.Context, r syncmanager.Records, collection string) error {
	if err := r.DeleteCollection(ctx, collection); err != nil {
		return err
	}
	if a.JSON {
		return a.PrintJSON(map[string]any{"collection": collection})
	}
	a.Note("Removed %s from the server.", collection)
	return nil
}

func (a *app) removeRecords(ctx context.Context, r syncmanager.Records, collection string, ids []string) error {
	// All are looked up first, so that a mistyped ID removes nothing.
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
}
