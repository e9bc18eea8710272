package sqlite

import (
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/bso"
	"github.com/syncmanager/syncmanager/internal/sqlite"
	"github.com/syncmanager/syncmanager/server/storage"
)

// newTestClock is a clock that stands still.
func newTestClock() func() time.Time {
	now := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	return func() time.Time { return now }
}

func changesIDs(changes []storage.Change) (ids []bso.ID) {
	for _, c := range changes {
		ids = append(ids, c.ID)
	}
	return ids
}

// explain returns the plan of a statement, a line for each step.
func explain(t *testing.T, db *sqlite.DB, query string) (plan []string) {
	t.Helper()
	rows, err := db.Read().QueryContext(t.Context(), "EXPLAIN QUERY PLAN "+query, make([]any, parameters(query))...)
	if err != nil {
		t.Fatalf("%v in %s", err, query)
	}
	defer rows.Close()
	for rows.Next() {
		var id, parent, unused int
		var line string
		if err := rows.Scan(&id, &parent, &unused, &line); err != nil {
			t.Fatal(err)
		}
		plan = append(plan, line)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return plan
}

// parameters counts the parameters of a statement: "?" each, or "?1" to "?9".
func parameters(query string) (n int) {
	for i, c := range query {
		if c != '?' {
			continue
		}
		if i+1 < len(query) && query[i+1] >= '1' && query[i+1] <= '9' {
			n = max(n, int(query[i+1]-'0'))
		} else {
			n++
		}
	}
	return n
}
