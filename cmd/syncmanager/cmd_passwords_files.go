package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/syncmanager/syncmanager/cmd/syncmanager/internal/profile"
	"github.com/syncmanager/syncmanager/cmd/syncmanager/internal/term"
	"github.com/syncmanager/syncmanager/engines/passwords"
)

func (a *app) passwordsImportCommand() *cobra.Command {
	var o passwords.ImportOptions
	c := &cobra.Command{
		Use:   "import FILE|-",
		Short: "Import the CSV file that a browser or password manager exported",
		Long: `Import the CSV file that a browser or password manager exported; "-" reads it from
stdin. Its first line names the columns: those of Firefox, Chrome, Edge and their
like, Safari (iCloud), Bitwarden, 1Password, KeePass, KeePassXC, LastPass,
Dashlane, NordPass, Proton Pass and RoboForm are known, and else url, username and
password will do. A spreadsheet may have saved it: with semicolons or tabs, any
line ends, in UTF-8 or UTF-16.

A row with several sites becomes a login for each. Notes, secrets of one-time
codes and custom fields have no place in a login: they are left out, and the lines
named. A row that is not a login is skipped, and named with its line. A login that
is here already takes over what it lacks, and the row's password if that has a newer date. If nothing could
be taken, the exit code is 1.`,
		Args: cobra.ExactArgs(1),
		RunE: a.with(func(ctx context.Context, p *profile.Profile, args []string) error {
			file := a.In
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
	progress := a.NewProgress()
	o.Progress = func(rows int) { progress.Say("import", term.Count(rows)+" rows read") }
	r, err := store.Import(ctx, file, o)
	progress.Done()
	if err != nil {
		if r.Added+r.Updated > 0 && !o.DryRun {
			err = fmt.Errorf("%w; %s new and %s changed logins were kept", err, term.Count(r.Added), term.Count(r.Updated))
		}
		return err
	}
	here := r.Added + r.Updated + r.Duplicates
	if a.JSON {
		return errors.Join(a.PrintJSON(r), a.taken(here, r.SkippedRows))
	}
	would := would(o.DryRun)
	for _, s := range r.Skipped {
		a.nameSkipped(s.Line, "", s.Reason)
	}
	a.countUnnamed(r.SkippedRows - len(r.Skipped))
	a.tell(r.Notes)
	return errors.Join(a.Print("%s %sadded, %s %supdated, %s here already, %s skipped",
		term.Count(r.Added), would, term.Count(r.Updated), would, term.Count(r.Duplicates), term.Count(r.SkippedRows)), a.taken(here, r.SkippedRows))
}

func (a *app) passwordsExportCommand() *cobra.Command {
	var (
		format string
		force  bool
	)
	c := &cobra.Command{
		Use:   "export FILE|-",
		Short: "Write all passwords, readable, into a file",
		Long: `Write all passwords, readable, into a file that only you can open; "-" writes
them to stdout. Every browser reads the CSV.`,
		Args: cobra.ExactArgs(1),
		PreRunE: func(*cobra.Command, []string) error {
			if format != "csv" && format != "json" {
				return fmt.Errorf("--format must be csv or json, not %q", format)
			}
			return nil
		},
		RunE: a.with(func(ctx context.Context, p *profile.Profile, args []string) error {
			store, err := p.Passwords(ctx)
			if err != nil {
				return err
			}
			write := store.ExportCSV
			if format == "json" {
				write = store.ExportJSON
			}
			return a.Export(term.Export{Path: args[0], Format: format, Force: force, Note: "Wrote %s. It holds every password, readable: delete it when it has served."},
				func(w io.Writer) error { return write(ctx, w) })
		}),
	}
	c.Flags().StringVar(&format, "format", "csv", "csv or json")
	c.Flags().BoolVar(&force, "force", false, "replace a file that is there")
	_ = c.RegisterFlagCompletionFunc("format", cobra.FixedCompletions([]string{"csv", "json"}, cobra.ShellCompDirectiveNoFileComp))
	return c
}
