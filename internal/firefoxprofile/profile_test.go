package firefoxprofile_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/syncmanager/syncmanager/internal/firefoxprofile"
	"github.com/syncmanager/syncmanager/internal/skips"
	"github.com/syncmanager/syncmanager/internal/test/keystest"
)

// folder makes a profile's folder with these files.
func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	write(t, dir, "prefs.js", "")
	for name, text := range files {
		write(t, dir, name, text)
	}
	return dir
}

func write(t *testing.T, dir, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// database makes a database in dir.
func database(t *testing.T, dir, name string, f func(exec func(statement string, args ...any))) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	f(func(statement string, args ...any) {
		t.Helper()
		if _, err := db.Exec(statement, args...); err != nil {
			t.Fatalf("%.200s: %v", statement, err)
		}
	})
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}

// The keys of the tests' profiles.
var (
	aesKey  = []byte("0123456789abcdef0123456789ABCDEF")
	desKey  = []byte("abcdefghijklmnopqrstuvwx")
	cardKey = []byte("0123456789abcdef")
)

const keySchema = `CREATE TABLE metaData (id PRIMARY KEY UNIQUE ON CONFLICT REPLACE, item1, item2);
	CREATE TABLE nssPrivate (id PRIMARY KEY UNIQUE ON CONFLICT ABORT, a0, a3, a11, a102)`

// plainVault is one without a primary password.
var plainVault = keystest.Vault{Salt: bytes.Repeat([]byte{1}, 20), Iterations: 1}

// lockedVault is one with a primary password.
var lockedVault = keystest.Vault{Salt: bytes.Repeat([]byte{2}, 48), Iterations: 10_000, Password: "prímary"}

// keyFile makes a key4.db with the two keys for logins and the one for cards.
func keyFile(t *testing.T, dir string, v keystest.Vault) {
	t.Helper()
	database(t, dir, "key4.db", func(exec func(string, ...any)) {
		exec(keySchema)
		exec(`INSERT INTO metaData VALUES ('password', ?, ?)`, v.Salt, v.Seal(t, []byte("password-check")))
		exec(`INSERT INTO nssPrivate VALUES (1, x'00000004', x'a5005a', ?, ?)`, v.Seal(t, desKey), keystest.LoginKeyID)
		exec(`INSERT INTO nssPrivate VALUES (2, x'00000004', x'a5005a', ?, ?)`, v.Seal(t, aesKey), keystest.LoginKeyID)
		exec(`INSERT INTO nssPrivate VALUES (3, x'00000004', ?, ?, x'a5005a')`, []byte("Firefox Encrypted Storage"), v.Seal(t, cardKey))
		exec(`INSERT INTO nssPrivate VALUES (4, x'00000003', x'a5005a', x'00', x'01')`) // a certificate's key
	})
}

func open(t *testing.T, dir string, o firefoxprofile.Options) *firefoxprofile.Profile {
	t.Helper()
	o.TempDir = t.TempDir()
	p, err := firefoxprofile.Open(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
		if left, err := os.ReadDir(o.TempDir); err != nil || len(left) != 0 {
			t.Errorf("copies are left: %v, %v", left, err)
		}
	})
	return p
}

// collect reads one kind to its end.
func collect[T any](ctx context.Context, kind func(context.Context, *skips.List) iter.Seq2[T, error]) (out []T, skipped string, err error) {
	var left skips.List
	for v, e := range kind(ctx, &left) {
		if e != nil {
			err = e
			continue
		}
		out = append(out, v)
	}
	for _, s := range left.First {
		skipped += s.Item + ": " + s.Reason + "\n"
	}
	return out, skipped, err
}

