package places

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/syncmanager/syncmanager/internal/sqlite"
)

const (
	// candidates bounds the places that a search takes from the index.
	candidates = 2000
	// scanned bounds those that it takes in the order of frecency.
	scanned = 1000
	// verified bounds the candidates that are read. Only for words of eight letters
	// and more can a candidate turn out to be none.
	verified = 500
)

// Which says what a search is for.
type Which int

// What to search.
const (
	// Anything is pages that were visited and pages that are bookmarked, without the saved
	// searches among the bookmarks.
	Anything Which = iota
	// Visited is pages that have a visit and are not hidden.
	Visited
	// Bookmarks is pages that have a bookmark.
	Bookmarks
)

func (w Which) includes(p *Place) bool {
	visited := p.Visits > 0 && !p.Hidden
	switch w {
	case Visited:
		return visited
	case Bookmarks:
		return p.Bookmarks > 0
	}
	return (visited || p.Bookmarks > 0) && !strings.HasPrefix(p.URL, "place:")
}

// Search finds places as a person types: those where each word of the query
// begins a word of the URL, the title, or the bookmarks' titles, tags and keywords,
// in any case and without regard to accents; at most limit, those with most
// frecency first. Before them come those that were picked for such a query, see
// [Tx.Accept]. A query without words finds those with most frecency of all.
//
// It looks at a bounded number of places, however many there are. Words that are
// in up to 2,000 places (all words of the query together) are answered exactly, by
// the index. Of more frequent ones the best are near the top in the order of
// frecency: the first 1,000 there come first, and if that does not fill the answer,
// 2,000 from the index do.
func (d *DB) Search(ctx context.Context, query string, which Which, limit int) (found []Place, err error) {
	err = d.View(ctx, func(tx *Tx) (err error) {
		found, err = tx.search(query, which, limit)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("cannot search the places: %w", sqlite.Explain(err))
	}
	return found, nil
}

// search is a query at work.
type search struct {
	tx    *Tx
	typed string
	query []string // its words
	which Which
	limit int
	found []Hit
	seen  map[int64]struct{}
	// match is what the next hits get.
	match Match
	// touched counts the rows that were read, for a test.
	touched int
}

func (t *Tx) search(query string, which Which, limit int) ([]Place, error) {
	s := t.newSearch(query, which, limit)
	err := s.picked()
	if err == nil {
		err = s.byWords()
	}
	found := make([]Place, len(s.found))
	for i, h := range s.found {
		found[i] = h.Place
	}
	return found, err
}

func (t *Tx) newSearch(typed string, which Which, limit int) *search {
	typed = typed[:min(len(typed), MaxURL)]
	return &search{tx: t, typed: typed, query: Words(bare(typed)), which: which, limit: limit, seen: make(map[int64]struct{})}
}

// byWords takes the places that have all words of the query.
func (s *search) byWords() error {
	s.match = ByWords
	if len(s.found) >= s.limit {
		return nil
	}
	if len(s.query) == 0 {
		return s.top(scanned + s.limit)
	}
	ids, err := s.candidates()
	if err != nil || len(ids) == 0 {
		return err
	}
	if len(ids) == candidates {
		// There are more. The index gives them in the order of their age, so those
		// that matter are looked for where they are.
		if err := s.scan(scanned); err != nil || len(s.found) >= s.limit {
			return err
		}
	}
	return s.ranked(ids)
}

// match is the query in the language of FTS5.
func match(query []string) string {
	var b strings.Builder
	for i, q := range query {
		if i > 0 {
			b.WriteString(" AND ")
		}
		t, prefix := term(q)
		b.WriteString(`"` + t + `"`)
		if prefix {
			b.WriteString("*")
		}
	}
	return b.String()
}

// candidates are the rows of places that the index has for the query, the newest first.
func (s *search) candidates() (ids []int64, err error) {
	rows, err := s.tx.Query(sqlCandidates, match(s.query), candidates)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var id int64
		if err := rows.Scan(&id); err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	s.touched += len(ids)
	return ids, rows.Err()
}

// ranked takes what matches among candidates, in the order of frecency.
func (s *search) ranked(ids []int64) error {
	list, err := json.Marshal(ids)
	if err != nil {
		return err
	}
	return s.places(s.take, sqlRanked, string(list), s.limit+verified)
}

// top takes the first n places in the order of frecency.
func (s *search) top(n int) error {
	return s.places(func(p Place, _ string) { s.add(Hit{Place: p}) }, sqlByFrecency, n)
}

// places calls take for the places of a statement with the text of their bookmarks, until
// there is no room for more.
func (s *search) places(take func(Place, string), query string, args ...any) error {
	rows, err := s.tx.Query(query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for len(s.found) < s.limit && rows.Next() {
		p, text, err := scanPlace(rows.Scan)
		if err != nil {
			return err
		}
		s.touched++
		take(p, text)
	}
	return rows.Err()
}

// scan takes what matches among the first n places in the order of frecency.
func (s *search) scan(n int) error {
	rows, err := s.tx.Query(sqlWordsOfTheTop, n)
	if err != nil {
		return err
	}
	defer rows.Close()
	q := newQuick(s.query)
	for len(s.found) < s.limit && rows.Next() {
		var id int64
		var url, title, text string
		if err := rows.Scan(&id, &url, &title, &text); err != nil {
			return err
		}
		s.touched++
		if !q.mayMatch(url, title, text) || !matches(words(url, title, text), s.query) {
			continue
		}
		p, _, err := s.tx.Get(id)
		if err != nil {
			return err
		}
		s.add(Hit{Place: p})
	}
	return rows.Err()
}

func scanPlace(scan func(...any) error) (p Place, text string, err error) {
	err = scan(&p.ID, &p.GUID, &p.URL, &p.Title, &p.Hidden, &p.Typed, &p.Visits, &p.LastVisit, &p.Frecency, &p.Bookmarks, &text)
	return p, text, err
}

func (s *search) take(p Place, text string) {
	if matches(words(p.URL, p.Title, text), s.query) {
		s.add(Hit{Place: p})
	}
}

// add adds a hit, if the search includes its place, has it not yet, and has room for it.
func (s *search) add(h Hit) {
	if _, ok := s.seen[h.ID]; ok || !s.which.includes(&h.Place) || len(s.found) >= s.limit {
		return
	}
	s.seen[h.ID] = struct{}{}
	h.Match = s.match
	s.found = append(s.found, h)
}
