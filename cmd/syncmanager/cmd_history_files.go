package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/syncmanager/syncmanager/cmd/syncmanager/internal/profile"
	"github.com/syncmanager/syncmanager/cmd/syncmanager/internal/term"
	"github.com/syncmanager/syncmanager/engines/history"
)

func (a *app) historyImportCommand() *cobra.Command {
	var o history.ImportOptions
	c := &cobra.Command{
		Use:   "import PATH|-",
		Short: "Import the history of Firefox, or an export",
		Long: `Import the history of Firefox: its places.sqlite or the folder of its profile,
even while Firefox has it open (Firefox 3 and newer); or a file that 'syncmanager history export'
wrote; "-" reads it from stdin. Importing again adds nothing. What cannot be imported
is skipped and named. If nothing can be imported, the exit code is 1.`,
		Args: cobra.ExactArgs(1),
		RunE: a.with(func(ctx context.Context, p *profile.Profile, args []string) error {
			store, err := p.History(ctx)
			if err != nil {
				return err
			}
			var r history.Imported
			a.NewProgress().While("importing the history", func() {
				if args[0] == "-" {
					r, err = store.ImportJSON(ctx, a.In, o)
				} else {
					r, err = store.Import(ctx, args[0], o)
				}
			})
			if err != nil {
				if kept := r.Added + r.Merged; kept > 0 && !o.DryRun {
					err = fmt.Errorf("%w; %s before that are kept", err, plural(kept, "page"))
				}
				return err
			}
			here := r.Added + r.Merged + r.Same
			if a.JSON {
				return errors.Join(a.PrintJSON(r), a.taken(here, r.Skipped))
			}
			for _, s := range r.Reasons {
				a.nameSkipped(0, s.Item, s.Reason)
			}
			a.countUnnamed(r.Skipped - len(r.Reasons))
			return errors.Join(a.Print("%s %sadded, %s %supdated, %s here already, %s skipped; %s",
				term.Count(r.Added), would(o.DryRun), term.Count(r.Merged), would(o.DryRun), term.Count(r.Same), term.Count(r.Skipped), plural(r.Visits, "new visit")),
				a.taken(here, r.Skipped))
		}),
	}
	c.Flags().BoolVar(&o.DryRun, "dry-run", false, "say what would be done, and do nothing")
	return c
}

func (a *app) historyExportCommand() *cobra.Command {
	var force bool
	c := &cobra.Command{
		Use:   "export FILE|-",
		Short: "Write all pages with all their visits into a JSON file",
		Long: `Write all pages with all their visits as JSON into a file that only you can open; "-"
writes to stdout. 'syncmanager history import' reads the file.`,
		Args: cobra.ExactArgs(1),
		RunE: a.with(func(ctx context.Context, p *profile.Profile, args []string) error {
			store, err := p.History(ctx)
			if err != nil {
				return err
			}
			return a.Export(term.Export{Path: args[0], Format: "json", Force: force, Note: "Wrote %s."}, func(w io.Writer) error { return store.ExportJSON(ctx, w) })
		}),
	}
	c.Flags().BoolVar(&force, "force", false, "replace an existing file")
	return c
}
