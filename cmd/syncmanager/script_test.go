package main

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	_ "github.com/syncmanager/syncmanager/internal/test/cheapkeys" // signs in often
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"syncmanager": scriptMain, "pausedagent": pausedAgent, "xdg-open": xdgOpen, "elsewhere": elsewhere, "meets": meets, "ahead": ahead})
}

// TestScripts runs the stories in testdata, one .txt file each. Every line is a separate
// process, as a user would start it.
func TestScripts(t *testing.T) {
	testscript.Run(t, scriptParams(t))
}

func scriptParams(t *testing.T) testscript.Params {
	return testscript.Params{
		Dir:                 "testdata",
		RequireExplicitExec: true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("HOME", filepath.Join(env.WorkDir, "home"))
			env.Setenv("LocalAppData", filepath.Join(env.WorkDir, "home"))
			env.Setenv("TZ", "UTC")
			env.Setenv("ESC", "\x1b")
			for _, inherited := range []string{"XDG_DATA_HOME", "SYNCMANAGER_PROFILE", "SYNCMANAGER_KEYRING", "DISPLAY", "WAYLAND_DISPLAY"} {
				env.Setenv(inherited, "")
			}
			return os.Mkdir(filepath.Join(env.WorkDir, "home"), 0o700)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits":         cmdExits,
			"serve":         cmdServe,
			"asks":          cmdAsks,
			"halt":          cmdHalt,
			"nodes":         cmdNodes,
			"front":         cmdFront,
			"agent":         cmdAgent,
			"ask":           cmdAsk,
			"crash":         cmdCrash,
			"json":          cmdJSON,
			"let":           cmdLet,
			"hold":          cmdHold,
			"sqlite":        cmdSQLite,
			"firefox":       cmdFirefox,
			"vault":         cmdVault(t),
			"addon":         cmdAddon,
			"expand":        cmdExpand,
			"mode":          cmdMode,
			"certificate":   cmdCertificate,
			"authenticator": cmdAuthenticator,
			"nginx":         cmdNginx,
			"mailhost":      cmdMailHost,
		},
		Condition: func(name string) (bool, error) {
			if name == "nginx" {
				return findNginx() != "", nil
			}
			return false, fmt.Errorf("there is no condition %s", name)
		},
	}
}
