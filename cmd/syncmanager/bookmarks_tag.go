package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/syncmanager/syncmanager/cmd/syncmanager/internal/profile"
)

func (a *app) bookmarksTagCommand() *cobra.Command {
	var remove bool
	c := &cobra.Command{
		Use:   "tag [ITEM TAG…]",
		Short: "Give a bookmark tags, or take them away; alone, list all tags",
		Long: `Give a bookmark tags, or take them away. Tags belong to the page: other bookmarks
of its URL have them too. Without an item, list all tags.`,
		PreRunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 1 || remove && len(args) == 0 {
				return errors.New("name a bookmark and its tags")
			}
			return nil
		},
		ValidArgsFunction: func(c *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
			if len(args) == 0 {
				return a.completeItems(c, args, word)
			}
			return a.completeTags(c, args, word)
		},
		RunE: a.with(func(ctx context.Context, p *profile.Profile, args []string) error {
			if len(args) == 0 {
				return a.listTags(ctx, p)
			}
			it, err := p.FindBookmark(ctx, args[0])
			if err != nil {
				return err
			}
			store, err := p.Bookmarks(ctx)
			if err != nil {
				return err
			}
			change := store.Tag
			if remove {
				change = store.Untag
			}
			if err := change(ctx, it.GUID, args[1:]...); err != nil {
				return err
			}
			if it, err = store.Get(ctx, it.GUID); err != nil {
				return err
			}
			if a.json {
				return a.printJSON(bookmarkToJSON(it))
			}
			tags := hashes(it.Tags)
			if tags == "" {
				tags = "no tags"
			}
			return a.print("%s  %s  %s", profile.ShortID(it.GUID), label(it), tags)
		}),
	}
	c.Flags().BoolVar(&remove, "remove", false, "take the tags away")
	return c
}

func (a *app) listTags(ctx context.Context, p *profile.Profile) error {
	store, err := p.Bookmarks(ctx)
	if err != nil {
		return err
	}
	tags, err := store.Tags(ctx)
	if err != nil {
		return err
	}
	if a.json {
		return a.printJSON(append([]string{}, tags...))
	}
	if len(tags) == 0 {
		a.note("No tags.")
	}
	for _, tag := range tags {
		if err := a.print("%s", tag); err != nil {
			return err
		}
	}
	return nil
}
