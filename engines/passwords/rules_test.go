package passwords_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engines/passwords"
)

func TestNothingReadableIsOnDisk(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	now := func() time.Time { return time.UnixMilli(1_795_372_600_000) }
	e, err := passwords.Open(t.Context(), config(filepath.Join(dir, "passwords.db"), now))
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	const secret, name, host, realm = "Xyzzy-Password", "Xyzzy-Username", "xyzzy-host.example", "Xyzzy-Realm"
	if _, err := e.Add(t.Context(), passwords.Login{Hostname: "https://" + host, HTTPRealm: realm, Username: name, Password: secret}); err != nil {
		t.Fatal(err)
	}
	look := func(when string) {
		t.Helper()
		files, err := filepath.Glob(filepath.Join(dir, "*"))
		if err != nil || len(files) < 2 {
			t.Fatalf("%s: files %v, %v; want the database and its WAL", when, files, err)
		}
		for _, file := range files {
			info, err := os.Stat(file)
			if err != nil || info.Mode().Perm() != 0o600 {
				t.Errorf("%s: %s has mode %v, %v; want 0600", when, file, info.Mode().Perm(), err)
			}
			raw, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, word := range []string{secret, name, host, realm} {
				if bytes.Contains(bytes.ToLower(raw), []byte(strings.ToLower(word))) {
					t.Errorf("%s: %s is readable in %s", when, word, filepath.Base(file))
				}
			}
		}
	}
	look("after Add")
	s, err := e.Begin(t.Context(), engine.Start{})
	if err != nil {
		t.Fatal(err)
	}
	in := incoming(9, `{"id":"{a}","hostname":"https://`+host+`/2","formSubmitURL":"https://`+host+`","httpRealm":null,"username":"`+name+`","password":"`+secret+`"}`)
	bad := incoming(9, `{"id":"{b}","hostname":"https://`+host+`","username":"`+name+`","password":{"x":"`+secret+`"}}`)
	if err := s.Stage(t.Context(), []engine.Incoming{in, bad}); err != nil {
		t.Fatal(err)
	}
	look("after Stage")
	m, err := s.Merge(t.Context(), 9)
	if err != nil || m.Applied != 1 || m.Failed != 1 || m.Outgoing != 1 {
		t.Fatalf("merged %+v, %v", m, err)
	}
	if text := m.Problems[0].Err.Error(); strings.Contains(text, secret) || strings.Contains(text, name) {
		t.Errorf("a problem tells a secret: %s", text)
	}
	look("after Merge")
}

func TestAnotherKeyIsToldAtOnce(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "passwords.db")
	c := config(path, time.Now)
	e, err := passwords.Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := e.Add(t.Context(), passwords.Login{Hostname: "a.example", Password: "p"}); err != nil {
		t.Fatal(err)
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	c.Key = [32]byte{9}
	if _, err := passwords.Open(t.Context(), c); !errors.Is(err, engine.ErrKey) {
		t.Fatalf("error %v; want ErrKey", err)
	}
}

