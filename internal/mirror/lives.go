package mirror

import (
	"context"

	"github.com/syncmanager/syncmanager/engine"
)

// past is the storage that the mirrors are of which a reset left.
func (c *core) past(ctx context.Context) (a engine.Association, err error) {
	err = c.view(ctx, func(tx *tx) error {
		_, err := tx.one(sqlPast, nil, &a.Global, &a.Collection)
		return err
	})
	return a, err
}

// leave notes which storage the mirrors are of, before a reset to the next one. A reset
// to the same at once comes of a server that went back: that is another life.
func (c *core) leave(ctx context.Context, next engine.Association) error {
	now, err := c.ledger.Association(ctx)
	if err != nil || now == (engine.Association{}) {
		return err
	}
	was, err := c.past(ctx)
	if err != nil {
		return err
	}
	if was != now {
		if err := c.chunks(ctx, sqlLastRecord, sqlOlder); err != nil {
			return err
		}
	}
	if now == next {
		now = engine.Association{}
	}
	return c.update(ctx, func(tx *tx) error {
		_, err := tx.exec(sqlSetPast, now.Global, now.Collection)
		return err
	})
}

// isBack tells whether the next sync is with the storage that a reset left. It matters
// for objects within records alone.
func (c *core) isBack(ctx context.Context) (bool, error) {
	if len(c.nested) == 0 {
		return false, nil
	}
	now, err := c.ledger.Association(ctx)
	if err != nil || now == (engine.Association{}) {
		return false, err
	}
	was, err := c.past(ctx)
	return was == now, err
}

// earlier tells whether a record's mirror is of another storage than this sync's, or of
// an earlier life of it.
func (s *session) earlier(r *row) bool { return r.past != present && !(r.known && s.back) }
