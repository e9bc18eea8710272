// Package plantest reads the query plans of a package's statements, and fails on
// those that read a whole table: they are fast in every test and slow for the user
// with a million pages.
package plantest

import (
	"database/sql"
	"go/ast"
	"go/constant"
	"go/parser"
	"go/token"
	"go/types"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// Check reads the plan of each constant of the Go file that is a statement of
// SQL, its numbered parameters bound to 1. A plan must neither scan a table nor sort
// one. A scan in the order of an index is fine where the statement has a LIMIT.
//
// allowed names the statements that may do so all the same, with the reason.
func Check(t *testing.T, db *sql.DB, file string, allowed map[string]string) {
	t.Helper()
	all := statements(t, file)
	if len(all) == 0 {
		t.Fatalf("%s has no statements", file)
	}
	for name, query := range all {
		bad := ""
		for _, step := range plan(t, db, name, query) {
			if reads(step, query) {
				bad = step
			}
		}
		_, ok := allowed[name]
		switch {
		case bad != "" && !ok:
			t.Errorf("%s: %s\n%s", name, bad, query)
		case bad == "" && ok:
			t.Errorf("%s reads no table whole; it needs no leave to do so", name)
		}
	}
	for name := range allowed {
		if all[name] == "" {
			t.Errorf("%s may read a table whole, and is no statement", name)
		}
	}
}

// lookup is a virtual table asked for some of its rows: by a row's number, by
// what matches, by the values of one array.
var lookup = regexp.MustCompile(`VIRTUAL TABLE INDEX (\d+:(=|.*M\d)|1:)`)

func reads(step, query string) bool {
	if strings.Contains(step, "TEMP B-TREE") {
		// What was limited before may be sorted.
		return !strings.Contains(query, "LIMIT") || !strings.Contains(query, "(SELECT")
	}
	if !strings.HasPrefix(step, "SCAN ") || step == "SCAN CONSTANT ROW" || lookup.MatchString(step) {
		return false
	}
	subject := strings.Fields(step)[1]
	inner := subject == "c" || strings.HasPrefix(subject, "(subquery") // a subquery has been judged by itself
	return !inner && !(strings.Contains(step, "USING") && strings.Contains(query, "LIMIT"))
}

func statements(t *testing.T, file string) map[string]string {
	t.Helper()
	files := token.NewFileSet()
	parsed, err := parser.ParseFile(files, file, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	pkg, err := new(types.Config).Check("statements", files, []*ast.File{parsed}, nil)
	if err != nil {
		t.Fatal(err)
	}
	all := make(map[string]string)
	for _, name := range pkg.Scope().Names() {
		c, ok := pkg.Scope().Lookup(name).(*types.Const)
		if !ok || c.Val().Kind() != constant.String {
			continue
		}
		text := constant.StringVal(c.Val())
		switch word, _, _ := strings.Cut(strings.TrimSpace(text), " "); word {
		case "SELECT", "INSERT", "UPDATE", "DELETE", "WITH":
			all[name] = text
		}
	}
	return all
}

func plan(t *testing.T, db *sql.DB, name, query string) (steps []string) {
	t.Helper()
	var args []any
	for n := 1; strings.Contains(query, "?"+strconv.Itoa(n)); n++ {
		args = append(args, 1)
	}
	rows, err := db.QueryContext(t.Context(), "EXPLAIN QUERY PLAN "+query, args...)
	if err != nil {
		t.Fatalf("%s: %v\n%s", name, err, query)
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
