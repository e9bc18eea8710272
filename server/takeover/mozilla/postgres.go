package mozilla

import (
	"context"
	"errors"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
)

const (
	sqlBeginPostgres = `BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY`
	// The first statement takes the snapshot.
	sqlSnapshot = `SELECT 1`
)

// openPostgres connects to PostgreSQL and begins to read. text is a connection string of libpq; what it
// leaves out comes from the environment and from the password file, as in psql.
func openPostgres(ctx context.Context, text string, o Options) (database, error) {
	cfg, err := pgx.ParseConfig(text)
	if err != nil {
		return nil, err
	}
	if cfg.ConnectTimeout == 0 {
		cfg.ConnectTimeout = dialTimeout
	}
	for name, value := range map[string]string{
		"application_name": "syncmanager",
		// Each user's records wait while the user before is written.
		"idle_in_transaction_session_timeout": "0", "statement_timeout": "0",
	} {
		cfg.RuntimeParams[name] = value
	}
	db, err := beginPostgres(ctx, cfg)
	if denied := (*pgconn.PgError)(nil); errors.As(err, &denied) && denied.Code == "28P01" && cfg.Password == "" && o.Password != nil {
		if cfg.Password, err = o.Password(ctx, cfg.User); err != nil {
			return nil, err
		}
		db, err = beginPostgres(ctx, cfg)
	}
	return db, err
}

func beginPostgres(ctx context.Context, cfg *pgx.ConnConfig) (database, error) {
	c, err := begin(ctx, stdlib.OpenDB(*cfg), sqlBeginPostgres, sqlSnapshot)
	if err != nil {
		return nil, err
	}
	return postgresDB{c}, nil
}

// numbered numbers the parameters of a statement, as PostgreSQL wants them.
func numbered(query string) string {
	var b strings.Builder
	n := 0
	for part := range strings.SplitSeq(query, "?") {
		if n > 0 {
			b.WriteString("$" + strconv.Itoa(n))
		}
		b.WriteString(part)
		n++
	}
	return b.String()
}
