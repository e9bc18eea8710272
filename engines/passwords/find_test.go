package passwords_test

import (
	"errors"
	"fmt"
	"iter"
	"slices"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engines/passwords"
)

func add(t testing.TB, e *passwords.Engine, l passwords.Login) passwords.Login {
	t.Helper()
	if l.Password == "" {
		l.Password = "pw"
	}
	l, err := e.Add(t.Context(), l)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// names are the origins and usernames of logins.
func names(t testing.TB, logins iter.Seq2[passwords.Login, error]) (all []string) {
	t.Helper()
	for l, err := range logins {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, l.Hostname+" "+l.Username)
	}
	return all
}

func TestSite(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"https://www.example.co.uk/sign-in":  "example.co.uk",
		"example.co.uk":                      "example.co.uk",
		"http://a.b.example.org:8080":        "example.org",
		"https://ann.github.io":              "ann.github.io",
		"https://github.io":                  "github.io",
		"https://www.bücher.example":         "xn--bcher-kva.example",
		"https://192.0.2.7":                  "192.0.2.7",
		"https://[2001:db8::1]:8443":         "2001:db8::1",
		"http://localhost:3000":              "localhost",
		"http://nas.router.local":            "router.local",
		"https://WWW.Example.ORG.":           "example.org",
		"moz-extension://0123-4567/page.htm": "0123-4567",
	} {
		if got, err := passwords.Site(address); err != nil || got != want {
			t.Errorf("Site(%q) is %q, %v; want %q", address, got, err, want)
		}
	}
	if _, err := passwords.Site("https://"); !errors.Is(err, engine.ErrInvalid) {
		t.Errorf("of no address: %v", err)
	}
}

func TestByOriginAndBySite(t *testing.T) {
	t.Parallel()
	e, _ := open(t)
	for _, l := range []passwords.Login{
		{Hostname: "https://example.org", Username: "bob"},
		{Hostname: "https://example.org", Username: "ann"},
		{Hostname: "http://example.org", Username: "ann"},
		{Hostname: "https://example.org:8443", Username: "ann"},
		{Hostname: "https://mail.example.org", Username: "ann", HTTPRealm: "Mail"},
		{Hostname: "https://notexample.org", Username: "ann"},
		{Hostname: "https://ann.github.io", Username: "ann"},
		{Hostname: "https://bob.github.io", Username: "bob"},
		{Hostname: "https://192.0.2.7", Username: "root"},
		{Hostname: "https://92.0.2.7", Username: "root"},
	} {
		add(t, e, l)
	}
	ctx := t.Context()
	for _, x := range []struct {
		what string
		got  iter.Seq2[passwords.Login, error]
		want []string
	}{
		{"an origin", e.ByOrigin(ctx, "https://example.org"), []string{"https://example.org ann", "https://example.org bob"}},
		{"a URL", e.ByOrigin(ctx, "HTTPS://Example.org:443/path"), []string{"https://example.org ann", "https://example.org bob"}},
		{"a port", e.ByOrigin(ctx, "https://example.org:8443"), []string{"https://example.org:8443 ann"}},
		{"an origin without logins", e.ByOrigin(ctx, "https://org"), nil},
		{"a site", e.BySite(ctx, "https://www.example.org"), []string{
			"http://example.org ann", "https://example.org ann", "https://example.org bob",
			"https://example.org:8443 ann", "https://mail.example.org ann",
		}},
		{"a site below a public suffix", e.BySite(ctx, "ann.github.io"), []string{"https://ann.github.io ann"}},
		{"a public suffix", e.BySite(ctx, "github.io"), nil},
		{"an address", e.BySite(ctx, "192.0.2.7"), []string{"https://192.0.2.7 root"}},
	} {
		if got := names(t, x.got); !slices.Equal(got, x.want) {
			t.Errorf("%s finds %q; want %q", x.what, got, x.want)
		}
	}
	for _, logins := range []iter.Seq2[passwords.Login, error]{e.ByOrigin(ctx, "https://"), e.BySite(ctx, "http:///")} {
		for _, err := range logins {
			if !errors.Is(err, engine.ErrInvalid) {
				t.Errorf("error %v; want ErrInvalid", err)
			}
		}
	}
}