func TestRecordsThatAreNoLogin(t *testing.T) {
	t.Parallel()
	for name, payload := range map[string]string{
		"no hostname":      `{"id":"{x}","password":"p"}`,
		"null hostname":    `{"id":"{x}","hostname":null,"password":"p"}`,
		"no password":      `{"id":"{x}","hostname":"https://a.example","password":""}`,
		"form and realm":   `{"id":"{x}","hostname":"https://a.example","password":"p","formSubmitURL":"https://a.example","httpRealm":"r"}`,
		"the account":      `{"id":"{x}","hostname":"chrome://FirefoxAccounts","httpRealm":"Firefox Accounts credentials","password":"p"}`,
		"NUL":              `{"id":"{x}","hostname":"https://a.example","password":"p\u0000"}`,
		"line break":       `{"id":"{x}","hostname":"https://a.example","password":"p","usernameField":"a\nb"}`,
		"lone period":      `{"id":"{x}","hostname":"https://a.example","password":"p","formSubmitURL":"."}`,
		"number as a text": `{"id":"{x}","hostname":"https://a.example","password":17}`,
		"no object":        `[1]`,
	} {
		e, _ := open(t)
		m, _ := sync(t, e, engine.Start{}, 9, engine.Incoming{ID: "{x}", Modified: 8, Payload: []byte(payload)},
			incoming(8, `{"id":"{y}","hostname":"https://b.example","password":"p"}`))
		if m.Failed != 1 || m.Applied != 1 {
			t.Errorf("%s: merged %+v; want it refused and the other applied", name, m)
		}
	}
	for name, payload := range map[string]string{
		"no username":   `{"id":"{x}","hostname":"https://a.example","password":"p"}`,
		"text times":    `{"id":"{x}","hostname":"https://a.example","password":"p","timeCreated":"x","timesUsed":null}`,
		"float times":   `{"id":"{x}","hostname":"https://a.example","password":"p","timeCreated":1795372558851.5}`,
		"empty strings": `{"id":"{x}","hostname":"https://a.example","password":"p\nq","formSubmitURL":"","httpRealm":null}`,
	} {
		e, _ := open(t)
		if m, out := sync(t, e, engine.Start{}, 9, incoming(8, payload)); m.Applied != 1 || len(out) != 0 {
			t.Errorf("%s: merged %+v; want it applied", name, m)
		}
	}
}

// record is a login of the account, with more fields if they are given.
func record(password string, changed int64, more string) string {
	return fmt.Sprintf(`{"id":"{x}","hostname":"https://a.example","formSubmitURL":"","httpRealm":null,"username":"u","password":"%s",`+
		`"usernameField":"","passwordField":"","timeCreated":1000,"timePasswordChanged":%d%s}`, password, changed, more)
}

func TestFirefoxDoesNotTakeTheUseCountAway(t *testing.T) {
	t.Parallel()
	e, c := open(t)
	sync(t, e, engine.Start{}, 9, incoming(8, record("p", 1000, `,"timesUsed":7,"timeLastUsed":2000`)))
	// Firefox changes the password twice; its records have no counts. Nothing of
	// that is news for the account.
	for i := range 2 {
		m, out := sync(t, e, engine.Start{}, engine.Timestamp(20+i), incoming(engine.Timestamp(20+i), record(fmt.Sprint("new", i), int64(3000+i), "")))
		if m.Applied != 1 || len(out) != 0 {
			t.Fatalf("merged %+v, %d go up; want 1 applied and none up", m, len(out))
		}
		l, err := e.Get(t.Context(), "{x}")
		if err != nil || l.TimesUsed != 7 || l.TimeLastUsed.UnixMilli() != 2000 || l.Password != fmt.Sprint("new", i) {
			t.Fatalf("%+v, %v; want the new password and the old counts", l, err)
		}
	}
	c.Pass(time.Hour)
	if err := e.Touch(t.Context(), "{x}"); err != nil {
		t.Fatal(err)
	}
	_, out := sync(t, e, engine.Start{}, 30)
	if len(out) != 1 || !strings.Contains(string(out[0].Payload), `"timesUsed":8`) {
		t.Fatalf("sent %v; want the count of 8", out)
	}
}

func TestUsesOnBothSidesAddUp(t *testing.T) {
	t.Parallel()
	e, c := open(t)
	sync(t, e, engine.Start{}, 9, incoming(8, record("p", 1000, `,"timesUsed":10,"timeLastUsed":2000`)))
	for range 3 {
		c.Pass(time.Minute)
		if err := e.Touch(t.Context(), "{x}"); err != nil {
			t.Fatal(err)
		}
	}
	sync(t, e, engine.Start{}, 20, incoming(20, record("p", 1000, `,"timesUsed":12,"timeLastUsed":9000`)))
	l, err := e.Get(t.Context(), "{x}")
	if err != nil || l.TimesUsed != 15 || !l.TimeLastUsed.Equal(c.Now()) {
		t.Fatalf("%+v, %v; want 15 uses, the last one just now", l, err)
	}
}

