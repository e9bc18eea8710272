// Package plantest reads the query plans of a package's statements, and fails for
// those that read a whole table: they are fast in every test, and slow for the user
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

// Statements returns the SQL statements of a Go file by name: its constants whose names begin with
// "sql".
func Statements(t *testing.T, file string) map[string]string {
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
		if ok && c.Val().Kind() == constant.String && strings.HasPrefix(name, "sql") {
			all[name] = constant.StringVal(c.Val())
		}
	}
	if len(all) == 0 {
		t.Fatalf("%s has no statements", file)
	}
	return all
}

// Check reads the plan of each of the Go file's statements, with all parameters bound to 1. A
// plan must neither scan a table nor sort one. A scan in the order of an index is fine
// if the statement has a LIMIT.
//
// allowed names the statements that may do either, with the reason.
func Check(t *testing.T, db *sql.DB, file string, allowed map[string]string) {
	t.Helper()
	all := Statements(t, file)
	for name, query := range all {
		bad := ""
		for _, step := range Plan(t, db, query) {
			if reads(step, query) {
				bad = step
			}
		}
		_, ok := allowed[name]
		switch {
		case bad != "" && !ok:
			t.Errorf("%s: %s\n%s", name, bad, query)
		case bad == "" && ok:
			t.Errorf("%s does not read a whole table: take it off the list", name)
		}
	}
	for name := range allowed {
		if all[name] == "" {
			t.Errorf("%s is on the list, and is not a statement", name)
		}
	}
}

// lookup is a virtual table asked for some of its rows: by a row's number, by
// what matches, by the values of one array.
var lookup = regexp.MustCompile(`VIRTUAL TABLE INDEX (\d+:(=|.*M\d)|1:)`)

func reads(step, query string) bool {
	if strings.Contains(step, "TEMP B-TREE") {
		// A result that was limited before may be sorted.
		return !strings.Contains(query, "LIMIT") || !strings.Contains(query, "(SELECT")
	}
	if !strings.HasPrefix(step, "SCAN ") || step == "SCAN CONSTANT ROW" || lookup.MatchString(step) {
		return false
	}
	subject := strings.Fields(step)[1]
	inner := subject == "c" || strings.HasPrefix(subject, "(subquery") // a subquery is checked by itself
	return !inner && !(strings.Contains(step, "USING") && strings.Contains(query, "LIMIT"))
}

// Plan returns the plan of a statement, a line for each step.
func Plan(t *testing.T, db *sql.DB, query string) (steps []string) {
	t.Helper()
	args := make([]any, parameters(query))
	for i := range args {
		args[i] = 1
	}
	rows, err := db.QueryContext(t.Context(), "EXPLAIN QUERY PLAN "+query, args...)
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

// parameter is "?" or a numbered one, like "?3".
var parameter = regexp.MustCompile(`\?(\d*)`)

// parameters counts the parameters of a statement as SQLite does: "?" is one more
// than the highest before it, "?3" the third.
func parameters(query string) (highest int) {
	for _, found := range parameter.FindAllStringSubmatch(query, -1) {
		n, err := strconv.Atoi(found[1])
		if err != nil {
			n = highest + 1
		}
		highest = max(highest, n)
	}
	return highest
}
