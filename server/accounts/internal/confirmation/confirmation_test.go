package confirmation

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/internal/test/testclock"
	"github.com/syncmanager/syncmanager/server/accounts/internal/auth"
	"github.com/syncmanager/syncmanager/server/accounts/internal/authtest"
	"github.com/syncmanager/syncmanager/server/accounts/internal/fault"
	"github.com/syncmanager/syncmanager/server/accounts/internal/mailaddr"
	"github.com/syncmanager/syncmanager/server/accounts/internal/store"
	"github.com/syncmanager/syncmanager/server/mail"
)

// env has an account that waits for its code. It is also the server's mailer.
type env struct {
	*authtest.Env
	*Handlers
	clock *testclock.Clock
	sent  []mail.Message
	err   error // of Send
}

// outbox is the mailer of an env.
type outbox struct{ e *env }

func (o outbox) Send(_ context.Context, m mail.Message) error {
	if o.e.err != nil {
		return o.e.err
	}
	o.e.sent = append(o.e.sent, m)
	return nil
}

const uid = "00000000000000000000000000000001"

func newEnv(t *testing.T) *env {
	t.Helper()
	e := &env{clock: testclock.At(time.UnixMilli(1_795_372_558_000))}
	e.Env = authtest.New(t, e.clock.Now)
	e.Handlers = &Handlers{
		DB: e.Env.DB, Auth: e.Env.Auth, Tries: e.Env.Tries, Mail: outbox{e}, CodeKey: []byte("a secret"), URLs: e.Env.URLs,
		Now: e.clock.Now, Rand: rand.Reader, Log: slog.New(slog.DiscardHandler),
	}
	e.add(t, uid, "bob@example.org", "bob@example.org")
	return e
}

// add adds an account that waits.
func (e *env) add(t *testing.T, uid, email, key string) *store.Account {
	t.Helper()
	a := &store.Account{UID: uid, Email: email, Key: key, Generation: 1, Salt: []byte{1}, KA: []byte{1}, V1: store.Password{Hash: []byte{1}, WrapWrapKB: []byte{1}}}
	e.Update(func(tx store.Tx) error {
		_, err := tx.AddAccount(a)
		return err
	})
	return a
}

