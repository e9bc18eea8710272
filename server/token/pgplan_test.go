package token

import (
	"context"
	"regexp"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/syncmanager/syncmanager/internal/test/pgtest"
	"github.com/syncmanager/syncmanager/internal/test/plantest"
	"github.com/syncmanager/syncmanager/server/internal/sqldb"
)

// On PostgreSQL too, a statement of a request finds its user by an index.
func TestPlansOnPostgreSQL(t *testing.T) {
	t.Parallel()
	database := pgtest.Database(t)
	db, err := sqldb.OpenPostgres(t.Context(), database, "tokens", Schema(), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	config, err := pgx.ParseConfig(database)
	if err != nil {
		t.Fatal(err)
	}
	config.RuntimeParams["plan_cache_mode"] = "force_generic_plan"
	config.RuntimeParams["enable_seqscan"] = "off"    // the empty tables count as large
	config.RuntimeParams["enable_bitmapscan"] = "off" // its plans have two scans for one
	conn, err := pgx.ConnectConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(t.Context())) }()
	for name, statement := range plantest.Statements(t, "sql.go") {
		plan := explain(t, conn, name, statement)
		// A scan of an index without a condition reads all of it.
		scans, bounded := strings.Count(plan, " Scan "), strings.Count(plan, "Index Cond: ")
		if reads := strings.Contains(plan, "Seq Scan") || scans > bounded; reads != (whole[name] != "") {
			t.Errorf("%s reads a table: %v\n%s\n%s", name, reads, statement, plan)
		}
	}
}

var parameter = regexp.MustCompile(`\?(\d)`)

// explain returns the plan of a statement.
func explain(t *testing.T, conn *pgx.Conn, name, statement string) string {
	t.Helper()
	prepared, err := conn.Prepare(t.Context(), strings.ToLower(name), parameter.ReplaceAllString(statement, "$$$1"))
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	var args []string
	for _, oid := range prepared.ParamOIDs {
		switch oid {
		case pgtype.Int8OID, pgtype.Int4OID:
			args = append(args, "1")
		default:
			args = append(args, "''")
		}
	}
	call := "EXPLAIN EXECUTE " + strings.ToLower(name)
	if len(args) > 0 {
		call += "(" + strings.Join(args, ", ") + ")"
	}
	rows, err := conn.Query(t.Context(), call)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return strings.Join(lines, "\n")
}
