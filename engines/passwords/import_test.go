package passwords_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/syncmanager/syncmanager/engine/importing"
	"github.com/syncmanager/syncmanager/engines/passwords"
)

func importCSV(t testing.TB, e *passwords.Engine, file string, o importing.Options) importing.Report {
	t.Helper()
	r, err := e.ImportFrom(t.Context(), strings.NewReader(file), o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

const firefoxCSV = `"url","username","password","httpRealm","formActionOrigin","guid","timeCreated","timeLastUsed","timePasswordChanged"` + "\r\n" +
	`"https://login.example","bob","s3cret ""ü"", and a comma",,"https://login.example","{df781fa8-8b26-46b2-aa16-035963de04d4}","1795372558849","1795372558850","1795372558851"` + "\r\n" +
	`"https://realm.example","alice","hunter2","Private Area",,"{6e6e0800-8f83-4cc0-906e-271272ce2c6a}","1795372558851","1795372558851","1795372558851"`

func TestImportOfFirefox(t *testing.T) {
	t.Parallel()
	for name, file := range map[string]string{
		"as it is": firefoxCSV, "with a BOM": "\ufeff" + firefoxCSV, "with LF": strings.ReplaceAll(firefoxCSV, "\r\n", "\n"),
	} {
		e, _ := open(t)
		r := importCSV(t, e, file, importing.Options{})
		want := importing.Report{Format: "firefox", Read: 2, Added: 2, Skips: []importing.Skip{}}
		if !reflect.DeepEqual(r, want) {
			t.Fatalf("%s: %+v; want %+v", name, r, want)
		}
		got := list(t, e)
		if l := got[0]; l != (passwords.Login{ID: "{df781fa8-8b26-46b2-aa16-035963de04d4}", Hostname: "https://login.example",
			FormSubmitURL: "https://login.example", Username: "bob", Password: `s3cret "ü", and a comma`,
			TimeCreated: time.UnixMilli(1795372558849).UTC(), TimeLastUsed: time.UnixMilli(1795372558850).UTC(), TimePasswordChanged: time.UnixMilli(1795372558851).UTC()}) {
			t.Fatalf("%s: %+v", name, l)
		}
		if got[1].HTTPRealm != "Private Area" || got[1].FormSubmitURL != "" {
			t.Fatalf("%s: %+v", name, got[1])
		}
		if r := importCSV(t, e, file, importing.Options{}); r.Duplicates != 2 || r.Added != 0 {
			t.Fatalf("%s, again: %+v; want 2 duplicates", name, r)
		}
		newer := strings.ReplaceAll(strings.ReplaceAll(file, "hunter2", "hunter3"), `"1795372558851"`, `"1795372559999"`)
		if r := importCSV(t, e, newer, importing.Options{}); r.Updated != 1 || r.Duplicates != 1 {
			t.Fatalf("%s, with a newer password: %+v; want 1 updated", name, r)
		}
		if l := list(t, e)[1]; l.Password != "hunter3" || l.TimePasswordChanged.UnixMilli() != 1795372559999 {
			t.Fatalf("%s, with a newer password: %+v", name, l)
		}
		if r := importCSV(t, e, file, importing.Options{}); r.Updated != 0 || r.Duplicates != 2 || list(t, e)[1].Password != "hunter3" {
			t.Fatalf("%s, the older file again: %+v", name, r)
		}
	}
}

func TestImportOfChrome(t *testing.T) {
	t.Parallel()
	e, _ := open(t)
	for _, l := range []passwords.Login{
		{Hostname: "https://have.example", FormSubmitURL: "https://have.example", Username: "ann", Password: "same"},
		{Hostname: "https://differs.example", FormSubmitURL: "https://differs.example", Username: "ann", Password: "ours"},
	} {
		if _, err := e.Add(t.Context(), l); err != nil {
			t.Fatal(err)
		}
	}
	r := importCSV(t, e, "name,url,username,password,note\n"+
		"shop,https://shop.example/login?next=%2F,ann,\"two\nlines\",a note\n"+
		"app,android://hash==@com.example.app/,ann,pw,\n"+
		"have,https://have.example/,ann,same,\n"+
		"differs,https://differs.example/,ann,theirs,\n"+
		"shop again,https://shop.example/other,ann,\"two\nlines\",\n", importing.Options{})
	if r.Format != "chrome" || r.Read != 5 || r.Added != 2 || r.Duplicates != 2 || r.Skipped != 1 || r.Skips[0].Line != 6 {
		t.Fatalf("%+v; want 2 added, 2 duplicates, line 6 skipped", r)
	}
	var origins []string
	for _, l := range list(t, e) {
		origins = append(origins, l.Hostname+" "+l.Password)
	}
	want := []string{"android://com.example.app pw", "https://differs.example ours", "https://have.example same", "https://shop.example two\nlines"}
	if !reflect.DeepEqual(origins, want) {
		t.Fatalf("%q; want %q", origins, want)
	}
}

func TestBrokenRowsAreNamedAndNoOtherIsLost(t *testing.T) {
	t.Parallel()
	e, _ := open(t)
	const secret = "TopSecret"
	rows := []string{
		"url,username,password",
		"https://1.example,u," + secret,
		`"https://open.example,u,` + secret,        // 3: swallows the rest, if one lets it
		`"https://3.example","u","` + secret + `"`, // 4
		`https://mid"quote.example,u,` + secret,    // 5
		`"https://behind.example"x,u,` + secret,    // 6
		"https://few.example,u",                    // 7
		"https://many.example,u," + secret + ",x",  // 8: taken without its last cell
		"",
		"https://none.example,u,",              // 10
		",u," + secret,                         // 11
		secret + " is not an address,u,p",      // 12
		"chrome://FirefoxAccounts,u," + secret, // 13
		"https://bytes.example,\xff\xfe," + secret,                    // 14
		"https://long.example,u," + strings.Repeat(secret, 10_000),    // 15
		"https://long.example,u," + strings.Repeat(secret, 100) + "!", // 16: fine
		`"https://last.example,u,` + secret,                           // 17
		"https://end.example,u," + secret,
	}
	r := importCSV(t, e, strings.Join(rows, "\n"), importing.Options{})
	var lines []int
	for _, s := range r.Skips {
		lines = append(lines, s.Line)
		if strings.Contains(s.Reason, secret) || s.Reason == "" {
			t.Errorf("line %d: reason %q", s.Line, s.Reason)
		}
	}
	if want := []int{3, 5, 6, 7, 10, 11, 12, 13, 14, 15, 17}; !sameSet(lines, want) {
		t.Errorf("skipped lines %v; want %v", lines, want)
	}
	if r.Added != 5 || r.Read != 16 || r.Skipped != 11 {
		t.Errorf("%+v; want 5 added of 16", r)
	}
}

func sameSet(a, b []int) bool {
	seen := map[int]int{}
	for _, n := range a {
		seen[n]++
	}
	for _, n := range b {
		seen[n]--
	}
	for _, n := range seen {
		if n != 0 {
			return false
		}
	}
	return true
}

func TestImportRefusesOtherFiles(t *testing.T) {
	t.Parallel()
	e, _ := open(t)
	for _, file := range []string{"", "\n\n", "url,username\n", "a,b,c\n1,2,3\n", "<html>\n", "url,login_uri,username,password\n", "PK\x03\x04\x00\x00"} {
		if _, err := e.ImportFrom(t.Context(), strings.NewReader(file), importing.Options{}); !errors.Is(err, passwords.ErrFormat) {
			t.Errorf("%q: %v; want ErrFormat", file, err)
		}
	}
}

func TestDryRunKeepsNothing(t *testing.T) {
	t.Parallel()
	e, _ := open(t)
	file := manyRows(1200) + "https://site-7.example,ann,pw\n"
	dry := importCSV(t, e, file, importing.Options{DryRun: true})
	if n, err := e.Count(t.Context()); err != nil || n != 0 {
		t.Fatalf("a dry run left %d logins, %v", n, err)
	}
	if wet := importCSV(t, e, file, importing.Options{}); !reflect.DeepEqual(dry, wet) || wet.Added != 1200 || wet.Duplicates != 1 {
		t.Fatalf("dry %+v\nwet %+v", dry, wet)
	}
}

func manyRows(n int) string {
	var b strings.Builder
	b.WriteString("url,username,password\n")
	for i := range n {
		fmt.Fprintf(&b, "%s,ann,pw\n", site(i))
	}
	return b.String()
}

// TestImportOfLogins: those that come one by one follow the rules of rows, and what is
// wrong with them is told by their site.
func TestImportOfLogins(t *testing.T) {
	t.Parallel()
	e, _ := open(t)
	in := []passwords.Login{
		{ID: "{df781fa8-8b26-46b2-aa16-035963de04d4}", Hostname: "https://a.example/login", FormSubmitURL: "https://a.example", Username: "ann", Password: "one",
			UsernameField: "u", TimePasswordChanged: time.UnixMilli(5).UTC(), TimesUsed: 3},
		{ID: "{6e6e0800-8f83-4cc0-906e-271272ce2c6a}", Hostname: "https://b.example", HTTPRealm: "Private", Username: "ann", Password: "two", TimePasswordChanged: time.UnixMilli(5).UTC()},
		{Hostname: "https://empty.example", Username: "ann"},
	}
	bring := func(dry bool, in ...passwords.Login) importing.Report {
		t.Helper()
		r, err := e.Import(t.Context(), func(yield func(passwords.Login, error) bool) {
			for _, l := range in {
				if !yield(l, nil) {
					return
				}
			}
		}, nil, importing.Options{DryRun: dry})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	want := importing.Report{Read: 3, Added: 2, Skipped: 1, Skips: []importing.Skip{{Item: "https://empty.example", Reason: "it has no password"}}}
	for _, dry := range []bool{true, false} {
		if r := bring(dry, in...); !reflect.DeepEqual(r, want) {
			t.Fatalf("dry run %v: %+v; want %+v", dry, r, want)
		}
	}
	if got := list(t, e); len(got) != 2 || got[0].ID != in[0].ID || got[0].Hostname != "https://a.example" || got[0].UsernameField != "u" || got[0].TimesUsed != 3 {
		t.Fatalf("%+v", got)
	}
	newer, older, other, undated := in[0], in[1], in[0], in[1]
	newer.Password, newer.TimePasswordChanged = "changed", time.UnixMilli(6).UTC()
	older.Password, older.TimePasswordChanged = "old", time.UnixMilli(4).UTC()
	other.Hostname = "https://c.example"
	undated.Password, undated.TimePasswordChanged = "other", time.Time{}
	r := bring(false, newer, older, other, undated)
	if r.Added != 0 || r.Updated != 1 || r.Duplicates != 1 || r.Skipped != 2 || r.Skips[0].Item != "https://c.example" || r.Skips[1].Item != "https://b.example" {
		t.Fatalf("again: %+v", r)
	}
	if got := list(t, e); len(got) != 2 || got[0].Password != "changed" || got[0].TimePasswordChanged.UnixMilli() != 6 || got[1].Password != "two" {
		t.Fatalf("again: %+v", got)
	}
}

func TestImportComesInChunks(t *testing.T) {
	t.Parallel()
	e, _ := open(t)
	var told []int
	broken := errors.New("the pipe broke")
	file := io.MultiReader(strings.NewReader(manyRows(1100)), iotest.ErrReader(broken))
	r, err := e.ImportFrom(t.Context(), file, importing.Options{Progress: func(rows int) { told = append(told, rows) }})
	if !errors.Is(err, broken) {
		t.Fatalf("error %v; want the reader's", err)
	}
	if n, _ := e.Count(t.Context()); n != 1100 || r.Added != 1100 || !reflect.DeepEqual(told, []int{500, 1000, 1100}) {
		t.Fatalf("%d kept, %d reported, progress %v; want all that was read before the error, in chunks of 500", n, r.Added, told)
	}
}

func TestImportStopsWhenCancelled(t *testing.T) {
	t.Parallel()
	e, _ := open(t)
	ctx, cancel := context.WithCancel(t.Context())
	r, err := e.ImportFrom(ctx, strings.NewReader(manyRows(5000)), importing.Options{Progress: func(int) { cancel() }})
	if n, _ := e.Count(t.Context()); !errors.Is(err, context.Canceled) || r.Added != 500 || n != 500 {
		t.Fatalf("%d added, %d kept, %v; want the first chunk", r.Added, n, err)
	}
}

func TestExportImportsAsTheSame(t *testing.T) {
	t.Parallel()
	a, _ := open(t)
	importCSV(t, a, firefoxCSV, importing.Options{})
	if _, err := a.Add(t.Context(), passwords.Login{Hostname: "https://x.example", Username: `"q",`, Password: "line\r\nbreak \"", TimeCreated: time.UnixMilli(5).UTC()}); err != nil {
		t.Fatal(err)
	}
	var csv, json bytes.Buffer
	if err := a.ExportCSV(t.Context(), &csv); err != nil {
		t.Fatal(err)
	}
	if want := strings.SplitAfterN(firefoxCSV, "\r\n", 3)[1]; !strings.Contains(csv.String(), want) {
		t.Errorf("exported\n%s\nwant Firefox's own row in it", csv.String())
	}
	b, _ := open(t)
	importCSV(t, b, csv.String(), importing.Options{})
	if got, want := list(t, b), list(t, a); !reflect.DeepEqual(got, want) {
		t.Errorf("imported again: %+v\nwant %+v", got, want)
	}
	if err := a.Export(t.Context(), &json); err != nil || !strings.Contains(json.String(), `"httpRealm":"Private Area"`) {
		t.Errorf("JSON %s, %v", json.String(), err)
	}
}
