package password

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/scrypt"

	"github.com/syncmanager/syncmanager/internal/onepw"
	"github.com/syncmanager/syncmanager/internal/stretch"
	"github.com/syncmanager/syncmanager/internal/test/testclock"
	"github.com/syncmanager/syncmanager/server/accounts/internal/authtest"
	"github.com/syncmanager/syncmanager/server/accounts/internal/fault"
	"github.com/syncmanager/syncmanager/server/accounts/internal/mailaddr"
	"github.com/syncmanager/syncmanager/server/accounts/internal/store"
)

func key(b byte) []byte { return bytes.Repeat([]byte{b}, onepw.KeySize) }

func text(b byte) string { return hex.EncodeToString(key(b)) }

const salt = "identity.mozilla.com/picl/v1/quickStretchV2:0123456789abcdef0123456789abcdef"

// env is an account whose password is key(1) by version 1 of the stretching, and key(2) by
// version 2.
type env struct {
	*authtest.Env
	*Passwords
	clock     *testclock.Clock
	stretched int // times
	busy      bool
}

func newEnv(t *testing.T) *env {
	t.Helper()
	e := &env{clock: testclock.At(time.UnixMilli(1_795_372_558_000))}
	e.Env = authtest.New(t, e.clock.Now)
	e.Passwords = &Passwords{
		DB: e.Env.DB, Tries: e.Env.Tries, Cost: 1, Pepper: key(9), Rand: rand.Reader,
		Stretch: func(_ context.Context, password, salt []byte, cost, keyLen int) ([]byte, error) {
			e.stretched++
			if e.busy {
				return nil, stretch.ErrBusy
			}
			return scrypt.Key(password, salt, 1<<cost, 8, 1, keyLen)
		},
	}
	a := e.Account()
	if _, err := e.Set(t.Context(), a, New{V1: Stretched{key(1), key(3)}, V2: Stretched{key(2), key(4)}, ClientSalt: salt}); err != nil {
		t.Fatal(err)
	}
	e.Update(func(tx store.Tx) error { return tx.SetPassword(a) })
	e.stretched = 0
	return e
}

// check checks a password that is sent from a network.
func (e *env) check(email, authPW, version1 string) (Checked, error) {
	return e.Check(e.Request(""), email, authPW, version1)
}

// The error names the missing or wrong parameter of a new password.
func TestDecode(t *testing.T) {
	t.Parallel()
	whole := Credentials{AuthPW: text(1), WrapKB: text(2), AuthPWVersion2: text(3), WrapKBVersion2: text(4), ClientSalt: salt}
	with := func(f func(*Credentials)) Credentials {
		c := whole
		f(&c)
		return c
	}
	for _, c := range []struct {
		name    string
		in      Credentials
		needs   bool
		refused string
	}{
		{"both versions", whole, true, ""},
		{"version 1", Credentials{AuthPW: text(1), WrapKB: text(2)}, true, ""},
		{"version 1 without wrapKb", Credentials{AuthPW: text(1)}, false, ""},
		{"version 1 without a wrapKb that is needed", Credentials{AuthPW: text(1)}, true, "wrapKb"},
		{"nothing", Credentials{}, false, "authPW"},
		{"a short password", with(func(c *Credentials) { c.AuthPW = c.AuthPW[2:] }), false, "authPW"},
		{"a long password", with(func(c *Credentials) { c.AuthPW += "00" }), false, "authPW"},
		{"a wrapKb that is not hexadecimal", Credentials{AuthPW: text(1), WrapKB: strings.Repeat("x", 64)}, false, "wrapKb"},
		{"version 2 without wrapKb", with(func(c *Credentials) { c.WrapKB = "" }), false, "wrapKb"},
		{"version 2 without its password", with(func(c *Credentials) { c.AuthPWVersion2 = "" }), false, "authPWVersion2"},
		{"version 2 without its kB", with(func(c *Credentials) { c.WrapKBVersion2 = "" }), false, "wrapKbVersion2"},
		{"version 2 without a salt", with(func(c *Credentials) { c.ClientSalt = "" }), false, "clientSalt"},
		{"another salt", with(func(c *Credentials) { c.ClientSalt = salt[1:] }), false, "clientSalt"},
		{"a salt alone", Credentials{AuthPW: text(1), WrapKB: text(2), ClientSalt: salt}, false, "authPWVersion2"},
		{"a kB of version 2 alone", Credentials{AuthPW: text(1), WrapKB: text(2), WrapKBVersion2: text(4)}, false, "authPWVersion2"},
	} {
		n, err := c.in.Decode(c.needs)
		if got := authtest.Refused(t, err); got != c.refused {
			t.Errorf("%s: refused for %q, want %q", c.name, got, c.refused)
		}
		if err != nil {
			continue
		}
		got := []string{hex.EncodeToString(n.V1.AuthPW), hex.EncodeToString(n.V1.WrapKB), hex.EncodeToString(n.V2.AuthPW), hex.EncodeToString(n.V2.WrapKB), n.ClientSalt}
		if want := []string{c.in.AuthPW, c.in.WrapKB, c.in.AuthPWVersion2, c.in.WrapKBVersion2, c.in.ClientSalt}; fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s: read %v, want %v", c.name, got, want)
		}
	}
}

