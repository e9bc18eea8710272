package profile_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// TestAnEngineIsAFolderAndTwoRows builds the command with an engine that the module does
// not have: its own folder, a row of the catalogue and a row of the registry are all that
// it takes. It is slow, because it links the command.
func TestAnEngineIsAFolderAndTwoRows(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	replace := map[string]string{}
	with := func(path string, edit func(string) string) {
		t.Helper()
		source := filepath.Join(root, path)
		replaced := filepath.Join(dir, strings.ReplaceAll(path, "/", "_"))
		text, err := os.ReadFile(source)
		if err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		if err := os.WriteFile(replaced, []byte(edit(string(text))), 0o600); err != nil {
			t.Fatal(err)
		}
		replace[source] = replaced
	}
	before := func(line, added string) func(string) string {
		return func(text string) string {
			t.Helper()
			if strings.Count(text, line) != 1 {
				t.Fatalf("%q is there %d times, want once", line, strings.Count(text, line))
			}
			return strings.Replace(text, line, added+"\n"+line, 1)
		}
	}
	with("engines/recipes/recipes.go", func(string) string {
		text, err := os.ReadFile("testdata/recipes.go.txt")
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	})
	with("internal/catalogue/catalogue.go", before(`	{Name: "history", `,
		`	{Name: "recipes", Version: 3, Default: true, Engine: true},`))
	with("internal/profile/stores.go", func(text string) string {
		text = before(`	{name: "tabs", `, `	{name: "recipes", sealed: true, open: flat("recipes", recipes.Open)},`)(text)
		return before(`	"github.com/syncmanager/syncmanager/engines/tabs"`,
			`	"github.com/syncmanager/syncmanager/engines/recipes"`)(text)
	})
	overlay, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "overlay.json"), overlay, 0o600); err != nil {
		t.Fatal(err)
	}
	command := filepath.Join(dir, "syncmanager")
	if runtime.GOOS == "windows" {
		command += ".exe"
	}
	run := func(name string, args ...string) []byte {
		t.Helper()
		c := exec.CommandContext(t.Context(), name, args...)
		var complaints strings.Builder
		c.Stderr = &complaints
		out, err := c.Output()
		if err != nil {
			t.Fatalf("%s %v: %v\n%s", name, args, err, complaints.String())
		}
		return out
	}
	run("go", "build", "-overlay", filepath.Join(dir, "overlay.json"), "-o", command, root+"/cmd/syncmanager")

	profile := filepath.Join(dir, "profile")
	var result struct {
		Engines map[string]struct{ Status string }
	}
	if err := json.Unmarshal(run(command, "--profile", profile, "sync", "--json"), &result); err != nil {
		t.Fatal(err)
	}
	if got := result.Engines["recipes"].Status; got != "ok" {
		t.Errorf("the sync of recipes is %q, want ok", got)
	}
	var engines []struct {
		Name                string
		Enabled, Registered bool
		Version             int
	}
	if err := json.Unmarshal(run(command, "--profile", profile, "engines", "--json"), &engines); err != nil {
		t.Fatal(err)
	}
	var order []string
	for _, e := range engines {
		order = append(order, e.Name)
		if e.Name == "recipes" && (!e.Enabled || !e.Registered || e.Version != 3) {
			t.Errorf("recipes is listed as %+v", e)
		}
	}
	if names := strings.Join(order, " "); !strings.Contains(names, "forms recipes history") {
		t.Errorf("the engines sync in the order %s", names)
	}
	if _, err := os.Stat(filepath.Join(profile, "recipes.sqlite")); err != nil {
		t.Error(err)
	}
}
