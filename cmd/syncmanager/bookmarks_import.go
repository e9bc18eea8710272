package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/syncmanager/syncmanager/cmd/syncmanager/internal/profile"
	"github.com/syncmanager/syncmanager/engines/bookmarks"
)

func (a *app) bookmarksImportCommand() *cobra.Command {
	var o bookmarks.ImportOptions
	c := &cobra.Command{
		Use:   "import PATH|-",
		Short: "Import the bookmarks of another browser",
		Long: `Import the bookmarks of another browser: a file, or the folder of a profile, even
while the browser has it open; "-" reads a file from stdin. What the file is, its
content tells:

  HTML              what any browser exports (Firefox, Chrome, Edge, Safari, Opera,
                    Vivaldi), Pocket, Pinboard, Raindrop and their like
  JSON, jsonlz4     a backup of Firefox
  Bookmarks         the file of Chrome and its like (Edge, Brave, Opera, Vivaldi);
                    the folder of a profile has AccountBookmarks as well
  places.sqlite     of Firefox 3 and newer, with the file beside it
  Bookmarks.plist   of Safari, in XML or binary
  CSV               with a column url, as Pocket, Raindrop and Instapaper export

A folder goes into the one of its name that is here in the same place, and what
that has already is not added again. What cannot be imported is skipped, and
named. If nothing could be taken, the exit code is 1.`,
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
				return errors.Join(a.printJSON(r), a.taken(r.Added+r.Duplicates, r.Skipped))
			}
			for _, s := range r.Reasons {
				a.nameSkipped(s.Line, s.Item, s.Reason)
			}
			a.countUnnamed(r.Skipped - len(r.Reasons))
			a.tell(r.Notes)
			already := count(r.Duplicates)
			if r.Merged > 0 {
				already += " (" + count(r.Merged) + " with something new)"
			}
			return errors.Join(a.print("%s %sadded, %s here already, %s skipped", count(r.Added), would(o.DryRun), already, count(r.Skipped)),
				a.taken(r.Added+r.Duplicates, r.Skipped))
		}),
	}
	c.Flags().BoolVar(&o.DryRun, "dry-run", false, "say what would be done, and do nothing")
	return c
}
