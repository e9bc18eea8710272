package serve

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"
	"github.com/spf13/pflag"

	"github.com/syncmanager/syncmanager/cmd/syncmanager/internal/usage"
	"github.com/syncmanager/syncmanager/internal/profile"
)

// A flag of 'serve' that the command line does not give comes from the environment, or
// else from the settings file.
const (
	envConfig = "SYNCMANAGER_CONFIG"
	envData   = "SYNCMANAGER_DATA"
	// EnvDatabase is that of the flag --database.
	EnvDatabase = "SYNCMANAGER_DATABASE"
	// maxConfig bounds a settings file, in bytes.
	maxConfig = 1 << 20
)

// commandLineOnly are the flags that are not settings of a server.
var commandLineOnly = []string{"config", "help", "profile", "wait"}

// envName returns the environment variable of a flag.
func envName(flag string) string {
	return "SYNCMANAGER_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// Settle sets the options that the command line, which flags has parsed into o, does
// not name.
func (o *Options) Settle(flags *pflag.FlagSet, getenv func(string) string) (err error) {
	if err := CheckNoPassword("--database", o.database); err != nil {
		return err
	}
	if err := Settle(flags, o.config, getenv); err != nil {
		return err
	}
	o.dir, err = DataDir(o.dir, getenv)
	return err
}

// CheckNoPassword refuses a connection string of PostgreSQL on the command line that has a password.
func CheckNoPassword(flag, database string) error {
	if passwordIn(database) {
		return usage.Errorf("%s: other users of this machine can read a password on the command line: put it into the password file, $PGPASSWORD or $%s", flag, EnvDatabase)
	}
	return nil
}

// passwordIn reports whether a connection string of PostgreSQL has a password.
func passwordIn(database string) bool {
	if u, err := url.Parse(database); err == nil && u.User != nil {
		if _, has := u.User.Password(); has {
			return true
		}
	}
	return strings.Contains(strings.ToLower(database), "password")
}

// Settle gives the flags that the command line does not name their values from the
// environment, and then from the TOML file at path, or at $SYNCMANAGER_CONFIG where
// path is "". An empty variable counts as unset: a compose file passes it on for a
// variable that is not set.
func Settle(flags *pflag.FlagSet, path string, getenv func(string) string) error {
	if path == "" {
		path = getenv(envConfig)
	}
	file, err := readSettings(flags, path)
	if err != nil {
		return err
	}
	var errs []error
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Changed || slices.Contains(commandLineOnly, f.Name) {
			return
		}
		if value := getenv(envName(f.Name)); value != "" {
			if err := flags.Set(f.Name, value); err != nil {
				errs = append(errs, usage.Errorf("$%s: %w", envName(f.Name), usage.BadValue(f, value, errors.Unwrap(err))))
			}
			return
		}
		if value, ok := file[f.Name]; ok {
			if err := setFrom(flags, f, value); err != nil {
				errs = append(errs, usage.Errorf("%s: %s: %w", path, f.Name, err))
			}
		}
	})
	return errors.Join(errs...)
}

// readSettings reads the settings file at path, if it is not "", and refuses a name that is
// not that of a flag.
func readSettings(flags *pflag.FlagSet, path string) (map[string]any, error) {
	if path == "" {
		return nil, nil
	}
	file, err := readConfig(path)
	if err != nil {
		return nil, err
	}
	for _, name := range slices.Sorted(maps.Keys(file)) {
		if flags.Lookup(name) == nil || slices.Contains(commandLineOnly, name) {
			return nil, usage.Errorf("%s: %q is not a setting: use the name of a flag of 'syncmanager serve', without the dashes", path, name)
		}
	}
	return file, nil
}

// setFrom sets a flag to a value of a TOML file: a string, a whole number or a bool, and
// a list if the flag may be repeated.
func setFrom(flags *pflag.FlagSet, f *pflag.Flag, value any) error {
	list, isList := value.([]any)
	if !isList {
		list = []any{value}
	}
	several, repeats := f.Value.(pflag.SliceValue)
	if isList && !repeats {
		return errors.New("give one value, not a list")
	}
	texts := make([]string, len(list))
	for i, v := range list {
		switch v := v.(type) {
		case string, bool, int64:
			texts[i] = fmt.Sprint(v)
		default:
			return errors.New(`write the value in quotes, like "this"`)
		}
	}
	if repeats {
		f.Changed = true
		return several.Replace(texts)
	}
	if err := flags.Set(f.Name, texts[0]); err != nil {
		return usage.BadValue(f, texts[0], errors.Unwrap(err))
	}
	return nil
}

// readConfig reads a settings file.
func readConfig(path string) (map[string]any, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("cannot read the settings: %w", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxConfig+1))
	if err != nil {
		return nil, fmt.Errorf("cannot read the settings: %w", err)
	}
	if len(text) > maxConfig {
		return nil, usage.Errorf("%s is too large for a settings file: more than %d bytes", path, maxConfig)
	}
	var all map[string]any
	if err := toml.Unmarshal(text, &all); err != nil {
		var at toml.ParseError
		if errors.As(err, &at) {
			return nil, usage.Errorf("%s: line %d is not TOML, like public-url = \"https://sync.example.org\": %s", path, at.Position.Line, at.Message)
		}
		return nil, usage.Errorf("%s is not TOML: %w", path, err)
	}
	return all, nil
}

// DataDir returns the folder with a server's data: dir, or if it is "" what the
// environment, the settings file or the system names.
func DataDir(dir string, getenv func(string) string) (string, error) {
	if dir != "" {
		return dir, nil
	}
	if dir = getenv(envData); dir != "" {
		return dir, nil
	}
	if path := getenv(envConfig); path != "" {
		file, err := readConfig(path)
		if err != nil {
			return "", err
		}
		if dir, _ = file["data"].(string); dir != "" {
			return dir, nil
		}
	}
	data, err := profile.DataDir(getenv)
	if err != nil {
		return "", errors.New("no home folder found for the server's data: name a folder with --data")
	}
	return filepath.Join(data, "server"), nil
}
