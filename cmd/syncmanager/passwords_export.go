package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/syncmanager/syncmanager/cmd/syncmanager/internal/profile"
)

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
			return a.export(exported{args[0], format, force, "Wrote %s. It holds every password, readable: delete it when it has served."},
				func(w io.Writer) error { return write(ctx, w) })
		}),
	}
	c.Flags().StringVar(&format, "format", "csv", "csv or json")
	c.Flags().BoolVar(&force, "force", false, "replace a file that is there")
	_ = c.RegisterFlagCompletionFunc("format", cobra.FixedCompletions([]string{"csv", "json"}, cobra.ShellCompDirectiveNoFileComp))
	return c
}
