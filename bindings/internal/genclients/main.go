// Command genclients writes what the clients in other languages have of the verbs, from the
// table of package api. It runs in the folder bindings.
package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"

	"github.com/syncmanager/syncmanager/bindings/internal/clients"
)

func main() {
	files, err := clients.Files()
	for name, content := range files {
		if err == nil {
			err = write(name, content)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "genclients:", err)
		os.Exit(1)
	}
}

func write(name string, content []byte) error {
	if old, err := os.ReadFile(name); err == nil && bytes.Equal(old, content) {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil { //nolint:gosec // a folder of sources
		return err
	}
	return os.WriteFile(name, content, 0o644) //nolint:gosec // a source file
}
