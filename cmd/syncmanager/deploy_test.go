package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// shown finds the program's command lines in the documentation for operators, with the rest of
// the line.
var shown = regexp.MustCompile(`(?m)(?:^|\s|/)syncmanager ((?:serve|server)\b[^\n'|#]*)`)

// substitution matches what a shell substitutes.
var substitution = regexp.MustCompile(`\$+\([^)]*\)`)

// Each command line in deploy/ is one that the program understands.
func TestDeployCommands(t *testing.T) {
	var paths []string
	err := filepath.WalkDir("../../deploy", func(path string, e fs.DirEntry, err error) error {
		if err == nil && e.Type().IsRegular() {
			paths = append(paths, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		joined := strings.ReplaceAll(string(text), "\\\n", "")
		joined = substitution.ReplaceAllString(joined, "x")
		for _, m := range shown.FindAllStringSubmatch(joined, -1) {
			found++
			root := (&app{}).rootCommand()
			c, args, err := root.Find(strings.Fields(strings.TrimRight(m[1], "\"'`.")))
			if err == nil {
				err = c.ParseFlags(args)
			}
			if err == nil {
				err = c.ValidateArgs(c.Flags().Args())
			}
			if err != nil {
				t.Errorf("%s: %q: %v", filepath.Base(path), m[1], err)
			}
		}
	}
	if found < 12 {
		t.Errorf("found %d command lines only", found)
	}
}
