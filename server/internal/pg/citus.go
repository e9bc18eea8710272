package pg

import (
	"context"

	"github.com/jackc/pgx/v5/pgxpool"
)

const (
	// sqlCitusPlans lets Citus see the values of a statement, since it looks up the machine of a user when it
	// plans. It changes nothing in another database.
	sqlCitusPlans = `SELECT set_config('plan_cache_mode', 'auto', false) FROM pg_extension WHERE extname = 'citus'`
	sqlCitus      = `SELECT count(*) > 0 FROM pg_extension WHERE extname = 'citus'`
)

// Citus reports whether the database is one of Citus, which spreads tables over several machines.
func Citus(ctx context.Context, pool *pgxpool.Pool) (is bool, err error) {
	err = pool.QueryRow(ctx, sqlCitus).Scan(&is)
	return is, err
}
