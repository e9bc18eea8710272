package firefoxprofile_test

import (
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/internal/firefoxprofile"
	"github.com/syncmanager/syncmanager/internal/test/keystest"
)

const formSchema = `CREATE TABLE moz_formhistory (id INTEGER PRIMARY KEY, fieldname TEXT NOT NULL, value TEXT,
	timesUsed INTEGER, firstUsed INTEGER, lastUsed INTEGER, guid TEXT)`

func TestFormHistory(t *testing.T) {
	dir := folder(t, nil)
	database(t, dir, "formhistory.sqlite", func(exec func(string, ...any)) {
		exec(formSchema)
		exec(`INSERT INTO moz_formhistory VALUES (1, 'q', 'höllo', 3, 1700000000000001, 1700000000000002, 'AAAAAAAAAAAAAAAA'),
			(2, '', 'secret', 1, 1, 1, NULL), (3, 'null', NULL, 1, 1, 1, NULL), (4, 'bytes', x'ff', 1, 1, 1, NULL),
			(5, 'huge', hex(zeroblob(600000)), 1, 1, 1, NULL), (6, 'odd', 7, 'secret', x'00', -9, hex(zeroblob(100)))`)
	})
	entries, skipped, err := collect(t.Context(), open(t, dir, firefoxprofile.Options{}).FormHistory)
	if err != nil {
		t.Fatal(err)
	}
	if want := []firefoxprofile.FormEntry{
		{GUID: "AAAAAAAAAAAAAAAA", Field: "q", Value: "höllo", TimesUsed: 3, FirstUsed: time.UnixMicro(1700000000000001).UTC(), LastUsed: time.UnixMicro(1700000000000002).UTC()},
		{Field: "odd", Value: "7"},
	}; len(entries) != 2 || entries[0] != want[0] || entries[1] != want[1] {
		t.Errorf("read %+v", entries)
	}
	const none = "it has no value, or one longer than 1048576 bytes\n"
	if want := ": it has no field's name\nnull: " + none + "bytes: its text is not valid UTF-8\nhuge: " + none; skipped != want {
		t.Errorf("skipped\n%s\nwant\n%s", skipped, want)
	}
}

const storageSchema = `CREATE TABLE storage_sync_data (ext_id TEXT NOT NULL PRIMARY KEY, data TEXT, sync_change_counter INTEGER NOT NULL DEFAULT 1)`

func TestExtensionStorage(t *testing.T) {
	dir := folder(t, nil)
	database(t, dir, "storage-sync-v2.sqlite", func(exec func(string, ...any)) {
		exec(storageSchema)
		exec(`INSERT INTO storage_sync_data (ext_id, data) VALUES ('a@x', '{"k": {"n": [1, "ü"]}}'), ('b@x', NULL), ('c@x', '[]'), ('d@x', 'null'),
			('e@x', '{"cut'), ('', '{}'), ('huge@x', '"' || hex(zeroblob(600000)) || '"'), ('z@x', '{}')`)
	})
	data, skipped, err := collect(t.Context(), open(t, dir, firefoxprofile.Options{}).ExtensionStorage)
	if err != nil {
		t.Fatal(err)
	}
	if len(data) != 2 || data[0].ExtensionID != "a@x" || string(data[0].Data) != `{"k": {"n": [1, "ü"]}}` || data[1].ExtensionID != "z@x" {
		t.Errorf("read %s", data)
	}
	const odd = ": it is not as Firefox writes it\n"
	if want := ": it has no extension's ID\nc@x" + odd + "d@x" + odd + "e@x" + odd + "huge@x: it is longer than 1048576 bytes\n"; skipped != want {
		t.Errorf("skipped\n%s\nwant\n%s", skipped, want)
	}
}

