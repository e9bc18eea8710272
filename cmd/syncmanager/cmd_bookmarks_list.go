package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/syncmanager/syncmanager/cmd/syncmanager/internal/term"
	"github.com/syncmanager/syncmanager/cmd/syncmanager/internal/usage"
	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engines/bookmarks"
	"github.com/syncmanager/syncmanager/internal/profile"
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
				return usage.Errorf("name a folder or a tag, not both")
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
			items, err := store.Children(ctx, it.ID)
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

// listAllBookmarks lists all bookmarks in the order of the tree, each with its folder.
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

// listFound lists bookmarks of several folders, each with its folder.
func (a *app) listFound(ctx context.Context, p *profile.Profile, items []bookmarks.Item) error {
	folders := make([]string, len(items))
	if !a.JSON {
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
	if a.JSON {
		return a.PrintJSON(bookmarksToJSON(items))
	}
	if len(items) == 0 {
		a.Note("No bookmarks.")
		return nil
	}
	tagged := false
	for _, it := range items {
		tagged = tagged || len(it.Tags) > 0
	}
	t := term.Table{Head: []string{"ID", "TITLE", "URL"}, Width: a.Width()}
	if folders != nil {
		t.Head = append(t.Head, "FOLDER")
	}
	if tagged {
		t.Head = append(t.Head, "TAGS")
	}
	for i, it := range items {
		row := []string{profile.ShortID(bookmarks.WireID(it.ID)), labelled(it), it.URL}
		if folders != nil {
			row = append(row, folders[i])
		}
		if tagged {
			row = append(row, hashes(it.Tags))
		}
		t.Add(row...)
	}
	return t.Print(a.Out)
}

func (a *app) showBookmark(ctx context.Context, p *profile.Profile, it bookmarks.Item) error {
	if a.JSON {
		return a.PrintJSON([]bookmarkJSON{bookmarkToJSON(it)})
	}
	folder, err := p.BookmarkPath(ctx, it.Parent)
	if err != nil {
		return err
	}
	var t term.Table
	for _, field := range [][2]string{
		{"ID", string(it.ID)}, {"Title", label(it)}, {"URL", it.URL}, {"Folder", folder}, {"Tags", hashes(it.Tags)},
		{"Keyword", it.Keyword}, {"Added", day(it.Added)}, {"Changed", day(it.Modified)},
	} {
		if field[1] != "" {
			t.Add(field[0], field[1])
		}
	}
	return t.Print(a.Out)
}

func (a *app) bookmarksTreeCommand() *cobra.Command {
	return &cobra.Command{
		Use:               "tree [FOLDER]",
		Short:             "Show the bookmarks, or those in a folder, as a tree",
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: a.completeFolders,
		RunE: a.with(func(ctx context.Context, p *profile.Profile, args []string) error {
			from := bookmarks.Root
			if len(args) == 1 {
				folder, err := p.FindFolder(ctx, args[0])
				if err != nil {
					return err
				}
				from = folder.ID
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
	if a.JSON {
		return a.PrintJSON(treeToJSON(top))
	}
	d := drawing{term.Table{Width: a.Width()}}
	roots := []*bookmarks.Node{top}
	if from == bookmarks.Root {
		roots = top.Children
	}
	for _, root := range roots {
		// An empty folder has a line only if it was asked for.
		if len(root.Children) > 0 || from != bookmarks.Root {
			d.table.Add(labelled(root.Item), "", "")
			d.below(root, "")
		}
	}
	if len(d.table.Rows) == 0 {
		a.Note("No bookmarks.")
		return nil
	}
	return d.table.Print(a.Out)
}

// drawing is a tree as a table: the branches with the titles, the URLs, the tags.
type drawing struct{ table term.Table }

// below draws the items of a folder, each after the text before.
func (d *drawing) below(folder *bookmarks.Node, before string) {
	for i, n := range folder.Children {
		branch, stem := "├── ", "│   "
		if i == len(folder.Children)-1 {
			branch, stem = "└── ", "    "
		}
		d.table.Add(before+branch+labelled(n.Item), n.URL, hashes(n.Tags))
		d.below(n, before+stem)
	}
}

func (a *app) bookmarksSearchCommand() *cobra.Command {
	var limit int
	c := &cobra.Command{
		Use:   "search WORD…",
		Short: "Find bookmarks by words in their titles, URLs, tags and keywords",
		Long: `Find bookmarks: each WORD must begin a word of the title, the URL, a tag or the
keyword. Those that you use most come first.`,
		Args: cobra.MinimumNArgs(1),
		RunE: a.with(func(ctx context.Context, p *profile.Profile, args []string) error {
			store, err := p.Bookmarks(ctx)
			if err != nil {
				return err
			}
			found, err := store.Search(ctx, strings.Join(args, " "), limit)
			if err != nil {
				return err
			}
			return a.listFound(ctx, p, found)
		}),
	}
	registerLimit(c, &limit)
	c.ValidArgsFunction = cobra.NoFileCompletions
	return c
}

func (a *app) bookmarksRecentCommand() *cobra.Command {
	var limit int
	c := &cobra.Command{
		Use:   "recent",
		Short: "List the bookmarks that were added last, the newest first",
		Args:  cobra.NoArgs,
		RunE: a.with(func(ctx context.Context, p *profile.Profile, _ []string) error {
			store, err := p.Bookmarks(ctx)
			if err != nil {
				return err
			}
			items, err := store.Recent(ctx, limit)
			if err != nil {
				return err
			}
			return a.listFound(ctx, p, items)
		}),
	}
	registerLimit(c, &limit)
	return c
}

func (a *app) bookmarksCountCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "count [FOLDER…]",
		Short: "Count all bookmarks, or those in folders",
		Long: `Count all bookmarks, or those in folders and in all folders below them. A bookmark in
two of the folders counts once; folders, separators and searches do not count.`,
		ValidArgsFunction: a.completeFolders,
		RunE: a.with(func(ctx context.Context, p *profile.Profile, args []string) error {
			store, err := p.Bookmarks(ctx)
			if err != nil {
				return err
			}
			folders := []engine.ID{bookmarks.Root}
			if len(args) > 0 {
				folders = folders[:0]
			}
			for _, word := range args {
				folder, err := p.FindFolder(ctx, word)
				if err != nil {
					return err
				}
				folders = append(folders, folder.ID)
			}
			n, err := store.CountBookmarks(ctx, folders...)
			if err != nil {
				return err
			}
			if a.JSON {
				return a.PrintJSON(map[string]int{"bookmarks": n})
			}
			_, err = fmt.Fprintln(a.Out, n)
			return err
		}),
	}
}

// registerLimit defines the flag --limit of a search.
func registerLimit(c *cobra.Command, limit *int) {
	c.Flags().IntVar(limit, "limit", 20, "print at most `N`")
	c.PreRunE = func(*cobra.Command, []string) error {
		if *limit < 1 {
			return errors.New("--limit must be at least 1")
		}
		return nil
	}
}
