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

// Where Mozilla's accounts server answers otherwise than ours, these tests put its
// answers in the place of ours.
//
// Source: lib/routes of Mozilla's accounts server.

// A new account waits for a code by e-mail, which its answer says by the method
// alone.
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

// A sign-in that waits may say so by the newer name alone.
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

// An account whose password is yet to be stretched by version 2 is told with the
// salt that it will have.
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
