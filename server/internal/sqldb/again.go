package sqldb

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/syncmanager/syncmanager/server/internal/pg"
)

// attempts is how often an Update is tried while others are in its way.
const attempts = 10

// again runs f until no other transaction was in its way, [attempts] times at most.
func again(ctx context.Context, f func() error) (err error) {
	for range attempts {
		if err = f(); !crossed(err) || ctx.Err() != nil {
			return err
		}
	}
	return err
}

// crossed reports whether a transaction failed because of another that ran at the same time, and
// may succeed, or find what the other wrote, if it is run again.
func crossed(err error) bool {
	failure, ok := errors.AsType[*pgconn.PgError](err)
	// unique_violation, foreign_key_violation: what was read before is over
	return ok && (failure.Code == "23505" || failure.Code == "23503") || pg.Conflicts(err)
}