// A password is accepted in each version, and gives kB as that version wraps it.
func TestSetAndCheck(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	for _, c := range []struct {
		name, authPW, version1 string
		want                   Wrapped
	}{
		{"version 1", text(1), "", Wrapped{V1: key(3)}},
		{"version 2", text(2), "", Wrapped{V2: key(4)}},
		{"both", text(2), text(1), Wrapped{V2: key(4)}},
		{"version 1 as the second", text(7), text(1), Wrapped{V1: key(3)}},
	} {
		got, err := e.check(authtest.Email, c.authPW, c.version1)
		if err != nil || got.Account == nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if kB := got.WrapKB(); !bytes.Equal(kB.V1, c.want.V1) || !bytes.Equal(kB.V2, c.want.V2) {
			t.Errorf("%s: kB is %x, want %x", c.name, kB, c.want)
		}
	}

	// A new one has a new salt, no version 2 unless it says so, and a kB of the server's own.
	a := e.Account()
	was := *a
	kB, err := e.Set(t.Context(), a, New{V1: Stretched{AuthPW: key(1)}})
	if err != nil || len(kB.V1) != onepw.KeySize || kB.V2 != nil {
		t.Fatalf("set: %x, %v", kB, err)
	}
	if bytes.Equal(a.Salt, was.Salt) || bytes.Equal(a.V1.Hash, was.V1.Hash) {
		t.Error("the same password was stored the same way")
	}
	if a.ClientSalt != "" || a.V2.Hash != nil {
		t.Error("version 2 of the password before stayed")
	}
	e.Update(func(tx store.Tx) error { return tx.SetPassword(a) })
	if got, err := e.check(authtest.Email, text(1), ""); err != nil || !bytes.Equal(got.WrapKB().V1, kB.V1) {
		t.Errorf("the new password: %v", err)
	}
	if _, err := e.check(authtest.Key, text(2), ""); !errors.Is(err, fault.ErrPassword) {
		t.Errorf("version 2 of the password before: %v", err)
	}
}

// A wrong password and an address without an account get the same answer after the same work.
func TestWrongPasswordsAreAllTheSame(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		version1 string
		decoys   bool
		times    int
	}{
		{"", false, 1},
		{text(8), false, 2},
		{text(8), true, 4},
	} {
		e := newEnv(t)
		e.Decoys = c.decoys
		for _, email := range []string{"ann@example.org", "nobody@example.org"} {
			e.stretched = 0
			got, err := e.check(email, text(7), c.version1)
			if !errors.Is(err, fault.ErrPassword) || got.Account != nil || e.stretched != c.times {
				t.Errorf("%s: %v after %d stretchings, want %d", email, err, e.stretched, c.times)
			}
		}
		for _, email := range []string{"ANN@example.org", "NOBODY@example.org"} {
			_, err := e.check(email, text(7), c.version1)
			f, ok := errors.AsType[*fault.Error](err)
			if !ok || !errors.Is(err, fault.ErrEmailCase) || f.Body().Email != strings.ToLower(email) {
				t.Errorf("%s: %v; want its spelling in small letters", email, err)
			}
		}
	}
}

