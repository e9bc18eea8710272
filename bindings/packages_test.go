package bindings_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/syncmanager/syncmanager/internal/test/testenv"
)

// TestPackagesTellTheStory installs each package into an empty folder, and tells the story from
// there in each way.
func TestPackagesTellTheStory(t *testing.T) {
	t.Parallel()
	for _, language := range languages {
		for _, by := range language.ways {
			t.Run(language.name+" "+string(by), func(t *testing.T) {
				t.Parallel()
				i := language.install(t, by)
				words := append(append(i.command, language.story), devices(t, by)...)
				if out := command(t, i.folder, nil, words...); !strings.Contains(out, "an event\n") {
					t.Errorf("the story ended with %s", out)
				}
			})
		}
	}
}

// devices are the arguments of a story: the way, and two devices.
func devices(t testing.TB, by way) []string {
	t.Helper()
	if by == agent {
		w := testenv.New(t)
		return []string{"http", serve(t, w, "Laptop"), serve(t, w, "Phone")}
	}
	path := ""
	if by == library {
		path = built(t, "libsyncmanager.*")
	}
	w := testenv.Listen(t)
	return []string{"library", path, signedIn(t, w, "Laptop"), signedIn(t, w, "Phone")}
}

// TestWithoutWhatALibraryNeeds shows what a program is told that cannot call C.
func TestWithoutWhatALibraryNeeds(t *testing.T) {
	t.Parallel()
	for name, language := range map[string]struct {
		install func(testing.TB) installed
		program []string
		want    string
	}{
		"Node without koffi": {
			func(t testing.TB) installed { needs(t, "node", "npm"); return nodeAlone(t) },
			[]string{"story.js", "library", "/nowhere/libsyncmanager.so", "a", "b"}, "open() needs the package koffi, which calls C: npm install koffi",
		},
		"Node without the library": {
			func(t testing.TB) installed { return node(t, library) },
			[]string{"story.js", "library", "/nowhere/libsyncmanager.so", "a", "b"}, "/nowhere/libsyncmanager.so cannot be loaded",
		},
		"Java 17": {
			func(t testing.TB) installed { return java(t, agent) },
			[]string{"Story", "library", "/nowhere/libsyncmanager.so", "a", "b"}, "opening a profile needs Java 22 or newer",
		},
		"Java without the library": {
			func(t testing.TB) installed { return java(t, library) },
			[]string{"Story", "library", "/nowhere/libsyncmanager.so", "a", "b"}, "/nowhere/libsyncmanager.so cannot be loaded",
		},
		"Python without the library": {
			func(t testing.TB) installed { return python(t, library) },
			[]string{"story.py", "library", "/nowhere/libsyncmanager.so", "a", "b"}, "/nowhere/libsyncmanager.so: cannot open",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			i := language.install(t)
			words := append(i.command, language.program...)
			c := exec.CommandContext(t.Context(), words[0], words[1:]...)
			c.Dir = i.folder
			if out, err := c.CombinedOutput(); err == nil || !strings.Contains(string(out), language.want) {
				t.Errorf("%v\n%s\nwant %s", err, out, language.want)
			}
		})
	}
}

// TestPackagesAreReproducible builds the packages again, and compares each byte.
func TestPackagesAreReproducible(t *testing.T) {
	t.Parallel()
	built(t, "*-any.whl")
	again := t.TempDir()
	if said, err := runScript(again, "python", "node", "java"); err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	found, err := os.ReadDir(again)
	if err != nil || len(found) == 0 {
		t.Fatalf("%by packages are there: %v", len(found), err)
	}
	for _, f := range found {
		one, err := os.ReadFile(filepath.Join(packages, f.Name()))
		if err != nil {
			t.Fatal(err)
		}
		other, err := os.ReadFile(filepath.Join(again, f.Name()))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(one, other) {
			t.Errorf("%s has other bytes when it is built again", f.Name())
		}
	}
}

// TestPackagesHaveOneVersion compares the versions of the packages.
func TestPackagesHaveOneVersion(t *testing.T) {
	t.Parallel()
	read := func(name, pattern string) string {
		content, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		m := regexp.MustCompile(pattern).FindSubmatch(content)
		if m == nil {
			t.Fatalf("%s has no version", name)
		}
		return string(m[1])
	}
	npm, wheel := read("node/package.json", `"version": "(.*)"`), read("python/pyproject.toml", `(?m)^version = "(.*)"$`)
	if npm != wheel {
		t.Errorf("the npm package has version %s, and the wheel %s", npm, wheel)
	}
}

// TestTheTypesOfTypeScript has TypeScript's compiler check the story against the types.
func TestTheTypesOfTypeScript(t *testing.T) {
	t.Parallel()
	tools, err := npm()
	if err != nil {
		t.Skip(tools)
	}
	i := node(t, library)
	if err := os.Symlink(filepath.Join(tools, "node_modules", "@types"), filepath.Join(i.folder, "node_modules", "@types")); err != nil {
		t.Fatal(err)
	}
	check := []string{filepath.Join(tools, "node_modules", ".bin", "tsc"), "--noEmit", "--strict", "--allowJs", "--checkJs", "--target", "es2022",
		"--module", "nodenext", "--types", "node", "story.js"}
	command(t, i.folder, nil, check...)

	wrong := "import { connect } from 'syncmanager';\nconnect().bookmarks.add({ titel: 'Go' });\n"
	if err := os.WriteFile(filepath.Join(i.folder, "wrong.js"), []byte(wrong), 0o600); err != nil {
		t.Fatal(err)
	}
	c := exec.CommandContext(t.Context(), check[0], append(check[1:len(check)-1], "wrong.js")...)
	c.Dir = i.folder
	if out, err := c.CombinedOutput(); err == nil || !strings.Contains(string(out), "titel") {
		t.Errorf("a field that does not exist was taken: %v\n%s", err, out)
	}
}
