package history

import (
	"context"
	"errors"

	"github.com/syncmanager/syncmanager/engine"
)

// Troubles counts the records that are stuck, and names the first max of each kind.
func (e *Engine) Troubles(ctx context.Context, max int) (t engine.Troubles, err error) {
	err = e.view(ctx, func(tx *tx) (err error) {
		if t.Unsent, t.UnsentRecords, err = tx.problems(sqlCountRefused, sqlRefusedPage, max); err != nil {
			return err
		}
		t.Unread, t.UnreadRecords, err = tx.problems(sqlCountRetry, sqlRetryPage, max)
		return err
	})
	return t, err
}

// problems are some of the records that a query counts and another lists, with their
// reasons.
func (t *tx) problems(count, list string, max int) (n int, some []engine.Problem, err error) {
	if err := t.QueryRow(count).Scan(&n); err != nil || n == 0 {
		return 0, nil, err
	}
	rows, err := t.Query(list, max)
	if err != nil {
		return 0, nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var id engine.ID
		var reason string
		if err := rows.Scan(&id, &reason); err != nil {
			return 0, nil, err
		}
		some = append(some, engine.Problem{ID: id, Err: errors.New(reason)})
	}
	return n, some, rows.Err()
}
