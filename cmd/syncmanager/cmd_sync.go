package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/syncmanager/syncmanager"
	"github.com/syncmanager/syncmanager/api"
	"github.com/syncmanager/syncmanager/cmd/syncmanager/internal/term"
	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/internal/home"
	"github.com/syncmanager/syncmanager/internal/profile"
)

func (a *app) syncCommand() *cobra.Command {
	var (
		o      syncmanager.Options
		reason string
		prefer string
	)
	c := &cobra.Command{
		Use:   "sync",
		Short: "Sync now",
		Long: `Sync all engines that are enabled, or those named with --engine.

A profile without an account gets a local one, on a server inside the profile.
'syncmanager login' signs in to another one later and keeps the data.

A sync that you ask for also receives the pages that other devices sent, at most once
in five minutes; 'syncmanager tabs inbox' receives them at once.`,
		Args: cobra.NoArgs,
	}
	flags := c.Flags()
	flags.StringSliceVar(&o.Engines, "engine", nil, "sync only this engine; `NAME` is one that 'syncmanager engines' lists")
	flags.StringVar(&reason, "reason", string(syncmanager.ReasonUser), "the `REASON` of the sync: user, schedule or startup")
	flags.StringVar(&prefer, "prefer", "", "the `SIDE` whose values win if both changed the same: local or remote")
	flags.BoolVar(&o.AcceptDeletions, "accept-deletions", false, "go on where a sync waits because it would delete much")
	_ = c.RegisterFlagCompletionFunc("engine", completeEngines)
	_ = c.RegisterFlagCompletionFunc("reason", cobra.FixedCompletions([]string{"user", "schedule", "startup"}, cobra.ShellCompDirectiveNoFileComp))
	_ = c.RegisterFlagCompletionFunc("prefer", cobra.FixedCompletions([]string{"local", "remote"}, cobra.ShellCompDirectiveNoFileComp))
	c.PreRunE = func(*cobra.Command, []string) error {
		switch o.Reason = syncmanager.Reason(reason); o.Reason {
		case syncmanager.ReasonUser, syncmanager.ReasonSchedule, syncmanager.ReasonStartup:
		default:
			return fmt.Errorf("--reason must be user, schedule or startup, not %q", reason)
		}
		side, ok := map[string]engine.Side{"": engine.PreferNeither, "local": engine.PreferLocal, "remote": engine.PreferRemote}[prefer]
		if !ok {
			return fmt.Errorf("--prefer must be local or remote, not %q", prefer)
		}
		if err := checkEngines(o.Engines); err != nil {
			return err
		}
		o.Prefer = map[string]engine.Side{}
		names := o.Engines
		if len(names) == 0 {
			names = profile.Engines()
		}
		for _, name := range names {
			o.Prefer[name] = side
		}
		return nil
	}
	c.RunE = a.onProfile(func(run *cobra.Command, _ []string) error { return a.sync(run.Context(), o) })
	return c
}

func (a *app) sync(ctx context.Context, o syncmanager.Options) (err error) {
	progress := a.NewProgress()
	p, err := a.open(ctx, func(s syncmanager.Progress) { showProgress(progress, s) })
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.close(p)) }()
	made, err := p.EnsureAccount(ctx)
	if err != nil {
		return err
	}
	if made {
		a.Note("Made a local account inside the profile; 'syncmanager login' signs in to another.")
	}
	m, err := p.Manager(ctx)
	if err != nil {
		return err
	}
	result, err := m.Sync(ctx, o)
	progress.Done()
	if result.SignedOut {
		if _, err := p.SignOut(ctx, false); err != nil {
			return err
		}
		a.Note("Another device signed this one out. The data is kept; 'syncmanager login' signs in again.")
	}
	if result.Engines == nil && err != nil {
		return err // such as ErrBusy: there was no sync
	}
	if a.shared == nil { // an agent notes it itself
		home.NewTimeline(p, a.log()).Add(api.ResultOf(result, a.now()))
	}
	done := syncResult{Result: result}
	if o.Reason == syncmanager.ReasonUser && (result.Status == syncmanager.StatusOK || result.Status == syncmanager.StatusPartial) && !result.SignedOut {
		a.sendCloses(ctx, p, &done)
		a.receive(ctx, p, &done)
	}
	return a.printResult(done)
}

// syncResult is the result of a sync with what other devices sent, and were sent.
type syncResult struct {
	syncmanager.Result
	profile.Arrivals
	profile.Departures
}

// MarshalJSON adds the arrivals and departures to the members of the result.
func (r syncResult) MarshalJSON() ([]byte, error) {
	out, err := term.Marshal(r.Result)
	if err != nil {
		return nil, err
	}
	for _, part := range []any{r.Arrivals, r.Departures} {
		more, err := term.Marshal(part)
		if err != nil {
			return nil, err
		}
		if string(more) != "{}" {
			out = append(append(out[:len(out)-1], ','), more[1:]...)
		}
	}
	return out, nil
}

// printResult prints the result of a sync, and returns an error with its exit code.
func (a *app) printResult(r syncResult) error {
	var err error
	if a.JSON {
		err = a.PrintJSON(r)
	} else if !a.Quiet {
		err = a.printEngines(r)
	}
	if err != nil || r.Status == syncmanager.StatusOK {
		return err
	}
	if r.Err != nil {
		a.complain(r.Err)
	}
	for _, name := range slices.Sorted(maps.Keys(r.Engines)) {
		if e := r.Engines[name]; e.Err != nil && r.Err == nil {
			a.complain(explain(name, e.Err))
		}
	}
	return &reportedError{r.Status}
}

