package main

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/syncmanager/syncmanager/cmd/syncmanager/internal/profile"
	"github.com/syncmanager/syncmanager/engines/bookmarks"
)

func (a *app) bookmarksExportCommand() *cobra.Command {
	var (
		format string
		force  bool
	)
	c := &cobra.Command{
		Use:   "export FILE|-",
		Short: "Write all bookmarks into a file that browsers read",
		Long: `Write all bookmarks into a file that only you can open; "-" writes them to
stdout. Every browser reads the HTML. Firefox restores the JSON and the jsonlz4
as backups: they keep all that a bookmark has. Without --format, the file's name
decides.`,
		Args: cobra.ExactArgs(1),
		PreRunE: func(_ *cobra.Command, args []string) error {
			if format == "" {
				format = bookmarks.Formats[0]
				if ext := strings.TrimPrefix(filepath.Ext(args[0]), "."); slices.Contains(bookmarks.Formats, ext) {
					format = ext
				}
			}
			if !slices.Contains(bookmarks.Formats, format) {
				return fmt.Errorf("--format must be html, json or jsonlz4, not %q", format)
			}
			return nil
		},
		RunE: a.with(func(ctx context.Context, p *profile.Profile, args []string) error {
			store, err := p.Bookmarks(ctx)
			if err != nil {
				return err
			}
			return a.export(exported{args[0], format, force, "Wrote %s."},
				func(w io.Writer) error { return store.Export(ctx, w, format) })
		}),
	}
	c.Flags().StringVar(&format, "format", "", "html, json or jsonlz4")
	c.Flags().BoolVar(&force, "force", false, "replace a file that is there")
	_ = c.RegisterFlagCompletionFunc("format", cobra.FixedCompletions(bookmarks.Formats, cobra.ShellCompDirectiveNoFileComp))
	return c
}
