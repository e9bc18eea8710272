package server

import (
	"context"
	"errors"
	"time"

	"github.com/syncmanager/syncmanager/server/storage/postgres"
)

// purgeEvery is the default time between two purges.
const purgeEvery = time.Hour

func (s *Server) startPurge() {
	ctx, cancel := context.WithCancel(context.Background())
	s.background, s.stopPurge = ctx, cancel
	ticks, stop := s.cfg.PurgeTicks, func() {}
	if ticks == nil {
		t := time.NewTicker(purgeEvery)
		ticks, stop = t.C, t.Stop
	}
	s.purging.Go(func() {
		defer stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticks:
			}
			if ran, err := s.purge(ctx); ctx.Err() == nil && (ran || err != nil) {
				s.metrics.damaged.Set(float64(s.reportSweep(ctx, err)))
			}
		}
	})
}

// Go runs f beside the requests. Close ends its context, and waits for it.
func (s *Server) Go(f func(context.Context)) { s.purging.Go(func() { f(s.background) }) }

// Purge removes expired data, and storages that were replaced. It does nothing while another server on
// the same database does so.
func (s *Server) Purge(ctx context.Context) error {
	_, err := s.purge(ctx)
	return err
}

// purge is Purge, and reports whether this server did it.
func (s *Server) purge(ctx context.Context) (ran bool, err error) {
	done, err := s.Writing()
	if err != nil {
		return false, nil // the next one does it
	}
	defer done()
	if set, err := s.tokens.DefaultQuota(ctx); err == nil {
		s.setDefaultQuota(set) // another server on the same database may have changed it
	}
	if shared, ok := s.backend.(*postgres.Backend); ok {
		return shared.Alone(ctx, "purge", s.sweep)
	}
	return true, s.sweep(ctx)
}

// sweep removes expired data of all users, and storages that were replaced.
func (s *Server) sweep(ctx context.Context) error {
	err := s.backend.Purge(ctx)
	if s.accounts != nil {
		err = errors.Join(err, s.accounts.Purge(ctx))
	}
	if s.cfg.Node != nil {
		return err
	}
	err = errors.Join(err, s.tokens.Recount(ctx), s.tokens.ForgetEnded(ctx))
	replaced, listErr := s.tokens.Replaced(ctx)
	err = errors.Join(err, listErr)
	for _, one := range replaced {
		if deleteErr := s.deleteCopy(ctx, one); deleteErr != nil {
			err = errors.Join(err, deleteErr)
			continue
		}
		err = errors.Join(err, s.tokens.Emptied(ctx, one.UID))
	}
	return err
}

// destroyed removes the storage of an account that was deleted.
func (s *Server) destroyed(ctx context.Context, account string) {
	if err := s.tokens.Retire(ctx, account); err != nil {
		s.cfg.Log.ErrorContext(ctx, "cannot retire the storage of a deleted account", "err", err)
		return
	}
	if err := s.deleteStorage(ctx, account); err != nil {
		s.cfg.Log.ErrorContext(ctx, "cannot remove the storage of a deleted account; the next purge tries again", "err", err)
	}
}
