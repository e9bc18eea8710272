// Package manifest tells browsers which program to start as the native host of the extension.
//
// On Linux and macOS each browser has a folder of the user's with a file for each host; on Windows
// the registry names the file.
package manifest

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/syncmanager/syncmanager/internal/nativehost"
)

// Name is the name of the host.
const Name = "org.syncmanager.host"

// mark is the description of our manifests.
const mark = "Sync Manager: keeps this browser in sync"

// Browser is a browser that takes the extension.
type Browser struct {
	// Name is the word for it on the command line, and Title what people call it.
	Name, Title string
	// linux and darwin are its folder below that of the user's settings; windows is its key in
	// the registry, below HKCU\Software.
	linux, darwin, windows string
}

// Browsers are all browsers.
var Browsers = []Browser{
	{"chromium", "Chromium", "chromium", "Chromium", "Chromium"},
	{"chrome", "Google Chrome", "google-chrome", "Google/Chrome", `Google\Chrome`},
	{"edge", "Microsoft Edge", "microsoft-edge", "Microsoft Edge", `Microsoft\Edge`},
	{"brave", "Brave", "BraveSoftware/Brave-Browser", "BraveSoftware/Brave-Browser", `BraveSoftware\Brave-Browser`},
	{"vivaldi", "Vivaldi", "vivaldi", "Vivaldi", "Vivaldi"},
}

// Find finds a browser by its name.
func Find(name string) (Browser, bool) {
	for _, b := range Browsers {
		if b.Name == name {
			return b, true
		}
	}
	return Browser{}, false
}

// System is where manifests go.
type System struct {
	// OS is runtime.GOOS.
	OS     string
	Getenv func(string) string
	// Data is the folder of the profile, for the manifest on Windows.
	Data string
	// Registry runs "reg" with arguments, on Windows.
	Registry func(args ...string) (out []byte, err error)
}

// folder is the folder of a browser's settings.
func (s System) folder(b Browser) (string, error) {
	home, below := s.Getenv("HOME"), filepath.Join("Library", "Application Support", filepath.FromSlash(b.darwin))
	if s.OS != "darwin" {
		below = filepath.Join(".config", filepath.FromSlash(b.linux))
		if config := s.Getenv("XDG_CONFIG_HOME"); filepath.IsAbs(config) {
			return filepath.Join(config, filepath.FromSlash(b.linux)), nil
		}
	}
	if !filepath.IsAbs(home) {
		return "", errors.New("no home folder found ($HOME)")
	}
	return filepath.Join(home, below), nil
}

// Here reports whether the user has used a browser, as far as can be told.
func (s System) Here(b Browser) bool {
	if s.OS == "windows" {
		_, err := s.Registry("query", `HKCU\Software\`+b.windows)
		return err == nil
	}
	folder, err := s.folder(b)
	if err != nil {
		return false
	}
	_, err = os.Stat(folder)
	return err == nil
}

// Path is the path of a browser's manifest.
func (s System) Path(b Browser) (string, error) {
	if s.OS == "windows" {
		return filepath.Join(s.Data, Name+".json"), nil
	}
	folder, err := s.folder(b)
	return filepath.Join(folder, "NativeMessagingHosts", Name+".json"), err
}

// file is a manifest.
type file struct {
	Name        string   `json:"name"`
	Description string   `json:"description"`
	Path        string   `json:"path"`
	Type        string   `json:"type"`
	Origins     []string `json:"allowed_origins"`
}

// ForeignError means that a manifest was not written by this program.
type ForeignError struct{ Path string }

func (e *ForeignError) Error() string {
	return e.Path + " was not written by 'syncmanager native-host install'; move it away first"
}

// read returns a manifest of ours; nil if there is none.
func read(path string) (*file, error) {
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var f file
	if json.Unmarshal(b, &f) != nil || f.Name != Name || f.Description != mark {
		return nil, &ForeignError{path}
	}
	return &f, nil
}

// key is a browser's key in the registry.
func (b Browser) key() string { return `HKCU\Software\` + b.windows + `\NativeMessagingHosts\` + Name }

// Install has a browser start program. It replaces a manifest of ours, and no other.
func (s System) Install(b Browser, program string) (path string, err error) {
	if path, err = s.Path(b); err != nil {
		return "", err
	}
	if _, err := read(path); err != nil {
		return path, err
	}
	text, err := json.MarshalIndent(file{Name, mark, program, "stdio", []string{nativehost.Origin}}, "", "  ")
	if err != nil {
		return path, err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return path, err
	}
	if err := os.WriteFile(path, append(text, '\n'), 0o600); err != nil {
		return path, err
	}
	if s.OS == "windows" {
		if out, err := s.Registry("add", b.key(), "/ve", "/t", "REG_SZ", "/d", path, "/f"); err != nil {
			return path, fmt.Errorf("the registry does not take %s: %w: %s", b.key(), err, out)
		}
	}
	return path, nil
}

// Program returns the program that a browser starts; "" if none was installed.
func (s System) Program(b Browser) (string, error) {
	path, err := s.Path(b)
	if err != nil {
		return "", err
	}
	f, err := read(path)
	if f == nil || err != nil {
		return "", err
	}
	if s.OS == "windows" {
		if _, err := s.Registry("query", b.key(), "/ve"); err != nil {
			return "", nil
		}
	}
	return f.Path, nil
}

// Uninstall has a browser start nothing anymore. found is false if there was nothing to remove. On
// Windows the file stays, since all browsers share it.
func (s System) Uninstall(b Browser) (found bool, err error) {
	program, err := s.Program(b)
	if program == "" || err != nil {
		return false, err
	}
	if s.OS == "windows" {
		if out, err := s.Registry("delete", b.key(), "/f"); err != nil {
			return true, fmt.Errorf("the registry keeps %s: %w: %s", b.key(), err, out)
		}
		return true, nil
	}
	path, err := s.Path(b)
	if err != nil {
		return true, err
	}
	return true, os.Remove(path)
}
