package mirror

import (
	"context"

	"github.com/syncmanager/syncmanager/engine"
)

// past is the storage that the mirrors are of which a reset left.
func (s *Store[R]) past(ctx context.Context) (a engine.Association, err error) {
	err = s.view(ctx, func(tx *Tx[R]) error {
		_, err := tx.one(sqlPast, nil, &a.Global, &a.Collection)
		return err
	})
	return a, err
}

// leave notes which storage the mirrors are of, before a reset to the next one. A reset
// to the same at once comes of a server that went back: that is another life.
func (s *Store[R]) leave(ctx context.Context, next engine.Association) error {
	now, err := s.ledger.Association(ctx)
	if err != nil || now == (engine.Association{}) {
		return err
	}
	was, err := s.past(ctx)
	if err != nil {
		return err
	}
	if was != now {
		if err := s.chunks(ctx, sqlLastRecord, sqlOlder); err != nil {
			return err
		}
	}
	if now == next {
		now = engine.Association{}
	}
	return s.update(ctx, func(tx *Tx[R]) error {
		_, err := tx.exec(sqlSetPast, now.Global, now.Collection)
		return err
	})
}

// isBack tells whether the next sync is with the storage that a reset left. It matters
// for objects within records alone.
func (s *Store[R]) isBack(ctx context.Context) (bool, error) {
	if len(s.fields.nested) == 0 {
		return false, nil
	}
	now, err := s.ledger.Association(ctx)
	if err != nil || now == (engine.Association{}) {
		return false, err
	}
	was, err := s.past(ctx)
	return was == now, err
}

// earlier tells whether a record's mirror is of another storage than this sync's, or of
// an earlier life of it.
func (s *session[R]) earlier(r *row) bool { return r.past != present && !(r.known && s.back) }