func TestCountByOriginAndFormAction(t *testing.T) {
	t.Parallel()
	e, _ := open(t)
	first := add(t, e, passwords.Login{Hostname: "https://example.org", FormSubmitURL: "https://login.example", Username: "ann"})
	add(t, e, passwords.Login{Hostname: "https://example.org", FormSubmitURL: "https://login.example", Username: "bob"})
	add(t, e, passwords.Login{Hostname: "https://example.org", Username: "cid"})
	add(t, e, passwords.Login{Hostname: "https://example.org", HTTPRealm: "Area", Username: "ann"})
	add(t, e, passwords.Login{Hostname: "https://script.example", FormSubmitURL: "javascript:submit()", Username: "ann"})
	count := func(origin string, origins int, action string, actions int) {
		t.Helper()
		if n, err := e.CountByOrigin(t.Context(), origin); err != nil || n != origins {
			t.Errorf("%s has %d logins, %v; want %d", origin, n, err, origins)
		}
		if n, err := e.CountByFormAction(t.Context(), action); err != nil || n != actions {
			t.Errorf("%d submit to %s, %v; want %d", n, action, err, actions)
		}
	}
	count("https://example.org/", 4, "https://login.example/submit", 2)
	count("http://example.org", 0, "https://example.org", 0)
	count("https://script.example", 1, "javascript:", 1)
	if err := e.Delete(t.Context(), first.ID); err != nil {
		t.Fatal(err)
	}
	count("https://example.org", 3, "https://login.example", 1)
	if _, err := e.CountByOrigin(t.Context(), "https://"); !errors.Is(err, engine.ErrInvalid) {
		t.Errorf("of no origin: %v", err)
	}
	if _, err := e.CountByFormAction(t.Context(), "https://"); !errors.Is(err, engine.ErrInvalid) {
		t.Errorf("of no action: %v", err)
	}
}

func TestLoginsFromOtherDevicesAreFound(t *testing.T) {
	t.Parallel()
	e, _ := open(t)
	sync(t, e, engine.Start{}, 9,
		incoming(8, `{"id":"{a}","hostname":"https://bücher.example","formSubmitURL":"https://bücher.example","username":"ann","password":"p"}`),
		incoming(8, `{"id":"{b}","hostname":"https://gone.example","formSubmitURL":"","username":"ann","password":"p"}`))
	sync(t, e, engine.Start{}, 11, engine.Incoming{ID: "{b}", Modified: 10})
	if got := names(t, e.ByOrigin(t.Context(), "https://xn--bcher-kva.example")); len(got) != 1 {
		t.Errorf("%q are found", got)
	}
	if n, err := e.CountByFormAction(t.Context(), "https://bücher.example"); err != nil || n != 1 {
		t.Errorf("%d submit there, %v", n, err)
	}
	if got := names(t, e.BySite(t.Context(), "gone.example")); len(got) != 0 {
		t.Errorf("%q are found, and were deleted elsewhere", got)
	}
}