func TestNoProfile(t *testing.T) {
	if _, err := firefoxprofile.Open(t.TempDir(), firefoxprofile.Options{}); !errors.Is(err, firefoxprofile.ErrNoProfile) {
		t.Errorf("an empty folder: %v", err)
	}
	dir := folder(t, nil)
	for _, name := range []string{"nothing", "prefs.js"} {
		_, err := firefoxprofile.Open(filepath.Join(dir, name), firefoxprofile.Options{})
		if err == nil || strings.Contains(err.Error(), dir) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// kinds are all kinds with the file that each is read from.
func kinds(p *firefoxprofile.Profile) map[string]func(context.Context) error {
	return map[string]func(context.Context) error{
		"logins.json":            only(p.Passwords),
		"formhistory.sqlite":     only(p.FormHistory),
		"autofill-profiles.json": only(p.Addresses),
		"prefs.js":               only(p.Prefs),
		"extensions.json":        only(p.Addons),
		"storage-sync-v2.sqlite": only(p.ExtensionStorage),
	}
}

func only[T any](kind func(context.Context, *skips.List) iter.Seq2[T, error]) func(context.Context) error {
	return func(ctx context.Context) error {
		_, _, err := collect(ctx, kind)
		return err
	}
}

// TestFilesThatAreNone: whatever is in a file's place, the error says which file and
// what about it.
func TestFilesThatAreNone(t *testing.T) {
	outside := filepath.Join(t.TempDir(), "outside")
	if err := os.WriteFile(outside, []byte("SQLite format 3\x00 {}"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		make func(path string) error
		want string
	}{
		"missing":   {func(string) error { return nil }, "the profile has no such file"},
		"a folder":  {func(path string) error { return os.Mkdir(path, 0o700) }, "it is not a plain file"},
		"a link":    {func(path string) error { return os.Symlink(outside, path) }, "it is not a plain file"},
		"no format": {func(path string) error { return os.WriteFile(path, []byte("nonsense: secret"), 0o600) }, "it is damaged or incomplete"},
		"cut off":   {func(path string) error { return os.WriteFile(path, []byte(`{"logins": [{"hostname": "se`), 0o600) }, "it is damaged or incomplete"},
		"huge": {func(path string) error {
			err := os.WriteFile(path, nil, 0o600)
			return errors.Join(err, os.Truncate(path, firefoxprofile.MaxDatabase+1))
		}, "it is too large: more than"},
	} {
		for file := range kinds(nil) {
			dir := folder(t, nil)
			p := open(t, dir, firefoxprofile.Options{})
			path := filepath.Join(dir, file)
			if err := os.RemoveAll(path); err != nil {
				t.Fatal(err)
			}
			if err := c.make(path); err != nil {
				t.Fatal(err)
			}
			err := kinds(p)[file](t.Context())
			if file == "prefs.js" && (name == "no format" || name == "cut off") {
				if err != nil { // its statements are skipped one by one
					t.Errorf("%s, %s: %v", file, name, err)
				}
				continue
			}
			if err == nil || !strings.HasPrefix(err.Error(), file+": "+c.want) || strings.Contains(err.Error(), "\n") || strings.Contains(err.Error(), "secret") {
				t.Errorf("%s, %s: %v", file, name, err)
			}
		}
	}
}

// TestAnEndedContext ends each kind that has something to read.
func TestAnEndedContext(t *testing.T) {
	dir := folder(t, map[string]string{
		"logins.json":            `{"logins": [{}]}`,
		"autofill-profiles.json": `{"addresses": [{}]}`,
		"extensions.json":        `{"addons": [{}]}`,
		"prefs.js":               `user_pref("browser.startup.page", 3);`,
	})
	keyFile(t, dir, plainVault)
	database(t, dir, "formhistory.sqlite", func(exec func(string, ...any)) { exec(formSchema) })
	database(t, dir, "storage-sync-v2.sqlite", func(exec func(string, ...any)) { exec(storageSchema) })
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	p := open(t, dir, firefoxprofile.Options{})
	for file, read := range kinds(p) {
		if err := read(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", file, err)
		}
	}
	// It has not spoilt the profile.
	if _, skipped, err := collect(t.Context(), p.Passwords); err != nil || skipped != ": it has no site\n" {
		t.Errorf("afterwards: %q, %v", skipped, err)
	}
}

// TestWithoutAFolderForCopies: that is the machine's fault and not told of the profile.
func TestWithoutAFolderForCopies(t *testing.T) {
	dir := folder(t, map[string]string{"logins.json": `{"logins": [{}]}`})
	keyFile(t, dir, plainVault)
	database(t, dir, "formhistory.sqlite", func(exec func(string, ...any)) { exec(formSchema) })
	p, err := firefoxprofile.Open(dir, firefoxprofile.Options{TempDir: filepath.Join(dir, "none")})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	for _, read := range []func(context.Context) error{only(p.Passwords), only(p.FormHistory)} {
		if err := read(t.Context()); !errors.Is(err, os.ErrNotExist) || errors.Is(err, firefoxprofile.ErrMissing) || errors.Is(err, firefoxprofile.ErrNoKeys) {
			t.Errorf("%v", err)
		}
	}
}

// TestALoopThatEnds early leaves no copy behind, and yields nothing more.
func TestALoopThatEnds(t *testing.T) {
	dir := folder(t, nil)
	database(t, dir, "formhistory.sqlite", func(exec func(string, ...any)) {
		exec(formSchema)
		exec(`INSERT INTO moz_formhistory (fieldname, value) VALUES ('a', '1'), ('a', '2')`)
	})
	database(t, dir, "storage-sync-v2.sqlite", func(exec func(string, ...any)) {
		exec(storageSchema)
		exec(`INSERT INTO storage_sync_data (ext_id, data) VALUES ('a', '{}'), ('b', '{}')`)
	})
	p := open(t, dir, firefoxprofile.Options{})
	for e, err := range p.FormHistory(t.Context(), nil) {
		if err != nil || e.Value != "1" {
			t.Errorf("%+v, %v", e, err)
		}
		break
	}
	for e, err := range p.ExtensionStorage(t.Context(), nil) {
		if err != nil || e.ExtensionID != "a" {
			t.Errorf("%+v, %v", e, err)
		}
		break
	}
}
