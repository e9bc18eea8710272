package interop_test

import (
	"archive/zip"
	"bytes"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/syncmanager/syncmanager/internal/firefoxprofile"
	"github.com/syncmanager/syncmanager/internal/skips"
	"github.com/syncmanager/syncmanager/internal/test/keystest"
	"github.com/syncmanager/syncmanager/internal/test/marionette"
)

// fillProfile gives Firefox one item of each kind that a profile stores, and waits until all of
// it is on the disk. args: the primary password to set first, or ""; an add-on's file.
const fillProfile = `
	const [password, addon] = args;
	if (password) {
		Cc["@mozilla.org/security/internalkeytoken;1"].createInstance(Ci.nsIPKCS11Token).changePassword("", password);
	}
	const saved = new Promise(resolve => {
		const topic = "password-storage-updated";
		const done = () => { Services.obs.removeObserver(done, topic); resolve(); };
		Services.obs.addObserver(done, topic);
	});
	const login = (...fields) => {
		const info = Cc["@mozilla.org/login-manager/loginInfo;1"].createInstance(Ci.nsILoginInfo);
		info.init(...fields);
		return info;
	};
	await Services.logins.addLogins([
		login("https://form.example", "https://form.example", null, "user ü", "p😀ss\"\\", "u", "p"),
		login("https://basic.example:8443", null, "The realm", "", "x".repeat(1000), "", ""),
	]);
	await saved;

	const { FormHistory } = ChromeUtils.importESModule("resource://gre/modules/FormHistory.sys.mjs");
	await FormHistory.update([
		{ op: "add", fieldname: "q", value: "hello wörld" },
		{ op: "add", fieldname: "searchbar-history", value: "日本" },
	]);

	const { formAutofillStorage } = ChromeUtils.importESModule("resource://autofill/FormAutofillStorage.sys.mjs");
	await formAutofillStorage.initialize();
	await formAutofillStorage.addresses.add({ name: "Ann B. Example", organization: "Org", "street-address": "1 Way\nFloor 2",
		"address-level3": "Mitte", "address-level2": "Berlin", "address-level1": "BE", "postal-code": "10115", country: "DE",
		tel: "+4930123456", email: "ann@example.org" });
	await formAutofillStorage.creditCards.add({ "cc-name": "Ann Example", "cc-number": "4111111111111111", "cc-exp-month": 5, "cc-exp-year": 2030 });
	await formAutofillStorage._store._save();

	const { storageSyncService } = ChromeUtils.importESModule("resource://gre/modules/ExtensionStorageComponents.sys.mjs");
	const area = await storageSyncService.getStorageAreaInstance();
	await area.set("ext@example.org", JSON.stringify({ key: { nested: [1, "ü"] } }));

	Services.prefs.setIntPref("browser.startup.page", 3);
	Services.prefs.setStringPref("browser.startup.homepage", "https://x.example/\"'\\\n\r\u2028ü😀");
	Services.prefs.setStringPref("browser.newtabpage.pinned", "data:text/plain,x");
	Services.prefs.setBoolPref("services.sync.prefs.sync.general.autoScroll", false);
	Services.prefs.setBoolPref("general.autoScroll", !Services.prefs.getBoolPref("general.autoScroll"));
	Services.prefs.setBoolPref("services.sync.prefs.sync.my.own.pref", true);
	Services.prefs.setIntPref("my.own.pref", -7);
	const file = Cc["@mozilla.org/file/local;1"].createInstance(Ci.nsIFile);
	file.initWithPath(PathUtils.join(PathUtils.profileDir, "prefs.js"));
	Services.prefs.savePrefFile(file); // with a file name, it waits for the disk

	const { AddonManager } = ChromeUtils.importESModule("resource://gre/modules/AddonManager.sys.mjs");
	const xpi = Cc["@mozilla.org/file/local;1"].createInstance(Ci.nsIFile);
	xpi.initWithPath(addon);
	await (await AddonManager.getInstallForFile(xpi)).install();
	const { XPIExports } = ChromeUtils.importESModule("resource://gre/modules/addons/XPIExports.sys.mjs");
	await XPIExports.XPIDatabase._saveNow();

	return Services.prefs.getDefaultBranch("services.sync.prefs.sync.").getChildList("").filter(
		name => Services.prefs.getDefaultBranch("").getBoolPref("services.sync.prefs.sync." + name, false));`