func TestFindLoginToUpdate(t *testing.T) {
	t.Parallel()
	e, _ := open(t)
	const origin, action = "https://example.org", "https://login.example"
	for _, l := range []passwords.Login{
		{ID: "{ann}", Hostname: origin, FormSubmitURL: action, Username: "ann"},
		{ID: "{any}", Hostname: origin, Username: "any"},
		{ID: "{nameless}", Hostname: origin, FormSubmitURL: action},
		{ID: "{realm}", Hostname: origin, HTTPRealm: "Area", Username: "ann"},
		{ID: "{other}", Hostname: "https://other.example", FormSubmitURL: action, Username: "zoe"},
	} {
		add(t, e, l)
	}
	for _, x := range []struct {
		what      string
		submitted passwords.Login
		want      engine.ID
	}{
		{"the username", passwords.Login{Hostname: origin, FormSubmitURL: action, Username: "ann"}, "{ann}"},
		{"a URL of the origin", passwords.Login{Hostname: origin + "/in", FormSubmitURL: action + "/submit", Username: "ann"}, "{ann}"},
		{"one for any form", passwords.Login{Hostname: origin, FormSubmitURL: "https://elsewhere.example", Username: "any"}, "{any}"},
		{"the one without a username", passwords.Login{Hostname: origin, FormSubmitURL: action, Username: "new"}, "{nameless}"},
		{"a form elsewhere", passwords.Login{Hostname: origin, FormSubmitURL: "https://elsewhere.example", Username: "ann"}, ""},
		{"a realm", passwords.Login{Hostname: origin, HTTPRealm: "Area", Username: "ann"}, "{realm}"},
		{"another realm", passwords.Login{Hostname: origin, HTTPRealm: "Attic", Username: "ann"}, ""},
		{"another origin", passwords.Login{Hostname: "http://example.org", FormSubmitURL: action, Username: "ann"}, ""},
		{"a new username", passwords.Login{Hostname: "https://other.example", FormSubmitURL: action, Username: "yan"}, ""},
	} {
		found, err := e.FindLoginToUpdate(t.Context(), x.submitted)
		if found.ID != x.want || (err == nil) != (x.want != "") || err != nil && !errors.Is(err, engine.ErrNotFound) {
			t.Errorf("%s: found %s, %v; want %s", x.what, found.ID, err, x.want)
		}
	}
	if _, err := e.FindLoginToUpdate(t.Context(), passwords.Login{Hostname: "https://"}); !errors.Is(err, engine.ErrInvalid) {
		t.Errorf("of no login: %v", err)
	}
}

func TestAddOrUpdate(t *testing.T) {
	t.Parallel()
	e, clock := open(t)
	submitted := passwords.Login{Hostname: "https://example.org", FormSubmitURL: "https://example.org", Password: "first", UsernameField: "user"}
	first, err := e.AddOrUpdate(t.Context(), submitted)
	if err != nil || first.ID == "" || first.TimePasswordChanged.IsZero() {
		t.Fatalf("added %+v, %v", first, err)
	}
	clock.Pass(time.Minute)
	submitted.Username, submitted.Password, submitted.UsernameField, submitted.PasswordField = "ann", "second", "", "pass"
	second, err := e.AddOrUpdate(t.Context(), submitted)
	want := first
	want.Username, want.Password, want.PasswordField, want.TimePasswordChanged = "ann", "second", "pass", first.TimePasswordChanged.Add(time.Minute)
	if err != nil || second != want {
		t.Fatalf("updated to %+v, %v; want %+v", second, err, want)
	}
	if saved, err := e.Get(t.Context(), first.ID); err != nil || saved != want {
		t.Errorf("saved is %+v, %v; want %+v", saved, err, want)
	}
	submitted.Username = "bob"
	if third, err := e.AddOrUpdate(t.Context(), submitted); err != nil || third.ID == first.ID {
		t.Errorf("another user's login is %+v, %v; want a new one", third, err)
	}
	if n, err := e.Count(t.Context()); err != nil || n != 2 {
		t.Errorf("there are %d, %v", n, err)
	}
	submitted.Password = ""
	if _, err := e.AddOrUpdate(t.Context(), submitted); !errors.Is(err, engine.ErrInvalid) {
		t.Errorf("without a password: %v", err)
	}
}

func TestBulk(t *testing.T) {
	t.Parallel()
	e, _ := open(t)
	var logins []passwords.Login
	for i := range 600 {
		logins = append(logins, passwords.Login{Hostname: fmt.Sprintf("https://%d.example", i), Username: "ann", Password: "pw"})
	}
	logins[3].Password, logins[5].Hostname = "", logins[4].Hostname
	all, err := e.AddMany(t.Context(), logins)
	if err != nil || len(all) != len(logins) {
		t.Fatalf("%d results, %v", len(all), err)
	}
	var ids []engine.ID
	for i, a := range all {
		want := map[int]error{3: engine.ErrInvalid, 5: engine.ErrDuplicate}[i]
		if !errors.Is(a.Err, want) || a.Login.Hostname != logins[i].Hostname || (a.Login.ID != "") != (want == nil) {
			t.Errorf("login %d became %+v", i, a)
		}
		if a.Err == nil {
			ids = append(ids, a.Login.ID)
		}
	}
	if n, err := e.Count(t.Context()); err != nil || n != 598 || n != len(ids) {
		t.Errorf("%d are here, %v; want 598", n, err)
	}
	deleted, err := e.DeleteMany(t.Context(), append([]engine.ID{"{nobody}", ids[0]}, ids...))
	if err != nil || !slices.Equal(deleted, ids) {
		t.Errorf("%d of %d were deleted, %v", len(deleted), len(ids), err)
	}
	if n, err := e.Count(t.Context()); err != nil || n != 0 {
		t.Errorf("%d are left, %v", n, err)
	}
}

