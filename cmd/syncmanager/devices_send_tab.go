package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/syncmanager/syncmanager/account"
	"github.com/syncmanager/syncmanager/cmd/syncmanager/internal/profile"
)

func (a *app) devicesSendTabCommand() *cobra.Command {
	var tab account.Tab
	c := &cobra.Command{
		Use:   "send-tab DEVICE URL",
		Short: "Send a page to another device, which opens it",
		Long: `Send a page to another device, which opens it when it is there. DEVICE is a name,
an ID, or the beginning of an ID; see 'syncmanager devices'.`,
		Args:              cobra.ExactArgs(2),
		ValidArgsFunction: a.completeDevice,
		RunE: a.with(func(ctx context.Context, p *profile.Profile, args []string) error {
			tab.URL = args[1]
			if tab.Title == "" {
				tab.Title = tab.URL
			}
			d, err := p.SendTab(ctx, args[0], tab)
			if err != nil {
				return err
			}
			return a.sentTo(d, args[1:], "Sent to %q.")
		}),
	}
	c.Flags().StringVar(&tab.Title, "title", "", "the page's `TITLE`")
	c.Flags().BoolVar(&tab.Private, "private", false, "ask for a private window")
	return c
}

func (a *app) devicesCloseTabCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "close-tab DEVICE URL…",
		Short: "Close pages on another device",
		Long: `Close pages that are open on another device, when it is there. DEVICE is a name,
an ID, or the beginning of an ID; 'syncmanager tabs' lists the pages.`,
		Args:              cobra.MinimumNArgs(2),
		ValidArgsFunction: a.completeDevice,
		RunE: a.with(func(ctx context.Context, p *profile.Profile, args []string) error {
			d, err := p.CloseTabs(ctx, args[0], args[1:])
			if err != nil {
				return err
			}
			return a.sentTo(d, args[1:], "Asked %q to close them.")
		}),
	}
}

func (a *app) sentTo(d account.Device, urls []string, words string) error {
	if a.json {
		return a.printJSON(map[string]any{"device": d.ID, "name": d.Name, "urls": urls})
	}
	a.note(words, d.Name)
	return nil
}

// completeDevice completes the device alone.
func (a *app) completeDevice(c *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return a.completeDeviceCommand(c, args, word)
}
