package main

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"github.com/syncmanager/syncmanager/cmd/syncmanager/internal/profile"
	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engines/bookmarks"
)

// completeFolders completes paths of folders: "menu/News".
func (a *app) completeFolders(c *cobra.Command, _ []string, word string) ([]string, cobra.ShellCompDirective) {
	return a.completePaths(c, word, true)
}

// completeItems completes paths of all that has a title.
func (a *app) completeItems(c *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
	switch {
	case len(args) == 0, c.Name() == "mv", c.Name() == "rm":
		return a.completePaths(c, word, false)
	}
	return nil, cobra.ShellCompDirectiveNoFileComp
}

// completePaths looks into the folder that word has reached: everything at once
// would be too much to read.
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
			folder, before = it.GUID, word[:i+1]
		}
		children, err := store.Children(ctx, folder)
		if err != nil {
			return nil, err
		}
		for _, it := range children {
			path := before + profile.Name(it)
			if it.Kind == bookmarks.Separator || folders && it.Kind != bookmarks.Folder || !strings.HasPrefix(path, word) || path == before ||
				path != printable(path) {
				continue
			}
			words = append(words, cobra.CompletionWithDesc(path, printable(it.URL)))
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

// completeSyncs completes the syncs that stand, with their times beside.
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
