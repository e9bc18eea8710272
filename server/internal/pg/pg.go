// Package pg connects to PostgreSQL, 14 or newer, and makes tables there.
package pg

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/syncmanager/syncmanager/server/telemetry"
)

const (
	// Wait is how long a statement waits for a lock, unless Options say otherwise.
	Wait = 10 * time.Second
	// statementTime is how long a statement may take, which includes its wait for a lock. What may take
	// longer says so itself: a listing, a migration, what reads all users.
	statementTime = time.Minute
	// idleTime is how long a transaction may wait for its next statement. It ends one whose
	// process hangs; what is read for a slow client is bounded by the caller.
	idleTime = 5 * time.Minute
	// maxConns is how many connections there are at most.
	maxConns = 16
)

// Options say how to connect.
type Options struct {
	// MaxConns bounds the connections, unless the connection string has pool_max_conns; 0: 16.
	MaxConns int32
	// Wait is how long a statement waits for a lock; 0: [Wait].
	Wait time.Duration
	// Part, if set, observes the statements and the connections.
	Part *telemetry.Part
}

// Open returns connections to the database, which are made when they are needed. database is a
// connection string of libpq: a URL, or words such as "host=db dbname=sync". What it leaves out
// comes from the environment and from the password file, as in psql. Errors do not
// contain the password.
//
// The string may also give values to settings of PostgreSQL, and to those of the pool: what it
// says of statement_timeout, lock_timeout, idle_in_transaction_session_timeout or pool_max_conns
// is used in place of this package's own values.
func Open(ctx context.Context, database string, o Options) (*pgxpool.Pool, error) {
	config, err := pgxpool.ParseConfig(database)
	if err != nil {
		return nil, err
	}
	given, err := pgconn.ParseConfig(database)
	if err != nil {
		return nil, err
	}
	if _, set := given.RuntimeParams["pool_max_conns"]; !set {
		config.MaxConns = cmp.Or(o.MaxConns, maxConns)
	}
	for name, value := range map[string]string{
		"application_name":                    "syncmanager",
		"lock_timeout":                        milliseconds(cmp.Or(o.Wait, Wait)),
		"statement_timeout":                   milliseconds(statementTime),
		"idle_in_transaction_session_timeout": milliseconds(idleTime),
		// A process that is gone keeps neither its place in the queue for a lock, nor the lock.
		"client_connection_check_interval": "5s",
	} {
		if _, set := config.ConnConfig.RuntimeParams[name]; !set {
			config.ConnConfig.RuntimeParams[name] = value
		}
	}
	// The plan does not depend on the values, so that the tests read the plans that are used.
	config.ConnConfig.RuntimeParams["plan_cache_mode"] = "force_generic_plan"
	config.ConnConfig.RuntimeParams["jit"] = "off"
	config.AfterConnect = func(ctx context.Context, conn *pgx.Conn) error {
		registerByteaArrays(conn.TypeMap())
		if _, err := conn.Exec(ctx, sqlCitusPlans); err != nil {
			return fmt.Errorf("%w: %w", errNewConnection, err)
		}
		return nil
	}
	if o.Part != nil {
		config.ConnConfig.Tracer = tracer{o.Part}
	}
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err == nil {
		o.Part.Pool("", func() telemetry.Connections { return connections(pool.Stat()) })
	}
	return pool, err
}

// DefaultStatementTime reports whether the connection string did not set the time that a
// statement may take.
func DefaultStatementTime(pool *pgxpool.Pool) bool {
	return pool.Config().ConnConfig.RuntimeParams["statement_timeout"] == milliseconds(statementTime)
}

func milliseconds(d time.Duration) string { return fmt.Sprint(d.Milliseconds()) }
