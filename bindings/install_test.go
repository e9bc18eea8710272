package bindings_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
)

var (
	// buildPackages builds the packages as script/bindings.sh does for users, into packages. It
	// returns what the script said.
	buildPackages = sync.OnceValues(func() (string, error) { return runScript(packages) })
	packages      string
)

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	var err error
	if packages, err = os.MkdirTemp("", "packages"); err != nil {
		panic(err)
	}
	defer func() { _ = os.RemoveAll(packages) }()
	return m.Run()
}

// java22 returns the folder of a JDK that can call C, or why there is none. It installs nothing.
var java22 = sync.OnceValues(func() (string, error) { return find("java22.sh") })

// npm returns a folder whose node_modules has koffi and TypeScript, or why there is none.
var npm = sync.OnceValues(func() (string, error) { return find("npm.sh") })

func find(script string) (string, error) {
	out, err := exec.Command("sh", filepath.Join("..", "script", script), "find").Output() //nolint:noctx // it only looks
	return strings.TrimSpace(string(out)), err
}

func runScript(folder string, parts ...string) (string, error) {
	c := exec.Command("sh", append([]string{"../script/bindings.sh"}, parts...)...) //nolint:noctx // several tests wait for it
	jdk, err := java22()
	if err != nil {
		jdk = "none" // so that the script does not get one
	}
	c.Env = append(os.Environ(), "DIST="+folder, "SYNCMANAGER_JAVA22="+jdk, "PYTHONDONTWRITEBYTECODE=1")
	out, err := c.CombinedOutput()
	return string(out), err
}

// built returns the path of a package, by a pattern of its name.
func built(t testing.TB, pattern string) string {
	t.Helper()
	said, err := buildPackages()
	if err != nil {
		t.Fatalf("the packages were not built: %v\n%s", err, said)
	}
	found, err := filepath.Glob(filepath.Join(packages, pattern))
	if err != nil || len(found) != 1 {
		leftOut := regexp.MustCompile("(?m)^left out: .*").FindAllString(said, -1)
		if len(leftOut) == 0 {
			t.Fatalf("there are %by packages %s, and the script left nothing out:\n%s", len(found), pattern, said)
		}
		t.Skip(strings.Join(leftOut, "; "))
	}
	return found[0]
}

// command runs a command in a folder, and returns what it printed.
func command(t testing.TB, folder string, environment []string, words ...string) string {
	t.Helper()
	c := exec.CommandContext(t.Context(), words[0], words[1:]...)
	c.Dir = folder
	c.Env = append(append(os.Environ(), "PYTHONDONTWRITEBYTECODE=1"), environment...)
	out, err := c.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(words, " "), err, out)
	}
	return string(out)
}

func copyFile(t testing.TB, from, to string) {
	t.Helper()
	content, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

func needs(t testing.TB, programs ...string) {
	t.Helper()
	for _, program := range programs {
		if _, err := exec.LookPath(program); err != nil {
			t.Skip(program + " is not installed")
		}
	}
}

// way is how a client reaches the verbs.
type way string

const (
	agent   way = "http"
	library way = "library"
	// inside is the library in the package.
	inside way = "library in the package"
)

// installed is a package in an empty folder, with the programs that use it.
type installed struct {
	folder string
	// command is the command without the program.
	command []string
}

// python installs the wheel.
func python(t testing.TB, by way) installed {
	t.Helper()
	needs(t, "python3")
	wheel := built(t, "*-any.whl")
	if by == inside {
		wheel = built(t, "*-linux_*.whl")
	}
	folder := t.TempDir()
	if err := exec.CommandContext(t.Context(), "python3", "-m", "pip", "--version").Run(); err != nil {
		t.Skip("python3 has no pip")
	}
	command(t, folder, nil, "python3", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--root-user-action=ignore",
		"--no-index", "--no-deps", "--no-cache-dir", "--target", folder, wheel)
	copyPrograms(t, folder, "python/story.py", "testdata/rate/rate.py")
	return installed{folder, []string{"python3"}}
}

// node installs the npm package, and beside it koffi.
func node(t testing.TB, by way) installed {
	t.Helper()
	needs(t, "node", "npm")
	i := nodeAlone(t)
	if by == library {
		tools, err := npm()
		if err != nil {
			t.Skip(tools)
		}
		for _, name := range []string{"koffi", "@koromix"} {
			if err := os.Symlink(filepath.Join(tools, "node_modules", name), filepath.Join(i.folder, "node_modules", name)); err != nil {
				t.Fatal(err)
			}
		}
	}
	return i
}

func nodeAlone(t testing.TB) installed {
	t.Helper()
	folder := t.TempDir()
	command(t, folder, nil, "npm", "install", "--offline", "--no-audit", "--no-fund", "--no-update-notifier", "--cache", filepath.Join(folder, "cache"),
		"--prefix", folder, built(t, "*.tgz"))
	copyPrograms(t, folder, "node/story.js", "testdata/rate/rate.js")
	if err := os.WriteFile(filepath.Join(folder, "package.json"), []byte(`{"type":"module"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	return installed{folder, []string{"node"}}
}

// java puts the jar on the class path, and nothing else of the project.
func java(t testing.TB, by way) installed {
	t.Helper()
	needs(t, "javac")
	jar := built(t, "syncmanager-?.?.?.jar")
	program := "java"
	if by == library {
		jdk, err := java22()
		if err != nil {
			t.Skip(jdk)
		}
		program = filepath.Join(jdk, "bin", "java")
	}
	folder := t.TempDir()
	copyPrograms(t, folder, "java/test/Story.java", "testdata/rate/Rate.java")
	command(t, folder, nil, "javac", "-Xlint:all", "-Werror", "--release", "17", "-cp", jar, "-d", folder, "Story.java", "Rate.java")
	words := []string{program, "-cp", jar + string(os.PathListSeparator) + folder}
	if by == library {
		words = append(words, "--enable-native-access=ALL-UNNAMED")
	}
	return installed{folder, words}
}

func copyPrograms(t testing.TB, folder string, programs ...string) {
	t.Helper()
	for _, program := range programs {
		copyFile(t, program, filepath.Join(folder, filepath.Base(program)))
	}
}

var languages = []struct {
	name        string
	story, rate string
	ways        []way
	install     func(testing.TB, way) installed
}{
	{"Python", "story.py", "rate.py", []way{agent, library, inside}, python},
	{"Node", "story.js", "rate.js", []way{agent, library}, node},
	{"Java", "Story", "Rate", []way{agent, library}, java},
}
