package sqlstore

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/syncmanager/syncmanager/internal/test/pgtest"
	"github.com/syncmanager/syncmanager/internal/test/plantest"
	"github.com/syncmanager/syncmanager/server/internal/sqldb"
)

// sources are the files of this package, without tests.
func sources(t *testing.T) []*ast.File {
	t.Helper()
	names, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	var all []*ast.File
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, file)
	}
	return all
}

// statements are the constants whose names begin with "sql".
func statements(t *testing.T) map[string]string {
	t.Helper()
	all := make(map[string]string)
	for _, file := range sources(t) {
		ast.Inspect(file, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if !ok || !strings.HasPrefix(spec.Names[0].Name, "sql") {
				return true
			}
			text, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
			if err != nil {
				t.Fatal(err)
			}
			all[spec.Names[0].Name] = text
			return true
		})
	}
	return all
}

// Each statement is a constant, because the plans of others are not checked.
func TestEveryStatementIsAConstant(t *testing.T) {
	t.Parallel()
	for _, file := range sources(t) {
		ast.Inspect(file, func(n ast.Node) bool {
			if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
				for _, verb := range []string{"SELECT ", "INSERT ", "UPDATE ", "DELETE "} {
					if strings.Contains(lit.Value, verb) && !isConstant(file, lit) {
						t.Errorf("not a constant whose name begins with sql: %s", lit.Value)
					}
				}
			}
			return true
		})
	}
}

func isConstant(file *ast.File, lit *ast.BasicLit) (found bool) {
	ast.Inspect(file, func(n ast.Node) bool {
		if spec, ok := n.(*ast.ValueSpec); ok && strings.HasPrefix(spec.Names[0].Name, "sql") && len(spec.Values) == 1 && spec.Values[0] == lit {
			found = true
		}
		return true
	})
	return found
}

// whole are the statements that read a whole table, and why they may.
var whole = map[string]string{
	"sqlUsers":                     "lists all accounts",
	"sqlInvitations":               "lists all invitations",
	"sqlSigningKeys":               "lists all keys, of which there are two or three",
	"sqlPurgeKeys":                 "there are two or three keys",
	"sqlPurgeExcessTries":          "purges, once in a while",
	"sqlPurgeIdleRefresh":          "purges, once in a while",
	"sqlAnyAccount":                "reads the first row",
	"sqlOperators":                 "lists the operators, who are few",
	"sqlOperatorsOpen":             "reads the first row",
	"sqlRemoveAllOperatorSessions": "removes all, which are few",
	"sqlRemoveAllOperatorCodes":    "removes all, which are few",
	// Its index holds the one key that is not retired.
	"sqlCurrentSigningKey": "there is one",
}

// sorts are the statements that sort, and what bounds that.
var sorts = map[string]string{
	"sqlClients":                 "an account's sessions and refresh tokens are capped",
	"sqlDevices":                 "an account's devices are capped with its tokens",
	"sqlRemoveIdleTokens":        "an account's tokens are capped",
	"sqlRemoveIdleRefreshTokens": "an account's refresh tokens are capped",
	"sqlKeepCodes":               "an account's codes are capped",
	"sqlKeepNetworks":            "an account's networks are capped",
	"sqlInvitations":             "lists all invitations",
	"sqlSigningKeys":             "there are two or three keys",
	"sqlPurgeExcessTries":        "purges, once in a while",
}

// A statement that reads a whole table is fast in every test and slow on a server
// with many accounts.
func TestNoStatementScansATable(t *testing.T) {
	t.Parallel()
	s, err := OpenFile(t.Context(), filepath.Join(t.TempDir(), "accounts.sqlite"), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	all := statements(t)
	if len(all) < 100 {
		t.Fatalf("found %d statements, want all of them", len(all))
	}
	scanned, sorted := make(map[string]bool), make(map[string]bool)
	for name, query := range all {
		for _, step := range plan(t, s, query) {
			scans := strings.HasPrefix(step, "SCAN ") && !strings.HasPrefix(step, "SCAN CONSTANT")
			if scans && whole[name] == "" {
				t.Errorf("%s: %s\n%s", name, step, query)
			}
			sort := strings.Contains(step, "TEMP B-TREE")
			if sort && sorts[name] == "" {
				t.Errorf("%s: %s\n%s", name, step, query)
			}
			scanned[name] = scanned[name] || scans
			sorted[name] = sorted[name] || sort
		}
	}
	for name := range whole {
		if !scanned[name] {
			t.Errorf("%s does not scan a table: strike it off the list", name)
		}
	}
	for name := range sorts {
		if !sorted[name] {
			t.Errorf("%s does not sort: strike it off the list", name)
		}
	}
}

// plan returns the plan of a statement, a line for each step.
func plan(t *testing.T, s *Store, query string) (steps []string) {
	t.Helper()
	rows, err := s.db.Read(t.Context()).Query("EXPLAIN QUERY PLAN "+query, make([]any, parameters(query))...)
	if err != nil {
		t.Fatalf("%v\n%s", err, query)
	}
	defer rows.Close()
	for rows.Next() {
		var id, parent, unused int
		var step string
		if err := rows.Scan(&id, &parent, &unused, &step); err != nil {
			t.Fatal(err)
		}
		steps = append(steps, step)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return steps
}

// parameters counts the parameters of a statement as SQLite does: "?" is one more
// than the highest before, "?3" the third.
func parameters(query string) (n int) {
	highest := 0
	for i, c := range query {
		if c != '?' {
			continue
		}
		if i+1 < len(query) && query[i+1] >= '1' && query[i+1] <= '9' {
			highest = max(highest, int(query[i+1]-'0'))
		} else {
			highest++
		}
	}
	return highest
}

// PostgreSQL finds no mistake in any statement, and plans each without reading a whole table.
func TestStatementsInPostgreSQL(t *testing.T) {
	t.Parallel()
	db, err := sqldb.OpenPostgres(t.Context(), pgtest.Database(t)+"&enable_seqscan=off", "accounts", Schema(), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	s := New(db)
	t.Cleanup(func() { _ = s.Close() })
	plantest.CheckPostgres(t, s.db.Read(t.Context()), statements(t), whole)
}
