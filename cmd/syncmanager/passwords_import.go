package main

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/syncmanager/syncmanager/cmd/syncmanager/internal/profile"
	"github.com/syncmanager/syncmanager/engines/passwords"
)

func (a *app) passwordsImportCommand() *cobra.Command {
	var o passwords.ImportOptions
	c := &cobra.Command{
		Use:   "import FILE|-",
		Short: "Import the CSV file that Firefox or Chrome exported",
		Long: `Import the CSV file that Firefox or Chrome exported; "-" reads it from stdin.
A row that is no login is skipped, and named with its line. A login that is here
already takes over the row's password if that is newer.`,
		Args: cobra.ExactArgs(1),
		RunE: a.with(func(ctx context.Context, p *profile.Profile, args []string) error {
			file := a.stdin
			if args[0] != "-" {
				f, err := os.Open(args[0])
				if err != nil {
					return err
				}
				defer f.Close()
				file = f
			}
			return a.importLogins(ctx, p, file, o)
		}),
	}
	c.Flags().BoolVar(&o.DryRun, "dry-run", false, "say what would be done, and do nothing")
	return c
}

func (a *app) importLogins(ctx context.Context, p *profile.Profile, file io.Reader, o passwords.ImportOptions) error {
	store, err := p.Passwords(ctx)
	if err != nil {
		return err
	}
	progress := a.newProgress()
	o.Progress = func(rows int) { progress.say("import", count(rows)+" rows read") }
	r, err := store.Import(ctx, file, o)
	progress.done()
	if err != nil {
		if r.Added+r.Updated > 0 && !o.DryRun {
			err = fmt.Errorf("%w; %s new and %s changed logins were kept", err, count(r.Added), count(r.Updated))
		}
		return err
	}
	if a.json {
		return a.printJSON(r)
	}
	would := would(o.DryRun)
	for _, s := range r.Skipped {
		a.nameSkipped(s.Line, "", s.Reason)
	}
	a.countUnnamed(r.SkippedRows - len(r.Skipped))
	return a.print("%s %sadded, %s %supdated, %s here already, %s skipped",
		count(r.Added), would, count(r.Updated), would, count(r.Duplicates), count(r.SkippedRows))
}
