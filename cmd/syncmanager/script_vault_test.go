package main

import (
	"bytes"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/syncmanager/syncmanager/internal/test/keystest"
)

// vault DIR [PASSWORD] puts into a profile of Firefox what it encrypts, with that
// primary password: two logins, and a third without a password; a card, and a second
// whose key is elsewhere.
func cmdVault(t *testing.T) func(*testscript.TestScript, bool, []string) {
	loginKey, cardKey := []byte("0123456789abcdef0123456789ABCDEF"), []byte("0123456789abcdef")
	return func(ts *testscript.TestScript, neg bool, args []string) {
		if neg || len(args) < 1 || len(args) > 2 {
			ts.Fatalf("usage: vault DIR [PASSWORD]")
		}
		dir := ts.MkAbs(args[0])
		v := keystest.Vault{Salt: bytes.Repeat([]byte{2}, 48), Iterations: 1}
		if len(args) == 2 {
			v.Password = args[1]
		}
		db, err := sql.Open("sqlite", filepath.Join(dir, "key4.db"))
		ts.Check(err)
		_, err = db.Exec(`CREATE TABLE metaData (id PRIMARY KEY, item1, item2); CREATE TABLE nssPrivate (id PRIMARY KEY, a0, a3, a11, a102)`)
		ts.Check(err)
		_, err = db.Exec(`INSERT INTO metaData VALUES ('password', ?, ?)`, v.Salt, v.Seal(t, []byte("password-check")))
		ts.Check(err)
		_, err = db.Exec(`INSERT INTO nssPrivate VALUES (1, x'00000004', NULL, ?, ?), (2, x'00000004', ?, ?, NULL)`,
			v.Seal(t, loginKey), keystest.LoginKeyID, []byte("Firefox Encrypted Storage"), v.Seal(t, cardKey))
		ts.Check(errors.Join(err, db.Close()))

		login := func(n int, site, password string) string {
			return fmt.Sprintf(`{"guid": "{00000000-0000-4000-8000-00000000000%d}", "hostname": %q, "formSubmitURL": %q, "httpRealm": null,
				"usernameField": "user", "passwordField": "pass", "encryptedUsername": %q, "encryptedPassword": %q,
				"timeCreated": 1700000000001, "timeLastUsed": 1700000000002, "timePasswordChanged": 1700000000003, "timesUsed": 4}`,
				n, site, site, keystest.Login(t, loginKey, "ann"), keystest.Login(t, loginKey, password))
		}
		ts.Check(os.WriteFile(filepath.Join(dir, "logins.json"), fmt.Appendf(nil, `{"logins": [%s, %s, %s]}`,
			login(1, "https://one.example", "secret one"), login(2, "https://two.example", "secret two"), login(3, "https://empty.example", "")), 0o600))
		card := func(n int, key []byte, number string) string {
			return fmt.Sprintf(`{"guid": "00000000000%d", "cc-name": "Ann", "cc-number": "************%s", "cc-number-encrypted": %q,
				"cc-exp-month": 4, "cc-exp-year": 2031, "cc-type": "visa", "timeCreated": 1700000000001, "timesUsed": 2}`,
				n, number[12:], keystest.Card(t, key, number))
		}
		ts.Check(os.WriteFile(filepath.Join(dir, "autofill-profiles.json"), fmt.Appendf(nil, `{"creditCards": [%s, %s],
			"addresses": [{"guid": "000000000003", "name": "Ann Example", "street-address": "1 Way", "country": "DE", "timeCreated": 1700000000001, "timesUsed": 3}]}`,
			card(1, cardKey, "4111111111111111"), card(2, bytes.Repeat([]byte{9}, 16), "4012888888881881")), 0o600))
	}
}
