package account_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/account"
	"github.com/syncmanager/syncmanager/internal/inproc"
)

// setName gives the account's user another name, as the settings page does.
func (w *env) setName(a *account.Account, name string) {
	w.t.Helper()
	token, err := a.ScopedToken(w.t.Context(), "profile:write")
	if err != nil {
		w.t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(w.t.Context(), http.MethodPost, root+"/profile/v1/display_name", strings.NewReader(fmt.Sprintf(`{"displayName":%q}`, name)))
	if err != nil {
		w.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token.Value)
	r.Header.Set("Content-Type", "application/json")
	res, err := inproc.New(w.server.Handler()).RoundTrip(r)
	if err != nil || res.StatusCode/100 != 2 {
		w.t.Fatalf("%v, %v", res, err)
	}
}

// TestProfile: the profile is read once, asked for again after two minutes, and comes again only
// when it changed.
func TestProfile(t *testing.T) {
	t.Parallel()
	w := newEnv(t, nil)
	made := w.create()
	bodies := 0
	c := w.client(func(c *account.Config) {
		c.Transport = changed(inproc.New(w.server.Handler()), "/profile/v1/profile", func(b []byte) []byte {
			if len(b) > 0 {
				bodies++
			}
			return b
		})
	})
	a := c.Resume(made.Session())
	if _, ok := a.LastProfile(); ok {
		t.Error("there is a profile before it was read")
	}
	read := func(fresh bool) account.Profile {
		t.Helper()
		p, err := a.Profile(t.Context(), fresh)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	first := read(false)
	want := account.Profile{UID: a.Session().UID, Email: email, Picture: root + "/profile/v1/avatar/default", DefaultPicture: true}
	if first != want || bodies != 1 || c.Requests() != 2 { // a token, and the profile
		t.Fatalf("got %+v in %d requests", first, c.Requests())
	}
	if read(false); c.Requests() != 2 {
		t.Errorf("within two minutes it was asked for again")
	}
	w.Pass(3 * time.Minute)
	if again := read(false); again != want || c.Requests() != 3 || bodies != 1 {
		t.Errorf("unchanged: %+v, %d requests, sent %d times", again, c.Requests(), bodies)
	}
	w.setName(made, "André <b>")
	if read(false); c.Requests() != 3 {
		t.Error("it was asked for again at once")
	}
	want.DisplayName = "André <b>"
	if now := read(true); now != want || c.Requests() != 4 || bodies != 2 {
		t.Errorf("changed: %+v, %d requests, sent %d times", now, c.Requests(), bodies)
	}
	// The next process shows it without a request, and the server does not send it again.
	stored, err := json.Marshal(a.Session())
	if err != nil {
		t.Fatal(err)
	}
	var s account.Session
	if err := json.Unmarshal(stored, &s); err != nil {
		t.Fatal(err)
	}
	a = c.Resume(s)
	if p, ok := a.LastProfile(); !ok || p != want {
		t.Errorf("the next process has %+v, %v", p, ok)
	}
	if now := read(true); now != want || bodies != 2 {
		t.Errorf("the next process got %+v, sent %d times", now, bodies)
	}
	// A clock that was set back.
	w.Pass(-time.Hour)
	before := c.Requests()
	if read(false); c.Requests() == before {
		t.Error("with the clock set back, the server is not asked")
	}
}

// TestProfileOfAnEndedSession: a token that was revoked is renewed once, and a session that ended says so.
func TestProfileOfAnEndedSession(t *testing.T) {
	t.Parallel()
	w := newEnv(t, nil)
	a := w.create()
	if _, err := a.Profile(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	b := w.client(nil).Resume(a.Session())
	if err := a.SignOut(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Profile(t.Context(), true); !errors.Is(err, account.ErrSignedOut) {
		t.Errorf("after signing out: %v", err)
	}
	if _, err := b.Profile(t.Context(), false); err != nil {
		t.Errorf("what was read a moment ago: %v", err)
	}
	refusing := w.client(func(c *account.Config) {
		inner := inproc.New(w.server.Handler())
		c.Transport = roundTripper(func(r *http.Request) (*http.Response, error) {
			if strings.HasSuffix(r.URL.Path, "/profile/v1/profile") {
				r.Header.Set("Authorization", "Bearer other")
			}
			return inner.RoundTrip(r)
		})
	})
	c := refusing.Resume(w.login().Session())
	if _, err := c.Profile(t.Context(), true); !errors.Is(err, account.ErrBadAnswer) || errors.Is(err, account.ErrSignedOut) || refusing.Requests() != 4 {
		t.Errorf("a server that refuses its own tokens: %v after %d requests", err, refusing.Requests())
	}
}

// TestAHostileServersProfile: another account's profile and texts without bounds are refused, and a
// picture that is not on the web is left out.
func TestAHostileServersProfile(t *testing.T) {
	t.Parallel()
	w := newEnv(t, nil)
	s := w.create().Session()
	ask := func(answer string) (account.Profile, error) {
		c := w.client(func(c *account.Config) {
			c.Transport = tamper(w.server.Handler(), "/profile/v1/profile", func([]byte) []byte { return []byte(answer) })
		})
		return c.Resume(s).Profile(t.Context(), true)
	}
	for _, answer := range []string{
		`{}`, `[]`, `null`, `{"uid":"other","email":"a@example.org"}`,
		fmt.Sprintf(`{"uid":%q,"email":""}`, s.UID),
		fmt.Sprintf(`{"uid":%q,"email":%q}`, s.UID, strings.Repeat("a", 400)),
		fmt.Sprintf(`{"uid":%q,"email":"a@example.org","displayName":%q}`, s.UID, strings.Repeat("ä", 257)),
	} {
		if p, err := ask(answer); !errors.Is(err, account.ErrBadAnswer) {
			t.Errorf("%.60s: %+v, %v", answer, p, err)
		}
	}
	for _, picture := range []string{"javascript:alert(1)", "file:///etc/passwd", "data:image/png;base64,AA", "https://a:b@example.org/", "//", "https://example.org/" + strings.Repeat("x", 3000)} {
		p, err := ask(fmt.Sprintf(`{"uid":%q,"email":"a@example.org","avatar":%q}`, s.UID, picture))
		if err != nil || p.Picture != "" || p.Email != "a@example.org" {
			t.Errorf("%.40s: %+v, %v", picture, p, err)
		}
	}
}

func TestCheckSession(t *testing.T) {
	t.Parallel()
	w := newEnv(t, nil)
	a, b := w.create(), w.login()
	before := a.Requests()
	if s, err := a.CheckSession(t.Context()); err != nil || s != (account.SessionStatus{State: account.SessionActive}) || a.Requests() != before+1 {
		t.Errorf("%+v, %v, %d requests", s, err, a.Requests()-before)
	}
	if err := b.RegisterDevice(t.Context(), "lap", "desktop"); err != nil {
		t.Fatal(err)
	}
	list, err := a.Devices(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Disconnect(t.Context(), list[0]); err != nil {
		t.Fatal(err)
	}
	if s, err := b.CheckSession(t.Context()); err != nil || s.State != account.SessionEnded || !errors.Is(s.Reason, account.ErrSignedOut) {
		t.Errorf("a device that was signed out: %+v, %v", s, err)
	}
	for body, want := range map[string]account.SessionState{
		fmt.Sprintf(`{"state":"unverified","uid":%q}`, a.Session().UID): account.SessionUnconfirmed,
		fmt.Sprintf(`{"state":"other","uid":%q}`, a.Session().UID):      "",
		`{"state":"verified","uid":"other"}`:                            "",
		`{}`:                                                            "",
	} {
		c := w.client(func(c *account.Config) {
			c.Transport = tamper(w.server.Handler(), "/session/status", func([]byte) []byte { return []byte(body) })
		})
		s, err := c.Resume(a.Session()).CheckSession(t.Context())
		if s.State != want || (want == "") != errors.Is(err, account.ErrBadAnswer) {
			t.Errorf("%s: %+v, %v", body, s, err)
		}
	}
	// Without an answer nothing is known about the session.
	c := answering(t, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	if s, err := c.Resume(a.Session()).CheckSession(t.Context()); err == nil || s.State != "" {
		t.Errorf("without an answer: %+v, %v", s, err)
	}
}

// TestManageURLs: the pages are those of the server, and what an app gives for the entry point
// cannot change the rest.
func TestManageURLs(t *testing.T) {
	t.Parallel()
	w := newEnv(t, nil)
	a := w.create()
	who := "email=andr%C3%A9%40example.org"
	uid := "uid=" + a.Session().UID
	for got, want := range map[string]string{
		a.ManageAccountURL(""):               root + "/settings?" + who + "&" + uid,
		a.ManageAccountURL("menu"):           root + "/settings?" + who + "&entrypoint=menu&" + uid,
		a.ManageDevicesURL("a&uid=x#\r\n"):   root + "/settings/clients?" + who + "&entrypoint=a%26uid%3Dx%23%0D%0A&" + uid,
		w.client(nil).ConnectionSuccessURL(): root + "/connect_another_device?showSuccessMessage=true",
	} {
		if got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, got, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Accept", "text/html")
		if res, err := inproc.New(w.server.Handler()).RoundTrip(r); err != nil || res.StatusCode != http.StatusOK {
			t.Errorf("%s: %v, %v", got, res, err)
		}
	}
}
