package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/syncmanager/syncmanager/cmd/syncmanager/internal/profile"
	"github.com/syncmanager/syncmanager/engines/history"
)

func (a *app) historyImportCommand() *cobra.Command {
	var o history.ImportOptions
	c := &cobra.Command{
		Use:   "import PATH|-",
		Short: "Import the history of Firefox, or one that was exported here",
		Long: `Import the history of Firefox: its places.sqlite or the folder of its profile,
even while Firefox has it open (Firefox 3 and newer); or a file that 'syncmanager history export'
wrote, with "-" from stdin. Importing again adds nothing. What cannot be
imported is skipped, and named. If nothing could be taken, the exit code is 1.`,
		Args: cobra.ExactArgs(1),
		RunE: a.with(func(ctx context.Context, p *profile.Profile, args []string) error {
			store, err := p.History(ctx)
			if err != nil {
				return err
			}
			var r history.Imported
			a.newProgress().while("importing the history", func() {
				if args[0] == "-" {
					r, err = store.ImportJSON(ctx, a.stdin, o)
				} else {
					r, err = store.Import(ctx, args[0], o)
				}
			})
			if err != nil {
				if kept := r.Added + r.Merged; kept > 0 && !o.DryRun {
					err = fmt.Errorf("%w; %s of before that were kept", err, plural(kept, "page"))
				}
				return err
			}
			here := r.Added + r.Merged + r.Same
			if a.json {
				return errors.Join(a.printJSON(r), a.taken(here, r.Skipped))
			}
			for _, s := range r.Reasons {
				a.nameSkipped(0, s.Item, s.Reason)
			}
			a.countUnnamed(r.Skipped - len(r.Reasons))
			return errors.Join(a.print("%s %sadded, %s %sfilled up, %s here already, %s skipped; %s",
				count(r.Added), would(o.DryRun), count(r.Merged), would(o.DryRun), count(r.Same), count(r.Skipped), plural(r.Visits, "new visit")),
				a.taken(here, r.Skipped))
		}),
	}
	c.Flags().BoolVar(&o.DryRun, "dry-run", false, "say what would be done, and do nothing")
	return c
}
