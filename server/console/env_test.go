package console_test

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha1"
	"encoding/base32"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/internal/onepw"
	_ "github.com/syncmanager/syncmanager/internal/test/cheapkeys" // signs in often
	"github.com/syncmanager/syncmanager/internal/test/pgtest"
	"github.com/syncmanager/syncmanager/internal/test/testclock"
	"github.com/syncmanager/syncmanager/server"
	"github.com/syncmanager/syncmanager/server/accounts"
	"github.com/syncmanager/syncmanager/server/console"
)

const (
	root     = "https://sync.example.org"
	password = "correct horse"
	ann      = "ann@example.org"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }

// env is a server with the operator's pages, and a clock.
type env struct {
	*testing.T
	*server.Server
	*testclock.Clock
	config server.Config
}

// onEach runs a test on files and on PostgreSQL.
func onEach(t *testing.T, test func(*env)) {
	t.Parallel()
	t.Run("files", func(t *testing.T) {
		t.Parallel()
		test(newEnv(t, "", nil))
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		test(newEnv(t, pgtest.Database(t), nil))
	})
}

func newEnv(t *testing.T, database string, change func(*server.Config, *console.Config)) *env {
	t.Helper()
	e := &env{T: t, Clock: testclock.At(time.Unix(1_795_372_558, 0))}
	dir := filepath.Join(t.TempDir(), "data")
	e.config = server.Config{
		Dir: dir, Database: database, PublicURL: root, OtherURLs: []string{"http://127.0.0.1:5000/below"}, Now: e.Now, Rand: rand.Reader, PasswordCost: 4,
		Log: slog.New(slog.DiscardHandler), PurgeTicks: make(chan time.Time), Version: "1.2.3",
	}
	pages := console.Config{Dir: dir, Version: "1.2.3", Backups: filepath.Join(t.TempDir(), "backups"), Now: e.Now, Log: e.config.Log}
	if change != nil {
		change(&e.config, &pages)
	}
	e.config.OperatorPages = console.New(pages)
	s, err := server.New(t.Context(), e.config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.ok(s.Close(context.WithoutCancel(t.Context()))) })
	e.Server = s
	return e
}

func (e *env) ok(err error) {
	e.Helper()
	if err != nil {
		e.Error(err)
	}
}

// user adds an account, and returns its uid.
func (e *env) user(email string) string {
	e.Helper()
	by, err := onepw.NewCredentials(email, password, rand.Reader)
	if err != nil {
		e.Fatal(err)
	}
	u, err := e.AddUser(e.Context(), email, accounts.Credentials(by))
	if err != nil {
		e.Fatal(err)
	}
	return u.UID
}

// browser has a cookie, or none.
type browser struct {
	*env
	cookie *http.Cookie
	root   string
	// change, if set, changes each request.
	change func(*http.Request)
}

func (e *env) browser() *browser { return &browser{env: e, root: root} }

// page is an answer.
type page struct {
	Code int
	Text string
	http.Header
}

func (b *browser) send(method, path string, form url.Values) page {
	b.Helper()
	r := httptest.NewRequestWithContext(b.Context(), method, b.root+path, strings.NewReader(form.Encode()))
	r.RemoteAddr = "192.0.2.1:1234"
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		at, err := url.Parse(b.root)
		b.ok(err)
		r.Header.Set("Origin", at.Scheme+"://"+at.Host)
	}
	if b.cookie != nil {
		r.AddCookie(b.cookie)
	}
	if b.change != nil {
		b.change(r)
	}
	rec := httptest.NewRecorder()
	b.Handler().ServeHTTP(rec, r)
	for _, c := range rec.Result().Cookies() {
		if b.cookie = c; c.MaxAge < 0 {
			b.cookie = nil
		}
	}
	return page{rec.Code, rec.Body.String(), rec.Header()}
}

func (b *browser) get(path string) page { b.Helper(); return b.send(http.MethodGet, path, nil) }

var csrfField = regexp.MustCompile(`name="csrf" value="([0-9a-f]+)"`)

// post sends a form of the overview's session.
func (b *browser) post(path string, fields ...string) page {
	b.Helper()
	form := url.Values{}
	if found := csrfField.FindStringSubmatch(b.get("/admin/nodes").Text); found != nil {
		form.Set("csrf", found[1])
	}
	for i := 0; i < len(fields); i += 2 {
		form.Set(fields[i], fields[i+1])
	}
	return b.send(http.MethodPost, path, form)
}

// code makes a code as 'server admin' does.
func (e *env) code() string {
	e.Helper()
	link, _, err := e.OperatorLink(e.Context())
	if err != nil {
		e.Fatal(err)
	}
	base, code, ok := strings.Cut(link, "#")
	if !ok || base != root+"/admin" {
		e.Fatalf("the link is %s", link)
	}
	return code
}