func TestBreaches(t *testing.T) {
	t.Parallel()
	e, clock := open(t)
	ctx := t.Context()
	l := add(t, e, passwords.Login{Hostname: "https://example.org", Username: "ann"})
	add(t, e, passwords.Login{Hostname: "https://safe.example", Username: "ann"})
	look := func(when string, breached, dismissed bool) passwords.Login {
		t.Helper()
		now, err := e.Get(ctx, l.ID)
		if err != nil || now.Breached() != breached || now.BreachDismissed() != dismissed {
			t.Errorf("%s it is %+v, %v; want breached %v, dismissed %v", when, now, err, breached, dismissed)
		}
		if got := names(t, e.Breaches(ctx)); (len(got) == 1) != breached || len(got) > 1 {
			t.Errorf("%s %q are breached", when, got)
		}
		return now
	}
	look("at first", false, false)
	at := clock.Now().Add(-time.Hour)
	check(e.RecordBreach(ctx, l.ID, at))
	look("breached before the password was changed", false, false)
	at = clock.Now().Add(time.Hour)
	check(e.RecordBreach(ctx, l.ID, at))
	check(e.RecordBreach(ctx, l.ID, at.Add(-time.Minute)))
	if now := look("breached", true, false); now.TimeOfLastBreach.UnixMilli() != at.UnixMilli() {
		t.Errorf("breached at %d; want %d", now.TimeOfLastBreach.UnixMilli(), at.UnixMilli())
	}
	clock.Pass(2 * time.Hour)
	check(e.DismissBreach(ctx, l.ID))
	now := look("dismissed", true, true)
	now.Password = "new"
	if _, err := e.Update(ctx, now); err != nil {
		t.Fatal(err)
	}
	look("with a new password", false, true)
	for _, err := range []error{e.RecordBreach(ctx, "{nobody}", at), e.DismissBreach(ctx, "{nobody}")} {
		if !errors.Is(err, engine.ErrNotFound) {
			t.Errorf("of no login: %v", err)
		}
	}
}

// A device that does not know of breaches takes them from none, and of two the later stands.
func TestBreachesOverSyncs(t *testing.T) {
	t.Parallel()
	e, _ := open(t)
	const record = `{"id":"{a}","hostname":"https://example.org","formSubmitURL":"","httpRealm":null,"username":"ann","password":"p","usernameField":"",` +
		`"passwordField":"","timeCreated":1,"timePasswordChanged":1`
	sync(t, e, engine.Start{}, 9, incoming(8, record+`,"timeOfLastBreach":500,"timeLastBreachAlertDismissed":600}`))
	if _, out := sync(t, e, engine.Start{}, 11, incoming(10, record+`,"timeLastUsed":5}`)); len(out) != 0 {
		t.Errorf("%d go up for a device that does not know of breaches", len(out))
	}
	l, err := e.Get(t.Context(), "{a}")
	if err != nil || l.TimeOfLastBreach.UnixMilli() != 500 || l.TimeLastBreachAlertDismissed.UnixMilli() != 600 {
		t.Fatalf("%+v, %v", l, err)
	}
	check(e.RecordBreach(t.Context(), "{a}", time.UnixMilli(900)))
	sync(t, e, engine.Start{}, 13, incoming(12, record+`,"timeOfLastBreach":700,"timeLastBreachAlertDismissed":800}`))
	if l, err = e.Get(t.Context(), "{a}"); err != nil || l.TimeOfLastBreach.UnixMilli() != 900 || l.TimeLastBreachAlertDismissed.UnixMilli() != 800 || !l.Breached() || l.BreachDismissed() {
		t.Errorf("%+v, %v; want the later of both", l, err)
	}
}
