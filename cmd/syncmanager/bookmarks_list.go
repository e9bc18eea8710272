package main

import (
	"context"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/syncmanager/syncmanager/cmd/syncmanager/internal/profile"
	"github.com/syncmanager/syncmanager/engines/bookmarks"
)

func (a *app) bookmarksListCommand() *cobra.Command {
	var tag string
	c := &cobra.Command{
		Use:   "list [FOLDER|ITEM]",
		Short: "List all bookmarks, those of a folder, or one with all its fields",
		Args:  cobra.MaximumNArgs(1),
		RunE: a.with(func(ctx context.Context, p *profile.Profile, args []string) error {
			store, err := p.Bookmarks(ctx)
			switch {
			case err != nil:
				return err
			case len(args) == 1 && tag != "":
				return usagef("name a folder or a tag, not both")
			case tag != "":
				items, err := store.Tagged(ctx, tag)
				if err != nil {
					return err
				}
				return a.listFound(ctx, p, items)
			case len(args) == 0:
				return a.listAllBookmarks(ctx, store)
			}
			it, err := p.FindBookmark(ctx, args[0])
			if err != nil {
				return err
			}
			if it.Kind != bookmarks.Folder {
				return a.showBookmark(ctx, p, it)
			}
			items, err := store.Children(ctx, it.GUID)
			if err != nil {
				return err
			}
			return a.listBookmarks(items, nil)
		}),
	}
	c.Flags().StringVar(&tag, "tag", "", "list the bookmarks that have the `TAG`")
	c.ValidArgsFunction = a.completeItems
	_ = c.RegisterFlagCompletionFunc("tag", a.completeTags)
	return c
}

// listAllBookmarks lists them in the order of the tree, each with its folder.
func (a *app) listAllBookmarks(ctx context.Context, store *bookmarks.Engine) error {
	top, err := store.Tree(ctx, bookmarks.Root)
	if err != nil {
		return err
	}
	var (
		items   []bookmarks.Item
		folders []string
	)
	var walk func(n *bookmarks.Node, path string)
	walk = func(n *bookmarks.Node, path string) {
		for _, c := range n.Children {
			if c.Kind == bookmarks.Folder {
				walk(c, strings.TrimPrefix(path+"/"+profile.Name(c.Item), "/"))
			} else if c.Kind != bookmarks.Separator {
				items, folders = append(items, c.Item), append(folders, path)
			}
		}
	}
	walk(top, "")
	return a.listBookmarks(items, folders)
}

// listFound lists bookmarks from anywhere, each with its folder.
func (a *app) listFound(ctx context.Context, p *profile.Profile, items []bookmarks.Item) error {
	folders := make([]string, len(items))
	if !a.json {
		for i, it := range items {
			var err error
			if folders[i], err = p.BookmarkPath(ctx, it.Parent); err != nil {
				return err
			}
		}
	}
	return a.listBookmarks(items, folders)
}

// listBookmarks prints items; folders, if not nil, says where each is.
func (a *app) listBookmarks(items []bookmarks.Item, folders []string) error {
	if a.json {
		return a.printJSON(bookmarksToJSON(items))
	}
	if len(items) == 0 {
		a.note("No bookmarks.")
		return nil
	}
	tagged := false
	for _, it := range items {
		tagged = tagged || len(it.Tags) > 0
	}
	t := table{head: []string{"ID", "TITLE", "URL"}, width: a.width()}
	if folders != nil {
		t.head = append(t.head, "FOLDER")
	}
	if tagged {
		t.head = append(t.head, "TAGS")
	}
	for i, it := range items {
		row := []string{profile.ShortID(bookmarks.WireID(it.GUID)), labelled(it), it.URL}
		if folders != nil {
			row = append(row, folders[i])
		}
		if tagged {
			row = append(row, hashes(it.Tags))
		}
		t.add(row...)
	}
	return t.print(a.stdout)
}

func (a *app) showBookmark(ctx context.Context, p *profile.Profile, it bookmarks.Item) error {
	if a.json {
		return a.printJSON([]bookmarkJSON{bookmarkToJSON(it)})
	}
	folder, err := p.BookmarkPath(ctx, it.Parent)
	if err != nil {
		return err
	}
	var t table
	for _, field := range [][2]string{
		{"ID", string(it.GUID)}, {"Title", label(it)}, {"URL", it.URL}, {"Folder", folder}, {"Tags", hashes(it.Tags)},
		{"Keyword", it.Keyword}, {"Added", dayOf(it.Added)}, {"Changed", dayOf(it.Modified)},
	} {
		if field[1] != "" {
			t.add(field[0], field[1])
		}
	}
	return t.print(a.stdout)
}

// dayOf shows a time as a date; zero: unknown.
func dayOf(t time.Time) string { return day(millis(t)) }
