package mirror

import (
	"context"
	"errors"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/internal/sqlite"
)

// Troubles counts the records that are stuck, and names the first max of each kind.
func (c *Core) Troubles(ctx context.Context, max int) (t engine.Troubles, err error) {
	if t.Unsent, t.UnsentRecords, err = c.problems(ctx, sqlCountRefused, sqlRefusedPage, max); err != nil {
		return t, err
	}
	t.Unread, t.UnreadRecords, err = c.problems(ctx, sqlCountRetry, sqlRetryPage, max)
	return t, err
}

// problems are some of the records that a query counts and another lists, with
// their reasons.
func (c *Core) problems(ctx context.Context, count, list string, max int) (n int, some []engine.Problem, err error) {
	if err := c.db.QueryRow(ctx, count).Scan(&n); err != nil || n == 0 {
		return 0, nil, sqlite.Explain(err)
	}
	rows, err := c.db.Query(ctx, list, max)
	if err != nil {
		return 0, nil, sqlite.Explain(err)
	}
	defer rows.Close()
	for rows.Next() {
		var id engine.ID
		var reason string
		if err := rows.Scan(&id, &reason); err != nil {
			return 0, nil, sqlite.Explain(err)
		}
		some = append(some, engine.Problem{ID: id, Err: errors.New(reason)})
	}
	return n, some, sqlite.Explain(rows.Err())
}
