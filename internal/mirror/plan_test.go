package mirror

import (
	"context"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/engine"
)

// statements are all constants of sql.go.
func statements(t *testing.T) map[string]string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "sql.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	all := make(map[string]string)
	ast.Inspect(file, func(n ast.Node) bool {
		if spec, ok := n.(*ast.ValueSpec); ok {
			text, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
			if err != nil {
				t.Fatal(err)
			}
			all[spec.Names[0].Name] = text
		}
		return true
	})
	return all
}

// growing are the tables whose size is the user's, and their names in a join.
var growing = map[string]bool{"records": true, "r": true, "staged": true, "s": true, "outgoing": true, "o": true, "retry": true, "h": true, "tombstones": true, "t": true, "lookups": true, "l": true, "noted": true}

// A statement that reads a whole table is fast in every test and slow for the
// user with a hundred thousand records.
func TestNoStatementScansATable(t *testing.T) {
	t.Parallel()
	c, err := open(t.Context(), Schema[testRecord]{Collection: "test"}, engine.StoreConfig{Path: filepath.Join(t.TempDir(), "x.db"), Now: time.Now}, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	all := statements(t)
	if len(all) < 40 {
		t.Fatalf("found %d statements in sql.go; want all of them", len(all))
	}
	for name, query := range all {
		for _, step := range plan(t, c, query) {
			words := strings.Fields(step)
			if words[0] == "SCAN" && growing[words[1]] || strings.Contains(step, "TEMP B-TREE") {
				t.Errorf("%s: %s\n%s", name, step, query)
			}
		}
	}
}

func plan(t *testing.T, c *Store[testRecord], query string) (steps []string) {
	t.Helper()
	var args []any
	for i := range 8 {
		if strings.Contains(query, "?"+strconv.Itoa(i+1)) {
			args = append(args, 1)
		}
	}
	for range strings.Count(query, "?, ") + strings.Count(query, "?)") {
		if !strings.Contains(query, "?1") {
			args = append(args, 1)
		}
	}
	rows, err := c.db.Read().QueryContext(context.Background(), "EXPLAIN QUERY PLAN "+query, args...)
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
