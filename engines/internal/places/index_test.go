package places

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/internal/sqlite"
)

func found(t *testing.T, db *DB, query string) int {
	t.Helper()
	all, err := db.Search(t.Context(), query, Anything, 10)
	if err != nil {
		t.Fatal(err)
	}
	return len(all)
}

func change(t *testing.T, db *DB, f func(*Tx) error) {
	t.Helper()
	if err := db.Update(t.Context(), f); err != nil {
		t.Fatal(err)
	}
}

// All that happens to a place within one transaction, the search hears of once.
func TestManyChangesInOneTransaction(t *testing.T) {
	t.Parallel()
	db := openTest(t)
	saved := func(text string) Bookmarked { return Bookmarked{Count: 1, Added: 1, Text: text} }
	var first int64
	change(t, db, func(tx *Tx) (err error) {
		if first, err = tx.Ensure("https://example.org/one"); err != nil {
			return err
		}
		if err := tx.SetBookmarked(first, saved("early")); err != nil {
			return err
		}
		return tx.SetBookmarked(first, saved("late"))
	})
	if found(t, db, "early") != 0 || found(t, db, "late") != 1 {
		t.Error("a place that is new has another text than its last")
	}
	change(t, db, func(tx *Tx) error {
		if err := tx.SetBookmarked(first, Bookmarked{}); err != nil {
			return err
		}
		again, err := tx.Ensure("https://example.org/two")
		if err != nil {
			return err
		}
		if again != first {
			t.Fatalf("the row %d did not come again, but %d: this test tests nothing", first, again)
		}
		return tx.SetBookmarked(again, saved("second"))
	})
	if found(t, db, "late") != 0 || found(t, db, "one") != 0 || found(t, db, "second two") != 1 {
		t.Error("a place whose row was another's is found by the other's words")
	}
	change(t, db, func(tx *Tx) error {
		id, err := tx.Ensure("https://example.org/brief")
		if err != nil {
			return err
		}
		_, err = tx.Release(id)
		return err
	})
	if found(t, db, "brief") != 0 {
		t.Error("a place that came and went is found")
	}
	stop := errors.New("stop")
	err := db.Update(t.Context(), func(tx *Tx) error {
		if err := tx.SetBookmarked(first, saved("undone")); err != nil {
			return err
		}
		return stop
	})
	if !errors.Is(err, stop) || found(t, db, "undone") != 0 || found(t, db, "second") != 1 {
		t.Errorf("after a transaction that failed with %v", err)
	}
}

func TestTitlesAreSearched(t *testing.T) {
	t.Parallel()
	db := openTest(t)
	fill(t, db, 1, func(int) (string, string, time.Duration) { return "https://example.org/", "before", 0 })
	change(t, db, func(tx *Tx) error {
		p, _, err := tx.Find("https://example.org/")
		if err != nil {
			return err
		}
		return tx.SetTitle(p.ID, "after")
	})
	if found(t, db, "before") != 0 || found(t, db, "after") != 1 {
		t.Error("found by the old title")
	}
}

func TestFilesThatCannotBeOpened(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "places.sqlite")
	now := func() time.Time { return testNow }
	for name, c := range map[string]Config{"nothing": {}, "a key": {Path: path, Key: [32]byte{1}}, "no folder": {Path: filepath.Join(t.TempDir(), "none", "x"), Now: now, Rand: zero{}}} {
		if _, err := Open(t.Context(), c); err == nil {
			t.Errorf("%s: opened", name)
		}
	}
	if err := os.WriteFile(path, []byte("this is no database, but it is long enough to be taken for one, nearly"), 0o600); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the failure is not remembered as an open file
		if _, err := Open(t.Context(), Config{Path: path, Now: now, Rand: zero{}}); !errors.Is(err, sqlite.ErrCorrupt) {
			t.Fatalf("opened what is no database: %v", err)
		}
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	db, err := Open(t.Context(), Config{Path: path, Now: now, Rand: zero{}})
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}