// signedIn is a browser that was signed in by a link.
func (e *env) signedIn() *browser {
	e.Helper()
	b := e.browser()
	b.open(e.code())
	return b
}

// open signs in by a code.
func (b *browser) open(code string) {
	b.Helper()
	if p := b.post("/admin/session", "code", code); p.Code != http.StatusSeeOther || b.cookie == nil {
		b.Fatalf("the code is refused: %d %s", p.Code, p.Text)
	}
}

// want checks the code of an answer, and that it has some texts.
func (e *env) want(p page, code int, texts ...string) {
	e.Helper()
	if p.Code != code {
		e.Errorf("answered with %d, want %d: %s", p.Code, code, p.Text)
	}
	for _, text := range texts {
		if !strings.Contains(p.Text, text) {
			e.Errorf("no %q in %s", text, p.Text)
		}
	}
}

// api asks the accounts server with a session, or without.
func (e *env) api(session, path string, in any) (code int, out map[string]any) {
	e.Helper()
	body, err := json.Marshal(in)
	if err != nil {
		e.Fatal(err)
	}
	r := httptest.NewRequestWithContext(e.Context(), "POST", root+"/auth/v1"+path, strings.NewReader(string(body)))
	r.RemoteAddr = "192.0.2.1:1234"
	r.Header.Set("User-Agent", `<script>alert("device")</script>`)
	if session != "" {
		raw, err := hex.DecodeString(session)
		if err != nil {
			e.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer fxs_"+onepw.SessionToken(raw).ID)
	}
	rec := httptest.NewRecorder()
	e.Handler().ServeHTTP(rec, r)
	if err := json.Unmarshal(rec.Body.Bytes(), &out); err != nil {
		e.Fatalf("%s: %d %s", path, rec.Code, rec.Body)
	}
	return rec.Code, out
}

// session signs in to an account.
func (e *env) session(email string) string {
	e.Helper()
	authPW := hex.EncodeToString(onepw.StretchV1(email, password).AuthPW)
	code, out := e.api("", "/account/login", map[string]string{"email": email, "authPW": authPW})
	token, _ := out["sessionToken"].(string)
	if code != http.StatusOK || token == "" {
		e.Fatalf("signing in: %d %v", code, out)
	}
	return token
}

// prove shows the password again.
func (e *env) prove(session, email string) {
	e.Helper()
	authPW := hex.EncodeToString(onepw.StretchV1(email, password).AuthPW)
	if code, out := e.api(session, "/session/reauth", map[string]string{"email": email, "authPW": authPW}); code != http.StatusOK {
		e.Fatalf("showing the password: %d %v", code, out)
	}
}

// otp is the code of an authenticator app.
func (e *env) otp(secret string) string {
	e.Helper()
	key, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(secret)
	if err != nil {
		e.Fatal(err)
	}
	m := hmac.New(sha1.New, key)
	_ = binary.Write(m, binary.BigEndian, uint64(e.Now().Unix()/30))
	sum := m.Sum(nil)
	at := sum[len(sum)-1] & 15
	return fmt.Sprintf("%06d", binary.BigEndian.Uint32(sum[at:at+4])&0x7fffffff%1_000_000)
}

// twoStep turns two-step sign-in on, and returns the app's secret.
func (e *env) twoStep(email string) string {
	e.Helper()
	session := e.session(email)
	e.prove(session, email)
	_, out := e.api(session, "/totp/create", nil)
	secret, _ := out["secret"].(string)
	if code, out := e.api(session, "/session/verify/totp", map[string]string{"code": e.otp(secret)}); code != http.StatusOK || out["success"] != true {
		e.Fatalf("two-step sign-in is not on: %v", out)
	}
	e.Pass(time.Minute) // so that the next code is another
	return secret
}

// operator adds an operator with two-step sign-in, and returns its uid and its app's secret.
func (e *env) operator(email string) (uid, secret string) {
	e.Helper()
	uid = e.user(email)
	secret = e.twoStep(email)
	if _, err := e.AddOperator(e.Context(), email); err != nil {
		e.Fatal(err)
	}
	return uid, secret
}

// accountCode signs in to an operator's account as the page does, and returns the code that it gets.
func (e *env) accountCode(email, secret string) string {
	e.Helper()
	session := e.session(email)
	e.api(session, "/session/verify/totp", map[string]string{"code": e.otp(secret)})
	e.prove(session, email)
	code, out := e.api(session, "/account/operator", nil)
	text, _ := out["code"].(string)
	if code != http.StatusOK || text == "" {
		e.Fatalf("no code for the operator: %d %v", code, out)
	}
	e.Pass(30 * time.Second)
	return text
}
