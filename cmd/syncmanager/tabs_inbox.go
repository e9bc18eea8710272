package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/syncmanager/syncmanager/cmd/syncmanager/internal/profile"
)

func (a *app) tabsInboxCommand() *cobra.Command {
	var clear bool
	c := &cobra.Command{
		Use:   "inbox",
		Short: "List the pages that other devices sent to this one",
		Long: `Ask the server for the pages that other devices sent to this one, and list all
that came. 'syncmanager sync' asks too, but not more often than every five
minutes.`,
		Args: cobra.NoArgs,
		RunE: a.with(func(ctx context.Context, p *profile.Profile, _ []string) error {
			if _, err := p.Receive(ctx, 0); err != nil {
				a.note("The server could not be asked: %s.", sentence(err))
			}
			list, err := p.Inbox()
			if err != nil {
				return err
			}
			if err := a.printInbox(list); err != nil || !clear {
				return err
			}
			return p.ClearInbox()
		}),
	}
	c.Flags().BoolVar(&clear, "clear", false, "forget them once they are listed")
	return c
}

func (a *app) printInbox(list []profile.ReceivedTab) error {
	if a.json {
		return a.printJSON(list)
	}
	if len(list) == 0 {
		a.note("No other device sent a page.")
		return nil
	}
	t := table{head: []string{"FROM", "TITLE", "URL", "RECEIVED"}, width: a.width()}
	for _, tab := range list {
		t.add(tab.From, tab.Title, tab.URL, a.moment(&tab.ReceivedAt))
	}
	return t.print(a.stdout)
}

// receive adds what other devices sent to the result of a sync that the user
// asked for. That it fails makes the sync no failure.
func (a *app) receive(ctx context.Context, p *profile.Profile, r *syncResult) {
	got, err := p.Receive(ctx, profile.PollEvery)
	if err != nil {
		a.note("What other devices sent could not be received: %s.", sentence(err))
	}
	r.Arrivals = got
	r.AccountRequests += got.Requests
}
