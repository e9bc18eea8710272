// Package extension has the extension for Chromium and its relatives, which talks to
// 'syncmanager native-host'. The folder chromium is the extension itself, without a build step.
package extension

import (
	"embed"
	"io/fs"
)

//go:embed chromium
var files embed.FS

// Files returns the extension's files.
func Files() fs.FS {
	sub, err := fs.Sub(files, "chromium")
	if err != nil {
		panic(err) // the folder is embedded
	}
	return sub
}