// profileContents is all that is read from a profile, each kind with what was skipped.
type profileContents struct {
	logins    []firefoxprofile.Login
	forms     []firefoxprofile.FormEntry
	addresses []firefoxprofile.Address
	cards     []firefoxprofile.Card
	prefs     map[string]any
	addons    []firefoxprofile.Addon
	storage   []firefoxprofile.ExtensionData
	skipped   string
}

func everyOne[T any](t *testing.T, seq iter.Seq2[T, error]) []T {
	t.Helper()
	var out []T
	for v, err := range seq {
		check(t, err)
		out = append(out, v)
	}
	return out
}

func readProfile(t *testing.T, dir, password string) profileContents {
	t.Helper()
	temp := t.TempDir()
	p, err := firefoxprofile.Open(dir, firefoxprofile.Options{
		PrimaryPassword: func(bool) (string, error) { return password, nil }, TempDir: temp,
	})
	check(t, err)
	var c profileContents
	var left skips.List
	ctx := t.Context()
	c.logins = everyOne(t, p.Passwords(ctx, &left))
	c.forms = everyOne(t, p.FormHistory(ctx, &left))
	c.addresses = everyOne(t, p.Addresses(ctx, &left))
	c.cards = everyOne(t, p.Cards(ctx, &left))
	c.prefs = make(map[string]any)
	for _, pref := range everyOne(t, p.Prefs(ctx, &left)) {
		c.prefs[pref.Name] = pref.Value
	}
	c.addons = everyOne(t, p.Addons(ctx, &left))
	c.storage = everyOne(t, p.ExtensionStorage(ctx, &left))
	check(t, p.Close())
	for _, s := range left.First {
		c.skipped += s.Item + ": " + s.Reason + "\n"
	}
	if remains, err := os.ReadDir(temp); err != nil || len(remains) != 0 {
		t.Errorf("copies are left: %v, %v", remains, err)
	}
	return c
}

// folderState lists the names, sizes and times of all files in a folder.
func folderState(t *testing.T, dir string) []string {
	t.Helper()
	var state []string
	check(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err == nil {
			state = append(state, fmt.Sprint(path, info.Size(), info.Mode(), info.ModTime()))
		}
		return err
	}))
	return state
}

// extension makes the file of an add-on.
func extension(t *testing.T) string {
	t.Helper()
	var file bytes.Buffer
	z := zip.NewWriter(&file)
	w, err := z.Create("manifest.json")
	check(t, err)
	_, err = w.Write([]byte(`{"manifest_version": 2, "name": "Own", "version": "1.2", "browser_specific_settings": {"gecko": {"id": "own@example.org"}}}`))
	check(t, err)
	check(t, z.Close())
	path := filepath.Join(t.TempDir(), "own.xpi")
	check(t, os.WriteFile(path, file.Bytes(), 0o600))
	return path
}

// TestProfileOfFirefox: the profile of a real Firefox is read completely while it runs and
// after it ended, with and without a primary password.
func TestProfileOfFirefox(t *testing.T) {
	t.Parallel()
	for _, password := range []string{"", "prímary 😀"} {
		t.Run(fmt.Sprintf("password %q", password), func(t *testing.T) {
			profile := t.TempDir()
			ff := marionette.StartTest(t, marionette.Options{Profile: profile, Prefs: map[string]any{"xpinstall.signatures.required": false}})
			raw, err := ff.Chrome(t.Context(), fillProfile, password, extension(t))
			check(t, err)
			var synced []string
			check(t, json.Unmarshal(raw, &synced))

			checkContents(t, readProfile(t, profile, password))
			if password != "" {
				checkLocked(t, profile)
			}
			check(t, ff.Quit(t.Context()))
			before := folderState(t, profile)
			checkContents(t, readProfile(t, profile, password))
			if after := folderState(t, profile); !slices.Equal(after, before) {
				t.Errorf("reading changed the profile from %q\nto %q", before, after)
			}

			slices.Sort(synced)
			if ours := firefoxprofile.SyncedPrefs(); !slices.Equal(ours, synced) {
				t.Errorf("Firefox syncs %q,\nthe list here has %q", synced, ours)
			}
		})
	}
}

