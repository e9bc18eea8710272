package placesfile

import (
	"context"
	"fmt"
	"time"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engines/internal/places"
	"github.com/syncmanager/syncmanager/internal/sqlite"
)

// Query asks for the pages that a text in an address bar may mean, among those that were
// visited and those that are bookmarked.
//
// A page is found by a keyword, by its whole URL, by what was picked before for such a text
// (see history.Engine.Accept), by the beginning of its address, or by words: see [Match]. A
// text without words finds the pages used most and most recently.
//
// However many pages there are, a bounded number of them is looked at, through indexes.
type Query struct {
	// Text is what was typed or pasted.
	Text string
	// Limit is how many results are wanted at most, up to 1,000.
	Limit int
	// Open are the URLs of the tabs that are open, of which the first 10,000 count; see
	// [Result.Open].
	Open []string
}

const (
	maxResults = 1000
	maxOpen    = 10_000
)

// Match says how a text and a page match. A better match comes before a page that is used more.
type Match string

// The ways to match, the best first.
const (
	// ByKeyword: the text begins with the keyword of a bookmark. What follows the keyword
	// is put into the URL where that has %s, escaped, or %S, as it is.
	ByKeyword Match = "keyword"
	// ByURL: the text is the page's URL; also with another of the schemes http and https or
	// without one, with or without "www.", and with or without a slash at the end.
	ByURL Match = "url"
	// ByChoice: the page was picked for such a text before.
	ByChoice Match = "choice"
	// ByAddress: the page's address begins with the text, which need not have the scheme and
	// "www.": the text begins the host, and this is the host's own page; or the text has the
	// whole host, and the page's path begins so.
	ByAddress Match = "address"
	// ByWords: each word of the text begins a word of the page's URL or title, or of a
	// bookmark's title, tag or keyword; in any case, with or without accents.
	ByWords Match = "words"
)

var matches = map[places.Match]Match{
	places.ByKeyword: ByKeyword, places.ByURL: ByURL, places.ByChoice: ByChoice, places.ByAddress: ByAddress, places.ByWords: ByWords,
}

// Result is a page that was found.
type Result struct {
	// ID is the page's in the history.
	ID engine.ID `json:"id"`
	// URL is where the result leads: the page's URL, with what was typed after a keyword.
	URL string `json:"url"`
	// Title is the page's; if it has none, the bookmark's.
	Title string `json:"title"`
	// Score is from 0 to 5, and results come in its order: 4 and more for [ByKeyword], 3 for
	// [ByURL], 2 for [ByChoice], 1 for [ByAddress], 0 for [ByWords]. The fraction grows with the
	// page's frecency: how often and how recently it was used. That of [ByChoice] grows with
	// how often and how recently the page was picked.
	Score float64 `json:"score"`
	Match Match   `json:"match"`
	// Visits counts the visits, and LastVisit is when the newest was, to the microsecond, in
	// UTC. They are zero for a page that was not visited or is hidden; see history.Page.
	Visits    int       `json:"visits"`
	LastVisit time.Time `json:"lastVisit,omitzero"`
	// Bookmark is the bookmark of the page; nil: it has none.
	Bookmark *Bookmark `json:"bookmark,omitempty"`
	// Open is set if a tab has the page.
	Open bool `json:"open,omitempty"`
}

// Bookmark is a bookmark of a page: if there are several, the one added last.
type Bookmark struct {
	ID    engine.ID `json:"id"`
	Title string    `json:"title"`
	// Tags and Keyword are the URL's, so all its bookmarks have them.
	Tags    []string `json:"tags,omitempty"`
	Keyword string   `json:"keyword,omitempty"`
}

// Search finds pages and bookmarks together, those with the highest [Result.Score] first.
func (f *file) Search(ctx context.Context, q Query) (found []Result, err error) {
	open := openPages(q.Open)
	err = f.View(ctx, func(tx *places.Tx) error {
		hits, err := tx.Matching(q.Text, min(q.Limit, maxResults))
		if err != nil {
			return err
		}
		found = make([]Result, len(hits))
		for i := range hits {
			if found[i], err = result(tx, &hits[i]); err != nil {
				return err
			}
			found[i].Open = open[hits[i].URL]
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("cannot search the pages and bookmarks: %w", sqlite.Explain(err))
	}
	return found, nil
}

// openPages are the URLs of open tabs, as pages have them.
func openPages(tabs []string) map[string]bool {
	open := make(map[string]bool)
	for _, tab := range tabs[:min(len(tabs), maxOpen)] {
		for _, url := range places.Spellings(tab) {
			open[url] = true
		}
	}
	return open
}

func result(tx *places.Tx, h *places.Hit) (Result, error) {
	r := Result{ID: engine.ID(h.GUID), URL: h.Target, Title: h.Title, Score: h.Score, Match: matches[h.Match]}
	if h.Visits > 0 && !h.Hidden {
		r.Visits, r.LastVisit = h.Visits, time.UnixMicro(h.LastVisit).UTC()
	}
	if h.Bookmarks == 0 {
		return r, nil
	}
	l, ok, err := tx.Label(h.Place.ID)
	if err != nil || !ok {
		return r, err
	}
	r.Bookmark = &Bookmark{engine.ID(l.GUID), l.Title, l.Tags, l.Keyword}
	if r.Title == "" {
		r.Title = l.Title
	}
	return r, nil
}
