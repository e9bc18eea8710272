package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// ofFiles are calls with a path.
var ofFiles = regexp.MustCompile(`\b(os\.(Open|OpenFile|Create|CreateTemp|ReadFile|WriteFile|ReadDir|Stat|Lstat|Mkdir|MkdirAll|Remove|RemoveAll|Rename)|filepath\.(Abs|Glob|Walk|WalkDir|EvalSymlinks))\(`)

// A command that runs in the agent opens what the command line names in the folder of who started it,
// which term.Console.Path, Open and Export know. Commands that run in no agent may do without: those of
// servers, those of the agent itself, and what a browser starts.
func TestPathsOfTheCommandLine(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	looked := 0
	for _, file := range files {
		of := func(command string) bool { return strings.HasPrefix(file, "cmd_"+command) }
		if strings.HasSuffix(file, "_test.go") || of("serve") || of("agent") || of("nativehost") {
			continue
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		looked++
		if call := ofFiles.Find(text); call != nil {
			t.Errorf("%s calls %s…): use Path, Open or Export of the console", file, call)
		}
	}
	if looked < 30 {
		t.Errorf("there are %d files only", looked)
	}
}
