package pg

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

// The lock belongs to the connection, so that it ends with the process that has it.
const (
	sqlTryAlone = `SELECT pg_try_advisory_lock(hashtextextended('syncmanager ' || current_schema() || ' alone ' || $1, 0))`
	sqlEndAlone = `SELECT pg_advisory_unlock(hashtextextended('syncmanager ' || current_schema() || ' alone ' || $1, 0))`
)

// endTimeout bounds the release of a lock after the context has ended.
const endTimeout = 10 * time.Second

// Alone runs f unless a process runs one of that name now, on the same tables, and reports whether
// it did. It keeps one connection of the pool while f runs. If that is lost, another process may
// begin while f still runs: f must be harmless then.
func Alone(ctx context.Context, pool *pgxpool.Pool, name string, f func(context.Context) error) (ran bool, err error) {
	err = pool.AcquireFunc(ctx, func(conn *pgxpool.Conn) error {
		if err := conn.QueryRow(ctx, sqlTryAlone, name).Scan(&ran); err != nil || !ran {
			return err
		}
		defer func() {
			ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), endTimeout)
			defer cancel()
			if _, err := conn.Exec(ctx, sqlEndAlone, name); err != nil {
				_ = conn.Conn().Close(ctx) // the lock ends with the connection
			}
		}()
		return f(ctx)
	})
	return ran, err
}
