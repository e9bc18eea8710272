package passwords_test

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engine/enginetest"
	"github.com/syncmanager/syncmanager/engines/passwords"
	"github.com/syncmanager/syncmanager/internal/test/testclock"
)

var testKey = [32]byte{1, 2, 3}

func config(path string, now func() time.Time) passwords.Config {
	return passwords.Config{Path: path, Key: testKey, Now: now, Rand: rand.Reader}
}

func open(t testing.TB) (*passwords.Engine, *testclock.Clock) { return kind.OpenNew(t) }

// firefox are the records that Firefox ESR 153.7 uploaded.
func firefox(t testing.TB) []engine.Incoming {
	t.Helper()
	return enginetest.Records(t, "testdata/firefox-esr-153.json")
}

var (
	incoming = enginetest.Record
	sync     = enginetest.Once
)

func list(t testing.TB, e *passwords.Engine) []passwords.Login {
	t.Helper()
	var all []passwords.Login
	for l, err := range e.List(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, l)
	}
	return all
}

func TestFirefoxRecordsArrive(t *testing.T) {
	t.Parallel()
	e, _ := open(t)
	merged, out := sync(t, e, engine.Start{}, 179537256000, firefox(t)...)
	if merged.Applied != 2 || merged.Failed != 0 || len(out) != 0 {
		t.Fatalf("merged %+v, %d outgoing; want 2 applied, none failed, none outgoing", merged, len(out))
	}
	want := []passwords.Login{
		{ID: "{df781fa8-8b26-46b2-aa16-035963de04d4}", Hostname: "https://login.example", FormSubmitURL: "https://login.example",
			Username: "bob", Password: "s3cret-ü", UsernameField: "user", PasswordField: "pass",
			TimeCreated: time.UnixMilli(1795372558849).UTC(), TimePasswordChanged: time.UnixMilli(1795372558849).UTC()},
		{ID: "{6e6e0800-8f83-4cc0-906e-271272ce2c6a}", Hostname: "https://realm.example", HTTPRealm: "Private Area",
			Username: "alice", Password: "hunter2", TimeCreated: time.UnixMilli(1795372558851).UTC(), TimePasswordChanged: time.UnixMilli(1795372558851).UTC()},
	}
	got := list(t, e)
	if len(got) != 2 || got[0] != want[0] || got[1] != want[1] {
		t.Fatalf("got %+v\nwant %+v", got, want)
	}
}

func TestNewLoginGoesUpAsFirefoxWritesIt(t *testing.T) {
	t.Parallel()
	e, _ := open(t)
	l, err := e.Add(t.Context(), passwords.Login{Hostname: "HTTPS://Shop.Example:443/login?x", Username: "ann", Password: "pw"})
	if err != nil {
		t.Fatal(err)
	}
	_, out := sync(t, e, engine.Start{}, 1)
	if len(out) != 1 || out[0].ID != l.ID {
		t.Fatalf("outgoing %v; want the login %s", out, l.ID)
	}
	want := `{"id":"` + string(l.ID) + `","hostname":"https://shop.example","formSubmitURL":"","httpRealm":null,` +
		`"username":"ann","password":"pw","usernameField":"","passwordField":"","timeCreated":1795372600000,"timePasswordChanged":1795372600000}`
	if string(out[0].Payload) != want {
		t.Fatalf("payload %s\nwant    %s", out[0].Payload, want)
	}
	if _, again := sync(t, e, engine.Start{}, 3); len(again) != 0 {
		t.Fatalf("a second sync sends %v again", again)
	}
}

func TestEditsOfDifferentFieldsBothSurvive(t *testing.T) {
	t.Parallel()
	e, clock := open(t)
	records := firefox(t)
	sync(t, e, engine.Start{}, 179537256000, records...)
	l := list(t, e)[0]
	l.Username = "robert"
	clock.Pass(time.Minute)
	if _, err := e.Update(t.Context(), l); err != nil {
		t.Fatal(err)
	}
	edited := incoming(179537300000, `{"id":"{df781fa8-8b26-46b2-aa16-035963de04d4}","hostname":"https://login.example",
		"formSubmitURL":"https://login.example","httpRealm":null,"username":"bob","password":"changed there","usernameField":"user",
		"passwordField":"pass","timeCreated":1795372558849,"timePasswordChanged":1795372999000,"foo":{"bar":[1]}}`)
	_, out := sync(t, e, engine.Start{}, 179537300000, edited)
	got, err := e.Get(t.Context(), l.ID)
	if err != nil {
		t.Fatal(err)
	}
	if got.Username != "robert" || got.Password != "changed there" || got.TimePasswordChanged.UnixMilli() != 1795372999000 {
		t.Fatalf("merged into %+v", got)
	}
	var sent map[string]any
	if len(out) != 1 || json.Unmarshal(out[0].Payload, &sent) != nil || sent["username"] != "robert" || sent["foo"] == nil {
		t.Fatalf("sent %+v; want the merged record with the unknown field", sent)
	}
}

func TestDuplicateIsRefusedWithTheOtherID(t *testing.T) {
	t.Parallel()
	e, _ := open(t)
	first, err := e.Add(t.Context(), passwords.Login{Hostname: "https://a.example", Username: "u", Password: "1"})
	if err != nil {
		t.Fatal(err)
	}
	_, err = e.Add(t.Context(), passwords.Login{Hostname: "a.example", Username: "u", Password: "2"})
	var dupe *engine.DuplicateError
	if !errors.As(err, &dupe) || !errors.Is(err, engine.ErrDuplicate) || dupe.ID != first.ID {
		t.Fatalf("error %v; want a duplicate of %s", err, first.ID)
	}
}
