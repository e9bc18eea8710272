package recovery

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/internal/test/testclock"
	"github.com/syncmanager/syncmanager/server/accounts/internal/auth"
	"github.com/syncmanager/syncmanager/server/accounts/internal/authtest"
	"github.com/syncmanager/syncmanager/server/accounts/internal/fault"
	"github.com/syncmanager/syncmanager/server/accounts/internal/secondfactor"
	"github.com/syncmanager/syncmanager/server/accounts/internal/store"
)

// env is an account whose session showed the password just now.
type env struct {
	*authtest.Env
	*Handlers
	clock *testclock.Clock
}

func newEnv(t *testing.T) *env {
	t.Helper()
	e := &env{clock: testclock.At(time.Unix(1_795_372_558, 0))}
	e.Env = authtest.New(t, e.clock.Now)
	e.Handlers = &Handlers{DB: e.Env.DB, Auth: e.Env.Auth, Tries: e.Env.Tries, Now: e.clock.Now}
	e.ShowPassword()
	return e
}

// id is a recovery key's.
func id(n int) string { return fmt.Sprintf("%032x", n) }

func (e *env) create(id, data string, replace bool) error {
	_, err := e.Create(e.BySession(fmt.Sprintf(`{"recoveryKeyId":%q,"recoveryData":%q,"replaceKey":%v}`, id, data, replace)))
	return err
}

func (e *env) start(email, id, code string) (recoveryAnswer, error) {
	out, err := e.Start(e.Request(fmt.Sprintf(`{"email":%q,"recoveryKeyId":%q,"code":%q}`, email, id, code)))
	answer, _ := out.(recoveryAnswer) // a request that was refused early has no answer
	return answer, err
}

// exists asks whether the account has a recovery key.
func (e *env) exists(t *testing.T) bool {
	t.Helper()
	out, err := e.Exists(e.BySession(""))
	if err != nil {
		t.Fatal(err)
	}
	return out.(existsAnswer).Exists
}

// A key from a page is checked against its bounds, and replaces another only if the request
// says so.
func TestCreate(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	for _, c := range []struct{ id, data, refused string }{
		{"", "data", "recoveryKeyId"},
		{id(1)[2:], "data", "recoveryKeyId"},
		{id(1) + "00", "data", "recoveryKeyId"},
		{strings.Repeat("x", 32), "data", "recoveryKeyId"},
		{id(1), "", "recoveryData"},
		{id(1), strings.Repeat("x", maxRecoveryData+1), "recoveryData"},
	} {
		if err := e.create(c.id, c.data, false); authtest.Refused(t, err) != c.refused {
			t.Errorf("%q with %d bytes: %v; want %s refused", c.id, len(c.data), err, c.refused)
		}
	}
	if e.exists(t) {
		t.Fatal("a refused key was kept")
	}
	if err := e.create(id(1), strings.Repeat("x", maxRecoveryData), false); err != nil || !e.exists(t) {
		t.Fatalf("the largest: %v", err)
	}
	if err := e.create(id(2), "data", false); !errors.Is(err, fault.ErrRecoveryExists) {
		t.Errorf("a second one: %v", err)
	}
	if _, err := e.start(authtest.Email, id(1), ""); err != nil {
		t.Errorf("the first does not open the account any more: %v", err)
	}
	if err := e.create(id(2), "data", true); err != nil {
		t.Errorf("in its place: %v", err)
	}
	if _, err := e.start(authtest.Email, id(1), ""); !errors.Is(err, fault.ErrRecoveryKey) {
		t.Errorf("the replaced key: %v", err)
	}
	if _, err := e.Delete(e.BySession("")); err != nil || e.exists(t) {
		t.Errorf("deleted: %v", err)
	}
	if _, err := e.start(authtest.Email, id(2), ""); !errors.Is(err, fault.ErrRecoveryKey) {
		t.Errorf("the deleted key: %v", err)
	}
}

