package main

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Each package that has the list has one that is complete.
func TestTheListsAreComplete(t *testing.T) {
	t.Parallel()
	found := 0
	err := filepath.WalkDir("../..", func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasPrefix(path, "../../telemetry") {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil || !bytes.Contains(text, []byte("\n//go:generate go run github.com/syncmanager/syncmanager/server/telemetry/statements\n")) {
			return err
		}
		found++
		dir := filepath.Dir(path)
		want, err := list(dir)
		if err != nil {
			return err
		}
		if have, err := os.ReadFile(filepath.Join(dir, file)); err != nil || !bytes.Equal(have, want) {
			t.Errorf("%s is out of date: run 'go generate ./server/...' (%v)", filepath.Join(dir, file), err)
		}
		return nil
	})
	if err != nil || found < 4 {
		t.Errorf("found %d lists: %v", found, err)
	}
}
