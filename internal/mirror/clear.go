package mirror

import (
	"context"
	"errors"
	"fmt"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/internal/sqlite"
)

// Clear takes away what the user has and the account had; see engine.Clearer.
func (c *core) Clear(ctx context.Context, start engine.Start) error {
	err := c.clear(ctx, start)
	if err != nil && !errors.As(err, new(*engine.TooManyDeletionsError)) {
		err = fmt.Errorf("cannot clear %s: %w", c.rules.Collection, err)
	}
	return err
}

func (c *core) clear(ctx context.Context, start engine.Start) error {
	var gone int
	if err := c.db.QueryRow(ctx, sqlCountUnchanged).Scan(&gone); err != nil {
		return sqlite.Explain(err)
	}
	if err := c.held(ctx, start, gone, 0); err != nil {
		return err
	}
	var end int64
	if err := c.db.QueryRow(ctx, sqlLastRecord).Scan(&end); err != nil {
		return sqlite.Explain(err)
	}
	for at := int64(0); at < end; at += int64(c.chunk) {
		if err := c.update(ctx, func(tx *tx) error { return tx.clear(start.Run, at, at+int64(c.chunk)) }); err != nil {
			return err
		}
	}
	if err := c.ledger.ForgetTombstones(ctx); err != nil {
		return err
	}
	if err := c.leave(ctx, engine.Association{}); err != nil {
		return err
	}
	return c.forget(ctx, sqlForget)
}

// held asks for the user's word on so many deletions of what is here, and of what is back
// on the server.
func (c *core) held(ctx context.Context, start engine.Start, deletions, revived int) error {
	if c.rules.Hold == nil || start.AcceptDeletions {
		return nil
	}
	total, err := c.Count(ctx)
	if err == nil && c.rules.Hold(deletions+revived, total+revived) {
		err = &engine.TooManyDeletionsError{Deletions: deletions + revived, Total: total + revived}
	}
	return err
}

// clear is core.clear of the records behind a row number up to another.
func (t *tx) clear(run string, from, to int64) error {
	var k keeper
	rows, err := t.Query(sqlUnchanged, from, to)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var item keptItem
		if err := rows.Scan(&item.id, &item.before); err != nil {
			return err
		}
		k.items = append(k.items, item)
		t.changed = append(t.changed, item.id)
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return err
	}
	if err := k.write(t, run); err != nil {
		return err
	}
	_, err = t.exec(sqlDropUnchanged, from, to)
	return err
}