// zero is a source of bytes that are not random.
type zero struct{}

func (zero) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func TestNormalise(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"https://example.org":               "https://example.org/",
		" HTTPS://Example.ORG/A?B#C\n":      "https://example.org/A?B#C",
		"http://Ann:Pw@Example.org:80/":     "http://Ann:Pw@example.org/",
		"https://example.org:80/":           "https://example.org:80/",
		"https://BÜCHER.example:443/Käse":   "https://xn--bcher-kva.example/K%C3%A4se",
		"https://a.example/b/./c/%2E%2e/d":  "https://a.example/b/d",
		"https://a.example/..":              "https://a.example/",
		"https://a.example/b/.":             "https://a.example/b/",
		`https://a.example\b\c?d\e#f\g`:     `https://a.example/b/c?d\e#f\g`,
		"https://a.example/ \"<>`{}|'%ä":    "https://a.example/%20%22%3C%3E%60%7B%7D|'%%C3%A4",
		"https://a.example/?q= '\"<>`{}|ä":  "https://a.example/?q=%20%27%22%3C%3E`{}|%C3%A4",
		"https://a.example/#f= '\"<>`{}|#ä": "https://a.example/#f=%20'%22%3C%3E%60{}|#%C3%A4",
		"http://example.org?q":              "http://example.org/?q",
		"javascript:alert(1)":               "javascript:alert(1)",
		"place:sort=8&maxResults=10":        "place:sort=8&maxResults=10",
		"file:///home/Ann/A.txt":            "file:///home/Ann/A.txt",
		"moz-extension://ABC/page":          "moz-extension://ABC/page",
		"data:text/html,<b>Hi there</b>":    "data:text/html,<b>Hi there</b>",
		"https://user@[2001:DB8::1]:8443/":  "https://user@[2001:db8::1]:8443/",
	} {
		if got, err := Normalise(in); err != nil || got != want {
			t.Errorf("%q became %q, %v; want %q", in, got, err, want)
		}
		if again, err := Normalise(want); err != nil || again != want {
			t.Errorf("%q became %q, %v the second time", want, again, err)
		}
	}
	for _, in := range []string{"", " ", "example.org", ":x", "1http://x/", "http://", "https:///", "https://℀.example/", "http://a\x01b/", "http://a/\x7f", "http://\xff/", "ü:x"} {
		if got, err := Normalise(in); !errors.Is(err, ErrURL) {
			t.Errorf("%q became %q, %v", in, got, err)
		}
	}
}

func TestHostRanges(t *testing.T) {
	t.Parallel()
	within := func(host, of string) bool {
		first, last := HostRange(of)
		h := reverseHost(host)
		return h >= first && h < last
	}
	for host, want := range map[string]bool{
		"example.org": true, "EXAMPLE.org": true, "example.org:8080": true, "a.b.example.org": true, "example.org.": true,
		"notexample.org": false, "example.org.evil.test": false, "org": false, "example.com": false, "": false, "example-org": false,
	} {
		if got := within(host, "Example.org"); got != want {
			t.Errorf("%q within example.org: %v", host, got)
		}
	}
	if !within("[2001:db8::1]:80", "[2001:db8::1]") {
		t.Error("an IPv6 address with a port is another host")
	}
}

func FuzzNormalise(f *testing.F) {
	f.Add("https://example.org/a")
	f.Add("javascript:alert(1)")
	f.Add("http://[::1]:80?x#y")
	f.Fuzz(func(t *testing.T, url string) {
		once, err := Normalise(url)
		if err != nil {
			return
		}
		if twice, err := Normalise(once); err != nil || twice != once {
			t.Errorf("%q became %q, then %q, %v", url, once, twice, err)
		}
		if len(once) > MaxURL+1 {
			t.Errorf("%d bytes", len(once))
		}
		words(once, url, url)
	})
}
