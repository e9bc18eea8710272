package syncmanager

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/syncmanager/syncmanager/engine"
)

// obey carries out a command that another device sent. Those that Firefox knows
// are the manager's; any other is offered to the engine that its first argument
// names. A command that nobody here knows stays in the device's record: a later
// version of the app may.
func (s *syncing) obey(ctx context.Context, cmd Command) (done bool, err error) {
	s.m.cfg.Log.Info("a command from another device", "command", cmd.Name, "args", cmd.Args)
	switch cmd.Name {
	case "resetAll":
		return true, s.eachEngine(func(e engine.Engine) error { return e.Reset(ctx, engine.Association{}) })
	case "wipeAll":
		return unlessHeld(s.eachEngine(func(e engine.Engine) error { return s.clear(ctx, e) }))
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
		return true, named("reset", e, e.Reset(ctx, engine.Association{}))
	case "wipeEngine":
		return unlessHeld(named("wipe", e, s.clear(ctx, e)))
	}
	if c, ok := e.(engine.Commander); ok {
		done, err := c.Command(ctx, cmd.Name, cmd.Args)
		return done, named(cmd.Name, e, err)
	}
	return false, nil
}

// clear makes room in an engine for what another device starts over with. An engine
// that waits for the user's word is left out of this sync.
func (s *syncing) clear(ctx context.Context, e engine.Engine) error {
	c, ok := e.(engine.Clearer)
	if !ok {
		return e.Wipe(ctx)
	}
	err := c.Clear(ctx, engine.Start{Run: s.name, AcceptDeletions: s.options.AcceptDeletions})
	if errors.As(err, new(*engine.HoldError)) {
		s.held[e.Collection()] = err
	}
	return err
}

// unlessHeld keeps a command that waits for the user's word.
func unlessHeld(err error) (done bool, _ error) {
	return !errors.As(err, new(*engine.HoldError)), err
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
