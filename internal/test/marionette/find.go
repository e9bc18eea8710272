package marionette

import (
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
)

// ErrNoFirefox means that no Firefox is installed.
var ErrNoFirefox = errors.New("no Firefox is installed (looked for firefox-esr and firefox)")

// candidates are the usual places, the best first: Debian's package, what is on PATH, the usual
// folders of macOS and Windows.
var candidates = []string{
	"firefox-esr",
	"firefox",
	"/Applications/Firefox.app/Contents/MacOS/firefox",
	`C:\Program Files\Mozilla Firefox\firefox.exe`,
}

// Find returns the path of the Firefox to start, or ErrNoFirefox.
func Find() (string, error) {
	for _, name := range candidates {
		path, err := exec.LookPath(name)
		if err != nil {
			continue
		}
		if path, err = filepath.Abs(path); err != nil {
			return "", fmt.Errorf("finding Firefox: %w", err)
		}
		return path, nil
	}
	return "", ErrNoFirefox
}
