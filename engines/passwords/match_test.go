package passwords_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engine/importing"
	"github.com/syncmanager/syncmanager/engines/passwords"
)

func file(t testing.TB, name string) string {
	t.Helper()
	text, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// logins are "origin form username password", one line each.
func logins(t testing.TB, e *passwords.Engine) string {
	t.Helper()
	var b strings.Builder
	for _, l := range list(t, e) {
		fmt.Fprintf(&b, "%s %q %s %s %d\n", l.Hostname, l.FormSubmitURL, l.Username, l.Password, l.TimePasswordChanged.UnixMilli())
	}
	return b.String()
}

const datedLogins = `https://same.example "https://same.example" ann same 1700000000000
https://shop.example "https://shop.example" ann pw-2 1700000000000
`

// An export of Chrome names no form and no date, one of Firefox does. Whichever comes
// first, each login is there once, with the password that has a date.
func TestImportsOfTwoBrowsersMakeOneLogin(t *testing.T) {
	t.Parallel()
	for _, order := range [][]string{{"undated.csv", "dated.csv"}, {"dated.csv", "undated.csv"}, {"undated.csv", "dated.csv", "undated.csv", "dated.csv"}} {
		e, _ := open(t)
		for _, name := range order {
			importCSV(t, e, file(t, name), importing.Options{})
		}
		if got := logins(t, e); got != datedLogins {
			t.Errorf("%v:\n%swant\n%s", order, got, datedLogins)
		}
		for _, l := range list(t, e) {
			if l.TimeCreated.UnixMilli() != 1600000000000 {
				t.Errorf("%v: %s was created at %d; want the earlier time", order, l.Hostname, l.TimeCreated.UnixMilli())
			}
		}
	}
}

// account are the logins of dated.csv as the account's Firefox has them.
func account() []engine.Incoming {
	const form = `{"id":"{11111111-1111-4111-8111-11111111111%d}","hostname":"https://%[2]s.example","formSubmitURL":"https://%[2]s.example",` +
		`"httpRealm":null,"username":"ann","password":"%[3]s","usernameField":"u","passwordField":"p","timeCreated":1600000000000,"timePasswordChanged":1700000000000}`
	return []engine.Incoming{
		incoming(170000000100, fmt.Sprintf(form, 1, "shop", "pw-2")), incoming(170000000100, fmt.Sprintf(form, 2, "same", "same")),
	}
}

func TestAnUndatedImportBeforeTheFirstSyncTakesNothingFromTheAccount(t *testing.T) {
	t.Parallel()
	e, _ := open(t)
	importCSV(t, e, file(t, "undated.csv"), importing.Options{})
	_, out := sync(t, e, engine.Start{}, 179537300000, account()...)
	if len(out) != 0 {
		t.Errorf("%d records go up; want none: the account knows more of each", len(out))
	}
	if got := logins(t, e); got != datedLogins {
		t.Errorf("after the first sync:\n%swant\n%s", got, datedLogins)
	}
}

// What this device knows and the account's other client does not is kept and sent.
func TestAFirstSyncBringsBothSidesTogether(t *testing.T) {
	t.Parallel()
	e, _ := open(t)
	importCSV(t, e, strings.ReplaceAll(file(t, "dated.csv"), "1600000000000", "1500000000000"), importing.Options{})
	bare := incoming(170000000100, `{"id":"{phone}","hostname":"https://shop.example","formSubmitURL":"","username":"ann","password":"pw-1","timesUsed":3}`)
	_, out := sync(t, e, engine.Start{}, 179537300000, bare)
	if got := logins(t, e); got != datedLogins {
		t.Errorf("after the first sync:\n%swant\n%s", got, datedLogins)
	}
	l, err := e.Get(t.Context(), "{phone}")
	if err != nil || l.TimeCreated.UnixMilli() != 1500000000000 || l.TimesUsed != 3 {
		t.Errorf("the phone's login is %+v, %v; want it with all that is known", l, err)
	}
	if len(out) != 2 {
		t.Errorf("%d records go up; want both", len(out))
	}
	if _, again := sync(t, e, engine.Start{}, 179537400000); len(again) != 0 {
		t.Errorf("the next sync sends %d records", len(again))
	}
}

func TestLoginsMatchAsInFirefox(t *testing.T) {
	t.Parallel()
	login := func(form, realm string) passwords.Login {
		return passwords.Login{Hostname: "https://a.example", FormSubmitURL: form, HTTPRealm: realm, Username: "u", Password: "p"}
	}
	for _, c := range []struct {
		a, b passwords.Login
		same bool
	}{
		{login("", ""), login("https://a.example", ""), true},
		{login("javascript:void(0)", ""), login("", ""), true},
		{login("javascript:void(0)", ""), login("JavaScript:go()", ""), true},
		{login("javascript:", ""), login("https://a.example", ""), false},
		{login("https://b.example", ""), login("https://a.example", ""), false},
		{login("https://bücher.example", ""), login("https://xn--bcher-kva.example/in", ""), true},
		{login("", "realm"), login("", ""), false},
		{login("", "realm"), login("https://a.example", ""), false},
		{login("", "realm"), login("", "realm"), true},
		{login("", "realm"), login("", "other"), false},
	} {
		for range 2 {
			e, _ := open(t)
			if _, err := e.Add(t.Context(), c.a); err != nil {
				t.Fatal(err)
			}
			if _, err := e.Add(t.Context(), c.b); (err != nil) != c.same {
				t.Errorf("%+v beside %+v: %v; want them to be the same: %v", c.b, c.a, err, c.same)
			}
			c.a, c.b = c.b, c.a
		}
	}
}

// Two logins that the account has stay two, although one of them is for any form.
func TestTwoLoginsOfTheAccountStayTwo(t *testing.T) {
	t.Parallel()
	e, _ := open(t)
	anyForm := strings.Replace(string(account()[0].Payload), `"formSubmitURL":"https://shop.example"`, `"formSubmitURL":""`, 1)
	anyForm = strings.Replace(anyForm, "{11111111-", "{22222222-", 1)
	_, out := sync(t, e, engine.Start{}, 179537300000, append(account(), incoming(170000000100, anyForm))...)
	if len(list(t, e)) != 3 || len(out) != 0 {
		t.Fatalf("got %+v and %d go up; want three logins and none", list(t, e), len(out))
	}
	l := list(t, e)[1]
	l.Password = "new"
	if _, err := e.Update(t.Context(), l); err != nil {
		t.Fatalf("a new password for one of them: %v", err)
	}
}

func TestSitesOfOtherScriptsAreOneLogin(t *testing.T) {
	t.Parallel()
	e, _ := open(t)
	old := incoming(170000000100, `{"id":"{old}","hostname":"https://bücher.example","formSubmitURL":"","username":"ann","password":"p","timePasswordChanged":5}`)
	sync(t, e, engine.Start{}, 179537300000, old)
	r := importCSV(t, e, "name,url,username,password\nb,https://bücher.example/login,ann,p\nc,https://www.bücher.example,ann,q\n", importing.Options{})
	if r.Duplicates != 1 || r.Added != 1 {
		t.Fatalf("%+v; want one that is here already and one new", r)
	}
	if got := list(t, e)[1].Hostname; got != "https://www.xn--bcher-kva.example" {
		t.Errorf("the new one is at %s; want the form that Firefox stores", got)
	}
	for _, word := range []string{"bücher", "BÜCHER", "xn--bcher-kva"} {
		n := 0
		for _, err := range e.Find(t.Context(), word) {
			if err != nil {
				t.Fatal(err)
			}
			n++
		}
		if n != 2 {
			t.Errorf("%s finds %d logins; want both", word, n)
		}
	}
	// Firefox's own of the same site comes: one stays, spelt as Firefox does.
	fx := incoming(179537400000, `{"id":"{fx}","hostname":"https://xn--bcher-kva.example","formSubmitURL":"https://xn--bcher-kva.example","username":"ann","password":"p","timePasswordChanged":9}`)
	e2, _ := open(t)
	sync(t, e2, engine.Start{}, 179537300000, old)
	if _, err := e2.Add(t.Context(), passwords.Login{Hostname: "https://bücher.example", Username: "ann", Password: "x"}); err == nil {
		t.Error("a second login for the site was added")
	}
	sync(t, e2, engine.Start{}, 179537500000, engine.Incoming{ID: "{old}", Modified: 179537400000}, fx)
	if all := list(t, e2); len(all) != 1 || all[0].Hostname != "https://xn--bcher-kva.example" {
		t.Errorf("got %+v; want Firefox's alone", all)
	}
}

// A client that does not know a field leaves it out: nobody deleted it.
func TestWhatAPoorerClientLeavesOutIsKept(t *testing.T) {
	t.Parallel()
	e, _ := open(t)
	sync(t, e, engine.Start{}, 179537256000, account()...)
	poor := incoming(179537300000, `{"id":"{11111111-1111-4111-8111-111111111111}","hostname":"https://shop.example","username":"ann","password":"pw-3"}`)
	_, out := sync(t, e, engine.Start{}, 179537300000, poor)
	l, err := e.Get(t.Context(), poor.ID)
	want := passwords.Login{ID: poor.ID, Hostname: "https://shop.example", FormSubmitURL: "https://shop.example", Username: "ann", Password: "pw-3",
		UsernameField: "u", PasswordField: "p", TimeCreated: time.UnixMilli(1600000000000).UTC(), TimePasswordChanged: time.UnixMilli(1700000000000).UTC()}
	if err != nil || l != want {
		t.Errorf("got %+v, %v\nwant %+v", l, err, want)
	}
	if len(out) != 1 {
		t.Errorf("%d records go up; want the whole one, so that all devices have it", len(out))
	}
}

// A dry run says what an import does, across its transactions.
func TestADryRunMatchesFormsToo(t *testing.T) {
	t.Parallel()
	rows := "url,username,password,formActionOrigin\nhttps://a.example,ann,p,\n"
	for i := range 600 {
		rows += site(i) + ",ann,p,\n"
	}
	rows += "https://a.example,ann,p,https://a.example\n"
	var added []int
	for _, dry := range []bool{true, false} {
		e, _ := open(t)
		added = append(added, importCSV(t, e, rows, importing.Options{DryRun: dry}).Added)
	}
	if added[0] != 601 || added[1] != 601 {
		t.Errorf("%v added in a dry run and in a real one; want 601 twice", added)
	}
}
