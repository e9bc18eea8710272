// Package pg connects to PostgreSQL, 14 or newer, and makes tables there.
package pg

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

// Wait is how long a statement waits for a lock, unless Options say otherwise.
const Wait = 10 * time.Second

// Options say how to connect.
type Options struct {
	// MaxConns bounds the connections; 0: 16.
	MaxConns int32
	// Wait is how long a statement waits for a lock; 0: [Wait].
	Wait time.Duration
}

// Open returns connections to the database, which are made when they are needed. database is a
// connection string of libpq: a URL, or words such as "host=db dbname=sync". What it leaves out
// comes from the environment and from the password file, as in psql. Errors do not
// contain the password.
func Open(ctx context.Context, database string, o Options) (*pgxpool.Pool, error) {
	config, err := pgxpool.ParseConfig(database)
	if err != nil {
		return nil, err
	}
	config.MaxConns = 16
	if o.MaxConns > 0 {
		config.MaxConns = o.MaxConns
	}
	if o.Wait == 0 {
		o.Wait = Wait
	}
	for name, value := range map[string]string{
		"application_name": "syncmanager",
		"lock_timeout":     fmt.Sprint(o.Wait.Milliseconds()),
		// A process that is gone keeps neither its place in the queue for a lock, nor the lock.
		"client_connection_check_interval":    "5s",
		"idle_in_transaction_session_timeout": "5min",
		// The plan does not depend on the values, so that the tests read the plans that are used.
		"plan_cache_mode": "force_generic_plan",
		"jit":             "off",
	} {
		config.ConnConfig.RuntimeParams[name] = value
	}
	return pgxpool.NewWithConfig(ctx, config)
}
