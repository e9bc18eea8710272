package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/syncmanager/syncmanager"
	"github.com/syncmanager/syncmanager/bso"
	"github.com/syncmanager/syncmanager/cmd/syncmanager/internal/term"
	"github.com/syncmanager/syncmanager/cmd/syncmanager/internal/usage"
	"github.com/syncmanager/syncmanager/engine"
)

// maxRecord bounds a record that is read, in bytes. It is more than servers accept.
const maxRecord = 64 << 20

func (a *app) recordsPutCommand() *cobra.Command {
	var (
		raw, isNew, force bool
		ttl, sortIndex    int
		since             string
	)
	c := &cobra.Command{
		Use:   "put COLLECTION ID [FILE|-]",
		Short: "Write a record",
		Long: `Write a record: a JSON object from FILE or stdin. It is encrypted, and its "id" is
set. With --raw, FILE is what 'records get --raw' prints, and its payload is stored as
it is.

This does not overwrite what another device writes meanwhile. To protect what was
written since you read the record, give its "modified", as 'records get --json' prints
it, with --if-unmodified-since. {"deleted":true} deletes the record on all devices.`,
		Args:              cobra.RangeArgs(2, 3),
		ValidArgsFunction: completePut,
	}
	flags := c.Flags()
	flags.BoolVar(&raw, "raw", false, "store the payload as it is")
	flags.IntVar(&ttl, "ttl", 0, "let the server delete the record after `N` seconds")
	flags.IntVar(&sortIndex, "sortindex", 0, "give the record the weight `N`")
	flags.StringVar(&since, "if-unmodified-since", "", "write only if the record was not written after `T`, in seconds with two decimals")
	flags.BoolVar(&isNew, "new", false, "write only if the record does not exist")
	registerForce(c, &force)
	c.MarkFlagsMutuallyExclusive("new", "if-unmodified-since")
	c.PreRunE = func(*cobra.Command, []string) error {
		if flags.Changed("ttl") && ttl < 1 {
			return errors.New("--ttl must be at least one second")
		}
		return nil
	}
	c.RunE = a.withRecords(func(ctx context.Context, r syncmanager.Records, args []string) error {
		collection, id := args[0], engine.ID(args[1])
		if err := a.mayWrite(collection, force); err != nil {
			return err
		}
		rec, err := a.readRecord(id, args[2:], raw)
		if err != nil {
			return err
		}
		if ttl > 0 {
			rec.TTL = ttl
		}
		if flags.Changed("sortindex") {
			rec.SortIndex = &sortIndex
		}
		var unmodified engine.Timestamp
		if !isNew {
			if unmodified, err = unmodifiedSince(ctx, r, collection, id, since); err != nil {
				return err
			}
		}
		at, err := r.Put(ctx, collection, rec, unmodified)
		if err != nil {
			return err
		}
		if a.JSON {
			return a.PrintJSON(map[string]any{"collection": collection, "id": id, "modified": at})
		}
		a.Note("Wrote %s/%s.", collection, id)
		return nil
	})
	return c
}

// unmodifiedSince returns the time after which a record must not have been written: since,
// or if that is "" the time that the record has now; 0 if the server does not have it.
func unmodifiedSince(ctx context.Context, r syncmanager.Records, collection string, id engine.ID, since string) (engine.Timestamp, error) {
	if since != "" {
		t, err := bso.ParseTimestamp(since)
		if err != nil || t == 0 {
			return 0, usage.Errorf("--if-unmodified-since takes a time as 'records get --json' prints it, such as 1795372560.22, not %q", since)
		}
		return t, nil
	}
	had, err := r.Get(ctx, collection, id, true)
	if errors.Is(err, syncmanager.ErrNoRecord) || errors.Is(err, syncmanager.ErrNoCollection) {
		return 0, nil
	}
	return had.Modified, err
}

// readRecord reads a record from a file, or from stdin.
func (a *app) readRecord(id engine.ID, file []string, raw bool) (syncmanager.Record, error) {
	text, err := a.readInput(file)
	if err != nil {
		return syncmanager.Record{}, err
	}
	return toRecord(id, text, raw)
}

func (a *app) readInput(file []string) ([]byte, error) {
	in := a.In
	if len(file) > 0 && file[0] != "-" {
		f, err := a.Open(file[0])
		if err != nil {
			return nil, err
		}
		defer f.Close()
		in = f
	}
	text, err := io.ReadAll(io.LimitReader(in, maxRecord+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("cannot read the record: %w", err)
	case len(text) > maxRecord:
		return nil, fmt.Errorf("the record is larger than %s bytes, more than a server accepts", term.Count(maxRecord))
	case len(text) == 0:
		return nil, errors.New("the record is empty: write a JSON object")
	}
	return text, nil
}

func toRecord(id engine.ID, text []byte, raw bool) (syncmanager.Record, error) {
	if !raw {
		return syncmanager.Record{ID: id, Cleartext: text}, nil
	}
	var in rawRecord
	switch err := json.Unmarshal(text, &in); {
	case err != nil || in.Payload == nil:
		return syncmanager.Record{}, errors.New(`with --raw, a record is a JSON object whose "payload" is a text; 'records get --raw' prints one`)
	case in.ID != "" && in.ID != id:
		return syncmanager.Record{}, fmt.Errorf("the \"id\" of the record is %q, not %q", in.ID, id)
	}
	return syncmanager.Record{ID: id, SortIndex: in.SortIndex, TTL: in.TTL, Sealed: *in.Payload}, nil
}

// completePut completes the collection; the shell completes FILE.
func completePut(c *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
	if len(args) == 2 {
		return nil, cobra.ShellCompDirectiveDefault
	}
	return completeCollections(c, args, word)
}
