package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/syncmanager/syncmanager/cmd/syncmanager/internal/profile"
)

func (a *app) tabsOpenCommand() *cobra.Command {
	var title string
	c := &cobra.Command{
		Use:     "open URL",
		Short:   "Show a page among this device's tabs on the other devices",
		Args:    cobra.ExactArgs(1),
		PreRunE: func(_ *cobra.Command, args []string) error { return checkURL(args[0]) },
		RunE: a.with(func(ctx context.Context, p *profile.Profile, args []string) error {
			store, err := p.Tabs(ctx)
			if err != nil {
				return err
			}
			if err := store.OpenTab(ctx, args[0], title); err != nil {
				return err
			}
			return a.tabChanged("Opened", args[0])
		}),
	}
	c.Flags().StringVar(&title, "title", "", "the page's `TITLE`")
	return c
}

func (a *app) tabChanged(what, url string) error {
	if a.json {
		return a.printJSON(map[string]string{"url": url})
	}
	a.note("%s %s; the next sync tells the others.", what, url)
	return nil
}
