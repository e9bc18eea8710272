package archtest

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// An app on some public packages links these modules, besides this one.
var apps = []struct {
	packages []string
	// systems are where the packages compile.
	systems string
	// modules are what is linked: a module's path, and the systems if not on all.
	modules map[string]string
}{
	{
		packages: []string{".", "./account", "./bso", "./seal", "./sync15", "./engine", "./engine/enginetest", "./engine/importing"},
		systems:  "linux darwin windows js",
		modules:  map[string]string{"golang.org/x/sync": ""},
	},
	{
		packages: []string{".", "./account", "./account/pairing"},
		systems:  "linux darwin windows js",
		modules:  map[string]string{"golang.org/x/sync": "", "golang.org/x/crypto": "", "github.com/coder/websocket": ""},
	},
	{
		packages: []string{".", "./account", "./collection", "./engine/flat"},
		systems:  "linux darwin windows js",
		modules: map[string]string{
			"golang.org/x/sync": "",
			// SQLite, as Go, and what it was translated with. All of these are its own.
			"modernc.org/sqlite":               "linux darwin windows",
			"modernc.org/libc":                 "linux darwin windows",
			"modernc.org/memory":               "linux darwin windows",
			"modernc.org/mathutil":             "linux darwin windows",
			"github.com/remyoudompheng/bigfft": "linux darwin windows",
			"github.com/dustin/go-humanize":    "linux darwin windows",
			"github.com/google/uuid":           "linux darwin",
			"github.com/mattn/go-isatty":       "darwin windows",
			"github.com/ncruces/go-strftime":   "darwin windows",
			"golang.org/x/sys":                 "linux darwin windows",
			// Another translation, which runs in a browser.
			"github.com/ncruces/go-sqlite3":         "js",
			"github.com/ncruces/go-sqlite3-wasm/v6": "js",
			"github.com/ncruces/julianday":          "js",
			"github.com/ncruces/wbt":                "js",
		},
	},
}

// TestAppsLinkNoMoreThanTheyUse holds the list of modules that an app links. The size of
// each is in bench/README.md; a new one belongs there too.
func TestAppsLinkNoMoreThanTheyUse(t *testing.T) {
	t.Parallel()
	for _, app := range apps {
		for _, system := range strings.Fields(app.systems) {
			t.Run(strings.Join(app.packages, " ")+" "+system, func(t *testing.T) {
				t.Parallel()
				var want []string
				for path, on := range app.modules {
					if on == "" || slices.Contains(strings.Fields(on), system) {
						want = append(want, path)
					}
				}
				slices.Sort(want)
				if got := linked(t, system, app.packages); !slices.Equal(got, want) {
					t.Errorf("an app links\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
				}
			})
		}
	}
}

// linked are the modules whose packages the packages import on a system, at any depth.
func linked(t *testing.T, system string, packages []string) []string {
	t.Helper()
	arch := "amd64"
	if system == "js" {
		arch = "wasm"
	}
	cmd := exec.CommandContext(t.Context(), "go", append([]string{"list", "-deps", "-f", "{{with .Module}}{{.Path}}{{end}}"}, packages...)...)
	cmd.Dir, cmd.Stderr = filepath.Join("..", ".."), os.Stderr
	cmd.Env = append(os.Environ(), "GOOS="+system, "GOARCH="+arch, "CGO_ENABLED=0", "GOPROXY=off")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("the packages do not compile on %s: %v", system, err)
	}
	found := map[string]bool{}
	for path := range strings.FieldsSeq(string(out)) {
		found[path] = true
	}
	delete(found, module)
	return slices.Sorted(maps.Keys(found))
}

// TestEnginesCompileForABrowser fails when an engine imports a package that has no files for
// js: SQLite's other driver, or the system's calls.
func TestEnginesCompileForABrowser(t *testing.T) {
	t.Parallel()
	for _, module := range linked(t, "js", []string{"./engines/..."}) {
		if strings.HasPrefix(module, "modernc.org/") {
			t.Errorf("an engine links %s, which does not compile for js", module)
		}
	}
}
