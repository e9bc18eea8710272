package manifest_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/syncmanager/syncmanager/internal/nativehost/manifest"
)

// registry is a Windows registry, as "reg" shows it.
type registry struct{ keys map[string]string }

func (r *registry) run(args ...string) ([]byte, error) {
	key := args[1]
	switch args[0] {
	case "add":
		r.keys[key] = args[slices.Index(args, "/d")+1]
	case "delete":
		delete(r.keys, key)
	}
	for k := range r.keys {
		if args[0] != "query" || strings.HasPrefix(k, key) {
			return nil, nil
		}
	}
	if args[0] == "query" {
		return []byte("not found"), errors.New("exit status 1")
	}
	return nil, nil
}

func system(t *testing.T, os string, env map[string]string) (manifest.System, *registry) {
	t.Helper()
	r := &registry{map[string]string{`HKCU\Software\Microsoft\Edge`: ""}}
	return manifest.System{OS: os, Getenv: func(name string) string { return env[name] }, Data: t.TempDir(), Registry: r.run}, r
}

func find(t *testing.T, name string) manifest.Browser {
	t.Helper()
	b, ok := manifest.Find(name)
	if !ok {
		t.Fatalf("there is no browser %s", name)
	}
	return b
}

// Each system has its own place for a manifest; what was installed is found, replaced and removed.
func TestInstall(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ os, browser, below string }{
		"Linux":   {"linux", "brave", ".config/BraveSoftware/Brave-Browser/NativeMessagingHosts"},
		"macOS":   {"darwin", "chrome", "Library/Application Support/Google/Chrome/NativeMessagingHosts"},
		"Windows": {"windows", "edge", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			home := t.TempDir()
			s, r := system(t, c.os, map[string]string{"HOME": home})
			want := filepath.Join(home, filepath.FromSlash(c.below))
			if c.os == "windows" {
				want = s.Data
			}
			b := find(t, c.browser)
			for _, program := range []string{"/one", "/two"} {
				path, err := s.Install(b, program)
				if err != nil || path != filepath.Join(want, manifest.Name+".json") {
					t.Fatalf("installed in %s: %v", path, err)
				}
				if got, err := s.Program(b); got != program || err != nil {
					t.Errorf("it starts %q: %v", got, err)
				}
			}
			if key := `HKCU\Software\Microsoft\Edge\NativeMessagingHosts\` + manifest.Name; c.os == "windows" && r.keys[key] == "" {
				t.Errorf("the registry has %v", r.keys)
			}
			if !s.Here(b) {
				t.Error("the browser is not here")
			}
			for _, want := range []bool{true, false} {
				if found, err := s.Uninstall(b); found != want || err != nil {
					t.Errorf("uninstalled: %t, %v", found, err)
				}
			}
			if got, err := s.Program(b); got != "" || err != nil {
				t.Errorf("it still starts %q: %v", got, err)
			}
		})
	}
}

// A manifest of someone else is neither replaced nor removed, whatever is in it.
func TestForeign(t *testing.T) {
	t.Parallel()
	b := find(t, "chromium")
	for _, text := range []string{"", "no JSON", `{"name": "org.syncmanager.host", "description": "another", "path": "/x"}`} {
		s, _ := system(t, "linux", map[string]string{"XDG_CONFIG_HOME": t.TempDir()})
		path, err := s.Path(b)
		if err == nil {
			err = os.MkdirAll(filepath.Dir(path), 0o700)
		}
		if err == nil {
			err = os.WriteFile(path, []byte(text), 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
		_, install := s.Install(b, "/program")
		_, uninstall := s.Uninstall(b)
		for _, err := range []error{install, uninstall} {
			if !errors.As(err, new(*manifest.ForeignError)) {
				t.Errorf("%q: %v", text, err)
			}
		}
		if now, err := os.ReadFile(path); string(now) != text || err != nil {
			t.Errorf("%q became %q: %v", text, now, err)
		}
	}
	if s, _ := system(t, "linux", nil); s.Here(b) {
		t.Error("a browser is here without a home folder")
	} else if _, err := s.Install(b, "/program"); err == nil {
		t.Error("it was installed without a home folder")
	}
}
