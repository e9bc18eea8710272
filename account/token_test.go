package account_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/account"
	"github.com/syncmanager/syncmanager/internal/inproc"
)

// verified returns the scopes of a token by the server's word, or "".
func (w *env) verified(token string) string {
	w.t.Helper()
	r, err := http.NewRequestWithContext(w.t.Context(), http.MethodPost, root+"/oauth/v1/introspect", strings.NewReader(fmt.Sprintf(`{"token":%q}`, token)))
	if err != nil {
		w.t.Fatal(err)
	}
	res, err := inproc.New(w.server.Handler()).RoundTrip(r)
	if err != nil {
		w.t.Fatal(err)
	}
	body, err := io.ReadAll(res.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	_, scope, _ := strings.Cut(string(body), `"scope":"`)
	scope, _, _ = strings.Cut(scope, `"`)
	return scope
}

// TestTokensByScope: each set of scopes has its token, which allows just that, is kept until it
// expires, also by the next process, and is revoked when the user signs out.
func TestTokensByScope(t *testing.T) {
	t.Parallel()
	w := newEnv(t, nil)
	a := w.create()
	before := a.Requests()
	got, err := a.ScopedToken(t.Context(), "profile:email", "profile:uid", "profile:email")
	if err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(got.Scopes) != "[profile:email profile:uid]" || got.ExpiresAt.Sub(w.Now()) != 6*time.Hour || w.verified(got.Value) != "profile:email profile:uid" {
		t.Errorf("got %v until %v", got, got.ExpiresAt)
	}
	if shown := fmt.Sprintf("%v %+v %#v %s", got, got, got, got); strings.Contains(shown, got.Value) {
		t.Errorf("a token that is printed shows its value: %s", shown)
	}
	sync, err := a.AccessToken(t.Context(), false)
	if err != nil || sync == got.Value || a.Requests() != before+2 {
		t.Errorf("the token for sync is the same, or came without a request: %d, %v", a.Requests()-before, err)
	}
	again := w.client(nil).Resume(a.Session())
	second, err := again.ScopedToken(t.Context(), "profile:uid", "profile:email")
	if err != nil || second.Value != got.Value || again.Requests() != 0 {
		t.Errorf("the next process made %d requests, %v", again.Requests(), err)
	}
	w.Pass(6 * time.Hour)
	third, err := again.ScopedToken(t.Context(), "profile:uid", "profile:email")
	if err != nil || third.Value == got.Value || again.Requests() != 1 {
		t.Errorf("an expired one: %d requests, %v", again.Requests(), err)
	}
	if err := again.ForgetTokens(t.Context()); err != nil {
		t.Fatal(err)
	}
	fourth, err := again.ScopedToken(t.Context(), "profile:uid", "profile:email")
	if err != nil || fourth.Value == third.Value || again.Requests() != 2 {
		t.Errorf("after they were forgotten: %d requests, %v", again.Requests(), err)
	}
	if err := again.SignOut(t.Context()); err != nil {
		t.Fatal(err)
	}
	if scope := w.verified(fourth.Value); scope != "" {
		t.Errorf("after signing out the token is good for %q", scope)
	}
}

// TestScopesAreTheServersToGrant: what the server does not know is refused with a type, and what
// cannot be a scope is not sent.
func TestScopesAreTheServersToGrant(t *testing.T) {
	t.Parallel()
	w := newEnv(t, nil)
	a := w.create()
	if _, err := a.ScopedToken(t.Context(), "profile", "https://identity.example/apps/all"); !errors.Is(err, account.ErrScope) {
		t.Errorf("a scope that the server does not know: %v", err)
	}
	before := a.Requests()
	for _, scopes := range [][]string{nil, {""}, {"a b"}, {"a\nb"}, {`a"b`}, {strings.Repeat("a", 3000)}} {
		if _, err := a.ScopedToken(t.Context(), scopes...); !errors.Is(err, account.ErrScope) {
			t.Errorf("%.20q: %v", scopes, err)
		}
	}
	if a.Requests() != before {
		t.Error("what cannot be a scope was sent")
	}
}

// TestAHostileServersTokens: a token that is too long, that could end a header, or that allows less
// than was asked for is refused; one that claims to last for ever lasts as long as was asked for.
func TestAHostileServersTokens(t *testing.T) {
	t.Parallel()
	w := newEnv(t, nil)
	s := w.create().Session()
	ask := func(answer string) (account.Token, error) {
		c := w.client(func(c *account.Config) {
			c.Transport = tamper(w.server.Handler(), "/oauth/token", func([]byte) []byte { return []byte(answer) })
		})
		return c.Resume(s).ScopedToken(t.Context(), "profile")
	}
	for answer, want := range map[string]error{
		`{"access_token":""}`: account.ErrBadAnswer,
		`{"access_token":"` + strings.Repeat("x", 9000) + `","scope":"profile"}`:     account.ErrBadAnswer,
		`{"access_token":"a\r\nX-Other: b","scope":"profile","expires_in":60}`:       account.ErrBadAnswer,
		`{"access_token":"abc","scope":"profile:uid","expires_in":600}`:              account.ErrScope,
		`{"access_token":"abc","scope":"","expires_in":600}`:                         account.ErrScope,
		`{"access_token":"abc","scope":["profile"],"expires_in":600}`:                account.ErrBadAnswer,
		`{"access_token":"abc","scope":"profile","expires_in":99999999999999999999}`: account.ErrBadAnswer,
	} {
		if _, err := ask(answer); !errors.Is(err, want) {
			t.Errorf("%.60s: %v", answer, err)
		}
	}
	got, err := ask(`{"access_token":"abc","scope":"profile more","expires_in":999999999}`)
	if err != nil || got.ExpiresAt.Sub(w.Now()) != 6*time.Hour {
		t.Errorf("until %v, %v", got.ExpiresAt, err)
	}
}

// TestTokensAreBounded: a session that asked for many scopes keeps few tokens, and that of sync
// among them.
func TestTokensAreBounded(t *testing.T) {
	t.Parallel()
	w := newEnv(t, nil)
	s := w.create().Session()
	n := 0
	a := w.client(func(c *account.Config) {
		c.Transport = roundTripper(func(r *http.Request) (*http.Response, error) {
			n++
			body := fmt.Sprintf(`{"access_token":"token-%d","expires_in":%d}`, n, 600+n)
			return &http.Response{StatusCode: 200, Header: http.Header{}, Request: r, Body: io.NopCloser(strings.NewReader(body))}, nil
		})
	}).Resume(s)
	if _, err := a.AccessToken(t.Context(), false); err != nil {
		t.Fatal(err)
	}
	for i := range 100 {
		if _, err := a.ScopedToken(t.Context(), fmt.Sprintf("scope-%d", i)); err != nil {
			t.Fatal(err)
		}
	}
	stored, err := a.Session().MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	if kept := bytes.Count(stored, []byte(`"token-`)); kept != 16 {
		t.Errorf("%d tokens are kept", kept)
	}
	if access, err := a.AccessToken(t.Context(), false); err != nil || access != "token-1" {
		t.Errorf("the token for sync is %q, %v", access, err)
	}
}
