package pg

import (
	"context"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// A topic is among the processes that use the same tables. Its channel's name fits into the 63 bytes that a name may have.
const (
	sqlChannel = `SELECT 'syncmanager_' || $1 || '_' || md5(current_schema())`
	// sqlNotify does not wait for the disk: what is lost with the database's machine is read again.
	sqlNotify = `SELECT set_config('synchronous_commit', 'off', true), pg_notify('syncmanager_' || $1 || '_' || md5(current_schema()), $2)`
)

// MaxPayload is the size of the largest payload of Notify, in bytes.
const MaxPayload = 7999

// Notify sends a payload to all processes that listen to a topic, this one included. PostgreSQL lets only one transaction at a time
// commit a notification, so this is not done with the writes of users.
func Notify(ctx context.Context, pool *pgxpool.Pool, topic, payload string) error {
	_, err := pool.Exec(ctx, sqlNotify, topic, payload)
	return err
}

// Listen calls heard for each payload of a topic, until ctx ends or the connection is lost; it always returns an
// error. It keeps one connection of the pool. begun is called when nothing is missed any more.
func Listen(ctx context.Context, pool *pgxpool.Pool, topic string, begun func(), heard func(payload string)) error {
	return pool.AcquireFunc(ctx, func(c *pgxpool.Conn) error {
		conn := c.Conn()
		// A connection that listens must not go back to the pool.
		defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
		var channel string
		if err := conn.QueryRow(ctx, sqlChannel, topic).Scan(&channel); err != nil {
			return err
		}
		if _, err := conn.Exec(ctx, "LISTEN "+pgx.Identifier{channel}.Sanitize()); err != nil {
			return err
		}
		begun()
		for {
			n, err := conn.WaitForNotification(ctx)
			if err != nil {
				return err
			}
			heard(n.Payload)
		}
	})
}
