package syncmanager

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/syncmanager/syncmanager/engine"
)

// runCommand carries out a command that another device sent. The manager handles
// those that Firefox knows; any other is offered to the engine that its first argument
// names. A command that nobody here knows stays in the device's record: a later
// version of the app may know it.
func (s *syncing) runCommand(ctx context.Context, cmd *Command) (done bool, err error) {
	s.m.cfg.Log.Info("a command from another device", "command", cmd.Name, "args", cmd.Args)
	switch cmd.Name {
	case "resetAll":
		return true, s.eachEngine(func(e engine.Engine) error { return reset(ctx, e, cmd) })
	case "wipeAll":
		return unlessUnconfirmed(s.eachEngine(func(e engine.Engine) error { return s.wipe(ctx, e, cmd) }))
	case "logout":
		s.result.SignedOut = true
		return true, nil
	}
	if len(cmd.Args) == 0 {
		return false, nil
	}
	i := slices.IndexFunc(s.all, func(e engine.Engine) bool { return e.Collection() == cmd.Args[0] })
	if i < 0 {
		return false, nil
	}
	e := s.all[i]
	switch cmd.Name {
	case "resetEngine":
		return true, named("reset", e, reset(ctx, e, cmd))
	case "wipeEngine":
		return unlessUnconfirmed(named("wipe", e, s.wipe(ctx, e, cmd)))
	}
	if c, ok := e.(engine.Commander); ok {
		done, err := c.Command(ctx, cmd.Name, cmd.Args)
		return done, named(cmd.Name, e, err)
	}
	return false, nil
}

// clear empties an engine for what another device starts over with. An engine that
// waits for the user's confirmation is left out of this sync.
func (s *syncing) clear(ctx context.Context, e engine.Engine) error {
	c, ok := e.(engine.Clearer)
	if !ok {
		return e.Wipe(ctx)
	}
	err := c.Clear(ctx, engine.Start{Run: s.name, AcceptDeletions: s.options.AcceptDeletions})
	if errors.As(err, new(*engine.TooManyDeletionsError)) {
		s.unconfirmed[e.Collection()] = err
	}
	return err
}

func reset(ctx context.Context, e engine.Engine, cmd *Command) error {
	err := e.Reset(ctx, engine.Association{})
	if err == nil {
		cmd.Effects = append(cmd.Effects, CommandEffect{Engine: e.Collection(), Did: "reset", Kept: count(ctx, e)})
	}
	return err
}

// unlessUnconfirmed keeps a command that waits for the user's confirmation.
func unlessUnconfirmed(err error) (done bool, _ error) {
	return !errors.As(err, new(*engine.TooManyDeletionsError)), err
}

// wipe clears an engine, and notes how much went and what stayed.
func (s *syncing) wipe(ctx context.Context, e engine.Engine, cmd *Command) error {
	before := count(ctx, e)
	if err := s.clear(ctx, e); err != nil {
		return err
	}
	effect := CommandEffect{Engine: e.Collection(), Did: "wiped", Kept: count(ctx, e)}
	if before != nil && effect.Kept != nil {
		removed := max(*before-*effect.Kept, 0)
		effect.Removed = &removed
	}
	cmd.Effects = append(cmd.Effects, effect)
	if effect.Removed == nil || *effect.Removed > 0 {
		s.result.Changed[e.Collection()] = engine.Change{Sync: true}
	}
	return nil
}

// count is how many items the user has of an engine; nil: it cannot tell.
func count(ctx context.Context, e engine.Engine) *int {
	c, ok := e.(engine.Counter)
	if !ok {
		return nil
	}
	n, err := c.Count(ctx)
	if err != nil {
		return nil
	}
	return &n
}

func (s *syncing) eachEngine(do func(engine.Engine) error) error {
	var errs []error
	for _, e := range s.all {
		errs = append(errs, named("command", e, do(e)))
	}
	return errors.Join(errs...)
}

func named(doing string, e engine.Engine, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s %s: %w", doing, e.Collection(), err)
}
