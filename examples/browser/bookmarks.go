package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engines/bookmarks"
)

var bookmarkCommands = []command{
	{"bookmarks", "", "show all bookmarks", (*browser).showBookmarks},
	{"bookmark add", "URL TITLE [FOLDER]", "add a bookmark; without a folder, to the menu", (*browser).addBookmark},
	{"bookmark folder", "TITLE [FOLDER]", "add a folder", (*browser).addFolder},
	{"bookmark all-tabs", "TITLE", "add a folder with a bookmark of each open tab", (*browser).bookmarkTabs},
	{"bookmark edit", "ID TITLE [FOLDER]", "change the title and, in the same step, the folder", (*browser).editBookmark},
	{"bookmark move", "ID FOLDER [POSITION]", "move to a folder; positions begin with 0", (*browser).moveBookmark},
	{"bookmark tag", "ID TAG…", "add tags", (*browser).tagBookmark},
	{"bookmark delete", "ID…", "delete bookmarks, and folders with all that is in them", (*browser).deleteBookmarks},
	{"bookmark find", "WORDS…", "search titles, URLs and tags", (*browser).findBookmarks},
	{"bookmark recent", "", "the bookmarks that were added last", (*browser).recentBookmarks},
	{"bookmark count", "[FOLDER…]", "count the bookmarks in folders, and below them", (*browser).countBookmarks},
}

func (b *browser) showBookmarks(ctx context.Context, _ []string) error {
	root, err := b.bookmarks.Tree(ctx, bookmarks.Root)
	if err != nil {
		return err
	}
	for _, folder := range root.Children {
		b.showTree(folder, 0)
	}
	return nil
}

func (b *browser) showTree(n *bookmarks.Node, depth int) {
	b.printf("%s%s", strings.Repeat("  ", depth), line(n.Item))
	for _, child := range n.Children {
		b.showTree(child, depth+1)
	}
}

func line(it bookmarks.Item) string {
	text := strings.TrimSpace(fmt.Sprintf("%s %s %s", it.ID, it.Title, it.URL))
	for _, tag := range it.Tags {
		text += " #" + tag
	}
	return text
}

func (b *browser) addBookmark(ctx context.Context, args []string) error {
	return b.insert(ctx, bookmarks.Item{Kind: bookmarks.Bookmark, URL: args[0], Title: args[1]}, args[2:])
}

func (b *browser) addFolder(ctx context.Context, args []string) error {
	return b.insert(ctx, bookmarks.Item{Kind: bookmarks.Folder, Title: args[0]}, args[1:])
}

func (b *browser) insert(ctx context.Context, it bookmarks.Item, folder []string) error {
	it.Parent = bookmarks.Menu
	if len(folder) > 0 {
		it.Parent = engine.ID(folder[0])
	}
	it, err := b.bookmarks.Add(ctx, it)
	if err == nil {
		b.printf("%s", it.ID)
	}
	return err
}

func (b *browser) bookmarkTabs(ctx context.Context, args []string) error {
	folder := &bookmarks.Node{Item: bookmarks.Item{Kind: bookmarks.Folder, Title: args[0], Parent: bookmarks.Menu}}
	for tab, err := range b.tabs.List(ctx) {
		if err != nil {
			return err
		}
		folder.Children = append(folder.Children, &bookmarks.Node{Item: bookmarks.Item{URL: tab.URL(), Title: tab.Title}})
	}
	added, err := b.bookmarks.InsertTree(ctx, folder, bookmarks.End)
	if err == nil {
		b.printf("%s", added.ID)
	}
	return err
}

func (b *browser) editBookmark(ctx context.Context, args []string) error {
	change := bookmarks.Change{Title: &args[1]}
	if len(args) > 2 {
		folder := engine.ID(args[2])
		change.Parent = &folder
	}
	_, err := b.bookmarks.UpdateFields(ctx, engine.ID(args[0]), change)
	return err
}

func (b *browser) moveBookmark(ctx context.Context, args []string) error {
	position := bookmarks.End
	if len(args) > 2 {
		var err error
		if position, err = strconv.Atoi(args[2]); err != nil || position < 0 {
			return fmt.Errorf("%q is not a position: give a number from 0", args[2])
		}
	}
	return b.bookmarks.Move(ctx, engine.ID(args[0]), engine.ID(args[1]), position)
}

func (b *browser) tagBookmark(ctx context.Context, args []string) error {
	return b.bookmarks.Tag(ctx, engine.ID(args[0]), args[1:]...)
}

func (b *browser) deleteBookmarks(ctx context.Context, args []string) error {
	deleted, err := b.bookmarks.DeleteMany(ctx, ids(args))
	if err == nil {
		b.printf("%d deleted", len(deleted))
	}
	return err
}

func ids(args []string) (all []engine.ID) {
	for _, arg := range args {
		all = append(all, engine.ID(arg))
	}
	return all
}

func (b *browser) findBookmarks(ctx context.Context, args []string) error {
	items, err := b.bookmarks.Search(ctx, strings.Join(args, " "), shown)
	b.printItems(items)
	return err
}

func (b *browser) recentBookmarks(ctx context.Context, _ []string) error {
	items, err := b.bookmarks.Recent(ctx, shown)
	b.printItems(items)
	return err
}

func (b *browser) printItems(items []bookmarks.Item) {
	for _, it := range items {
		b.printf("%s", line(it))
	}
}

func (b *browser) countBookmarks(ctx context.Context, args []string) error {
	folders := ids(args)
	if len(folders) == 0 {
		folders = []engine.ID{bookmarks.Root}
	}
	n, err := b.bookmarks.CountBookmarks(ctx, folders...)
	if err == nil {
		b.printf("%d", n)
	}
	return err
}
