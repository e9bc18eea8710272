package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/syncmanager/syncmanager/internal/profile"
)

// closeRemote closes tabs of another device.
func (a *app) closeRemote(ctx context.Context, p *profile.Profile, word string, urls []string) error {
	d, err := p.CloseRemoteTabs(ctx, word, urls)
	if err != nil {
		return err
	}
	if a.JSON {
		return a.PrintJSON(map[string]any{"device": d.ID, "name": d.Name, "urls": urls})
	}
	a.Note("The next sync closes them on %q; 'syncmanager tabs undo' opens them again until then.", d.Name)
	return nil
}

func (a *app) tabsUndoCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "undo [DEVICE URL…]",
		Short: "Open tabs of another device again that were closed here",
		Long: `Open tabs of another device again that 'syncmanager tabs close' closed, until a sync
asked the device to close them. Without arguments it undoes the last such command. With a DEVICE, name each URL.`,
		ValidArgsFunction: a.completeDevice,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 1 {
				return errors.New("name the DEVICE and each URL, or nothing")
			}
			return nil
		},
		RunE: a.with(func(ctx context.Context, p *profile.Profile, args []string) error {
			word, urls := "", args
			if len(args) > 0 {
				word, urls = args[0], args[1:]
			}
			undone, err := p.UndoCloses(ctx, word, urls)
			if err != nil {
				return err
			}
			if len(undone) == 0 {
				return errors.New("nothing to undo")
			}
			opened := []string{}
			for _, c := range undone {
				opened = append(opened, c.URL)
			}
			if a.JSON {
				return a.PrintJSON(map[string]any{"device": undone[0].Device.ID, "name": undone[0].Device.Name, "urls": opened})
			}
			for _, url := range opened {
				a.Note("%s stays open on %q.", url, undone[0].Device.Name)
			}
			return nil
		}),
	}
}

// sendCloses asks other devices to close what the user closed here, after a sync that the user
// asked for. If it fails, the sync has not.
func (a *app) sendCloses(ctx context.Context, p *profile.Profile, r *syncResult) {
	sent, err := p.SendCloses(ctx)
	if err != nil {
		a.Note("Other devices could not be asked to close tabs, and a later sync tries again: %s.", sentence(err))
	}
	r.Departures = sent
	r.AccountRequests += sent.Requests
}
