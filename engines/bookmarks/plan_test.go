package bookmarks

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/engines/internal/places"
)

// statements are all constants of the package that are SQL, with what they are
// put together from.
func statements(t *testing.T) map[string]string {
	t.Helper()
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	parts := make(map[string]ast.Expr)
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if spec, ok := n.(*ast.ValueSpec); ok && strings.HasPrefix(spec.Names[0].Name, "sql") {
				parts[spec.Names[0].Name] = spec.Values[0]
			}
			return true
		})
	}
	var text func(ast.Expr) string
	text = func(e ast.Expr) string {
		switch e := e.(type) {
		case *ast.BasicLit:
			s, err := strconv.Unquote(e.Value)
			if err != nil {
				t.Fatal(err)
			}
			return s
		case *ast.BinaryExpr:
			return text(e.X) + text(e.Y)
		case *ast.Ident:
			return text(parts[e.Name])
		}
		t.Fatalf("cannot read %T", e)
		return ""
	}
	all := make(map[string]string, len(parts))
	for name, e := range parts {
		all[name] = text(e)
	}
	// These are parts of other statements.
	for _, part := range []string{"sqlItem", "sqlItemColumns", "sqlItemTables", "sqlLocalItem", "sqlSubtree", "sqlNotHeld", "sqlNotHeldGone", "sqlWhereHeld", "sqlWhereHeldGone"} {
		delete(all, part)
	}
	return all
}

// small are tables and subqueries that do not grow with the tree.
var small = map[string]bool{"bookmark_meta": true, "json_each": true, "CONSTANT": true, "below": true, "(subquery-2)": true,
	"(subquery-1)": true, "(subquery-3)": true, "r": true, "j": true, "value": true}

// wholeStatements are meant to read everything.
var wholeStatements = map[string]bool{
	"sqlBadPositions": true, // Check
	"sqlSynced":       true, // Check
	"sqlPlaced":       true, // Wipe
	"sqlWipeItems":    true, // Wipe
	// Before a first sync.
	"sqlAnyUnsound": true, "sqlCountAllStaged": true, "sqlClearStaged": true,
}

// A statement that scans a table is fast in tests, and slow with a hundred thousand bookmarks.
func TestNoStatementScansATable(t *testing.T) {
	t.Parallel()
	db, err := places.Open(t.Context(), places.Config{Path: filepath.Join(t.TempDir(), "x.db"), Now: time.Now, Rand: strings.NewReader("")})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	all := statements(t)
	if len(all) < 80 {
		t.Fatalf("found %d statements; want all of them", len(all))
	}
	for name, query := range all {
		args := strings.Count(query, "?,") + strings.Count(query, "?)")
		for i := range 12 {
			if strings.Contains(query, "?"+strconv.Itoa(i+1)) {
				args = i + 1
			}
		}
		rows, err := db.Read().QueryContext(t.Context(), "EXPLAIN QUERY PLAN "+query, make([]any, args)...)
		if err != nil {
			t.Fatalf("%s: %v\n%s", name, err, query)
		}
		for rows.Next() {
			var id, parent, unused int
			var step string
			if err := rows.Scan(&id, &parent, &unused, &step); err != nil {
				t.Fatal(err)
			}
			if words := strings.Fields(step); words[0] == "SCAN" && !small[words[1]] && !wholeStatements[name] {
				t.Errorf("%s: %s\n%s", name, step, query)
			}
		}
		if err := rows.Err(); err != nil {
			t.Fatal(err)
		}
	}
}
