package service_test

import (
	"encoding/xml"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/syncmanager/syncmanager/internal/agent/service"
)

// agentWith has paths with what the formats escape.
func agentWith(program string) service.Agent {
	return service.Agent{Program: program, Profile: `/home/ann/"50%" & $HOME <my> pro'file`, Listen: "[::1]:4711"}
}

// TestSystemdTakesTheUnit asks systemd's own verifier.
func TestSystemdTakesTheUnit(t *testing.T) {
	verifier, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip("systemd is not installed: ", err)
	}
	dir := t.TempDir()
	program := filepath.Join(dir, "sync manager")
	if err := os.WriteFile(program, []byte("#!/bin/sh\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, a := range []service.Agent{{Program: program, Profile: "/home/ann/.local/share/syncmanager/default", Default: true}, agentWith(program)} {
		path := filepath.Join(dir, a.UnitName())
		if err := os.WriteFile(path, a.Unit(), 0o600); err != nil {
			t.Fatal(err)
		}
		c := exec.CommandContext(t.Context(), verifier, "--user", "--man=no", "verify", path)
		c.Env = append(os.Environ(), "XDG_RUNTIME_DIR="+dir, "HOME="+dir)
		out, err := c.CombinedOutput()
		// Faults of a unit of another package are not ours.
		if strings.Contains(string(out), a.UnitName()) || err != nil && !strings.Contains(string(out), ".service") {
			t.Errorf("%v\n%s", err, out)
		}
	}
}

func TestTheLaunchAgentIsXMLWithTheCommandLine(t *testing.T) {
	t.Parallel()
	a := agentWith("/Applications/a&b/syncmanager")
	d := xml.NewDecoder(strings.NewReader(string(a.Plist())))
	var texts []string
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if text, ok := token.(xml.CharData); ok && strings.TrimSpace(string(text)) != "" {
			texts = append(texts, string(text))
		}
	}
	i := slices.Index(texts, "ProgramArguments")
	want := []string{a.Program, "--profile", a.Profile, "agent", "--listen", a.Listen, "RunAtLoad"}
	if i < 0 || !slices.Equal(texts[i+1:i+1+len(want)], want) {
		t.Errorf("it runs %q", texts)
	}
}

func TestOnlyOurFilesAreOurs(t *testing.T) {
	t.Parallel()
	a := agentWith("/usr/bin/syncmanager")
	if !service.Ours(a.Unit()) || !service.Ours(a.Plist()) || service.Ours([]byte("[Service]\nExecStart=syncmanager agent\n")) {
		t.Error("a file of another is taken for ours, or the other way round")
	}
	other := a
	other.Profile = "/home/ann/other"
	if a.UnitName() == other.UnitName() || a.Label() == other.Label() || a.TaskName() == other.TaskName() {
		t.Error("two profiles have one service")
	}
}
