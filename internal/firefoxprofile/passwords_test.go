package firefoxprofile_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/internal/firefoxprofile"
	"github.com/syncmanager/syncmanager/internal/test/keystest"
)

type object = map[string]any

func loginsText(t *testing.T, logins ...any) string {
	t.Helper()
	text, err := json.Marshal(object{"nextId": 9, "version": 3, "logins": logins})
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// stored is a login of a site as logins.json has it, encrypted with key.
func stored(t *testing.T, site string, key []byte, username, password string) object {
	t.Helper()
	return object{
		"id": 1, "guid": "{00000000-0000-4000-8000-000000000001}", "hostname": site, "formSubmitURL": site, "httpRealm": nil,
		"usernameField": "u", "passwordField": "p", "encryptedUsername": keystest.Login(t, key, username),
		"encryptedPassword": keystest.Login(t, key, password), "encType": 1, "syncCounter": 3, "something": "new",
		"timeCreated": 1_700_000_000_001, "timeLastUsed": 1_700_000_000_002, "timePasswordChanged": -5, "timesUsed": 7,
	}
}

func with(o object, changes object) object {
	for k, v := range changes {
		o[k] = v
	}
	return o
}

// TestPasswords: both ciphers with their keys of one ID are read, and what cannot be
// stops nothing and says nothing of its contents.
func TestPasswords(t *testing.T) {
	otherID := keystest.Login(t, aesKey, "secret user")
	der, err := base64.StdEncoding.DecodeString(otherID)
	if err != nil {
		t.Fatal(err)
	}
	otherID = base64.StdEncoding.EncodeToString(bytes.Replace(der, keystest.LoginKeyID, bytes.Repeat([]byte{9}, 16), 1))
	wrongKey := bytes.Repeat([]byte{4}, 32)
	dir := folder(t, map[string]string{"logins.json": loginsText(t,
		stored(t, "https://aes.example", aesKey, "user ü", "secret 😀"),
		with(stored(t, "https://realm.example", desKey, "", "secret 2"), object{"formSubmitURL": nil, "httpRealm": "A realm"}),
		object{"guid": "gone", "deleted": true, "syncCounter": 1},
		stored(t, "chrome://FirefoxAccounts", aesKey, "uid", "secret keys"),
		"secret", with(stored(t, "https://type.example", aesKey, "a", "b"), object{"timesUsed": "secret"}),
		stored(t, "", aesKey, "a", "b"),
		with(stored(t, "https://base64.example", aesKey, "a", "b"), object{"encryptedPassword": "sécret"}),
		with(stored(t, "https://der.example", aesKey, "a", "b"), object{"encryptedUsername": "AAAA"}),
		with(stored(t, "https://id.example", aesKey, "a", "b"), object{"encryptedPassword": otherID}),
		stored(t, "https://key.example", wrongKey, "a", "b"),
		stored(t, "https://bytes.example", aesKey, "a\xff", "b"),
		stored(t, "https://last.example", aesKey, "last", ""),
	)})
	keyFile(t, dir, plainVault)
	logins, skipped, err := collect(t.Context(), open(t, dir, firefoxprofile.Options{}).Passwords)
	if err != nil {
		t.Fatal(err)
	}
	want := firefoxprofile.Login{
		GUID: "{00000000-0000-4000-8000-000000000001}", Hostname: "https://aes.example", FormSubmitURL: "https://aes.example",
		Username: "user ü", Password: "secret 😀", UsernameField: "u", PasswordField: "p",
		TimeCreated: time.UnixMilli(1_700_000_000_001).UTC(), TimeLastUsed: time.UnixMilli(1_700_000_000_002).UTC(), TimesUsed: 7,
	}
	if len(logins) != 3 || logins[0] != want {
		t.Fatalf("read %+v", logins)
	}
	if l := logins[1]; l.Hostname != "https://realm.example" || l.FormSubmitURL != "" || l.HTTPRealm != "A realm" || l.Username != "" || l.Password != "secret 2" {
		t.Errorf("read %+v", l)
	}
	if l := logins[2]; l.Username != "last" || l.Password != "" {
		t.Errorf("read %+v", l)
	}
	if want := strings.Join([]string{
		"login 5: it is not as Firefox writes it",
		"login 6: it is not as Firefox writes it",
		": it has no site",
		"https://base64.example: its password: it is damaged or incomplete",
		"https://der.example: its user name: it is damaged or incomplete",
		"https://id.example: its password: its key is not in the profile",
		"https://key.example: its user name: it cannot be decrypted: the key does not fit, or it is damaged",
		"https://bytes.example: it cannot be decrypted: the key does not fit, or it is damaged",
	}, "\n") + "\n"; skipped != want {
		t.Errorf("skipped\n%s\nwant\n%s", skipped, want)
	}
}

func TestPasswordsOfOldProfiles(t *testing.T) {
	for name, v := range map[string]keystest.Vault{
		"before 72": {Salt: []byte("twenty bytes of salt"), Old: true, Iterations: 1},
		"before 75": {Salt: []byte("twenty bytes of salt"), Old: true, Iterations: 10_000, Password: "prímary"},
		"since":     {Salt: []byte("twenty bytes of salt"), Iterations: 10_000, Password: "prímary"},
	} {
		dir := folder(t, map[string]string{"logins.json": loginsText(t, stored(t, "https://a.example", desKey, "user", "password"))})
		keyFile(t, dir, v)
		p := open(t, dir, firefoxprofile.Options{PrimaryPassword: func(bool) (string, error) { return v.Password, nil }})
		logins, skipped, err := collect(t.Context(), p.Passwords)
		if err != nil || skipped != "" || len(logins) != 1 || logins[0].Password != "password" {
			t.Errorf("%s: %+v, %q, %v", name, logins, skipped, err)
		}
	}
}

// TestPrimaryPassword: it is asked for when something needs it, up to three times for
// all, and whoever does not know it reads nothing.
func TestPrimaryPassword(t *testing.T) {
	dir := folder(t, map[string]string{
		"logins.json":            loginsText(t, stored(t, "https://a.example", aesKey, "user", "password")),
		"autofill-profiles.json": `{"creditCards": [{"cc-name": "Ann", "cc-number-encrypted": "` + keystest.Card(t, cardKey, "4111111111111111") + `"}]}`,
	})
	keyFile(t, dir, lockedVault)
	asked := 0
	given := errors.New("nobody is there")
	for name, c := range map[string]struct {
		ask   func(again bool) (string, error)
		asked int
		want  error
	}{
		"right": {func(bool) (string, error) { return "prímary", nil }, 1, nil},
		"right at last": {func(again bool) (string, error) {
			if again != (asked > 1) {
				t.Errorf("asked %d times, and again is %v", asked, again)
			}
			return []string{"secret", "guesses", "prímary"}[asked-1], nil
		}, 3, nil},
		"wrong":      {func(bool) (string, error) { return "secret guess", nil }, 3, firefoxprofile.ErrPrimaryPassword},
		"none":       {nil, 0, firefoxprofile.ErrNeedsPassword},
		"error":      {func(bool) (string, error) { return "", given }, 1, given},
		"error next": {func(again bool) (string, error) { return "secret", map[bool]error{true: given}[again] }, 2, firefoxprofile.ErrPrimaryPassword},
	} {
		asked = 0
		o := firefoxprofile.Options{}
		if c.ask != nil {
			o.PrimaryPassword = func(again bool) (string, error) { asked++; return c.ask(again) }
		}
		p := open(t, dir, o)
		if asked != 0 {
			t.Errorf("%s: asked without need", name)
		}
		logins, _, err := collect(t.Context(), p.Passwords)
		cards, _, cardsErr := collect(t.Context(), p.Cards)
		if !errors.Is(err, c.want) || !errors.Is(cardsErr, c.want) {
			t.Errorf("%s: %v, %v", name, err, cardsErr)
		}
		if n := len(logins) + len(cards); c.want == nil && n != 2 || c.want != nil && n != 0 {
			t.Errorf("%s: read %d", name, n)
		}
		if asked != c.asked {
			t.Errorf("%s: asked %d times, want %d", name, asked, c.asked)
		}
		if err != nil && strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestLoginsBackup: the backup stands in for a logins.json that is damaged or gone.
func TestLoginsBackup(t *testing.T) {
	whole := loginsText(t, stored(t, "https://a.example", aesKey, "user", "password"))
	const note = "logins.json: it is damaged or missing; its backup was read, which may lack the newest passwords\n"
	for name, c := range map[string]struct {
		files   map[string]string
		want    int
		skipped string
		err     error
	}{
		"damaged":      {map[string]string{"logins.json": whole[:100], "logins-backup.json": whole}, 1, note, nil},
		"missing":      {map[string]string{"logins-backup.json": whole}, 1, note, nil},
		"both damaged": {map[string]string{"logins.json": "", "logins-backup.json": whole[:100]}, 0, "", firefoxprofile.ErrDamaged},
		"no backup":    {map[string]string{"logins.json": "[]"}, 0, "", firefoxprofile.ErrDamaged},
		"nothing":      {nil, 0, "", firefoxprofile.ErrMissing},
	} {
		dir := folder(t, c.files)
		keyFile(t, dir, plainVault)
		logins, skipped, err := collect(t.Context(), open(t, dir, firefoxprofile.Options{}).Passwords)
		if len(logins) != c.want || skipped != c.skipped || !errors.Is(err, c.err) || (err == nil) != (c.err == nil) {
			t.Errorf("%s: %d logins, %q, %v", name, len(logins), skipped, err)
		}
	}
}

// TestKeysThatDoNotServe: what is wrong with key4.db is told; above all no passwords
// are taken for no passwords at all.
func TestKeysThatDoNotServe(t *testing.T) {
	check := plainVault.Seal(t, []byte("password-check"))
	for name, c := range map[string]struct {
		check []byte
		want  error
	}{
		"no check":       {nil, firefoxprofile.ErrNoKeys},
		"cut off":        {check[:len(check)-5], firefoxprofile.ErrDamaged},
		"trailing":       {append(bytes.Clone(check), 0), firefoxprofile.ErrDamaged},
		"no ASN.1":       {[]byte("secret"), firefoxprofile.ErrDamaged},
		"2^31 rounds":    {plainVault.Asking(t, 1<<31), firefoxprofile.ErrDamaged},
		"no rounds":      {plainVault.Asking(t, 0), firefoxprofile.ErrDamaged},
		"another text":   {plainVault.Seal(t, []byte("something else")), firefoxprofile.ErrNeedsPassword},
		"a million plus": {plainVault.Asking(t, 1_000_001), firefoxprofile.ErrDamaged},
	} {
		dir := folder(t, map[string]string{"logins.json": loginsText(t, stored(t, "https://a.example", aesKey, "user", "password"))})
		database(t, dir, "key4.db", func(exec func(string, ...any)) {
			exec(keySchema)
			if c.check != nil {
				exec(`INSERT INTO metaData VALUES ('password', ?, ?)`, plainVault.Salt, c.check)
			}
		})
		logins, _, err := collect(t.Context(), open(t, dir, firefoxprofile.Options{}).Passwords)
		if len(logins) != 0 || !errors.Is(err, c.want) || !strings.HasPrefix(err.Error(), "key4.db: ") || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %d logins, %v", name, len(logins), err)
		}
	}
	dir := folder(t, map[string]string{"logins.json": loginsText(t, stored(t, "https://a.example", aesKey, "user", "password"))})
	_, _, err := collect(t.Context(), open(t, dir, firefoxprofile.Options{}).Passwords)
	if !errors.Is(err, firefoxprofile.ErrNoKeys) || errors.Is(err, firefoxprofile.ErrMissing) {
		t.Errorf("without key4.db: %v", err)
	}
	// Who has no passwords needs no keys.
	empty := folder(t, map[string]string{"logins.json": `{"logins": []}`})
	if _, _, err := collect(t.Context(), open(t, empty, firefoxprofile.Options{}).Passwords); err != nil {
		t.Errorf("without passwords: %v", err)
	}
}

// TestPasswordsOfBefore32: passwords that are not read are not called none.
func TestPasswordsOfBefore32(t *testing.T) {
	p, err := firefoxprofile.Open(folder(t, map[string]string{"prefs.js": "", "signons.sqlite": "SQLite format 3\x00"}), firefoxprofile.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Close() })
	for _, err := range p.Passwords(t.Context(), nil) {
		if err == nil || errors.Is(err, firefoxprofile.ErrMissing) || !strings.Contains(err.Error(), "signons.sqlite") {
			t.Errorf("%v; want signons.sqlite named", err)
		}
		return
	}
	t.Error("nothing is said")
}
