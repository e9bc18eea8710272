package plantest

import (
	"database/sql"
	"slices"
	"strings"
	"testing"
)

// Querier runs statements in the dialect in which they are written.
type Querier interface {
	Query(query string, args ...any) (*sql.Rows, error)
}

// CheckPostgres reads the plan of each statement in a PostgreSQL database that was opened with
// enable_seqscan=off, so that a small table counts as a large one. PostgreSQL must find no mistake
// in any, and read no whole table but for those that allowed names, with the reason.
func CheckPostgres(t *testing.T, db Querier, statements, allowed map[string]string) {
	t.Helper()
	for name, query := range statements {
		steps, err := postgresPlan(db, query)
		if err != nil {
			t.Errorf("%s: %v\n%s", name, err, query)
		}
		scan := slices.IndexFunc(steps, func(step string) bool { return strings.Contains(step, "Seq Scan") })
		if scan >= 0 && allowed[name] == "" {
			t.Errorf("%s: %s\n%s", name, steps[scan], query)
		}
	}
}

func postgresPlan(db Querier, query string) (steps []string, err error) {
	rows, err := db.Query("EXPLAIN "+query, make([]any, parameters(query))...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var step string
		if err := rows.Scan(&step); err != nil {
			return nil, err
		}
		steps = append(steps, step)
	}
	return steps, rows.Err()
}
