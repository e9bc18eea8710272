package main

import (
	"context"
	"io"

	"github.com/spf13/cobra"

	"github.com/syncmanager/syncmanager/cmd/syncmanager/internal/profile"
)

func (a *app) historyExportCommand() *cobra.Command {
	var force bool
	c := &cobra.Command{
		Use:   "export FILE|-",
		Short: "Write all pages with all their visits into a JSON file",
		Long: `Write all pages with all their visits, as JSON, into a file that only you can
open; "-" writes them to stdout. 'syncmanager history import' reads it.`,
		Args: cobra.ExactArgs(1),
		RunE: a.with(func(ctx context.Context, p *profile.Profile, args []string) error {
			store, err := p.History(ctx)
			if err != nil {
				return err
			}
			return a.export(exported{args[0], "json", force, "Wrote %s."}, func(w io.Writer) error { return store.ExportJSON(ctx, w) })
		}),
	}
	c.Flags().BoolVar(&force, "force", false, "replace a file that is there")
	return c
}
