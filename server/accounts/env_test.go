package accounts_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/internal/hawk"
	"github.com/syncmanager/syncmanager/internal/onepw"
	_ "github.com/syncmanager/syncmanager/internal/test/cheapkeys" // signs in often
	"github.com/syncmanager/syncmanager/internal/test/pgtest"
	"github.com/syncmanager/syncmanager/internal/test/testclock"
	"github.com/syncmanager/syncmanager/server/accounts"
	"github.com/syncmanager/syncmanager/server/publicname"
)

const (
	root     = "https://sync.example.org"
	clientID = "5882386c6d801776"
	email    = "alice@example.org"
	password = "correct horse"
)

// env is an accounts server and a clock.
type env struct {
	*accounts.Service
	t         *testing.T
	dir       string
	database  string // of PostgreSQL; "": in dir
	clock     *testclock.Clock
	log       bytes.Buffer
	destroyed []string
	from      string // the address that requests come from
}

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }

func newEnv(t *testing.T, change func(*accounts.Config)) *env {
	t.Helper()
	w := &env{t: t, dir: t.TempDir(), database: pgtest.IfChosen(t), clock: testclock.At(time.Unix(1_795_372_558, 0)), from: "192.0.2.1:1234"}
	w.open(change)
	return w
}

func (w *env) open(change func(*accounts.Config)) {
	w.t.Helper()
	public, err := url.Parse(root)
	if err != nil {
		w.t.Fatal(err)
	}
	cfg := accounts.Config{
		Database: w.database, Dir: w.dir, PublicURLs: publicname.Names{public}, Cost: 4, Now: w.clock.Now, Rand: rand.Reader,
		Log:       slog.New(slog.NewTextHandler(&w.log, nil)),
		Destroyed: func(_ context.Context, uid string) { w.destroyed = append(w.destroyed, uid) },
	}
	if change != nil {
		change(&cfg)
	}
	s, err := accounts.Open(w.t.Context(), cfg)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() {
		if err := s.Close(); err != nil {
			w.t.Error(err)
		}
	})
	w.Service = s
}

// answer is a response whose body was read.
type answer struct {
	t    *testing.T
	what string
	*httptest.ResponseRecorder
	fields map[string]any
}

// ok returns the answer's fields. The answer must be a success.
func (a answer) ok() map[string]any {
	a.t.Helper()
	if a.Code != http.StatusOK {
		a.t.Fatalf("%s: %d %s", a.what, a.Code, a.Body)
	}
	return a.fields
}

// text returns a field of an answer that must be a success.
func (a answer) text(field string) string {
	a.t.Helper()
	s, ok := a.ok()[field].(string)
	if !ok || s == "" {
		a.t.Fatalf("%s: no %s in %s", a.what, field, a.Body)
	}
	return s
}

// refused checks that the answer is an error in the common form.
func (a answer) refused(code, errno int) map[string]any {
	a.t.Helper()
	if a.Code != code || a.fields["errno"] != float64(errno) || a.fields["code"] != float64(code) ||
		a.fields["error"] != http.StatusText(code) || a.fields["message"] == "" {
		a.t.Errorf("%s: %d %s, want %d with errno %d", a.what, a.Code, a.Body, code, errno)
	}
	return a.fields
}

// signer adds an authorization to a request.
type signer func(r *http.Request, body []byte)

func (w *env) do(method, path string, sign signer, in any) answer {
	w.t.Helper()
	var body []byte
	if text, ok := in.(string); ok {
		body = []byte(text)
	} else if in != nil {
		var err error
		if body, err = json.Marshal(in); err != nil {
			w.t.Fatal(err)
		}
	}
	r := httptest.NewRequestWithContext(w.t.Context(), method, root+path, bytes.NewReader(body))
	r.RemoteAddr = w.from
	if body != nil {
		r.Header.Set("Content-Type", "application/json; charset=utf-8")
	}
	if sign != nil {
		sign(r, body)
	}
	return w.send(r)
}

