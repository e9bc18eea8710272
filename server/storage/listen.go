package storage

import (
	"context"
	"errors"

	"github.com/syncmanager/syncmanager/bso"
)

// getEvents answers with events until the client's token or connection ends. It keeps nothing of the request.
func (s *Service) getEvents(a *answer, q *request) error {
	uid := q.uid
	err := s.events.Listen(a.w, q.Request, uid, func(ctx context.Context) (map[string]bso.Timestamp, bso.Timestamp, error) {
		all, modified, err := s.readTimes(ctx, uid)
		times := make(map[string]bso.Timestamp, len(all))
		for _, c := range all {
			times[c.Name] = c.Modified
		}
		return times, modified, err
	})
	switch {
	case errors.Is(err, ErrListeners):
		return tooMany
	case errors.Is(err, ErrRequest):
		return badRequest
	}
	return err
}

// readTimes reads the last-modified times of a user's collections and storage.
func (s *Service) readTimes(ctx context.Context, uid int64) (all []Collection, modified bso.Timestamp, err error) {
	if _, ok := s.backend.Backend.(TimesReader); ok {
		modified, all, err = s.backend.Times(ctx, uid)
		return all, modified, err
	}
	err = s.backend.View(ctx, uid, func(v View) (err error) {
		if modified, err = v.Modified("", ""); err == nil {
			all, err = v.Collections()
		}
		return err
	})
	return all, modified, err
}

// moved tells the events of a write. A collection that was deleted has no time of its own.
func (s *Service) moved(q *request, modified bso.Timestamp) {
	if s.events != nil && modified > 0 {
		s.events.Moved(q.uid, q.collection, modified)
	}
}
