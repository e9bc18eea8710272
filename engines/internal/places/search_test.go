package places

import (
	"crypto/rand"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/internal/test/plantest"
)

var testNow = time.UnixMicro(1_795_370_000_000_000)

func openTest(t testing.TB) *DB {
	t.Helper()
	db, err := Open(t.Context(), Config{Path: filepath.Join(t.TempDir(), "places.sqlite"), Now: func() time.Time { return testNow }, Rand: rand.Reader})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

// addVisited makes a place that was visited once, long ago where age is large.
func addVisited(tx *Tx, url, title string, age time.Duration) (int64, error) {
	guid, err := tx.NewGUID()
	if err != nil {
		return 0, err
	}
	id, err := tx.Insert(guid, url, title)
	if err != nil {
		return 0, err
	}
	date := testNow.Add(-age).UnixMicro()
	if _, err := tx.Exec(`INSERT INTO visits (place, date, type) VALUES (?1, ?2, 1)`, id, date); err != nil {
		return 0, err
	}
	if _, err := tx.Exec(`UPDATE places SET visits = 1, last_visit = ?2 WHERE id = ?1`, id, date); err != nil {
		return 0, err
	}
	return id, tx.Rank(id)
}

func fill(t testing.TB, db *DB, n int, page func(i int) (url, title string, age time.Duration)) {
	t.Helper()
	for from := 0; from < n; from += 1000 {
		err := db.Update(t.Context(), func(tx *Tx) error {
			for i := from; i < min(n, from+1000); i++ {
				url, title, age := page(i)
				if _, err := addVisited(tx, url, title, age); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestWhatASearchFinds(t *testing.T) {
	t.Parallel()
	db := openTest(t)
	pages := []struct{ url, title string }{
		{"https://www.example.org/news/today", "Nachrichten für alle"},
		{"https://sub.example.com/r%C3%A9sum%C3%A9.html", "Ann's CV"},
		{"https://ja.example/wiki", "東京タワー"},
		{"https://long.example/internationalisation", "Internationalisierung"},
		{"about:config", ""},
		{"http://[2001:db8::1]:8080/x", "IPv6"},
	}
	fill(t, db, len(pages), func(i int) (string, string, time.Duration) {
		return pages[i].url, pages[i].title, time.Duration(i) * 24 * time.Hour
	})
	for query, want := range map[string][]int{
		"":                         {0, 1, 2, 3, 4, 5},
		"example":                  {0, 1, 2, 3},
		"EXAM org":                 {0},
		"org exam":                 {0},
		"nachr fur":                {0},
		"resume":                   {1},
		"résumé":                   {1},
		"タワー":                      {2},
		"京":                        {2},
		"internationalisa":         {3},
		"internationalisat":        {3},
		"internationalisi":         {3}, // the first eight letters are all that the index has
		"internationalx":           {},
		"config":                   {4},
		"2001 db8":                 {5},
		"xample":                   {},
		`" OR * NOT (`:             {}, // words alone count
		"www":                      {},
		"example absent":           {},
		"'; DROP TABLE places; --": {},
	} {
		found, err := db.Search(t.Context(), query, Anything, 10)
		if err != nil {
			t.Errorf("%q: %v", query, err)
			continue
		}
		var got []string
		for _, p := range found {
			got = append(got, p.URL)
		}
		var urls []string
		for _, i := range want {
			urls = append(urls, pages[i].url)
		}
		if query == `" OR * NOT (` {
			continue // "or" and "not" are words, which no page has
		}
		if !slices.Equal(got, urls) {
			t.Errorf("%q found %v; want %v", query, got, urls)
		}
	}
}

func TestSearchForOneKind(t *testing.T) {
	t.Parallel()
	db := openTest(t)
	fill(t, db, 3, func(i int) (string, string, time.Duration) {
		return fmt.Sprintf("https://example.org/%d", i), "page", time.Duration(i) * time.Hour
	})
	err := db.Update(t.Context(), func(tx *Tx) error {
		id, err := tx.Ensure("https://example.org/bookmarked")
		if err != nil {
			return err
		}
		if err := tx.SetBookmarked(id, Bookmarked{Count: 2, Added: testNow.UnixMicro(), Text: "page saved golang"}); err != nil {
			return err
		}
		hidden, _, err := tx.Find("https://example.org/0")
		if err != nil {
			return err
		}
		_, err = tx.Exec(`UPDATE places SET hidden = 1 WHERE id = ?1`, hidden.ID)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for which, want := range map[Which]int{Anything: 3, Visited: 2, Bookmarks: 1} {
		if found, err := db.Search(t.Context(), "page", which, 10); err != nil || len(found) != want {
			t.Errorf("%d found %d, %v; want %d", which, len(found), err, want)
		}
	}
	if found, err := db.Search(t.Context(), "gola", Bookmarks, 10); err != nil || len(found) != 1 {
		t.Errorf("a tag found %d, %v", len(found), err)
	}
	if found, err := db.Search(t.Context(), "page", Anything, 1); err != nil || len(found) != 1 {
		t.Errorf("one at most: %d, %v", len(found), err)
	}
}

// However many places there are, a search reads a bounded number of them: in
// rows read, not in time, which is another on every machine.
func TestASearchReadsABoundedNumberOfPlaces(t *testing.T) {
	t.Parallel()
	const places, limit = 12_000, 20
	db := openTest(t)
	fill(t, db, places, func(i int) (string, string, time.Duration) {
		title := "common"
		switch {
		case i%4 == 0:
			title += " quarter"
		case i == 4321:
			title += " unique needle"
		}
		// Those that came first are used most.
		if i < 3 {
			title += " top"
		}
		if i > places/2 {
			title += " recent"
		}
		return fmt.Sprintf("https://host-%d.example/page/%d", i%50, i), title, time.Duration(i) * time.Minute
	})
	for _, c := range []struct {
		query string
		found int
		touch int
	}{
		{"", limit, limit},
		{"common", limit, candidates + 2*limit},
		{"c", limit, candidates + 2*limit},
		{"quarter", limit, candidates + 5*limit},
		{"common top", 3, 10},
		{"needle", 1, 5},
		{"common unique needle", 1, 5},
		{"absent", 0, 0},
		{"common absent", 0, 0},
		// Frequent, and far from the top: the worst that there is.
		{"recent", limit, candidates + scanned + limit},
		{"commonplace", 0, candidates + scanned + verified},
	} {
		err := db.View(t.Context(), func(tx *Tx) error {
			s := tx.newSearch(c.query, Anything, limit)
			if err := errors.Join(s.picked(), s.byWords()); err != nil {
				return err
			}
			if len(s.found) != c.found || s.touched > c.touch {
				t.Errorf("%q found %d and read %d rows; want %d, and no more than %d rows", c.query, len(s.found), s.touched, c.found, c.touch)
			}
			if !slices.IsSortedFunc(s.found, func(a, b Hit) int { return int(b.Frecency - a.Frecency) }) {
				t.Errorf("%q: not in the order of frecency", c.query)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestFrecencyOrders(t *testing.T) {
	t.Parallel()
	const us, d = int64(1_000_000), int64(86_400)
	now := testNow.Unix()
	link := func(days int64) Visit { return Visit{(now - days*d) * us, Link} }
	for name, c := range map[string]struct{ more, less int64 }{
		"newer":              {Frecency([]Visit{link(1)}, 1, 0), Frecency([]Visit{link(2)}, 1, 0)},
		"more often":         {Frecency([]Visit{link(1), link(2)}, 2, 0), Frecency([]Visit{link(1)}, 1, 0)},
		"typed":              {Frecency([]Visit{{now * us, Typed}}, 1, 0), Frecency([]Visit{{now * us, Link}}, 1, 0)},
		"bookmarked":         {Frecency([]Visit{link(1)}, 1, now*us), Frecency([]Visit{link(1)}, 1, 0)},
		"many a month ago":   {Frecency([]Visit{link(30), link(31), link(32)}, 3, 0), Frecency([]Visit{link(0)}, 1, 0)},
		"one against embeds": {Frecency([]Visit{link(300)}, 1, 0), Frecency([]Visit{{now * us, Embed}}, 1, 0)},
		"only bookmarked":    {Frecency(nil, 0, now*us), 0},
	} {
		if c.more <= c.less {
			t.Errorf("%s: %d is not above %d", name, c.more, c.less)
		}
	}
	// Half of the points after 30 days: a link then is worth a typed visit before.
	if a, b := Frecency([]Visit{link(0)}, 1, 0), Frecency([]Visit{{(now - 30*d) * us, Typed}}, 1, 0); a != b {
		t.Errorf("%d and %d; want the same", a, b)
	}
	// The eleventh visit counts as the ten before it do.
	if many := Frecency(slices.Repeat([]Visit{link(0)}, 20), 20, 0); many != Frecency(slices.Repeat([]Visit{link(0)}, 10), 20, 0) {
		t.Errorf("more than ten samples: %d", many)
	}
}

func TestNoStatementReadsATableWhole(t *testing.T) {
	t.Parallel()
	plantest.Check(t, openTest(t).Read(), "sql.go", nil)
}
