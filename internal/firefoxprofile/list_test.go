package firefoxprofile_test

import (
	"errors"
	"io/fs"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/syncmanager/syncmanager/internal/firefoxprofile"
)

// TestList: profiles are told by their sections, whatever else is in the list.
func TestList(t *testing.T) {
	if _, err := firefoxprofile.List(filepath.Join(t.TempDir(), "nowhere")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("of no folder: %v", err)
	}
	if _, err := firefoxprofile.List(t.TempDir()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("of a folder without a list: %v", err)
	}
	dir := t.TempDir()
	one := firefoxprofile.Listed{Name: "one", Dir: filepath.Join(dir, "Profiles", "1.one")}
	for name, c := range map[string]struct {
		text string
		want []firefoxprofile.Listed
	}{
		"as Firefox writes it": {"[Install0]\nDefault=Profiles/1.one\nLocked=1\n\n[Profile1]\nName=two\nIsRelative=0\nPath=/two\n\n" +
			"[Profile0]\nName=one\nIsRelative=1\nPath=Profiles/1.one\nDefault=1\n\n[General]\nStartWithLastProfile=1\nVersion=2\n",
			[]firefoxprofile.Listed{{Name: "two", Dir: filepath.FromSlash("/two")}, one}},
		"with CRLF":    {"[Profile0]\r\nName=one\r\nIsRelative=1\r\nPath=Profiles/1.one\r\n", []firefoxprofile.Listed{one}},
		"no path":      {"[Profile0]\nName=one\n[Profile1]\nPath=\n", nil},
		"no section":   {"Name=one\nIsRelative=1\nPath=x\n[", nil},
		"noise":        {"\x00\xff[[\n=\n]", nil},
		"a long line":  {"[Profile0]\nName=one\nIsRelative=1\nPath=Profiles/1.one\n" + strings.Repeat("x", 2<<20), []firefoxprofile.Listed{one}},
		"nothing":      {"", nil},
		"end of a one": {"[Profile0]\nIsRelative=1\nPath=Profiles/1.one\nName=one", []firefoxprofile.Listed{one}},
	} {
		write(t, dir, "profiles.ini", c.text)
		if got, err := firefoxprofile.List(dir); err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %+v, %v; want %+v", name, got, err, c.want)
		}
	}
}

// TestFolders: each system has its own.
func TestFolders(t *testing.T) {
	env := map[string]string{"HOME": "home", "APPDATA": "roaming"}
	for system, want := range map[string]string{
		"linux": "home/.mozilla/firefox", "darwin": "home/Library/Application Support/Firefox", "windows": "roaming/Mozilla/Firefox",
	} {
		if got := firefoxprofile.Folders(system, func(name string) string { return env[name] }); got[0] != filepath.FromSlash(want) {
			t.Errorf("%s: %q", system, got)
		}
	}
}
