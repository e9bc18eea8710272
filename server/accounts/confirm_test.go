package accounts_test

import (
	"context"
	"crypto/rand"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/internal/onepw"
	"github.com/syncmanager/syncmanager/internal/test/mailtest"
	"github.com/syncmanager/syncmanager/internal/test/pgtest"
	"github.com/syncmanager/syncmanager/server/accounts"
	"github.com/syncmanager/syncmanager/server/mail"
)

// mailEnv is an env where sign-up is by e-mail, with a real mail host.
type mailEnv struct {
	*env
	host   *mailtest.Host
	change func(*accounts.Config)
}

func newMailEnv(t *testing.T, options mailtest.Options, patience time.Duration) *mailEnv {
	t.Helper()
	host, err := mailtest.Start(options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(host.Close)
	at, err := mail.ParseHost(host.URL)
	if err != nil {
		t.Fatal(err)
	}
	w := &mailEnv{host: host}
	w.change = func(c *accounts.Config) {
		sender, err := mail.New(mail.Config{
			Host: at, From: "sync@example.org", Hello: "sync.example.org", Patience: patience, Now: c.Now, Rand: rand.Reader, Log: slog.New(slog.DiscardHandler),
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { sender.Close(context.Background()) })
		c.SignUp, c.Mail, c.CodeKey = accounts.SignUpEmail, sender, []byte("a key that is not in the database")
	}
	w.env = newEnv(t, w.change)
	return w
}

// code returns the code in the next message, which must be for this address.
func (w *mailEnv) code(email string) string {
	w.t.Helper()
	m, err := w.host.Next(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	if m.To != email || m.Code() == "" || strings.Contains(m.Subject, m.Code()) {
		w.t.Fatalf("what came is %+v", m)
	}
	return m.Code()
}

func (w *mailEnv) create(email string) answer {
	w.t.Helper()
	return w.post("/auth/v1/account/create?keys=true", nil, map[string]any{"email": email, "authPW": authPW(email, password)})
}

func (w *mailEnv) enter(session, code string) answer {
	w.t.Helper()
	return w.post("/auth/v1/session/verify_code", w.session(session), map[string]string{"code": code})
}

// other returns a different code.
func other(code string) string { return string('0'+(code[0]-'0'+1)%10) + code[1:] }

// Only the code that came by e-mail confirms a new account.
func TestConfirmation(t *testing.T) {
	pgtest.OnFiles(t)
	t.Parallel()
	w := newMailEnv(t, mailtest.Options{}, time.Minute)
	made := w.create(email)
	session, keys := made.text("sessionToken"), made.text("keyFetchToken")
	if f := made.fields; f["verified"] != false || f["emailVerified"] != false || f["verificationMethod"] != "email-otp" || f["verificationReason"] != "signup" {
		t.Errorf("signing up gives %v", f)
	}
	code := w.code(email)

	// What needs a complete sign-in is refused in every form of the request.
	fetch := w.hawk(onepw.KeyFetchToken(w.raw(keys)).HAWK)
	w.get("/auth/v1/account/keys", fetch).refused(400, 104)
	token := map[string]any{"grant_type": "fxa-credentials", "client_id": clientID, "scope": onepw.OldSync}
	w.post("/auth/v1/oauth/token", w.session(session), token).refused(400, 104)
	for _, path := range []string{"/oauth/authorization", "/account/scoped-key-data", "/account/device", "/session/duplicate", "/totp/create", "/recoveryKey"} {
		w.post("/auth/v1"+path, w.session(session), map[string]string{}).refused(400, 104)
	}
	change := w.post("/auth/v1/password/change/start", nil, map[string]string{"email": email, "oldAuthPW": authPW(email, password)})
	w.get("/auth/v1/account/keys", w.hawk(onepw.KeyFetchToken(w.raw(change.text("keyFetchToken"))).HAWK)).refused(400, 104)
	if s := w.get("/auth/v1/session/status", w.session(session)).ok(); s["state"] != "unverified" {
		t.Errorf("the session is %v", s)
	}
	if s := w.get("/auth/v1/recovery_email/status", w.session(session)).ok(); s["verified"] != false || s["emailVerified"] != false {
		t.Errorf("the address is %v", s)
	}
	if strings.Contains(w.stored(os.ReadFile), code) {
		t.Error("the code is in the database")
	}

	w.enter(session, other(code)).refused(400, 183)
	w.post("/auth/v1/session/verify_code", w.session(session), map[string]string{}).refused(400, 108)
	w.enter(session, " "+code[:3]+" "+code[3:]).ok()
	if s := w.get("/auth/v1/recovery_email/status", w.session(session)).ok(); s["verified"] != true || s["emailVerified"] != true {
		t.Errorf("the address is %v", s)
	}
	w.get("/auth/v1/account/keys", fetch).ok()
	w.post("/auth/v1/oauth/token", w.session(session), token).ok()
	w.post("/auth/v1/session/resend_code", w.session(session), nil).ok() // for nothing
	if in := w.signIn(email, password).ok(); in["verified"] != true {
		t.Errorf("signing in gives %v", in)
	}
	if n := w.host.Waiting(); n > 0 {
		t.Errorf("%d more messages came", n)
	}
	if strings.Contains(w.log.String(), code) {
		t.Error("the code is in the log")
	}
}

// A sign-in to an account that waits for its code waits too. A valid code is not replaced, and
// completes all sign-ins.
func TestSignInUnconfirmed(t *testing.T) {
	t.Parallel()
	w := newMailEnv(t, mailtest.Options{}, time.Minute)
	first := w.create(email).text("sessionToken")
	code := w.code(email)
	in := w.signIn(email, password)
	if f := in.ok(); f["verified"] != false || f["verificationMethod"] != "email-otp" {
		t.Errorf("signing in gives %v", f)
	}
	if n := w.host.Waiting(); n > 0 {
		t.Errorf("%d more messages came", n)
	}
	w.enter(in.text("sessionToken"), code).ok()
	w.access(first, onepw.OldSync)
	w.kB(in.text("keyFetchToken"), password)

	const bob = "bob@example.org"
	w.create(bob).ok()
	old := w.code(bob)
	w.clock.Pass(time.Hour)
	again := w.signIn(bob, password).text("sessionToken")
	fresh := w.code(bob)
	if old != fresh {
		w.enter(again, old).refused(400, 183)
	}
	w.enter(again, fresh).ok()
}

// A code is valid for an hour, five tries and one account. A new code replaces the previous
// one.
func TestCodesByMail(t *testing.T) {
	t.Parallel()
	w := newMailEnv(t, mailtest.Options{}, time.Minute)
	s := w.create(email).text("sessionToken")
	code := w.code(email)
	eve := w.create("eve@example.org").text("sessionToken")
	if hers := w.code("eve@example.org"); hers != code {
		w.enter(s, hers).refused(400, 183)
		w.enter(eve, code).refused(400, 183)
	}
	w.clock.Pass(time.Hour)
	w.enter(s, code).refused(400, 183)

	w.post("/auth/v1/session/resend_code", w.session(s), nil).ok()
	code = w.code(email)
	for range 5 {
		w.enter(s, other(code)).refused(400, 183)
	}
	w.enter(s, code).refused(400, 183)
	w.post("/auth/v1/recovery_email/resend_code", w.session(s), nil).ok()
	code = w.code(email)
	w.enter(s, code).ok()
	w.enter(eve, code).refused(400, 183)
}

// The tries at one address are counted together over all its sign-ups.
func TestCodeGuessing(t *testing.T) {
	t.Parallel()
	w := newMailEnv(t, mailtest.Options{}, time.Minute)
	tries := 0
	for range 3 {
		s := w.create(email).text("sessionToken")
		code := w.code(email)
		for range 5 {
			if w.enter(s, other(code)).Code == 400 {
				tries++
			}
		}
	}
	if tries != 10 {
		t.Errorf("%d guesses at one address in a quarter of an hour", tries)
	}
}

// The server cannot be used to flood a mailbox.
func TestMailLimits(t *testing.T) {
	t.Parallel()
	w := newMailEnv(t, mailtest.Options{}, time.Minute)
	s := w.create(email).text("sessionToken")
	for range 4 {
		w.post("/auth/v1/session/resend_code", w.session(s), nil).ok()
	}
	f := w.post("/auth/v1/session/resend_code", w.session(s), nil).refused(429, 114)
	if f["retryAfter"] != 3600.0 {
		t.Errorf("told to wait %v s", f["retryAfter"])
	}
	w.from = "198.51.100.1:1"
	w.create(email).refused(429, 114)
	w.get("/auth/v1/session/status", w.session(s)).ok() // and the account that waits is still there
	for range 5 {
		w.code(email)
	}
	// One sender does not reach many addresses either.
	sent := 0
	for i := range 30 {
		if w.create(string(rune('a'+i))+"@example.com").Code == 200 {
			sent++
		}
	}
	if sent > 20 || sent < 15 {
		t.Errorf("one sender caused %d messages", sent)
	}
	w.from = "203.0.113.1:1"
	w.create("late@example.com").ok()
	w.clock.Pass(time.Hour)
	w.create(email).ok()
}

// An account that is not confirmed does not block its address: a new sign-up replaces it, and
// after three days it is removed.
func TestUnconfirmedAccounts(t *testing.T) {
	t.Parallel()
	w := newMailEnv(t, mailtest.Options{}, time.Minute)
	stranger := w.create(email).text("sessionToken")
	strangers := w.code(email)
	owner := w.create(strings.ToUpper(email[:1]) + email[1:]).text("sessionToken")
	w.get("/auth/v1/session/status", w.session(stranger)).refused(401, 110)
	code := w.code(strings.ToUpper(email[:1]) + email[1:])
	if strangers != code {
		w.enter(owner, strangers).refused(400, 183)
	}
	users, err := w.Users(t.Context())
	if err != nil || len(users) != 1 || !users[0].Unconfirmed {
		t.Fatalf("the users are %+v, %v", users, err)
	}
	w.enter(owner, code).ok()

	w.create("bob@example.org").ok()
	w.create("carol@example.org").ok()
	// An operator vouches for the address.
	c, err := onepw.NewCredentials("carol@example.org", password, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if u, err := w.AddUser(t.Context(), "carol@example.org", accounts.Credentials(c)); err != nil || u.Unconfirmed {
		t.Errorf("the operator's user is %+v, %v", u, err)
	}
	made := w.clock.Now()
	for _, then := range []struct {
		after time.Duration
		want  int
	}{{3*24*time.Hour - time.Second, 3}, {3 * 24 * time.Hour, 2}} {
		w.clock.Pass(made.Add(then.after).Sub(w.clock.Now()))
		if err := w.Purge(t.Context()); err != nil {
			t.Fatal(err)
		}
		if users, err = w.Users(t.Context()); err != nil || len(users) != then.want {
			t.Errorf("after %v there are %+v, %v", then.after, users, err)
		}
	}
}

// A disabled account is not replaced by a new sign-up.
func TestDisabledUnconfirmed(t *testing.T) {
	t.Parallel()
	w := newMailEnv(t, mailtest.Options{}, time.Minute)
	w.create(email).ok()
	locked := newEnv(t, nil)
	locked.dir, locked.database = w.dir, w.database
	locked.open(func(c *accounts.Config) {
		c.Disabled = func(context.Context, string) (bool, error) { return true, nil }
	})
	locked.post("/auth/v1/account/create", nil, map[string]any{"email": email, "authPW": authPW(email, password)}).refused(400, 101)
}

// If the mail host is down, sign-up fails with a clear error and leaves nothing that blocks the
// next try.
func TestMailHostDown(t *testing.T) {
	t.Parallel()
	w := newMailEnv(t, mailtest.Options{}, time.Minute)
	s := w.create("bob@example.org").text("sessionToken")
	code := w.code("bob@example.org")
	w.host.Close()
	f := w.create(email).refused(422, 151)
	if message, _ := f["message"].(string); !strings.Contains(message, "try again later") {
		t.Errorf("it says %v", f)
	}
	w.signIn(email, password).refused(400, 103)
	w.post("/auth/v1/session/resend_code", w.session(s), nil).refused(422, 151)
	w.enter(s, code).ok() // the one that came is still good
	if users, err := w.Users(t.Context()); err != nil || len(users) != 1 {
		t.Errorf("the users are %+v, %v", users, err)
	}
}

// A slow mail host delays neither the sign-up nor other requests.
func TestSlowMailHost(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	w := newMailEnv(t, mailtest.Options{AtData: func() error { <-release; return nil }}, time.Nanosecond)
	s := w.create(email).text("sessionToken")
	close(release)
	w.enter(s, w.code(email)).ok()
}

// An address cannot add a header or a second address.
func TestHeaderInjection(t *testing.T) {
	t.Parallel()
	w := newMailEnv(t, mailtest.Options{}, time.Minute)
	for _, bad := range []string{
		"ann@example.org\r\nBcc: eve@example.org", "ann@example.org\nX:y", "ann,eve@example.org", "Ann<ann@example.org>", "<ann@example.org>",
		"ann@example.org>", "ann(x)@example.org",
	} {
		w.create(bad).refused(400, 107)
	}
	if users, err := w.Users(t.Context()); err != nil || len(users) > 0 || w.host.Connections.Load() > 0 {
		t.Errorf("%d accounts, %d connections, %v", len(users), w.host.Connections.Load(), err)
	}
}

// The mail is in the language that the browser asks for, like the page.
func TestMailsInTheLanguageOfTheBrowser(t *testing.T) {
	t.Parallel()
	w := newMailEnv(t, mailtest.Options{}, 0)
	body := map[string]any{"email": "ann@example.org", "authPW": authPW("ann@example.org", password)}
	w.post("/auth/v1/account/create", func(r *http.Request, _ []byte) { r.Header.Set("Accept-Language", "de-AT,de;q=0.9") }, body).ok()
	m, err := w.host.Next(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(m.Subject, "Ihr Code für ") || m.Code() == "" || !strings.Contains(m.Text, "geben Sie dort diesen Code ein") {
		t.Errorf("%q\n%s", m.Subject, m.Text)
	}
}
