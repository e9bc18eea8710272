package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestMethodsAreUpToDate fails where go generate would change an engine's methods.
func TestMethodsAreUpToDate(t *testing.T) {
	t.Parallel()
	var sources []string
	for _, pattern := range []string{"engines/*/*.go", "engine/flat/*.go", "collection/*.go"} {
		found, err := filepath.Glob("../../../" + pattern)
		if err != nil {
			t.Fatal(err)
		}
		sources = append(sources, found...)
	}
	line := regexp.MustCompile(`(?m)^//go:generate go run \S+/storemethods (.*)$`)
	word := regexp.MustCompile(`"[^"]*"|\S+`)
	found := 0
	for _, source := range sources {
		text, err := os.ReadFile(source)
		if err != nil {
			t.Fatal(err)
		}
		m := line.FindSubmatch(text)
		if m == nil {
			continue
		}
		found++
		var args []string
		for _, arg := range word.FindAllString(string(m[1]), -1) {
			args = append(args, strings.Trim(arg, `"`))
		}
		folder := filepath.Dir(source)
		want, err := generate(filepath.Base(folder), args)
		if err != nil {
			t.Fatalf("%s: %v", source, err)
		}
		have, err := os.ReadFile(filepath.Join(folder, File))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(have, want) {
			t.Errorf("%s is not what its template says: run go generate ./...", filepath.Join(folder, File))
		}
	}
	if found < 9 {
		t.Errorf("found %d engines with generated methods, want 9 at least", found)
	}
}
