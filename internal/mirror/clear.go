package mirror

import (
	"context"
	"errors"
	"fmt"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/internal/sqlite"
)

// Clear takes away what the user has and the account had; see engine.Clearer.
func (s *Store[R]) Clear(ctx context.Context, start engine.Start) error {
	err := s.clear(ctx, start)
	if err != nil && !errors.As(err, new(*engine.TooManyDeletionsError)) {
		err = fmt.Errorf("cannot clear %s: %w", s.schema.Collection, err)
	}
	return err
}

func (s *Store[R]) clear(ctx context.Context, start engine.Start) error {
	var gone int
	if err := s.db.QueryRow(ctx, sqlCountUnchanged).Scan(&gone); err != nil {
		return sqlite.Explain(err)
	}
	if err := s.confirmed(ctx, start, gone, 0); err != nil {
		return err
	}
	var end int64
	if err := s.db.QueryRow(ctx, sqlLastRecord).Scan(&end); err != nil {
		return sqlite.Explain(err)
	}
	for at := int64(0); at < end; at += int64(s.chunk) {
		if err := s.update(ctx, func(tx *Tx[R]) error { return tx.clear(start.Run, at, at+int64(s.chunk)) }); err != nil {
			return err
		}
	}
	if err := s.ledger.ForgetTombstones(ctx); err != nil {
		return err
	}
	if err := s.leave(ctx, engine.Association{}); err != nil {
		return err
	}
	return s.forget(ctx, sqlForget)
}

// confirmed returns an [engine.TooManyDeletionsError] where so many deletions of what is
// here, and of what is back on the server, need the user's confirmation and lack it.
func (s *Store[R]) confirmed(ctx context.Context, start engine.Start, deletions, revived int) error {
	if s.schema.TooManyDeletions == nil || start.AcceptDeletions {
		return nil
	}
	total, err := s.Count(ctx)
	if err == nil && s.schema.TooManyDeletions(deletions+revived, total+revived) {
		err = &engine.TooManyDeletionsError{Deletions: deletions + revived, Total: total + revived}
	}
	return err
}

// clear is Store.clear of the records behind a row number up to another.
func (t *Tx[R]) clear(run string, from, to int64) error {
	var u undoRecorder
	rows, err := t.sql.Query(sqlUnchanged, from, to)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var item undoItem
		if err := rows.Scan(&item.id, &item.before); err != nil {
			return err
		}
		u.items = append(u.items, item)
		t.changed = append(t.changed, item.id)
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return err
	}
	if err := t.writeUndo(&u, run); err != nil {
		return err
	}
	_, err = t.exec(sqlDropUnchanged, from, to)
	return err
}
