package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/syncmanager/syncmanager/internal/ui"
)

func (a *app) uiCommand() *cobra.Command {
	var printed bool
	c := &cobra.Command{
		Use:   "ui",
		Short: "Look at the profile on a page in your browser",
		Long: `Look at the profile on a page in your browser: what synced when and how to undo it,
devices, what to sync, bookmarks, passwords one at a time, imports, what does not
sync and why, and how the stores are.

The agent serves the page, to this machine alone. If no agent runs, this command is
one until you interrupt it: the page works as long. The browser gets in by a link
that works once and for a minute. It is handed over in a file that only you can
read, because others can see the command line of a browser. If the browser may not
read that file, as some in a sandbox, open the link that --print prints.`,
		Args: cobra.NoArgs,
		RunE: a.do(func(c *cobra.Command, _ []string) error {
			show := func(ctx context.Context, s *ui.Server) error { return a.openPage(ctx, s, printed) }
			if a.shared != nil {
				return show(c.Context(), a.shared.page)
			}
			ran, err := a.inAgent(c.Context())
			if ran {
				return err
			}
			err = a.beAgent(c.Context(), "", a.saySyncing, show)
			if errors.Is(err, errAgentCame) {
				_, err = a.inAgent(c.Context())
			}
			return err
		}),
	}
	c.Flags().BoolVar(&printed, "print", false, "print the link, and open no browser")
	return c
}

// linkJSON is what ui --json prints.
type linkJSON struct {
	URL string `json:"url"`
}

// openPage makes a link, and opens it in the user's browser or prints it.
func (a *app) openPage(ctx context.Context, s *ui.Server, printed bool) error {
	link, err := s.Link(ctx)
	switch {
	case err != nil:
		return err
	case a.JSON:
		return a.PrintJSON(linkJSON{link.URL()})
	case printed:
		return a.Print("%s", link.URL())
	}
	dir, err := a.profileDir()
	if err != nil {
		return err
	}
	address, err := link.File(dir)
	if err != nil {
		return err
	}
	if err := a.browse(address); err != nil {
		return fmt.Errorf("no browser opens here (%w): 'syncmanager ui --print' prints a link for one on this machine", err)
	}
	a.Note("The page opens in your browser. If it does not, 'syncmanager ui --print' prints a link.")
	return nil
}
