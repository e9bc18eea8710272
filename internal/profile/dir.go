package profile

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
)

// EnvDir is the environment variable that names the profile's folder.
const EnvDir = "SYNCMANAGER_PROFILE"

// DefaultDir returns the folder of the profile that EnvDir names, or else "default" in
// [DataDir].
func DefaultDir(getenv func(string) string) (string, error) {
	if dir := getenv(EnvDir); dir != "" {
		return dir, nil
	}
	dir, err := DataDir(getenv)
	if err != nil {
		return "", err
	}
	return filepath.Join(dir, "default"), nil
}

// DataDir returns the folder for the program's data: $XDG_DATA_HOME/syncmanager if that
// is set, else ~/.local/share/syncmanager, on macOS ~/Library/Application
// Support/syncmanager, on Windows %LocalAppData%\syncmanager.
func DataDir(getenv func(string) string) (string, error) {
	if dir := getenv("XDG_DATA_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "syncmanager"), nil
	}
	home, below := "HOME", filepath.Join(".local", "share")
	switch runtime.GOOS {
	case "windows":
		home, below = "LocalAppData", ""
	case "darwin", "ios":
		below = filepath.Join("Library", "Application Support")
	}
	dir := getenv(home)
	if dir == "" {
		return "", errors.New("no home folder found ($" + home + "): name the profile's folder with --profile")
	}
	return filepath.Join(dir, below, "syncmanager"), nil
}

// Exists reports whether there is a profile in dir.
func Exists(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, settingsFile))
	return err == nil
}
