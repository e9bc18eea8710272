package firefoxprofile_test

import (
	"context"
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/syncmanager/syncmanager/internal/firefoxprofile"
	"github.com/syncmanager/syncmanager/internal/test/keystest"
)

// FuzzPrefs: no text stops the reader, and what it reads is what a preference can be.
func FuzzPrefs(f *testing.F) {
	f.Add([]byte("// c\nuser_pref(\"a\", \"\\u00fc\\n\"); # d\nuser_pref('b', -3); /* e */ pref(\"c\", true);"))
	f.Add([]byte(`user_pref("a", "\ud83d\ude00`))
	f.Fuzz(func(t *testing.T, text []byte) {
		set, left := firefoxprofile.ParsePrefs(text)
		if len(set)+left.Count > len(text) {
			t.Errorf("%d read and %d skipped of %d bytes", len(set), left.Count, len(text))
		}
		for name, value := range set {
			switch value.(type) {
			case string, int32, bool:
			default:
				t.Errorf("%q is a %T", name, value)
			}
		}
	})
}

// FuzzSealed: no value of key4.db stops the program.
func FuzzSealed(f *testing.F) {
	f.Add(plainVault.Seal(f, []byte("password-check")))
	f.Add(keystest.Vault{Salt: plainVault.Salt, Old: true, Iterations: 1}.Seal(f, desKey))
	f.Fuzz(func(t *testing.T, der []byte) {
		plain, err := firefoxprofile.Decrypt(der, plainVault.Salt, "")
		if err == nil && len(plain) >= len(der) {
			t.Errorf("%d bytes from %d", len(plain), len(der))
		}
	})
}

// FuzzLogin: nor does a value of logins.json.
func FuzzLogin(f *testing.F) {
	for _, key := range [][]byte{aesKey, desKey} {
		der, err := base64.StdEncoding.DecodeString(keystest.Login(f, key, "user"))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(der)
	}
	f.Fuzz(func(t *testing.T, der []byte) {
		for _, key := range [][]byte{aesKey, desKey} {
			plain, err := firefoxprofile.DecryptLogin(keystest.LoginKeyID, key, base64.StdEncoding.EncodeToString(der))
			if err == nil && len(plain) >= len(der) {
				t.Errorf("%d bytes from %d", len(plain), len(der))
			}
		}
	})
}

// FuzzJSON: no text in the place of a JSON file stops the readers of such.
func FuzzJSON(f *testing.F) {
	f.Add([]byte(`{"logins": [{"hostname": "https://a.example", "encryptedUsername": "AAAA"}], "addons": [{"id": "a"}], "addresses": [{}], "creditCards": [{"cc-number-encrypted": "AA"}]}`))
	f.Add([]byte(`{"logins": null, "addons": [null], "addresses": [[]], "creditCards": [7]}`))
	dir := f.TempDir()
	for _, name := range []string{"prefs.js", "key4.db"} { // a key4.db that is none
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			f.Fatal(err)
		}
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		for _, name := range []string{"logins.json", "extensions.json", "addons.json", "autofill-profiles.json"} {
			if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		p := open(t, dir, firefoxprofile.Options{})
		for _, read := range []func(context.Context) error{only(p.Passwords), only(p.Addons), only(p.Addresses), only(p.Cards)} {
			if err := read(t.Context()); err != nil && strings.Contains(err.Error(), "\n") {
				t.Errorf("no sentence: %v", err)
			}
		}
	})
}
