package firefoxprofile

import (
	"bufio"
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/syncmanager/syncmanager/internal/sqlitecopy"
)

const (
	// listFile, in Firefox's own folder, lists the profiles.
	listFile = "profiles.ini"
	// maxList bounds listFile, in bytes.
	maxList = 1 << 20
)

// A Listed is a profile that Firefox knows.
type Listed struct {
	// Name is what about:profiles shows.
	Name string
	// Dir is the profile's folder.
	Dir string
}

// List reads the list of profiles in Firefox's own folder. The error is
// [fs.ErrNotExist] if the folder does not have one.
func List(dir string) ([]Listed, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, bare(err)
	}
	defer root.Close()
	f, err := sqlitecopy.OpenPlain(root, listFile)
	if err != nil {
		return nil, bare(err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxList))
	if err != nil {
		return nil, bare(err)
	}
	return parseList(dir, text), nil
}

// parseList parses the list. The section of a profile has Path, which is relative to dir
// if IsRelative is 1.
func parseList(dir string, text []byte) (list []Listed) {
	var section string
	var values map[string]string
	end := func() {
		if strings.HasPrefix(section, "Profile") && values["Path"] != "" {
			path := filepath.FromSlash(values["Path"])
			if values["IsRelative"] == "1" {
				path = filepath.Join(dir, path)
			}
			list = append(list, Listed{Name: values["Name"], Dir: path})
		}
	}
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
		line := strings.TrimSpace(lines.Text())
		if name, ok := strings.CutPrefix(line, "["); ok {
			end()
			section, values = strings.TrimSuffix(name, "]"), map[string]string{}
		} else if name, value, ok := strings.Cut(line, "="); ok && values != nil {
			values[name] = value
		}
	}
	end()
	return list
}

// Folders returns the folders in which Firefox keeps profiles on a system (GOOS), with
// those of packages that use other folders.
func Folders(system string, getenv func(string) string) []string {
	switch system {
	case "windows":
		return []string{filepath.Join(getenv("APPDATA"), "Mozilla", "Firefox")}
	case "darwin":
		return []string{filepath.Join(getenv("HOME"), "Library", "Application Support", "Firefox")}
	}
	home := getenv("HOME")
	config := getenv("XDG_CONFIG_HOME")
	if config == "" {
		config = filepath.Join(home, ".config")
	}
	return []string{
		filepath.Join(home, ".mozilla", "firefox"),
		filepath.Join(config, "mozilla", "firefox"),
		filepath.Join(home, "snap", "firefox", "common", ".mozilla", "firefox"),
		filepath.Join(home, ".var", "app", "org.mozilla.firefox", ".mozilla", "firefox"),
	}
}
