package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/syncmanager/syncmanager/cmd/syncmanager/internal/term"
	"github.com/syncmanager/syncmanager/engine/importing"
	"github.com/syncmanager/syncmanager/internal/profile"
)

func (a *app) historyImportCommand() *cobra.Command {
	var o importing.Options
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
			r, err := a.importFile("importing the history", args[0],
				func(path string) (importing.Report, error) { return store.ImportFile(ctx, path, o) },
				func(in io.Reader) (importing.Report, error) { return store.ImportFrom(ctx, in, o) })
			if err != nil {
				if kept := r.Added + r.Updated; kept > 0 && !o.DryRun {
					err = fmt.Errorf("%w; %s before that are kept", err, plural(kept, "page"))
				}
				return err
			}
			return a.printReport(r, o.DryRun)
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
			return a.Export(term.Export{Path: args[0], Format: "json", Force: force, Note: "Wrote %s."}, func(w io.Writer) error { return store.Export(ctx, w) })
		}),
	}
	c.Flags().BoolVar(&force, "force", false, "replace an existing file")
	return c
}
