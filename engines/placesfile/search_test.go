package placesfile_test

import (
	"crypto/rand"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/engines/bookmarks"
	"github.com/syncmanager/syncmanager/engines/history"
	"github.com/syncmanager/syncmanager/engines/placesfile"
)

var now = time.UnixMicro(1_795_370_000_000_000).UTC()

// stores are both engines on one file.
type stores struct {
	placesfile.File
	t         *testing.T
	bookmarks *bookmarks.Engine
	history   *history.Engine
}

func newStores(t *testing.T) *stores {
	t.Helper()
	s := &stores{t: t}
	var err error
	s.File, err = placesfile.Open(t.Context(), placesfile.Config{
		Path: filepath.Join(t.TempDir(), "places.sqlite"), Now: func() time.Time { return now }, Rand: rand.Reader,
	})
	s.must(err)
	t.Cleanup(func() { s.must(s.Close()) })
	s.bookmarks, err = bookmarks.New(t.Context(), s.File)
	s.must(err)
	s.history, err = history.New(t.Context(), s.File)
	s.must(err)
	return s
}

func (s *stores) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

func (s *stores) visit(url, title string, days int, kind history.Transition) {
	s.t.Helper()
	_, err := s.history.AddVisit(s.t.Context(), url, title, history.Visit{At: now.Add(-time.Duration(days) * 24 * time.Hour), Type: kind})
	s.must(err)
}

func (s *stores) bookmark(it bookmarks.Item) {
	s.t.Helper()
	it.Kind, it.Parent = bookmarks.Bookmark, bookmarks.Menu
	_, err := s.bookmarks.Insert(s.t.Context(), it, bookmarks.End)
	s.must(err)
}

func (s *stores) search(q placesfile.Query) []placesfile.Result {
	s.t.Helper()
	if q.Limit == 0 {
		q.Limit = 10
	}
	found, err := s.Search(s.t.Context(), q)
	s.must(err)
	for i, r := range found {
		if i > 0 && r.Score > found[i-1].Score {
			s.t.Errorf("%q: the scores are not in order: %+v", q.Text, found)
		}
	}
	return found
}

// fill adds pages that every kind of match can find.
func (s *stores) fill() {
	s.visit("https://www.example.org/", "Home", 20, history.Link)
	s.visit("https://www.example.org/news/today?id=7", "Nachrichten für alle", 1, history.Typed)
	s.visit("https://www.example.org/news/archive", "Old", 30, history.Link)
	s.visit("http://example.net:8080/docs/", "Example's manual", 3, history.Link)
	s.visit("https://sub.example.com/r%C3%A9sum%C3%A9.html", "Ann", 40, history.Link)
	s.visit("https://frame.example/", "Ad", 1, history.Embed)
	s.bookmark(bookmarks.Item{Title: "Encyclopedia", URL: "https://wiki.example/w?q=%s", Tags: []string{"reference", "work"}, Keyword: "w"})
	s.bookmark(bookmarks.Item{Title: "The news", URL: "https://www.example.org/news/today?id=7"})
	s.bookmark(bookmarks.Item{Title: "Recent", URL: "place:sort=8&maxResults=10"})
}

func TestSearchFindsPagesAndBookmarks(t *testing.T) {
	t.Parallel()
	s := newStores(t)
	s.fill()
	const (
		home, today, archive = "https://www.example.org/", "https://www.example.org/news/today?id=7", "https://www.example.org/news/archive"
		manual, ann, wiki    = "http://example.net:8080/docs/", "https://sub.example.com/r%C3%A9sum%C3%A9.html", "https://wiki.example/w?q=%s"
	)
	for text, want := range map[string][]string{
		// A URL that was pasted whole, as it is and as people write it.
		today:                                      {today},
		"http://www.example.org/news/today?id=7":   {today},
		"example.org/news/today?id=7":              {today},
		"https://example.org/news/archive/":        {archive},
		"  https://www.example.org/news/archive\n": {archive},
		"HTTPS://WWW.EXAMPLE.ORG/news/archive":     {archive},
		"https://sub.example.com/résumé.html":      {ann},
		"https://example.net:8080/docs":            {manual},
		"https://www.example.org":                  {home, today, archive},
		// The host's page before those of its paths, although these are used more.
		"https://www.exam": {home, today, manual, archive, wiki, ann},
		"www.example.o":    {home, today, archive},
		"example.org/":     {home, today, archive},
		"example.org/news": {today, archive},
		// Words anywhere, and a bookmark's.
		"nachr fur":      {today},
		"refer":          {wiki},
		"encyc work":     {wiki},
		"resume":         {ann},
		"manual example": {manual},
		// A keyword, with what follows.
		"w":            {"https://wiki.example/w?q=", home},
		"W two words&": {"https://wiki.example/w?q=two+words%26"},
		// What nobody saw, and what cannot be opened.
		"frame": {}, "recent": {}, "absent": {}, "https://": {today, manual, home, archive, wiki, ann},
		strings.Repeat("x", 100_000): {},
		"\x00\xff":                   {today, manual, home, archive, wiki, ann},
	} {
		var got []string
		for _, r := range s.search(placesfile.Query{Text: text}) {
			got = append(got, r.URL)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%.70q finds\n%q; want\n%q", text, got, want)
		}
	}
}

