package account_test

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"testing"

	"github.com/syncmanager/syncmanager/account"
	"github.com/syncmanager/syncmanager/internal/onepw"
)

// These tests replace this server's answers with those of Mozilla's accounts server where the
// two differ.
//
// Source: lib/routes of Mozilla's accounts server.

// A new account waits for a code by e-mail. Only the method in the answer says so.
func TestMozillasNewAccount(t *testing.T) {
	t.Parallel()
	w := newEnv(t, nil)
	confirmed := 0
	byEmail := intercepted(w, func(path string, body map[string]string) (int, string) {
		if path == "/session/verify_code" && body["code"] == "123456" {
			confirmed++
			return 200, `{}`
		}
		return 0, ""
	})
	verified := regexp.MustCompile(`,"(emailV|sessionV|v)erified":true`)
	transport := changed(byEmail, "/account/create", func(b []byte) []byte {
		return bytes.Replace(verified.ReplaceAll(b, nil), []byte("{"), []byte(`{"verificationMethod":"email-otp",`), 1)
	})
	_, err := w.client(func(c *account.Config) {
		c.Transport, c.Code = transport, codes(t, account.CodeEmail, text("123456"))
	}).CreateAccount(t.Context(), email, password)
	if err != nil || confirmed != 1 {
		t.Errorf("%d codes, %v", confirmed, err)
	}
}

// A waiting sign-in may say so only under the newer name.
func TestSessionVerified(t *testing.T) {
	t.Parallel()
	w := newEnv(t, nil)
	w.create()
	transport := tamper(w.server.Handler(), "/account/login", func(b []byte) []byte {
		b = bytes.Replace(b, []byte(`,"verified":true`), nil, 1)
		return bytes.Replace(b, []byte(`"sessionVerified":true`), []byte(`"sessionVerified":false,"verificationMethod":"totp-2fa"`), 1)
	})
	_, err := w.client(func(c *account.Config) { c.Transport = transport }).Login(t.Context(), email, password)
	if needs, ok := errors.AsType[*account.NeedsCodeError](err); !ok || needs.Kind != account.CodeTOTP {
		t.Errorf("%v, want a NeedsCodeError", err)
	}
}

// For an account whose password must be upgraded to version 2, the answer has the future salt.
func TestUpgradeNeeded(t *testing.T) {
	t.Parallel()
	w := newEnv(t, nil)
	stretched := onepw.StretchV1(email, password)
	w.postAs(onepw.HAWK{}, "/account/create", fmt.Sprintf(`{"email":%q,"authPW":"%x"}`, email, stretched.AuthPW), nil)
	transport := tamper(w.server.Handler(), "/account/credentials/status", func([]byte) []byte {
		return []byte(`{"upgradeNeeded":true,"currentVersion":"v2","clientSalt":"` + onepw.ClientSalt([16]byte{1}) + `"}`)
	})
	a, err := w.client(func(c *account.Config) { c.Transport = transport }).Login(t.Context(), email, password)
	if err != nil {
		t.Fatal(err)
	}
	if s := a.Session(); s.Kept().Salt != "" {
		t.Error("the session has the salt that is yet to come")
	}
}
