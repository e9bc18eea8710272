package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/pflag"

	"github.com/syncmanager/syncmanager/cmd/syncmanager/internal/serve"
)

// valueFor is a value that a flag takes, other than its default, and how the flag
// shows it.
func valueFor(f *pflag.Flag) (value, shown string) {
	switch f.Value.Type() {
	case "bool":
		return "true", "true"
	case "int", "int64", "uint":
		return "7", "7"
	case "float64":
		return "0.5", "0.5"
	case "duration":
		return "7m", "7m0s"
	case "stringSlice", "stringArray":
		return "x.example", "[x.example]"
	default:
		return "x", "x"
	}
}

// settings are the flags of 'serve' that the environment and the file may hold.
func settings(t *testing.T) (*pflag.FlagSet, []*pflag.Flag) {
	t.Helper()
	c, _, err := (&app{}).rootCommand().Find([]string{"serve"})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.ParseFlags(nil); err != nil {
		t.Fatal(err)
	}
	var all []*pflag.Flag
	c.Flags().VisitAll(func(f *pflag.Flag) {
		switch f.Name {
		case "config", "help", "profile", "wait":
		default:
			all = append(all, f)
		}
	})
	if len(all) < 20 {
		t.Fatalf("serve has %d settings only", len(all))
	}
	return c.Flags(), all
}

// TestEveryFlagIsASetting takes each flag of 'serve' from its environment
// variable, then each from a line of the file.
func TestEveryFlagIsASetting(t *testing.T) {
	t.Parallel()
	flags, all := settings(t)
	err := serve.Settle(flags, "", func(name string) string {
		for _, f := range all {
			if "SYNCMANAGER_"+strings.ReplaceAll(strings.ToUpper(f.Name), "-", "_") == name {
				value, _ := valueFor(f)
				return value
			}
		}
		return ""
	})
	if err != nil {
		t.Error(err)
	}
	for _, f := range all {
		if _, want := valueFor(f); f.Value.String() != want {
			t.Errorf("--%s from the environment is %s, want %s", f.Name, f.Value, want)
		}
	}

	flags, all = settings(t)
	var file strings.Builder
	for _, f := range all {
		value, _ := valueFor(f)
		if f.Value.Type() != "bool" && f.Value.Type() != "int" {
			value = fmt.Sprintf("%q", value)
		}
		fmt.Fprintf(&file, "%s = %s\n", f.Name, value)
	}
	path := filepath.Join(t.TempDir(), "serve.toml")
	if err := os.WriteFile(path, []byte(file.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := serve.Settle(flags, path, func(string) string { return "" }); err != nil {
		t.Error(err)
	}
	for _, f := range all {
		if _, want := valueFor(f); f.Value.String() != want {
			t.Errorf("--%s from the file is %s, want %s", f.Name, f.Value, want)
		}
	}
}

func TestSettingsOrder(t *testing.T) {
	t.Parallel()
	flags, _ := settings(t)
	if err := flags.Parse([]string{"--addr", "line:1"}); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "serve.toml")
	text := `
# A comment.
addr = "file:1"
quota = "file"
trusted-proxy = ["10.0.0.0/8", "::1"]
data = 'C:\data'
`
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	env := map[string]string{"SYNCMANAGER_CONFIG": path, "SYNCMANAGER_ADDR": "env:1", "SYNCMANAGER_QUOTA": "env", "SYNCMANAGER_SIGN_UP": ""}
	if err := serve.Settle(flags, "", func(name string) string { return env[name] }); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"addr": "line:1", "quota": "env", "trusted-proxy": "[10.0.0.0/8,::1]", "data": `C:\data`, "sign-up": "", "public-url": "[]",
	} {
		if got := flags.Lookup(name).Value.String(); got != want {
			t.Errorf("--%s is %s, want %s", name, got, want)
		}
	}
}

func TestBadSettings(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	none := func(string) string { return "" }
	for _, c := range []struct{ text, want string }{
		{"addr = \n", "line 1 is not TOML"},
		{"\n\naddr 127.0.0.1:5000\n", "line 3 is not TOML"},
		{`listen = "127.0.0.1:5000"`, `"listen" is not a setting: use the name of a flag`},
		{`profile = "x"`, `"profile" is not a setting`},
		{`config = "x"`, `"config" is not a setting`},
		{`[serve]`, `"serve" is not a setting`},
		{`acme = "perhaps"`, `acme: "perhaps" is not a value for --acme: say true or false`},
		{`addr = ["a", "b"]`, "addr: give one value, not a list"},
		{`quota = 1.5`, "quota: write the value in quotes"},
		{`trusted-proxy = [["a"]]`, "trusted-proxy: write the value in quotes"},
		{"addr = \"\xff\"", "line 1 is not TOML"},
		{strings.Repeat("#", 1<<20) + "\n", "too large for a settings file"},
	} {
		flags, _ := settings(t)
		path := filepath.Join(dir, "bad.toml")
		if err := os.WriteFile(path, []byte(c.text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := serve.Settle(flags, path, none); err == nil || !strings.Contains(err.Error(), c.want) || exitCode(err) != exitUsage {
			t.Errorf("%.40q: %v, want %q", c.text, err, c.want)
		}
	}
	flags, _ := settings(t)
	if err := serve.Settle(flags, filepath.Join(dir, "none.toml"), none); err == nil || !strings.Contains(err.Error(), "cannot read the settings") {
		t.Errorf("a file that is not there: %v", err)
	}
	err := serve.Settle(flags, "", func(name string) string { return map[string]string{"SYNCMANAGER_ACME": "perhaps"}[name] })
	if err == nil || err.Error() != `$SYNCMANAGER_ACME: "perhaps" is not a value for --acme: say true or false` {
		t.Errorf("a variable that is not a value: %v", err)
	}
}