func TestWhatAResultSays(t *testing.T) {
	t.Parallel()
	s := newStores(t)
	s.fill()
	first := func(text string) placesfile.Result {
		t.Helper()
		found := s.search(placesfile.Query{Text: text, Open: []string{"https://www.example.org/news/archive#2", "HTTPS://www.EXAMPLE.org:443/", "no url"}})
		if len(found) == 0 {
			t.Fatalf("%q finds nothing", text)
		}
		return found[0]
	}
	today := first("https://www.example.org/news/today?id=7")
	if today.Match != placesfile.ByURL || today.Score <= 3 || today.Score >= 4 || today.Visits != 1 || !today.LastVisit.Equal(now.Add(-24*time.Hour)) ||
		today.Title != "Nachrichten für alle" || today.Bookmark == nil || today.Bookmark.Title != "The news" || today.Open {
		t.Errorf("today's news are %+v", today)
	}
	wiki := first("w sync")
	if wiki.Match != placesfile.ByKeyword || wiki.Score < 4 || wiki.Visits != 0 || !wiki.LastVisit.IsZero() || wiki.Title != "Encyclopedia" ||
		wiki.Bookmark == nil || wiki.Bookmark.Keyword != "w" || !slices.Equal(wiki.Bookmark.Tags, []string{"reference", "work"}) {
		t.Errorf("the keyword finds %+v", wiki)
	}
	home := first("exam")
	if home.Match != placesfile.ByAddress || !home.Open || home.Bookmark != nil {
		t.Errorf("the host's page is %+v", home)
	}
	if old := first("old"); old.Match != placesfile.ByWords || old.Score <= 0 || old.Score >= 1 || old.Open {
		t.Errorf("a word finds %+v", old)
	}
	s.must(s.history.Accept(t.Context(), "exam", "https://sub.example.com/r%C3%A9sum%C3%A9.html"))
	if picked := first("exa"); picked.Match != placesfile.ByChoice || picked.Title != "Ann" {
		t.Errorf("what was picked is %+v", picked)
	}
	page, err := s.history.GetURL(t.Context(), today.URL)
	if err != nil || page.ID != today.ID {
		t.Errorf("the page is %+v, %v; want that of %s", page, err, today.ID)
	}
}

func TestSearchIsBounded(t *testing.T) {
	t.Parallel()
	s := newStores(t)
	s.fill()
	for limit, want := range map[int]int{-1: 0, 1: 1, 2: 2, 1 << 40: 6} {
		if found, err := s.Search(t.Context(), placesfile.Query{Limit: limit}); err != nil || len(found) != want {
			t.Errorf("of %d, found %d, %v; want %d", limit, len(found), err, want)
		}
	}
	open := make([]string, 20_000)
	for i := range open {
		open[i] = "https://www.example.org/"
	}
	if found := s.search(placesfile.Query{Text: "home", Open: open}); len(found) != 1 || !found[0].Open {
		t.Errorf("found %+v", found)
	}
}

// A keyword whose URL has no room for words is only itself.
func TestAKeywordWithoutRoom(t *testing.T) {
	t.Parallel()
	s := newStores(t)
	s.bookmark(bookmarks.Item{Title: "Paper", URL: "https://paper.example/", Keyword: "paper"})
	s.bookmark(bookmarks.Item{Title: "Map", URL: "https://map.example/%S/%s", Keyword: "map"})
	if found := s.search(placesfile.Query{Text: "paper"}); len(found) != 1 || found[0].Match != placesfile.ByKeyword {
		t.Errorf("found %+v", found)
	}
	if found := s.search(placesfile.Query{Text: "paper clip"}); len(found) != 0 {
		t.Errorf("found %+v", found)
	}
	if found := s.search(placesfile.Query{Text: "map Bonn/Köln"}); len(found) != 1 || found[0].URL != "https://map.example/Bonn/Köln/Bonn%2FK%C3%B6ln" {
		t.Errorf("found %+v", found)
	}
}

func TestSearchOfAClosedFile(t *testing.T) {
	t.Parallel()
	s := newStores(t)
	s.must(s.Close())
	if _, err := s.Search(t.Context(), placesfile.Query{Text: "x", Limit: 1}); err == nil || !strings.HasPrefix(err.Error(), "cannot search the pages and bookmarks: ") {
		t.Errorf("the error is %v", err)
	}
}