func TestTheNewerPasswordStands(t *testing.T) {
	t.Parallel()
	for name, x := range map[string]struct {
		prefer engine.Side
		there  int64 // when it was changed there; here it is 1795372600000
		want   string
	}{
		"here":                      {0, 1_795_372_599_999, "here"},
		"there":                     {0, 1_795_372_600_001, "there"},
		"there, but this is wanted": {engine.PreferLocal, 1_795_372_600_001, "here"},
		"here, but that is wanted":  {engine.PreferRemote, 1_795_372_599_999, "there"},
	} {
		e, _ := open(t)
		sync(t, e, engine.Start{}, 9, incoming(8, record("old", 1000, "")))
		l, err := e.Get(t.Context(), "{x}")
		if err != nil {
			t.Fatal(err)
		}
		l.Password = "here"
		if _, err := e.Update(t.Context(), l); err != nil {
			t.Fatal(err)
		}
		sync(t, e, engine.Start{Prefer: x.prefer}, 20, incoming(20, record("there", x.there, "")))
		if l, err := e.Get(t.Context(), "{x}"); err != nil || l.Password != x.want {
			t.Errorf("newer %s: password %q, %v; want %q", name, l.Password, err, x.want)
		}
	}
}

// TestAClockThatIsAheadWinsNothing: the time of a record is the server's, and the
// edit here was made before it.
func TestAClockThatIsAheadWinsNothing(t *testing.T) {
	t.Parallel()
	field := func(name string) string {
		return strings.Replace(record("old", 1000, ""), `"usernameField":""`, `"usernameField":"`+name+`"`, 1)
	}
	for skew, want := range map[time.Duration]string{0: "here", -1_795_372_600 * time.Second: "there"} {
		e, _ := open(t)
		sync(t, e, engine.Start{}, 9, incoming(8, field("old")))
		l, err := e.Get(t.Context(), "{x}")
		if err != nil {
			t.Fatal(err)
		}
		l.UsernameField = "here"
		if _, err := e.Update(t.Context(), l); err != nil {
			t.Fatal(err)
		}
		sync(t, e, engine.Start{Skew: skew}, 20, incoming(20, field("there")))
		if l, err := e.Get(t.Context(), "{x}"); err != nil || l.UsernameField != want {
			t.Errorf("with a clock that is off by %v: %q, %v; want %q", skew, l.UsernameField, err, want)
		}
	}
}

func TestMostPasswordsAreNotDeletedUnasked(t *testing.T) {
	t.Parallel()
	e, _ := open(t)
	var in, gone []engine.Incoming
	for i := range 30 {
		record := kind.Incoming(i, 0)
		in = append(in, record)
		gone = append(gone, engine.Incoming{ID: record.ID, Modified: 10})
	}
	sync(t, e, engine.Start{}, 9, in...)
	sync(t, e, engine.Start{}, 10, gone[:10]...) // ten are nothing unusual
	s, err := e.Begin(t.Context(), engine.Start{})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Stage(t.Context(), gone[10:]); err != nil {
		t.Fatal(err)
	}
	var hold *engine.TooManyDeletionsError
	if _, err := s.Merge(t.Context(), 11); !errors.As(err, &hold) || hold.Deletions != 20 || hold.Total != 20 {
		t.Fatalf("error %v; want 20 of 20 held", err)
	}
}

