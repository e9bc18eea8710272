package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

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

func (a *app) historyExportCommand() *cobra.Command {
	var force bool
	c := &cobra.Command{
		Use:   "export FILE|-",
		Short: "Write all pages with all their visits into a JSON file",
		Long: `Write all pages with all their visits, as JSON, into a file that only you can
open; "-" writes them to stdout. 'syncmanager history import' reads it.`,
		Args: cobra.ExactArgs(1),
		RunE: a.with(func(ctx context.Context, p *profile.Profile, args []string) error {
			store, err := p.History(ctx)
			if err != nil {
				return err
			}
			return a.export(exported{args[0], "json", force, "Wrote %s."}, func(w io.Writer) error { return store.ExportJSON(ctx, w) })
		}),
	}
	c.Flags().BoolVar(&force, "force", false, "replace a file that is there")
	return c
}

// momentHelp is what parseMoment takes, for help texts.
const momentHelp = `TIME is a date, a date and a time ("2026-01-31 18:00"), RFC 3339, "today",
"yesterday", or how long ago: 90m, 12h, 7d.`

// layouts are those without a zone: they mean the user's.
var layouts = []string{time.DateOnly, "2006-01-02 15:04", time.DateTime, "2006-01-02T15:04", "2006-01-02T15:04:05"}

// parseMoment reads a time as people type it, in the zone of now.
func parseMoment(s string, now time.Time) (time.Time, error) {
	year, month, today := now.Date()
	switch s {
	case "today":
		return time.Date(year, month, today, 0, 0, 0, 0, now.Location()), nil
	case "yesterday":
		return time.Date(year, month, today-1, 0, 0, 0, 0, now.Location()), nil
	}
	if t, err := time.Parse(time.RFC3339Nano, s); err == nil {
		return t, nil
	}
	for _, layout := range layouts {
		if t, err := time.ParseInLocation(layout, s, now.Location()); err == nil {
			return t, nil
		}
	}
	if days, ok := strings.CutSuffix(s, "d"); ok {
		if n, err := strconv.ParseUint(days, 10, 16); err == nil {
			return now.AddDate(0, 0, -int(n)), nil
		}
	}
	if ago, err := time.ParseDuration(s); err == nil && ago >= 0 {
		return now.Add(-ago), nil
	}
	return time.Time{}, fmt.Errorf("%q is not a time: write a date such as 2026-01-31, or how long ago, such as 7d", s)
}

// momentFlag is a flag that takes a time.
type momentFlag struct {
	time.Time
	text string
}

func (m *momentFlag) String() string { return m.text }
func (m *momentFlag) Type() string   { return "TIME" }
func (m *momentFlag) Set(s string) (err error) {
	m.text = s
	m.Time, err = parseMoment(s, time.Now())
	return err
}
