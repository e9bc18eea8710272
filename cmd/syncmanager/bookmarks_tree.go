package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/syncmanager/syncmanager/cmd/syncmanager/internal/profile"
	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engines/bookmarks"
)

func (a *app) bookmarksTreeCommand() *cobra.Command {
	return &cobra.Command{
		Use:               "tree [FOLDER]",
		Short:             "Draw the tree of bookmarks, or what is below a folder",
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: a.completeFolders,
		RunE: a.with(func(ctx context.Context, p *profile.Profile, args []string) error {
			from := bookmarks.Root
			if len(args) == 1 {
				folder, err := p.FindFolder(ctx, args[0])
				if err != nil {
					return err
				}
				from = folder.GUID
			}
			return a.drawTree(ctx, p, from)
		}),
	}
}

func (a *app) drawTree(ctx context.Context, p *profile.Profile, from engine.ID) error {
	store, err := p.Bookmarks(ctx)
	if err != nil {
		return err
	}
	top, err := store.Tree(ctx, from)
	if err != nil {
		return err
	}
	if a.json {
		return a.printJSON(treeToJSON(top))
	}
	d := drawing{table{width: a.width()}}
	roots := []*bookmarks.Node{top}
	if from == bookmarks.Root {
		roots = top.Children
	}
	for _, root := range roots {
		// An empty folder is worth a line where it was asked for.
		if len(root.Children) > 0 || from != bookmarks.Root {
			d.table.add(labelled(root.Item), "", "")
			d.below(root, "")
		}
	}
	if len(d.table.rows) == 0 {
		a.note("No bookmarks.")
		return nil
	}
	return d.table.print(a.stdout)
}

// drawing is a tree in lines: the branches with the titles, the URLs, the tags.
type drawing struct{ table table }

// below draws what is in a folder; before is drawn left of it.
func (d *drawing) below(folder *bookmarks.Node, before string) {
	for i, n := range folder.Children {
		branch, stem := "├── ", "│   "
		if i == len(folder.Children)-1 {
			branch, stem = "└── ", "    "
		}
		d.table.add(before+branch+labelled(n.Item), n.URL, hashes(n.Tags))
		d.below(n, before+stem)
	}
}