func (e *env) account(t *testing.T, uid string) *store.Account {
	t.Helper()
	a, err := e.Env.DB.Read(t.Context()).Account(uid)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// send sends the account a code, and returns it.
func (e *env) send(t *testing.T) string {
	t.Helper()
	if err := e.Send(t.Context(), e.account(t, uid)); err != nil {
		t.Fatal(err)
	}
	code := regexp.MustCompile(`\b[0-9]{6}\b`).FindString(e.sent[len(e.sent)-1].Text)
	if code == "" {
		t.Fatalf("the message has no code: %s", e.sent[len(e.sent)-1].Text)
	}
	return code
}

// try tries a code.
func (e *env) try(t *testing.T, code string) (right bool) {
	t.Helper()
	e.Update(func(tx store.Tx) (err error) {
		right, err = e.confirm(tx, uid, code)
		return err
	})
	if confirmed := e.account(t, uid).Confirmed; confirmed != right {
		t.Errorf("right: %v, confirmed: %v", right, confirmed)
	}
	return right
}

// other is another code.
func other(code string) string {
	var n int
	_, _ = fmt.Sscan(code, &n)
	return fmt.Sprintf("%06d", (n+1)%1_000_000)
}

// The code in the message confirms the account, once, and is not in the database.
func TestACodeConfirms(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	if e.try(t, "") || e.try(t, "000000") {
		t.Error("a code was right before one was sent")
	}
	code := e.send(t)
	if to := e.sent[0].To; to != "bob@example.org" {
		t.Errorf("sent to %s", to)
	}
	stored, err := e.Env.DB.Read(t.Context()).Confirmation(uid)
	if err != nil || bytes.Contains(stored.MAC, []byte(code)) {
		t.Errorf("stored %q, %v", stored.MAC, err)
	}
	if bytes.Equal(e.mac(uid, code), e.mac(authtest.UID, code)) {
		t.Error("a code of one account is stored as that of another")
	}
	if another := (&Handlers{CodeKey: []byte("another")}); bytes.Equal(e.mac(uid, code), another.mac(uid, code)) {
		t.Error("the code is not stored under the secret")
	}
	if !e.try(t, code) {
		t.Error("the code is wrong")
	}
}

// A code is valid for an hour and five tries, until the next one is sent.
func TestACodeIsBounded(t *testing.T) {
	t.Parallel()
	t.Run("tries", func(t *testing.T) {
		t.Parallel()
		e := newEnv(t)
		code := e.send(t)
		for range confirmTries - 1 {
			if e.try(t, other(code)) {
				t.Error("another code is right")
			}
		}
		if !e.try(t, code) {
			t.Errorf("the code is wrong at try %d", confirmTries)
		}
	})
	t.Run("too many tries", func(t *testing.T) {
		t.Parallel()
		e := newEnv(t)
		code := e.send(t)
		for range confirmTries {
			e.try(t, other(code))
		}
		if e.try(t, code) {
			t.Errorf("the code is right after %d tries", confirmTries)
		}
		if !e.try(t, e.send(t)) {
			t.Error("the next code is wrong")
		}
	})
	for late, right := range map[time.Duration]bool{confirmLife - time.Millisecond: true, confirmLife: false} {
		t.Run(late.String(), func(t *testing.T) {
			t.Parallel()
			e := newEnv(t)
			code := e.send(t)
			e.clock.Pass(late)
			if e.try(t, code) != right {
				t.Errorf("right: %v", !right)
			}
		})
	}
	t.Run("the next one", func(t *testing.T) {
		t.Parallel()
		e := newEnv(t)
		before, code := e.send(t), e.send(t)
		if before != code && e.try(t, before) {
			t.Error("the code before is right")
		}
		if !e.try(t, code) {
			t.Error("the code is wrong")
		}
	})
}

// A code that could not be sent leaves the previous one valid.
func TestACodeThatIsNotSent(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	code := e.send(t)
	e.err = mail.ErrAddress
	if err := e.Send(t.Context(), e.account(t, uid)); authtest.Refused(t, err) != "email" {
		t.Errorf("to an address that takes no mail: %v", err)
	}
	e.err = errors.New("the host is away")
	if err := e.Send(t.Context(), e.account(t, uid)); !errors.Is(err, fault.ErrMail) {
		t.Errorf("without a host: %v", err)
	}
	e.Handlers.Mail = nil
	if err := e.Send(t.Context(), e.account(t, uid)); !errors.Is(err, fault.ErrMail) {
		t.Errorf("without e-mail: %v", err)
	}
	if !e.try(t, code) {
		t.Error("the code before is wrong")
	}
}

// The decoy of an address gets a message without a code, and no code confirms it.
func TestADecoyGetsNoCode(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	code := e.send(t)
	decoy := e.add(t, "00000000000000000000000000000002", "bob@example.org", mailaddr.DecoyKey("bob@example.org"))
	if err := e.Send(t.Context(), decoy); err != nil {
		t.Fatal(err)
	}
	m := e.sent[1]
	if m.To != "bob@example.org" || m.Subject == e.sent[0].Subject || regexp.MustCompile(`[0-9]{6}`).MatchString(m.Text) {
		t.Errorf("sent %+v", m)
	}
	stored, err := e.Env.DB.Read(t.Context()).Confirmation(decoy.UID)
	if err != nil || len(stored.MAC) != len(e.mac(decoy.UID, code)) {
		t.Errorf("stored %d bytes, %v; want as many as of a code", len(stored.MAC), err)
	}
}

// A sign-in sends a code unless the last one is still valid; the number of messages is limited.
func TestRemind(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	remind := func() error { return e.Remind(e.Request(""), e.account(t, uid)) }
	for range 3 {
		if err := remind(); err != nil {
			t.Fatal(err)
		}
	}
	if len(e.sent) != 1 {
		t.Errorf("%d messages while the code is good, want 1", len(e.sent))
	}
	for _, spend := range []func(){
		func() { e.clock.Pass(confirmLife) },
		func() {
			e.Update(func(tx store.Tx) error {
				for range confirmTries {
					if err := tx.CountConfirmationTry(uid); err != nil {
						return err
					}
				}
				return nil
			})
		},
	} {
		before := len(e.sent)
		spend()
		if err := remind(); err != nil || len(e.sent) != before+1 {
			t.Errorf("%d messages after the code ended, want one: %v", len(e.sent)-before, err)
		}
	}
	var err error
	n := 0
	for ; err == nil && n < 100; n++ {
		e.Update(func(tx store.Tx) error { return tx.SetConfirmation(uid, []byte{1}, 0) })
		err = remind()
	}
	if !errors.Is(err, fault.ErrThrottled) {
		t.Errorf("after %d messages: %v", n, err)
	}
}

// The requests with a code need a session that waits for one.
func TestVerifyAndResend(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	for name, f := range map[string]func() error{
		"verify": func() error { _, err := e.Verify(e.Request(`{"code":"123456"}`)); return err },
		"resend": func() error { _, err := e.Resend(e.Request("")); return err },
	} {
		if err := f(); !errors.Is(err, fault.ErrToken) {
			t.Errorf("%s without a session: %v", name, err)
		}
	}
	if _, err := e.Resend(e.BySession("")); err != nil || len(e.sent) != 0 {
		t.Errorf("resend to an account that is confirmed: %v, %d messages", err, len(e.sent))
	}
	for body, refused := range map[string]string{
		``:                                 "code",
		`{"code":7}`:                       "code",
		fmt.Sprintf(`{"code":"%065d"}`, 1): "code",
		`{"code":"123456"}`:                "", // it is confirmed already
	} {
		if _, err := e.Verify(e.BySession(body)); authtest.Refused(t, err) != refused {
			t.Errorf("verify %s: %v; want %q refused", body, err, refused)
		}
	}

	var waiting string
	e.Update(func(tx store.Tx) (err error) {
		waiting, _, err = e.Env.Auth.Issue(tx, auth.NewToken{Kind: store.Session, UID: uid})
		return err
	})
	if _, err := e.Resend(e.By(waiting, "")); err != nil || len(e.sent) != 1 {
		t.Fatalf("resend: %v, %d messages, want 1", err, len(e.sent))
	}
	code := regexp.MustCompile(`[0-9]{6}`).FindString(e.sent[0].Text)
	if _, err := e.Verify(e.By(waiting, `{"code":"`+other(code)+`"}`)); !errors.Is(err, fault.ErrCode) {
		t.Errorf("a wrong code: %v", err)
	}
	if _, err := e.Verify(e.By(waiting, `{"code":" `+code[:3]+" "+code[3:]+`\n"}`)); err != nil || !e.account(t, uid).Confirmed {
		t.Errorf("the code with spaces: %v", err)
	}
	// Its session may wait for the second step still: that is another kind of code.
	e.Update(func(tx store.Tx) (err error) {
		waiting, _, err = e.Env.Auth.Issue(tx, auth.NewToken{Kind: store.Session, UID: uid, Waits: true})
		return err
	})
	if _, err := e.Verify(e.By(waiting, `{"code":"`+code+`"}`)); !errors.Is(err, fault.ErrCode) {
		t.Errorf("a code for a session that waits for another: %v", err)
	}
	for range 2 * authtest.PerAccount {
		_, err := e.Verify(e.By(waiting, `{"code":"`+code+`"}`))
		if errors.Is(err, fault.ErrThrottled) {
			return
		}
	}
	t.Error("codes may be tried without end")
}