func checkContents(t *testing.T, c profileContents) {
	t.Helper()
	if len(c.logins) != 2 {
		t.Fatalf("%d logins; skipped: %s", len(c.logins), c.skipped)
	}
	form, basic := c.logins[0], c.logins[1]
	if form.Hostname != "https://form.example" || form.FormSubmitURL != form.Hostname || form.HTTPRealm != "" || form.Username != "user ü" ||
		form.Password != `p😀ss"\` || form.UsernameField != "u" || form.PasswordField != "p" || form.TimesUsed != 1 ||
		!strings.HasPrefix(form.GUID, "{") || form.TimeCreated.IsZero() || form.TimeLastUsed.IsZero() || form.TimePasswordChanged.IsZero() {
		t.Errorf("the form's login: %+v", form)
	}
	if basic.Hostname != "https://basic.example:8443" || basic.HTTPRealm != "The realm" || basic.Username != "" || basic.Password != strings.Repeat("x", 1000) {
		t.Errorf("the other login: %+v", basic)
	}
	if len(c.forms) != 2 || c.forms[0].Field != "q" || c.forms[0].Value != "hello wörld" || c.forms[0].TimesUsed != 1 ||
		len(c.forms[0].GUID) != 16 || c.forms[0].FirstUsed.IsZero() || c.forms[1].Value != "日本" {
		t.Errorf("form entries: %+v", c.forms)
	}
	if len(c.addresses) != 1 {
		t.Fatalf("addresses: %+v", c.addresses)
	}
	address := c.addresses[0]
	if len(address.GUID) != 12 || address.TimeCreated.IsZero() {
		t.Errorf("the address: %+v", address)
	}
	address.GUID, address.Use = "", firefoxprofile.Use{}
	if want := (firefoxprofile.Address{
		Name: "Ann B. Example", Organization: "Org", StreetAddress: "1 Way\nFloor 2", AddressLevel3: "Mitte", AddressLevel2: "Berlin",
		AddressLevel1: "BE", PostalCode: "10115", Country: "DE", Tel: "+4930123456", Email: "ann@example.org",
	}); address != want {
		t.Errorf("the address: %+v", address)
	}
	if len(c.cards) != 1 || c.cards[0].Number != "4111111111111111" || c.cards[0].Name != "Ann Example" || c.cards[0].ExpMonth != 5 ||
		c.cards[0].ExpYear != 2030 || c.cards[0].Type != "visa" || !strings.HasSuffix(c.cards[0].Masked, "•1111") {
		t.Errorf("cards: %+v", c.cards)
	}
	for name, value := range map[string]any{
		"browser.startup.page": int32(3), "browser.startup.homepage": "https://x.example/\"'\\\n\r\u2028ü😀", "my.own.pref": int32(-7),
		"services.sync.prefs.sync.my.own.pref": true, "services.sync.prefs.sync.general.autoScroll": false,
	} {
		if c.prefs[name] != value {
			t.Errorf("%s is %#v", name, c.prefs[name])
		}
	}
	for _, name := range []string{"general.autoScroll", "browser.newtabpage.pinned", "marionette.port"} {
		if value, ok := c.prefs[name]; ok {
			t.Errorf("%s is synced: %#v", name, value)
		}
	}
	if len(c.addons) != 0 {
		t.Errorf("add-ons: %+v", c.addons)
	}
	if len(c.storage) != 1 || c.storage[0].ExtensionID != "ext@example.org" || string(c.storage[0].Data) != `{"key":{"nested":[1,"ü"]}}` {
		t.Errorf("storage: %s", c.storage)
	}
	const skipped = "browser.newtabpage.pinned: it leads to something on this device alone\nown@example.org: it is not from addons.mozilla.org\n"
	if c.skipped != skipped {
		t.Errorf("skipped\n%s\nwant\n%s", c.skipped, skipped)
	}
}

// checkLocked: without the primary password, or with another, nothing is decrypted.
func checkLocked(t *testing.T, profile string) {
	t.Helper()
	wrong := func(bool) (string, error) { return "wrong", nil }
	for want, ask := range map[error]func(bool) (string, error){firefoxprofile.ErrNeedsPassword: nil, firefoxprofile.ErrPrimaryPassword: wrong} {
		p, err := firefoxprofile.Open(profile, firefoxprofile.Options{PrimaryPassword: ask, TempDir: t.TempDir()})
		check(t, err)
		for l, err := range p.Passwords(t.Context(), nil) {
			if !errors.Is(err, want) {
				t.Errorf("%v: a login %+v, %v", want, l, err)
			}
		}
		for c, err := range p.Cards(t.Context(), nil) {
			if !errors.Is(err, want) {
				t.Errorf("%v: a card %+v, %v", want, c, err)
			}
		}
		check(t, p.Close())
	}
}

// TestProfileOfOldFirefox: a profile as Firefox made it before version 75, with 3DES
// throughout, is read as a real Firefox reads it.
func TestProfileOfOldFirefox(t *testing.T) {
	t.Parallel()
	for name, vault := range map[string]keystest.Vault{
		"without a password": {Salt: bytes.Repeat([]byte{1}, 20), Old: true, Iterations: 1},
		"with one":           {Salt: bytes.Repeat([]byte{2}, 20), Old: true, Iterations: 10_000, Password: "old prímary"},
	} {
		t.Run(name, func(t *testing.T) {
			profile := t.TempDir()
			ageProfile(t, profile, vault)
			p, err := firefoxprofile.Open(profile, firefoxprofile.Options{
				PrimaryPassword: func(bool) (string, error) { return vault.Password, nil }, TempDir: t.TempDir(),
			})
			check(t, err)
			logins := everyOne(t, p.Passwords(t.Context(), nil))
			check(t, p.Close())
			if len(logins) != 1 || logins[0].Username != "old user" || logins[0].Password != "old pässword" || logins[0].TimesUsed != 4 || logins[0].TimeLastUsed.UnixMilli() != 2 {
				t.Fatalf("read %+v", logins)
			}
			// Once the password is removed, Firefox does not ask for it.
			raw, err := marionette.StartTest(t, marionette.Options{Profile: profile}).Chrome(t.Context(), `
				if (args[0]) {
					Cc["@mozilla.org/security/internalkeytoken;1"].createInstance(Ci.nsIPKCS11Token).changePassword(args[0], "");
				}
				return Object.fromEntries((await Services.logins.getAllLogins()).map(l => [l.username, l.password]));`, vault.Password)
			check(t, err)
			var real map[string]string
			check(t, json.Unmarshal(raw, &real))
			if !maps.Equal(real, map[string]string{"old user": "old pässword"}) {
				t.Errorf("Firefox reads %v", real)
			}
		})
	}
}

// ageProfile makes a profile with one login, and encrypts it as vault says.
func ageProfile(t *testing.T, profile string, vault keystest.Vault) {
	t.Helper()
	ff := marionette.StartTest(t, marionette.Options{Profile: profile})
	_, err := ff.Chrome(t.Context(), `Cc["@mozilla.org/security/sdr;1"].getService(Ci.nsISecretDecoderRing).encryptString("x");`)
	check(t, err)
	check(t, ff.Quit(t.Context()))
	key := []byte("0123456789abcdefghijklmn")
	db, err := sql.Open("sqlite", "file:"+filepath.Join(profile, "key4.db"))
	check(t, err)
	for statement, args := range map[string][]any{
		`UPDATE metaData SET item1 = ?, item2 = ? WHERE id = 'password'`:                       {vault.Salt, vault.Seal(t, []byte("password-check"))},
		`UPDATE nssPrivate SET a11 = ?, a100 = x'00000015', a161 = x'00000018' WHERE a102 = ?`: {vault.Seal(t, key), keystest.LoginKeyID},
		`DELETE FROM metaData WHERE id LIKE 'sig_key%'`:                                        nil,
		`DELETE FROM nssPrivate WHERE a102 <> x'f8000000000000000000000000000001'`:             nil,
	} {
		_, err := db.Exec(statement, args...)
		check(t, err)
	}
	check(t, db.Close())
	stored, err := json.Marshal(map[string]any{"nextId": 2, "version": 3, "logins": []any{map[string]any{
		"id": 1, "hostname": "https://old.example", "httpRealm": nil, "formSubmitURL": "", "usernameField": "", "passwordField": "",
		"encryptedUsername": keystest.Login(t, key, "old user"), "encryptedPassword": keystest.Login(t, key, "old pässword"),
		"guid": "{00000000-0000-4000-8000-000000000001}", "encType": 1, "timeCreated": 1, "timeLastUsed": 2, "timePasswordChanged": 3, "timesUsed": 4,
	}}})
	check(t, err)
	check(t, os.WriteFile(filepath.Join(profile, "logins.json"), stored, 0o600))
}