// The decoy of an address has a password of its own, and is found where there may be decoys.
func TestDecoy(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	decoy := &store.Account{UID: strings.Repeat("d", 32), Email: authtest.Email, Key: mailaddr.DecoyKey(authtest.Email), Generation: 1, KA: key(5)}
	if _, err := e.Set(t.Context(), decoy, New{V1: Stretched{key(6), key(6)}}); err != nil {
		t.Fatal(err)
	}
	e.Update(func(tx store.Tx) error {
		_, err := tx.AddAccount(decoy)
		return err
	})
	if _, err := e.check(authtest.Key, text(6), ""); !errors.Is(err, fault.ErrPassword) {
		t.Errorf("a decoy where there are none: %v", err)
	}
	e.Decoys = true
	if got, err := e.check(authtest.Email, text(6), ""); err != nil || got.UID != decoy.UID {
		t.Errorf("the decoy: %v", err)
	}
	if got, err := e.check(authtest.Email, text(1), ""); err != nil || got.UID != authtest.UID {
		t.Errorf("the account: %v", err)
	}
}

// Wrong passwords are bounded; right ones, and tries that the server did not get to, do not count.
func TestTriesAreCounted(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	for range 2 * authtest.PerAccount {
		if _, err := e.check(authtest.Email, text(1), ""); err != nil {
			t.Fatalf("a right password: %v", err)
		}
	}
	e.busy = true
	for range 2 * authtest.PerAccount {
		if _, err := e.check(authtest.Email, text(7), ""); !errors.Is(err, fault.ErrBusy) {
			t.Fatalf("without memory: %v", err)
		}
	}
	e.busy, e.stretched = false, 0
	for _, bad := range []struct{ email, authPW, version1, refused string }{
		{"", text(1), "", "email"},
		{"ann", text(1), "", "email"},
		{authtest.Email, "", "", "authPW"},
		{authtest.Email, text(1)[2:], "", "authPW"},
		{authtest.Email, text(1), "x", "authPWVersion1"},
	} {
		if _, err := e.check(bad.email, bad.authPW, bad.version1); authtest.Refused(t, err) != bad.refused {
			t.Errorf("%q: %v; want %s refused", bad, err, bad.refused)
		}
	}
	for range authtest.PerAccount {
		if _, err := e.check(authtest.Key, text(7), ""); !errors.Is(err, fault.ErrPassword) {
			t.Fatalf("a wrong password: %v", err)
		}
	}
	if e.stretched != authtest.PerAccount {
		t.Errorf("%d stretchings, want %d", e.stretched, authtest.PerAccount)
	}
	if _, err := e.check(authtest.Email, text(1), ""); !errors.Is(err, fault.ErrThrottled) || e.stretched != authtest.PerAccount {
		t.Errorf("one try too many: %v", err)
	}
	e.clock.Pass(time.Hour)
	if _, err := e.check(authtest.Email, text(1), ""); err != nil {
		t.Errorf("an hour later: %v", err)
	}
}

// Only a client that has the password learns that the account is disabled.
func TestDisabled(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	broken := errors.New("the disk broke")
	var disabled bool
	var err error
	e.Disabled = func(_ context.Context, uid string) (bool, error) { return disabled && uid == authtest.UID, err }
	if _, err := e.check(authtest.Email, text(1), ""); err != nil {
		t.Errorf("an account that is not disabled: %v", err)
	}
	disabled = true
	if _, err := e.check(authtest.Email, text(1), ""); !errors.Is(err, fault.ErrLocked) {
		t.Errorf("a disabled account: %v", err)
	}
	if _, err := e.check(authtest.Key, text(7), ""); !errors.Is(err, fault.ErrPassword) {
		t.Errorf("a disabled account with a wrong password: %v", err)
	}
	err = broken
	if _, err := e.check(authtest.Email, text(1), ""); !errors.Is(err, broken) {
		t.Errorf("where nobody knows: %v", err)
	}
}

// A password that was right a moment ago is refused once there is another one.
func TestStill(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	c, err := e.check(authtest.Email, text(1), "")
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Still(e.Env.DB.Read(t.Context())); err != nil {
		t.Errorf("nothing changed: %v", err)
	}
	e.NewPassword()
	if err := c.Still(e.Env.DB.Read(t.Context())); !errors.Is(err, fault.ErrPassword) {
		t.Errorf("after another password: %v", err)
	}
}
