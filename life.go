package syncmanager

import (
	"context"

	"github.com/syncmanager/syncmanager/engine"
)

// tryLock gives the caller the service for itself until unlock. Where another call has it, it
// returns ErrBusy, or waits as [Config].Wait says.
func (m *Manager) tryLock(ctx context.Context) error {
	if m.cfg.Wait {
		return m.lock(ctx)
	}
	select {
	case m.running <- struct{}{}:
		return m.unlessClosed()
	default:
		if m.ended.Err() != nil {
			return ErrClosed
		}
		return ErrBusy
	}
}

// lock is tryLock that waits for its turn.
func (m *Manager) lock(ctx context.Context) error {
	select {
	case m.running <- struct{}{}:
		return m.unlessClosed()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (m *Manager) unlessClosed() error {
	if m.ended.Err() != nil {
		m.unlock()
		return ErrClosed
	}
	return nil
}

func (m *Manager) unlock() { <-m.running }

// lockReceiving waits until no Receive or sendCloses runs, and keeps others from running until
// unlockReceiving.
func (m *Manager) lockReceiving(ctx context.Context) error {
	select {
	case m.receiving <- struct{}{}:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	if m.ended.Err() != nil {
		m.unlockReceiving()
		return ErrClosed
	}
	return nil
}

func (m *Manager) unlockReceiving() { <-m.receiving }

// lockAccount waits until nothing uses the account, until unlockAccount.
func (m *Manager) lockAccount(ctx context.Context) error {
	if err := m.lock(ctx); err != nil {
		return err
	}
	if err := m.lockReceiving(ctx); err != nil {
		m.unlock()
		return err
	}
	return nil
}

func (m *Manager) unlockAccount() {
	m.unlockReceiving()
	m.unlock()
}

// untilClosed is ctx, ended by Close as well, with ErrClosed as the cause.
func (m *Manager) untilClosed(ctx context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(m.ended, func() { cancel(ErrClosed) })
	return ctx, func() {
		stop()
		cancel(nil)
	}
}

// Close cancels a running Sync and waits until it has ended, which may take as long as an
// engine needs to notice. What the sync has done so far is kept. Run, Watch and WatchChanges
// end, and later calls return [ErrClosed]. When Close returns, no goroutine of the manager
// runs, and it does not use State any more. The engines stay open; the app closes them.
//
// Do not call Close from an engine, from [Config].Progress or Received, or within the loop of a
// [Records.List]: it would wait for itself.
func (m *Manager) Close() error {
	m.end(ErrClosed)
	m.running <- struct{}{}
	m.receiving <- struct{}{}
	defer m.unlockAccount()
	m.mu.Lock()
	again := m.closed
	m.closed = true
	if !again {
		m.results.end()
	}
	m.mu.Unlock()
	if again {
		return nil
	}
	for _, e := range m.registered() {
		if n, ok := e.(engine.Notifier); ok {
			n.OnChange(nil)
		}
	}
	m.client.Close()
	return nil
}