func TestOrigin(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]string{
		"https://A.Example/x?y#z": "https://a.example", "a.example": "https://a.example", " http://a.example:8080/ ": "http://a.example:8080",
		"https://a.example:443": "https://a.example", "http://a.example:80": "http://a.example", "http://a.example:443": "http://a.example:443",
		"https://user:pw@a.example/": "https://a.example", "http://[::1]:8080/x": "http://[::1]:8080", "moz-proxy://p.example:3128": "moz-proxy://p.example:3128",
		"https://bücher.example/x": "https://xn--bcher-kva.example", "ftp://f.example:21/": "ftp://f.example",
	} {
		if got, err := passwords.Origin(raw); err != nil || got != want {
			t.Errorf("Origin(%q) = %q, %v; want %q", raw, got, err, want)
		}
	}
	for _, raw := range []string{"", "https://", "://x", "https://a b", "http://a.example:port", "https:///path"} {
		if got, err := passwords.Origin(raw); err == nil {
			t.Errorf("Origin(%q) = %q; want an error", raw, got)
		}
	}
}

func TestFindAndOrder(t *testing.T) {
	t.Parallel()
	e, _ := open(t)
	for _, l := range []passwords.Login{
		{Hostname: "https://b.example", Username: "zoe", Password: "1"},
		{Hostname: "https://b.example", Username: "Ann", Password: "2"},
		{Hostname: "https://a.example", Username: "bob", Password: "3"},
	} {
		if _, err := e.Add(t.Context(), l); err != nil {
			t.Fatal(err)
		}
	}
	for query, want := range map[string]string{"": "321", "B.EXAMPLE": "21", "ann": "2", "a.": "3", "nobody": "", "2": ""} {
		got := ""
		for l, err := range e.Find(t.Context(), query) {
			if err != nil {
				t.Fatal(err)
			}
			got += l.Password
		}
		if got != want {
			t.Errorf("Find(%q) yields %q; want %q", query, got, want)
		}
	}
}

func TestEditsOfNoLogin(t *testing.T) {
	t.Parallel()
	e, _ := open(t)
	if _, err := e.Get(t.Context(), "{x}"); !errors.Is(err, engine.ErrNotFound) {
		t.Errorf("Get: %v", err)
	}
	if err := e.Delete(t.Context(), "{x}"); !errors.Is(err, engine.ErrNotFound) {
		t.Errorf("Delete: %v", err)
	}
	if err := e.Touch(t.Context(), "{x}"); !errors.Is(err, engine.ErrNotFound) {
		t.Errorf("Touch: %v", err)
	}
	if _, err := e.Update(t.Context(), passwords.Login{ID: "{x}", Hostname: "a.example", Password: "p"}); !errors.Is(err, engine.ErrNotFound) {
		t.Errorf("Update: %v", err)
	}
	if _, err := e.Add(t.Context(), passwords.Login{Hostname: "a.example"}); !errors.Is(err, engine.ErrInvalid) {
		t.Errorf("Add without a password: %v", err)
	}
}

func TestAddUnderAGivenID(t *testing.T) {
	t.Parallel()
	e, _ := open(t)
	given := passwords.Login{ID: "{given}", Hostname: "a.example", Username: "u", Password: "p"}
	if _, err := e.Add(t.Context(), given); err != nil {
		t.Fatal(err)
	}
	other := passwords.Login{ID: "{given}", Hostname: "b.example", Username: "u", Password: "p"}
	if _, err := e.Add(t.Context(), other); !errors.Is(err, engine.ErrDuplicate) {
		t.Fatalf("a second login under the same ID: %v", err)
	}
	sync(t, e, engine.Start{}, 9)
	if err := e.Delete(t.Context(), "{given}"); err != nil {
		t.Fatal(err)
	}
	if _, err := e.Add(t.Context(), other); err != nil {
		t.Fatalf("under the ID of a deleted one: %v", err)
	}
	if _, out := sync(t, e, engine.Start{}, 20); len(out) != 1 || !strings.Contains(string(out[0].Payload), "b.example") {
		t.Fatalf("sent %v; want the new login and no tombstone", out)
	}
}