// explain adds to an error the engine, if it does not name it, and what to do.
func explain(name string, err error) error {
	var hold *engine.TooManyDeletionsError
	if errors.As(err, &hold) {
		err = fmt.Errorf("%w: 'syncmanager sync --engine %s --accept-deletions'", err, name)
	}
	if strings.Contains(err.Error(), name) {
		return err
	}
	return fmt.Errorf("%s: %w", name, err)
}

// printEngines prints a line for each engine that changed something, and one for the
// others.
func (a *app) printEngines(r syncResult) error {
	t := term.Table{Width: a.Width()}
	names := slices.Sorted(maps.Keys(r.Engines))
	upToDate, disabled := 0, 0
	for _, name := range names {
		switch what := outcome(r.Engines[name]); {
		case r.Engines[name].Status == syncmanager.StatusDeclined && !a.Verbose:
			disabled++
		case what == "" && !a.Verbose:
			upToDate++
		default:
			t.Add(name, cmp.Or(what, "up to date"))
		}
	}
	news := len(t.Rows)
	a.addFromDevices(&t, r)
	for _, name := range names {
		for _, p := range r.Engines[name].Problems {
			a.Note("%s: record %s: %v", name, p.ID, p.Err)
		}
	}
	if err := t.Print(a.Out); err != nil {
		return err
	}
	someStuck := func(name string) bool { e := r.Engines[name]; return e.Unsent+e.Unread+e.Held > 0 }
	if slices.ContainsFunc(names, someStuck) {
		a.Note("Some records do not sync: 'syncmanager status' names them.")
	}
	return a.printOthers(news, upToDate, disabled)
}

// addFromDevices adds a line for all that other devices sent to this one.
func (a *app) addFromDevices(t *term.Table, r syncResult) {
	for _, c := range r.Commands {
		t.Add("command", strings.TrimSpace(c.Name+" "+strings.Join(c.Args, " "))+" from another device")
		for _, e := range c.Effects {
			t.Add(e.Engine, effect(e))
		}
		if c.Err != nil {
			a.Note("%s from another device: %v", c.Name, c.Err)
		}
	}
	for _, tab := range r.Tabs {
		t.Add("page", tab.URL+" from "+cmp.Or(tab.From, "another device"))
	}
	for _, url := range r.Closed {
		t.Add("tab", url+" closed by another device")
	}
	if r.Closes > 0 {
		t.Add("tabs", "asked other devices to close "+term.Count(r.Closes))
	}
}

// effect describes what a command from another device did to an engine's data.
func effect(e syncmanager.CommandEffect) string {
	what := e.Did + " by another device"
	if e.Removed != nil && e.Kept != nil {
		what += fmt.Sprintf(": %d removed", *e.Removed)
		if *e.Kept > 0 {
			what += fmt.Sprintf(", %d kept that only this device has", *e.Kept)
		}
	}
	return what
}

func (a *app) printOthers(news, upToDate, disabled int) error {
	if upToDate+disabled == 0 {
		return nil
	}
	number := func(n int) string {
		switch {
		case news > 0 && n == 1:
			return "1 other"
		case news > 0:
			return term.Count(n) + " others"
		case n == 1:
			return "1 engine"
		}
		return term.Count(n) + " engines"
	}
	var said []string
	if upToDate > 0 {
		said = append(said, number(upToDate)+" up to date")
	}
	if disabled > 0 {
		said = append(said, term.Count(disabled)+" disabled")
		if upToDate == 0 {
			said[0] = number(disabled) + " disabled"
		}
	}
	return a.Print("%s", strings.Join(said, ", "))
}

// outcome describes what a sync did with an engine; "" means nothing.
func outcome(e syncmanager.EngineResult) string {
	var did []string
	for _, part := range []struct {
		n    int
		what string
	}{{e.Applied, "received"}, {e.Uploaded, "sent"}, {e.Failed, "failed"}} {
		if part.n > 0 {
			did = append(did, term.Count(part.n)+" "+part.what)
		}
	}
	for _, part := range []struct {
		n    int
		what string
	}{{e.Unsent, "that the server refuses"}, {e.Unread, "that cannot be read"}, {e.Held, "held"}} {
		if part.n > 0 {
			did = append(did, term.Count(part.n)+" "+part.what)
		}
	}
	words := strings.Join(did, ", ")
	switch e.Status {
	case syncmanager.StatusOK, syncmanager.StatusPartial:
		return words
	case syncmanager.StatusNewer:
		return "not synced: the account holds a newer format; update the program"
	case syncmanager.StatusNeedsConfirmation:
		return "needs confirmation"
	}
	if words != "" {
		return string(e.Status) + " after " + words
	}
	return string(e.Status)
}

// phases are the words for the phases of a sync.
var phases = map[string]string{"download": "receiving", "merge": "merging", "upload": "sending"}

// showProgress shows a step of a sync.
func showProgress(p *term.Progress, s syncmanager.Progress) {
	if s.Phase == "done" {
		p.Forget(s.Engine)
		return
	}
	verb, known := phases[s.Phase]
	if !known || s.Records == 0 {
		return
	}
	p.Say(s.Engine, fmt.Sprintf("%s %s %s", s.Engine, verb, term.Count(s.Records)))
}
