package main

import (
	"context"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/syncmanager/syncmanager/cmd/syncmanager/internal/term"
	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engines/bookmarks"
	"github.com/syncmanager/syncmanager/internal/profile"
)

func (a *app) bookmarksCommand() *cobra.Command {
	list := a.bookmarksListCommand()
	c := &cobra.Command{
		Use:   "bookmarks",
		Short: "List and edit the bookmarks, and undo what a sync did to them",
		Long: `List and edit the bookmarks of this profile. Changes reach the other devices
with the next sync.

ITEM is an ID or the beginning of one, a URL that is bookmarked once, or a path such
as "menu/News/Go". FOLDER is the same, or one of the four that every browser has:
menu, toolbar, unfiled (Other Bookmarks), mobile. Put -- before an ID that begins with
a dash.`,
		Args: cobra.NoArgs,
		RunE: list.RunE,
	}
	c.Flags().AddFlagSet(list.Flags())
	c.AddCommand(list, a.bookmarksTreeCommand(), a.bookmarksAddCommand(), a.bookmarksEditCommand(),
		a.bookmarksMoveCommand(), a.bookmarksRemoveCommand(), a.bookmarksTagCommand(), a.bookmarksSearchCommand(),
		a.bookmarksRecentCommand(), a.bookmarksCountCommand(),
		a.bookmarksImportCommand(), a.bookmarksExportCommand(),
		a.bookmarksCheckCommand(), a.bookmarksLogCommand(), a.bookmarksUndoCommand())
	return c
}

// bookmarkJSON is an item, with the names that it has on the wire. Fields that a kind
// of item does not have are absent.
type bookmarkJSON struct {
	ID       engine.ID `json:"id"`
	Type     string    `json:"type"`
	ParentID engine.ID `json:"parentid"`
	// Position counts from 0.
	Position     int      `json:"position"`
	Title        *string  `json:"title,omitempty"`
	BmkURI       string   `json:"bmkUri,omitempty"`
	Tags         []string `json:"tags,omitzero"`
	Keyword      string   `json:"keyword,omitempty"`
	DateAdded    int64    `json:"dateAdded"`
	LastModified int64    `json:"lastModified"`
	// Children are the items of a folder in a tree.
	Children []bookmarkJSON `json:"children,omitzero"`
}

func bookmarkToJSON(it bookmarks.Item) bookmarkJSON {
	j := bookmarkJSON{
		ID: bookmarks.WireID(it.ID), Type: it.Kind.String(), ParentID: bookmarks.WireID(it.Parent), Position: it.Position,
		BmkURI: it.URL, Keyword: it.Keyword, DateAdded: millis(it.Added), LastModified: millis(it.Modified),
	}
	if it.Kind != bookmarks.Separator {
		j.Title = &it.Title
	}
	if it.URL != "" {
		j.Tags = append([]string{}, it.Tags...)
	}
	return j
}

func bookmarksToJSON(items []bookmarks.Item) []bookmarkJSON {
	all := make([]bookmarkJSON, len(items))
	for i, it := range items {
		all[i] = bookmarkToJSON(it)
	}
	return all
}

func treeToJSON(n *bookmarks.Node) bookmarkJSON {
	j := bookmarkToJSON(n.Item)
	if n.Kind == bookmarks.Folder {
		j.Children = make([]bookmarkJSON, len(n.Children))
		for i, c := range n.Children {
			j.Children[i] = treeToJSON(c)
		}
	}
	return j
}

// millis returns Unix milliseconds; 0 for the zero time.
func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// label returns the name of an item in a list.
func label(it bookmarks.Item) string {
	switch name := profile.Name(it); {
	case it.Kind == bookmarks.Separator:
		return "────────"
	case name == "":
		return "(untitled)"
	default:
		return name
	}
}

// labelled is label with a slash after a folder.
func labelled(it bookmarks.Item) string {
	if it.Kind == bookmarks.Folder {
		return label(it) + "/"
	}
	return label(it)
}

// hashes writes tags as "#go #web".
func hashes(tags []string) string {
	if len(tags) == 0 {
		return ""
	}
	return "#" + strings.Join(tags, " #")
}

// bookmarkSaved prints an item that was added, changed, moved or deleted.
func (a *app) bookmarkSaved(ctx context.Context, p *profile.Profile, what string, it bookmarks.Item) error {
	if a.JSON {
		return a.PrintJSON(bookmarkToJSON(it))
	}
	folder, err := p.BookmarkPath(ctx, it.Parent)
	if err != nil {
		return err
	}
	return a.tellBookmark(what, it, folder)
}

func (a *app) tellBookmark(what string, it bookmarks.Item, folder string) error {
	t := term.Table{Width: a.Width()}
	t.Add(what+" "+profile.ShortID(it.ID), folder+"/"+label(it), it.URL)
	return t.Print(a.Out)
}

// completeFolders completes paths of folders: "menu/News".
func (a *app) completeFolders(c *cobra.Command, _ []string, word string) ([]string, cobra.ShellCompDirective) {
	return a.completePaths(c, word, true)
}

// completeItems completes paths of items.
func (a *app) completeItems(c *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
	switch {
	case len(args) == 0, c.Name() == "mv", c.Name() == "rm":
		return a.completePaths(c, word, false)
	}
	return nil, cobra.ShellCompDirectiveNoFileComp
}

// completePaths completes the items of one folder, the one that word names up to its
// last slash; all paths would be too many to read.
func (a *app) completePaths(c *cobra.Command, word string, folders bool) ([]string, cobra.ShellCompDirective) {
	return a.complete(c, func(ctx context.Context, p *profile.Profile) (words []string, _ error) {
		store, err := p.Bookmarks(ctx)
		if err != nil {
			return nil, err
		}
		folder, before := bookmarks.Root, ""
		if i := strings.LastIndex(word, "/"); i >= 0 {
			it, err := p.FindFolder(ctx, word[:i])
			if err != nil {
				return nil, err
			}
			folder, before = it.ID, word[:i+1]
		}
		children, err := store.Children(ctx, folder)
		if err != nil {
			return nil, err
		}
		for _, it := range children {
			path := before + profile.Name(it)
			if it.Kind == bookmarks.Separator || folders && it.Kind != bookmarks.Folder || !strings.HasPrefix(path, word) || path == before ||
				path != term.Printable(path) {
				continue
			}
			words = append(words, cobra.CompletionWithDesc(path, term.Printable(it.URL)))
		}
		return words, nil
	})
}

func (a *app) completeTags(c *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
	return a.complete(c, func(ctx context.Context, p *profile.Profile) ([]string, error) {
		store, err := p.Bookmarks(ctx)
		if err != nil {
			return nil, err
		}
		return store.Tags(ctx)
	})
}

// completeSyncs completes the syncs that are not undone, with their times.
func (a *app) completeSyncs(c *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return a.complete(c, func(ctx context.Context, p *profile.Profile) (words []string, _ error) {
		store, err := p.Bookmarks(ctx)
		if err != nil {
			return nil, err
		}
		entries, err := store.Log(ctx)
		for _, e := range entries {
			if e.Undone.IsZero() {
				words = append(words, cobra.CompletionWithDesc(profile.ShortID(engine.ID(e.Run)), a.moment(&e.At)))
			}
		}
		return words, err
	})
}
