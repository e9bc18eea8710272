package main

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/syncmanager/syncmanager/cmd/syncmanager/internal/term"
	"github.com/syncmanager/syncmanager/engine/importing"
	"github.com/syncmanager/syncmanager/engines/bookmarks"
	"github.com/syncmanager/syncmanager/internal/profile"
)

func (a *app) bookmarksImportCommand() *cobra.Command {
	var o importing.Options
	c := &cobra.Command{
		Use:   "import PATH|-",
		Short: "Import the bookmarks of another browser",
		Long: `Import the bookmarks of another browser: a file, or the folder of a profile, even
while the browser has it open; "-" reads a file from stdin. The content of the file
decides what it is:

  HTML              an export of a browser (Firefox, Chrome, Edge, Safari,
                    Opera, Vivaldi), Pocket, Pinboard or Raindrop
  JSON, jsonlz4     a backup of Firefox
  Bookmarks         the file of Chrome, Edge, Brave, Opera or Vivaldi; for the
                    folder of a profile, AccountBookmarks as well
  places.sqlite     of Firefox 3 and newer, with its -wal file if there is one
  Bookmarks.plist   of Safari, in XML or binary
  CSV               with a column url, as Pocket, Raindrop and Instapaper export

A folder is merged with the folder here that has the same name and place; what that
holds already is not added again. What cannot be imported is skipped and named. If
nothing can be imported, the exit code is 1.`,
		Args: cobra.ExactArgs(1),
		RunE: a.with(func(ctx context.Context, p *profile.Profile, args []string) error {
			store, err := p.Bookmarks(ctx)
			if err != nil {
				return err
			}
			r, err := a.importFile("importing bookmarks", args[0],
				func(path string) (importing.Report, error) { return store.ImportFile(ctx, path, o) },
				func(in io.Reader) (importing.Report, error) { return store.ImportFrom(ctx, in, o) })
			if err != nil {
				return err
			}
			return a.printReport(r, o.DryRun)
		}),
	}
	c.Flags().BoolVar(&o.DryRun, "dry-run", false, "say what would be done, and do nothing")
	return c
}

func (a *app) bookmarksExportCommand() *cobra.Command {
	var (
		format string
		force  bool
	)
	c := &cobra.Command{
		Use:   "export FILE|-",
		Short: "Write all bookmarks into a file that browsers read",
		Long: `Write all bookmarks into a file that only you can open; "-" writes them to stdout.
Every browser reads the HTML. Firefox restores the JSON and the jsonlz4 as backups,
which keep all fields of a bookmark. Without --format, the name of the file decides.`,
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
			return a.Export(term.Export{Path: args[0], Format: format, Force: force, Note: "Wrote %s."},
				func(w io.Writer) error { return store.ExportAs(ctx, w, format) })
		}),
	}
	c.Flags().StringVar(&format, "format", "", "html, json or jsonlz4")
	c.Flags().BoolVar(&force, "force", false, "replace an existing file")
	_ = c.RegisterFlagCompletionFunc("format", cobra.FixedCompletions(bookmarks.Formats, cobra.ShellCompDirectiveNoFileComp))
	return c
}