func TestAddresses(t *testing.T) {
	dir := folder(t, map[string]string{"autofill-profiles.json": `{"version": 1, "addresses": [
		{"guid": "a", "name": "Ann Example", "organization": "Org", "street-address": "1 Way\nFloor 2", "address-level3": "L3", "address-level2": "L2",
			"address-level1": "L1", "postal-code": "123", "country": "DE", "tel": "+49301", "email": "a@example.org", "tel-national": "301",
			"timeCreated": 1700000000001, "timeLastUsed": 0, "timeLastModified": 1700000000002, "timesUsed": 4, "_sync": {"changeCounter": 1}},
		{"guid": "b", "given-name": "Old", "additional-name": "", "family-name": "Name"},
		{"guid": "c", "deleted": true}, {"name": 5}, "secret", {"guid": "d", "name": null}]}`})
	addresses, skipped, err := collect(t.Context(), open(t, dir, firefoxprofile.Options{}).Addresses)
	if err != nil {
		t.Fatal(err)
	}
	if want := (firefoxprofile.Address{
		GUID: "a", Name: "Ann Example", Organization: "Org", StreetAddress: "1 Way\nFloor 2", AddressLevel3: "L3", AddressLevel2: "L2",
		AddressLevel1: "L1", PostalCode: "123", Country: "DE", Tel: "+49301", Email: "a@example.org",
		Use: firefoxprofile.Use{TimeCreated: time.UnixMilli(1700000000001).UTC(), TimeLastModified: time.UnixMilli(1700000000002).UTC(), TimesUsed: 4},
	}); len(addresses) != 3 || addresses[0] != want || addresses[1].Name != "Old Name" || addresses[2].GUID != "d" {
		t.Errorf("read %+v", addresses)
	}
	if want := "address 4: it is not as Firefox writes it\naddress 5: it is not as Firefox writes it\n"; skipped != want {
		t.Errorf("skipped\n%s", skipped)
	}
}

// TestCards: a card without a number that can be read comes without it, and the reason
// is told.
func TestCards(t *testing.T) {
	const masked = "••••••••••••1111"
	card := func(number string) string {
		return fmt.Sprintf(`{"guid": "a", "cc-name": "Ann", "cc-number": %q, "cc-exp-month": 5, "cc-exp-year": 2030, "cc-type": "visa", "cc-number-encrypted": %q}`, masked, number)
	}
	whole := keystest.Card(t, cardKey, "4111111111111111")
	text := `{"creditCards": [` + strings.Join([]string{
		card(whole), card(""), card("!"), card("AAAA"), card(keystest.Card(t, aesKey, "4111111111111111")), card(keystest.Card(t, cardKey, "secret")),
		`{"deleted": true}`, `{"cc-exp-month": "secret"}`, card(whole),
	}, ",") + `]}`
	dir := folder(t, map[string]string{"autofill-profiles.json": text})
	keyFile(t, dir, plainVault)
	cards, skipped, err := collect(t.Context(), open(t, dir, firefoxprofile.Options{}).Cards)
	if err != nil {
		t.Fatal(err)
	}
	want := firefoxprofile.Card{GUID: "a", Name: "Ann", Number: "4111111111111111", Masked: masked, ExpMonth: 5, ExpYear: 2030, Type: "visa"}
	if len(cards) != 7 || cards[0] != want || cards[6] != want {
		t.Fatalf("read %+v", cards)
	}
	want.Number = ""
	if cards[1] != want || cards[5] != want {
		t.Errorf("read %+v", cards)
	}
	const left = ": its number cannot be read: "
	if want := "card 2" + left + "the card has none\ncard 3" + left + "it is damaged or incomplete\ncard 4" + left + "it is damaged or incomplete\n" +
		"card 5" + left + "it cannot be decrypted: the key does not fit, or it is damaged\ncard 6" + left + "it is not as Firefox writes it\n" +
		"card 8: it is not as Firefox writes it\n"; skipped != want {
		t.Errorf("skipped\n%s\nwant\n%s", skipped, want)
	}

	// With the key in the system's keyring.
	keyring := folder(t, map[string]string{"autofill-profiles.json": `{"creditCards": [` + card(whole) + `]}`})
	database(t, keyring, "key4.db", func(exec func(string, ...any)) {
		exec(keySchema)
		exec(`INSERT INTO metaData VALUES ('password', ?, ?)`, plainVault.Salt, plainVault.Seal(t, []byte("password-check")))
	})
	cards, skipped, err = collect(t.Context(), open(t, keyring, firefoxprofile.Options{}).Cards)
	if err != nil || len(cards) != 1 || cards[0] != want || skipped != "card 1"+left+"its key is in the system's keyring, which only Firefox can use\n" {
		t.Errorf("read %+v, %q, %v", cards, skipped, err)
	}

	// Without key4.db.
	keyless := folder(t, map[string]string{"autofill-profiles.json": `{"creditCards": [` + card(whole) + `]}`})
	cards, skipped, err = collect(t.Context(), open(t, keyless, firefoxprofile.Options{}).Cards)
	if err != nil || len(cards) != 1 || cards[0] != want || !strings.HasPrefix(skipped, "card 1"+left+"key4.db: the keys of what is encrypted") {
		t.Errorf("read %+v, %q, %v", cards, skipped, err)
	}
}

