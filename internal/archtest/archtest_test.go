package archtest

import (
	"go/parser"
	"go/token"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/syncmanager/syncmanager"

// TestImports reads the imports of every file, for whatever system it is built,
// tests included. A package foo_test may import what it likes, and any test the
// helpers of tests.
func TestImports(t *testing.T) {
	seen := map[string]bool{}
	walk(t, ".go", func(name string, src []byte) error {
		file, err := parser.ParseFile(token.NewFileSet(), name, src, parser.ImportsOnly)
		if err != nil {
			return err
		}
		from := path.Dir(name)
		if seen[from] = true; !hasRule(from) {
			t.Errorf("%s: %v", name, check(from, from))
			return nil
		}
		if strings.HasSuffix(file.Name.Name, "_test") {
			return nil
		}
		for _, spec := range file.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			to, ours := packageOf(imported)
			if strings.HasSuffix(name, "_test.go") && within(to, "internal/test/...") {
				continue
			}
			if ours {
				if err := check(from, to); err != nil {
					t.Errorf("%s: %v", name, err)
				}
			}
		}
		return nil
	})
	if !seen["engine"] || !seen["internal/archtest"] {
		t.Errorf("the walk missed the module: it saw %d folders", len(seen))
	}
}

func hasRule(pkg string) bool {
	_, ok := ruleFor(pkg)
	return ok
}

// packageOf is the folder of an import path of the module.
func packageOf(imported string) (pkg string, ours bool) {
	if imported == module {
		return ".", true
	}
	return strings.CutPrefix(imported, module+"/")
}

func TestRulesTellImportsApart(t *testing.T) {
	for _, pair := range []string{
		"bso internal/rawjson", "engine bso", ". sync15", "sync15 seal", "engines/bookmarks engines/bookmarks/internal/tree",
		"engines/passwords internal/mirror", "server server/storage", "server/storage internal/sqlite",
		"internal/mirror engine", "cmd/syncmanager server", "cmd/syncmanager/internal/serve server", "examples/notes collection", "examples/notes .", "collection engine/flat", "engine/flat internal/mirror", "examples/flat engine/flat", "interop internal/test/firefoxsync", "account internal/hawk",
	} {
		from, to, _ := strings.Cut(pair, " ")
		if err := check(from, to); err != nil {
			t.Errorf("a good import was refused: %v", err)
		}
	}
	for _, pair := range []string{
		"bso engine", "bso internal/sqlite", "seal internal/sqlite", "engine sync15", "engine engine/enginetest",
		"sync15 .", "sync15 engines/passwords", "sync15 server", "engines/passwords bso", "engines/passwords sync15",
		"engines/passwords .", "collection sync15", "account sync15", "account bso", "server engine", "server/storage seal",
		"server internal/mirror", "server account", "internal/hawk bso", "internal/hawk internal/test/testenv",
		"internal/mirror sync15", ". account", ". server", ". internal/sqlite", "examples/notes internal/localkey", "examples/notes internal/test/testenv", "examples/engine sync15", "examples/flat internal/mirror", "collection .", "collection internal/mirror", "engine engine/flat", "cmd/syncmanager internal/test/marionette",
		"interop cmd/syncmanager", "cmd/syncmanager/internal/term server", "cmd/syncmanager/internal/usage account", "cmd/syncmanager/internal/serve sync15",
	} {
		from, to, _ := strings.Cut(pair, " ")
		if err := check(from, to); err == nil {
			t.Errorf("a bad import was let through: %s", pair)
		} else if !strings.Contains(err.Error(), from+" must not import "+to) {
			t.Errorf("the message does not name the import %s: %v", pair, err)
		}
	}
	if err := check("attic", "bso"); err == nil || !strings.Contains(err.Error(), "attic") {
		t.Errorf("a folder without a rule: got %v", err)
	}
}

// TestNoRuleIsDead fails when a rule is hidden by one before it.
func TestNoRuleIsDead(t *testing.T) {
	for i, r := range rules {
		pkg := strings.TrimSuffix(r.pkg, "/...")
		if first := slices.IndexFunc(rules, func(o rule) bool { return within(pkg, o.pkg) }); first != i {
			t.Errorf("the rule for %s is hidden by that for %s", r.pkg, rules[first].pkg)
		}
	}
}