func (w *env) send(r *http.Request) answer {
	w.t.Helper()
	a := answer{t: w.t, what: r.Method + " " + r.URL.Path, ResponseRecorder: httptest.NewRecorder()}
	w.ServeHTTP(a.ResponseRecorder, r)
	if b := a.Body.Bytes(); len(b) > 0 && b[0] == '{' {
		if err := json.Unmarshal(b, &a.fields); err != nil {
			w.t.Fatalf("%s: %v in %s", a.what, err, b)
		}
	}
	return a
}

func (w *env) post(path string, sign signer, in any) answer {
	w.t.Helper()
	return w.do("POST", path, sign, in)
}

func (w *env) get(path string, sign signer) answer {
	w.t.Helper()
	return w.do("GET", path, sign, nil)
}

func (w *env) raw(token string) []byte {
	w.t.Helper()
	raw, err := hex.DecodeString(token)
	if err != nil || len(raw) != 32 {
		w.t.Fatalf("%q is not a token", token)
	}
	return raw
}

// hawk signs by credentials, as Firefox does.
func (w *env) hawk(h onepw.HAWK) signer {
	return func(r *http.Request, body []byte) {
		var hash string
		if body != nil {
			hash = hawk.PayloadHash(r.Header.Get("Content-Type"), body)
		}
		nonce, err := hawk.Nonce(rand.Reader)
		if err != nil {
			w.t.Fatal(err)
		}
		hawk.Sign(r, hawk.Credentials{ID: h.ID, Key: h.Key}, w.clock.Now().Unix(), nonce, hash)
	}
}

func (w *env) session(token string) signer { return w.hawk(onepw.SessionToken(w.raw(token))) }

func bearer(token string) signer {
	return func(r *http.Request, _ []byte) { r.Header.Set("Authorization", "Bearer "+token) }
}

func authPW(email, password string) string {
	return hex.EncodeToString(onepw.StretchV1(email, password).AuthPW)
}

// signUp makes an account and returns a session token.
func (w *env) signUp(email string) string {
	w.t.Helper()
	return w.post("/auth/v1/account/create", nil, map[string]any{"email": email, "authPW": authPW(email, password)}).text("sessionToken")
}

func (w *env) signIn(email, password string) answer {
	w.t.Helper()
	return w.post("/auth/v1/account/login?keys=true", nil, map[string]any{"email": email, "authPW": authPW(email, password)})
}

// prove shows the password again by a session.
func (w *env) prove(s signer) {
	w.t.Helper()
	email := w.get("/auth/v1/recovery_email/status", s).text("email")
	w.post("/auth/v1/session/reauth", s, map[string]any{"email": email, "authPW": authPW(email, password)}).ok()
}

// kB fetches the keys and unwraps kB by version 1 of the stretching.
func (w *env) kB(keyFetchToken, password string) string {
	w.t.Helper()
	return w.unwrapped(keyFetchToken, onepw.StretchV1(email, password).UnwrapBKey)
}

func (w *env) unwrapped(keyFetchToken string, unwrapBKey []byte) string {
	w.t.Helper()
	k := onepw.KeyFetchToken(w.raw(keyFetchToken))
	bundle, err := hex.DecodeString(w.get("/auth/v1/account/keys", w.hawk(k.HAWK)).text("bundle"))
	if err != nil {
		w.t.Fatal(err)
	}
	_, wrapKB, err := k.Open(bundle)
	if err != nil {
		w.t.Fatal(err)
	}
	return fmt.Sprintf("%x", onepw.XOR(wrapKB, unwrapBKey))
}

// access gets an access token with a session.
func (w *env) access(session, scope string) string {
	w.t.Helper()
	return w.post("/auth/v1/oauth/token", w.session(session), map[string]any{
		"grant_type": "fxa-credentials", "client_id": clientID, "scope": scope,
	}).text("access_token")
}

// stored returns the contents of the database's files.
func (w *env) stored(read func(name string) ([]byte, error)) string {
	w.t.Helper()
	var all strings.Builder
	for _, suffix := range []string{"", "-wal"} {
		b, err := read(w.dir + "/accounts.sqlite" + suffix)
		if err != nil {
			w.t.Fatal(err)
		}
		if _, err := io.Copy(&all, bytes.NewReader(b)); err != nil {
			w.t.Fatal(err)
		}
	}
	return all.String()
}
