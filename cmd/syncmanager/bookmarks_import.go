package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/syncmanager/syncmanager/cmd/syncmanager/internal/profile"
	"github.com/syncmanager/syncmanager/engines/bookmarks"
)

func (a *app) bookmarksImportCommand() *cobra.Command {
	var o bookmarks.ImportOptions
	c := &cobra.Command{
		Use:   "import PATH|-",
		Short: "Import the bookmarks of another browser",
		Long: `Import the bookmarks of another browser: a file that a browser exported as HTML,
a backup of Firefox (JSON or jsonlz4), the file Bookmarks of Chrome and its
like, Firefox's places.sqlite, or the folder of a profile, even while the
browser has it open; "-" reads a file from stdin.

A folder goes into the one of its name that is here in the same place, and what
that has already is not added again. What cannot be imported is skipped, and
named.`,
		Args: cobra.ExactArgs(1),
		RunE: a.with(func(ctx context.Context, p *profile.Profile, args []string) error {
			store, err := p.Bookmarks(ctx)
			if err != nil {
				return err
			}
			var r *bookmarks.Imported
			a.newProgress().while("importing bookmarks", func() {
				if args[0] == "-" {
					r, err = store.ImportFrom(ctx, a.stdin, o)
				} else {
					r, err = store.Import(ctx, args[0], o)
				}
			})
			if err != nil {
				return err
			}
			if a.json {
				return a.printJSON(r)
			}
			for _, s := range r.Reasons {
				a.nameSkipped(s.Line, s.Item, s.Reason)
			}
			a.countUnnamed(r.Skipped - len(r.Reasons))
			a.tell(r.Notes)
			return a.print("%s %sadded, %s here already, %s skipped",
				count(r.Added), would(o.DryRun), count(r.Duplicates), count(r.Skipped))
		}),
	}
	c.Flags().BoolVar(&o.DryRun, "dry-run", false, "say what would be done, and do nothing")
	return c
}
