package archtest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// walk calls visit for each file of the module with that extension.
func walk(t *testing.T, extension string, visit func(name string, text []byte) error) {
	t.Helper()
	root := os.DirFS(filepath.Join("..", ".."))
	err := fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && name != "." && (strings.HasPrefix(d.Name(), ".") || strings.HasPrefix(d.Name(), "_") || d.Name() == "testdata") {
			return fs.SkipDir
		}
		if d.IsDir() || path.Ext(name) != extension {
			return nil
		}
		text, err := fs.ReadFile(root, name)
		if err != nil {
			return err
		}
		return visit(name, text)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// statement is the beginning of an SQL statement that reads or writes rows.
var statement = regexp.MustCompile("^[\"`]\\s*(SELECT|INSERT (OR [A-Z]+ )?INTO|REPLACE INTO|UPDATE [\\w$]+ SET|DELETE FROM|WITH) ")

// assembled are the files whose statements depend on a configuration. Their tests read the
// plans.
var assembled = map[string]bool{"internal/ledger/ledger.go": true}

// TestStatementsAreConstants finds SQL that is written where it runs: a test that reads the
// plans of a package's constants does not see it.
func TestStatementsAreConstants(t *testing.T) {
	t.Parallel()
	constants := 0
	walk(t, ".go", func(name string, text []byte) error {
		if strings.HasSuffix(name, "_test.go") || assembled[name] || within(path.Dir(name), "internal/test/...") {
			return nil
		}
		files := token.NewFileSet()
		file, err := parser.ParseFile(files, name, text, 0)
		if err != nil {
			return err
		}
		isStatement := func(n ast.Node) bool {
			literal, ok := n.(*ast.BasicLit)
			return ok && literal.Kind == token.STRING && statement.MatchString(literal.Value)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if d, ok := n.(*ast.GenDecl); ok && d.Tok == token.CONST {
				ast.Inspect(d, func(n ast.Node) bool {
					if isStatement(n) {
						constants++
					}
					return true
				})
				return false
			}
			if isStatement(n) {
				t.Errorf("%s: this statement is not a constant: %s", files.Position(n.Pos()), n.(*ast.BasicLit).Value)
			}
			return true
		})
		return nil
	})
	if constants < 300 {
		t.Errorf("found %d constants, want all of them", constants)
	}
}

var table = regexp.MustCompile(`(?s)CREATE TABLE (\w+).*?\n\)(.*?);`)

// TestTablesAreStrict finds SQLite tables that take values of any type. PostgreSQL has none.
func TestTablesAreStrict(t *testing.T) {
	t.Parallel()
	tables := 0
	walk(t, ".sql", func(name string, text []byte) error {
		if within(path.Dir(name), "server/storage/postgres/...") {
			return nil
		}
		found := table.FindAllSubmatch(text, -1)
		if n := strings.Count(string(text), "CREATE TABLE"); n != len(found) {
			t.Errorf("%s has %d tables, of which %d can be read", name, n, len(found))
		}
		for _, m := range found {
			if tables++; !strings.Contains(string(m[2]), "STRICT") {
				t.Errorf("%s: the table %s is not STRICT", name, m[1])
			}
		}
		return nil
	})
	if tables < 50 {
		t.Errorf("found %d tables, want all of them", tables)
	}
}