func TestAddons(t *testing.T) {
	const amo = `"sourceURI": "https://addons.mozilla.org/firefox/downloads/file/1/a.xpi"`
	dir := folder(t, map[string]string{
		"extensions.json": `{"schemaVersion": 37, "addons": [
			{"id": "a@x", "syncGUID": "{1}", "version": "1.2", "type": "extension", "location": "app-profile", ` + amo + `, "defaultLocale": {"name": "A"}, "visible": true},
			{"id": "off@x", "type": "theme", "location": "app-profile", "userDisabled": true, "sourceURI": null},
			{"id": "built-in@x", "type": "extension", "location": "app-builtin-addons"},
			{"id": "temporary@x", "type": "extension", "location": "app-temporary", ` + amo + `},
			{"id": "words@x", "type": "dictionary", "location": "app-profile", ` + amo + `},
			{"id": "leaving@x", "type": "extension", "location": "app-profile", "pendingUninstall": true, ` + amo + `},
			{"id": "hidden@x", "type": "extension", "location": "app-profile", "visible": false, ` + amo + `},
			{"id": "foreign@x", "type": "extension", "location": "app-profile", "foreignInstall": true, ` + amo + `},
			{"id": "file@x", "type": "extension", "location": "app-profile", "sourceURI": "file:///secret/a.xpi"},
			{"id": "http@x", "type": "extension", "location": "app-profile", "sourceURI": "http://addons.mozilla.org/a.xpi"},
			{"id": "like@x", "type": "extension", "location": "app-profile", "sourceURI": "https://addons.mozilla.org.example/a.xpi"},
			{"id": 7}, {"type": "extension"}, null]}`,
		"addons.json": `{"schema": 6, "addons": [{"id": "off@x", ` + amo + `}, {"id": "file@x"}, {"id": "http@x", "sourceURI": "https://elsewhere.example/"}]}`,
	})
	addons, skipped, err := collect(t.Context(), open(t, dir, firefoxprofile.Options{}).Addons)
	if err != nil {
		t.Fatal(err)
	}
	if want := []firefoxprofile.Addon{
		{ID: "a@x", SyncGUID: "{1}", Name: "A", Version: "1.2", Type: "extension", Enabled: true},
		{ID: "off@x", Type: "theme"},
	}; len(addons) != 2 || addons[0] != want[0] || addons[1] != want[1] {
		t.Errorf("read %+v", addons)
	}
	const elsewhere, odd = ": it is not from addons.mozilla.org\n", ": it is not as Firefox writes it\n"
	if want := "foreign@x: another program installed it\nfile@x" + elsewhere + "http@x" + elsewhere + "like@x" + elsewhere + "add-on 12" + odd + "add-on 13" + odd + "add-on 14" + odd; skipped != want {
		t.Errorf("skipped\n%s\nwant\n%s", skipped, want)
	}
}

// TestPrefs: what is synced is what the control preferences say, the profile's over
// Firefox's own.
func TestPrefs(t *testing.T) {
	dir := folder(t, map[string]string{"prefs.js": `
		user_pref("browser.startup.page", 3);
		user_pref("general.autoScroll", true);
		user_pref("services.sync.prefs.sync.general.autoScroll", false);
		user_pref("my.pref", "x");
		user_pref("services.sync.prefs.sync.my.pref", true);
		user_pref("their.pref", "x");
		user_pref("services.sync.prefs.sync.their.pref", "true");
		user_pref("browser.startup.homepage", "FILE:///home/secret");
		user_pref("services.sync.prefs.dangerously_allow_arbitrary", true);
		user_pref("services.sync.prefs.sync.services.sync.prefs.dangerously_allow_arbitrary", true);
		user_pref("browser.search.update", );
		user_pref("not.synced", true);`})
	prefs, skipped, err := collect(t.Context(), open(t, dir, firefoxprofile.Options{}).Prefs)
	if err != nil {
		t.Fatal(err)
	}
	got := make(map[string]any)
	for _, p := range prefs {
		got[p.Name] = p.Value
	}
	if want := map[string]any{
		"browser.startup.page": int32(3), "my.pref": "x", "services.sync.prefs.sync.my.pref": true, "services.sync.prefs.sync.general.autoScroll": false,
	}; !maps.Equal(got, want) {
		t.Errorf("read %v", got)
	}
	if want := "browser.search.update: it is not a preference: it is not as Firefox writes it\nbrowser.startup.homepage: it leads to something on this device alone\n"; skipped != want {
		t.Errorf("skipped\n%s\nwant\n%s", skipped, want)
	}
}
