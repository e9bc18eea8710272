package mozilla_test

import (
	"database/sql"
	"fmt"
	"strings"
	"testing"

	"github.com/syncmanager/syncmanager/internal/test/oldserver"
	"github.com/syncmanager/syncmanager/internal/test/plantest"
)

// once are the statements that run once, and may read a whole table.
var once = []string{"sqlColumns", "sqlService", "sqlCount", "sqlIssuers", "sqlNodes", "sqlPythonNames", "sqlRustNames", "sqlPGNames"}

// of are the statements for one user or one page of users, by the kinds of servers that have them.
var of = map[string][]oldserver.Kind{
	"sqlEmails":        oldserver.Kinds(),
	"sqlNodeKeys":      {oldserver.RustMySQL, oldserver.RustPostgres},
	"sqlOldNodeKeys":   {oldserver.RustMySQL, oldserver.RustPostgres},
	"sqlStaticKeys":    {oldserver.PythonSQLite, oldserver.PythonMySQL, oldserver.PythonPostgres},
	"sqlOldStaticKeys": {oldserver.PythonSQLite, oldserver.PythonMySQL, oldserver.PythonPostgres},
	"sqlTimes":         {oldserver.RustMySQL, oldserver.PythonSQLite, oldserver.PythonMySQL, oldserver.PythonPostgres},
	"sqlRecords":       {oldserver.RustMySQL, oldserver.PythonSQLite, oldserver.PythonMySQL, oldserver.PythonPostgres},
	"sqlPGTimes":       {oldserver.RustPostgres},
	"sqlPGRecords":     {oldserver.RustPostgres},
}

// The cost of a user does not grow with the number of users: each statement finds the user by an index.
func TestPlans(t *testing.T) {
	t.Parallel()
	statements := plantest.Statements(t, "sql.go")
	for name := range statements {
		isOnce := false
		for _, prefix := range once {
			isOnce = isOnce || strings.HasPrefix(name, prefix)
		}
		if !isOnce && of[name] == nil {
			t.Errorf("%s has no plan here", name)
		}
	}
	for _, kind := range oldserver.Kinds() {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			s := oldserver.New(t, kind)
			for uid := range int64(50) {
				s.AddUser(oldserver.User{UID: uid + 1, Email: fmt.Sprintf("%032x@a.test", uid)})
				s.Put(uid+1, oldserver.Record{Collection: "forms", ID: "x", Modified: noon})
			}
			if kind == oldserver.RustMySQL || kind == oldserver.PythonMySQL {
				s.Exec("ANALYZE TABLE users")
			}
			for name, kinds := range of {
				for _, k := range kinds {
					if k == kind {
						checkPlan(t, s.DB, kind, name, statements[name])
					}
				}
			}
		})
	}
}

func checkPlan(t *testing.T, db *sql.DB, kind oldserver.Kind, name, query string) {
	t.Helper()
	// A payload's bound, and a service's number, are numbers everywhere; so is a text that is one.
	query = strings.ReplaceAll(query, "?", "'1'")
	if name == "sqlRecords" || name == "sqlPGRecords" || name == "sqlTimes" || name == "sqlPGTimes" || strings.Contains(name, "Node") {
		query = strings.ReplaceAll(query, "'1'", "1")
		query = strings.Replace(query, "u.email = 1", "u.email = '1'", 1)
	}
	prefix, scan := "EXPLAIN ", "Seq Scan"
	switch kind {
	case oldserver.PythonSQLite:
		prefix, scan = "EXPLAIN QUERY PLAN ", "SCAN bso"
	case oldserver.RustMySQL, oldserver.PythonMySQL:
		scan = " ALL "
	case oldserver.RustPostgres, oldserver.PythonPostgres:
		// The tables of the test are small.
		if _, err := db.ExecContext(t.Context(), "SET enable_seqscan = off"); err != nil {
			t.Fatal(err)
		}
	}
	rows, err := db.QueryContext(t.Context(), prefix+query)
	must(t, err)
	defer rows.Close()
	columns, err := rows.Columns()
	must(t, err)
	for rows.Next() {
		values := make([]sql.NullString, len(columns))
		into := make([]any, len(columns))
		for i := range values {
			into[i] = &values[i]
		}
		must(t, rows.Scan(into...))
		line := ""
		for _, v := range values {
			line += " " + v.String
		}
		// The few nodes may be read whole.
		if strings.Contains(line+" ", scan) && !strings.Contains(line, " n ") && !strings.Contains(line, "nodes n") ||
			kind == oldserver.PythonSQLite && strings.Contains(line, "SCAN ") && !strings.Contains(line, "COVERING INDEX") {
			t.Errorf("%s reads a whole table:%s\n%s", name, line, query)
		}
	}
	must(t, rows.Err())
}
