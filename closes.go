package syncmanager

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/syncmanager/syncmanager/engine"
)

// sendCloses is [engine.TabCloser].SendCloses of all engines for Run, through the account. What
// could not be sent stays in the engine's queue. The error is one with which Run must end.
func (m *Manager) sendCloses(ctx context.Context, delay time.Duration) error {
	if err := m.lockReceiving(ctx); err != nil {
		return err
	}
	defer m.unlockReceiving()
	ctx, done := m.untilClosed(ctx)
	defer done()
	if err := m.refused(); err != nil {
		return err
	}
	m.mu.Lock()
	messenger, ok := m.cfg.Account.(Messenger)
	m.mu.Unlock()
	if !ok {
		return nil
	}
	for _, e := range m.registered() {
		closer, ok := e.(engine.TabCloser)
		if !ok {
			continue
		}
		err := m.accountError(ctx, sendClosesOf(ctx, closer, delay, messenger))
		switch {
		case errors.As(err, new(*AuthError)):
			return err
		case err != nil && ctx.Err() == nil:
			m.cfg.Log.Warn("other devices could not be asked to close tabs; a later sync tries again", "engine", e.Collection(), "err", err)
		}
	}
	return nil
}

// sendClosesOf calls an engine, whose panic must not take down what else the app does.
func sendClosesOf(ctx context.Context, e engine.TabCloser, delay time.Duration, to Messenger) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the engine broke: %v", p)
		}
	}()
	_, err = e.SendCloses(ctx, delay, to.CloseTabs)
	return err
}