// Only a session that recently showed the password changes what opens an account.
func TestOnlyAProvenSessionChangesTheKey(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	if err := e.create(id(1), "data", false); err != nil {
		t.Fatal(err)
	}
	e.clock.Pass(time.Hour)
	if err := e.create(id(2), "data", true); !errors.Is(err, fault.ErrProof) {
		t.Errorf("replaced without the password: %v", err)
	}
	if _, err := e.Delete(e.BySession("")); !errors.Is(err, fault.ErrProof) || !e.exists(t) {
		t.Errorf("deleted without the password: %v", err)
	}
	for name, f := range map[string]func() error{
		"create": func() error { _, err := e.Create(e.Request("")); return err },
		"exists": func() error { _, err := e.Exists(e.Request("")); return err },
		"delete": func() error { _, err := e.Delete(e.Request("")); return err },
	} {
		if err := f(); !errors.Is(err, fault.ErrToken) {
			t.Errorf("%s without a session: %v", name, err)
		}
	}
}

// The key gives the sealed kB, and a token that sets a new password.
func TestStart(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	if err := e.create(id(1), "sealed", false); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ email, id, code, refused string }{
		{"", id(1), "", "email"},
		{"ann", id(1), "", "email"},
		{authtest.Email, "", "", "recoveryKeyId"},
		{authtest.Email, id(1)[2:], "", "recoveryKeyId"},
		{authtest.Email, id(1), strings.Repeat("1", 65), "code"},
	} {
		out, err := e.Start(e.Request(fmt.Sprintf(`{"email":%q,"recoveryKeyId":%q,"code":%q}`, c.email, c.id, c.code)))
		if authtest.Refused(t, err) != c.refused || out != nil {
			t.Errorf("%v: %v; want %s refused", c, err, c.refused)
		}
	}
	for range 2 * authtest.PerAccount { // right keys do not count
		out, err := e.start("ANN@example.org", id(1), "")
		if err != nil || out.UID != authtest.UID || out.Email != authtest.Email || out.Data != "sealed" || out.ResetToken == "" {
			t.Fatalf("answered %+v, %v", out, err)
		}
	}
	for _, email := range []string{authtest.Email, "nobody@example.org"} {
		for range authtest.PerAccount {
			if out, err := e.start(email, id(7), ""); !errors.Is(err, fault.ErrRecoveryKey) || out != (recoveryAnswer{}) {
				t.Errorf("a wrong key of %s: %+v, %v", email, out, err)
			}
		}
		if out, err := e.start(email, id(1), ""); !errors.Is(err, fault.ErrThrottled) || out != (recoveryAnswer{}) {
			t.Errorf("one try too many of %s: %+v, %v", email, out, err)
		}
	}
}

// With two-step sign-in the key works only with a code, and each code works once.
func TestStartTakesTheSecondStep(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	if err := e.create(id(1), "sealed", false); err != nil {
		t.Fatal(err)
	}
	// The secret and the code are those of RFC 6238, appendix B, at 1234567890.
	e.clock.Pass(time.Unix(1_234_567_890, 0).Sub(e.clock.Now()))
	const code = "005924"
	var backup []string
	e.Update(func(tx store.Tx) (err error) {
		if err := tx.SetTOTPSecret(authtest.UID, []byte("12345678901234567890")); err != nil {
			return err
		}
		return tx.UseTOTP(authtest.UID, 1)
	})
	e.Update(func(tx store.Tx) (err error) {
		backup, err = secondfactor.NewBackupCodes(tx, authtest.UID, e.Env.Auth.Rand)
		return err
	})
	_, err := e.start(authtest.Email, id(1), "")
	f, ok := errors.AsType[*fault.Error](err)
	if !ok || !errors.Is(err, fault.ErrUnverified) || f.Body().VerificationMethod != auth.MethodSecondStep {
		t.Errorf("without a code: %v", err)
	}
	if _, err := e.start(authtest.Email, id(7), code); !errors.Is(err, fault.ErrRecoveryKey) {
		t.Errorf("a code without the key: %v", err)
	}
	for _, c := range []string{code, backup[0]} {
		out, err := e.start(authtest.Email, id(1), c)
		if err != nil || out.ResetToken == "" {
			t.Errorf("%s: %v", c, err)
		}
	}
	e.clock.Pass(time.Hour)
	for _, c := range []string{code, backup[0], "123456"} {
		if _, err := e.start(authtest.Email, id(1), c); !errors.Is(err, fault.ErrCode) {
			t.Errorf("%s: %v; want it refused", c, err)
		}
	}
}
