package places

import (
	"cmp"
	"database/sql"
	"errors"
	"maps"
	"net/url"
	"slices"
	"strings"
)

// Match says how a text and a place match, the better the higher.
type Match int

// The ways to match.
const (
	ByWords   Match = iota // each word of the text begins a word of the place
	ByAddress              // the text begins its address
	ByChoice               // it was picked for such a text before
	ByURL                  // the text is its address
	ByKeyword              // the text begins with its keyword
)

// Hit is a place that matches.
type Hit struct {
	Place
	Match Match
	// Score is Match and a fraction that grows with the place's frecency.
	Score float64
	// Target is where the hit leads: Place.URL, with what was typed after a keyword filled in.
	Target string
	// points are what its fraction is made of; 0: its frecency's.
	points float64
}

// manyPoints are those that half of the fraction of a score is worth.
const manyPoints = 100

func (h *Hit) score(now int64) {
	points := h.points
	if points == 0 {
		points = Score(h.Frecency, now)
	}
	h.Score = float64(h.Match) + min(1-1/(1+points/manyPoints), 1-1e-6)
	if h.Target == "" {
		h.Target = h.URL
	}
}

// Matching finds the places that a text in an address bar may mean, limit at most, those with
// the highest score first: by a keyword, a whole URL, what was picked before, the beginning of
// an address, and words; see [DB.Search] for these, and for how many places it looks at.
func (t *Tx) Matching(typed string, limit int) ([]Hit, error) {
	s, err := t.matching(typed, limit)
	if err != nil {
		return nil, err
	}
	now := t.Now().Unix()
	for i := range s.found {
		s.found[i].score(now)
	}
	slices.SortStableFunc(s.found, func(a, b Hit) int { return cmp.Compare(b.Score, a.Score) })
	return s.found, nil
}

func (t *Tx) matching(typed string, limit int) (*search, error) {
	s := t.newSearch(strings.TrimSpace(typed), Anything, limit)
	for _, step := range []func() error{s.keyword, s.wholeURL, s.picked, s.address, s.byWords} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// keyword takes the place that has the text's first word as a keyword.
func (s *search) keyword() error {
	s.match = ByKeyword
	word, rest, _ := strings.Cut(s.typed, " ")
	if rest = strings.TrimSpace(rest); word == "" {
		return nil
	}
	p, ok, err := s.tx.place(sqlOfKeyword, strings.ToLower(word))
	if err != nil || !ok {
		return err
	}
	target, takes := fillIn(p.URL, rest)
	if rest == "" || takes {
		s.add(Hit{Place: p, Target: target})
	}
	return nil
}

// fillIn puts a text into a keyword's URL, in place of %s (escaped) and %S (as it is); takes
// is set if the URL has one of them.
func fillIn(address, text string) (filled string, takes bool) {
	filled = strings.NewReplacer("%s", url.QueryEscape(text), "%S", text).Replace(address)
	return filled, strings.Contains(address, "%s") || strings.Contains(address, "%S")
}

// wholeURL takes the places whose address the text is: with another scheme, with or without
// "www." and a slash at the end too, after the one that it is letter by letter.
func (s *search) wholeURL() error {
	s.match = ByURL
	if s.typed == "" || strings.ContainsAny(s.typed, " \t\r\n") {
		return nil
	}
	for _, address := range addresses(s.typed) {
		p, ok, err := s.tx.Find(address)
		s.touched++
		if err != nil {
			return err
		}
		if ok {
			s.add(Hit{Place: p})
		}
	}
	return nil
}

// addresses are the URLs that a text may be, the likeliest first.
func addresses(typed string) (all []string) {
	with := []string{typed}
	if !strings.Contains(typed, "://") {
		with = append(with, "https://"+typed, "http://"+typed)
	}
	for _, address := range with {
		for _, form := range Spellings(address) {
			for _, form := range alike(form) {
				if !slices.Contains(all, form) {
					all = append(all, form)
				}
			}
		}
	}
	return all
}

// alike are a URL and those that mostly lead to the same page.
func alike(address string) []string {
	all := []string{address}
	scheme, rest, ok := strings.Cut(address, "://")
	if !ok || scheme != "https" && scheme != "http" {
		return all
	}
	other := map[string]string{"https": "http", "http": "https"}[scheme]
	rests := []string{rest}
	if bare, ok := strings.CutPrefix(rest, "www."); ok {
		rests = append(rests, bare)
	} else {
		rests = append(rests, "www."+rest)
	}
	for _, rest := range rests {
		if cut, ok := strings.CutSuffix(rest, "/"); ok {
			rests = append(rests, cut)
		} else if !strings.ContainsAny(rest, "?#") {
			rests = append(rests, rest+"/")
		}
	}
	for _, scheme := range []string{scheme, other} {
		for _, rest := range rests {
			all = append(all, scheme+"://"+rest)
		}
	}
	return all
}

// address takes the places whose address begins with the text: the page of a host that is
// typed, and then those of its paths.
func (s *search) address() error {
	s.match = ByAddress
	prefix, host, path, isPath := cutTyped(s.typed)
	if bare := strings.TrimPrefix(host, "www."); bare != "" {
		host = bare
	}
	if host == "" {
		return nil
	}
	if isPath {
		return s.pagesOf(prefix, host, path)
	}
	c, ok, err := s.tx.completeHost(host, prefix, host)
	if err != nil || !ok {
		return err
	}
	p, ok, err := s.tx.Find(c.URL)
	if err != nil || !ok {
		return err
	}
	s.add(Hit{Place: p})
	return nil
}

// pagesOf takes the pages of a host whose paths begin so.
func (s *search) pagesOf(prefix, host, path string) error {
	origins, err := s.tx.originsOf(prefix, host)
	if err != nil {
		return err
	}
	var pages []Place
	for _, id := range slices.Sorted(maps.Keys(origins)) {
		some, err := s.beginning(id, origins[id]+"/"+path)
		if err != nil {
			return err
		}
		pages = append(pages, some...)
	}
	slices.SortStableFunc(pages, func(a, b Place) int { return cmp.Compare(b.Frecency, a.Frecency) })
	for _, p := range pages {
		s.add(Hit{Place: p})
	}
	return nil
}

// beginning returns those of the best pages of an origin whose URLs begin so, most frecency
// first.
func (s *search) beginning(origin int64, begin string) (pages []Place, err error) {
	rows, err := s.tx.Query(sqlPagesOf, origin, scanned)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		p, _, err := scanPlace(rows.Scan)
		if err != nil {
			return nil, err
		}
		s.touched++
		if strings.HasPrefix(p.URL, begin) || strings.HasPrefix(unescape(p.URL), begin) {
			pages = append(pages, p)
		}
	}
	return pages, rows.Err()
}

// Label is what the search shows of a place's bookmarks.
type Label struct {
	GUID, Title string // those of the bookmark that was added last
	Tags        []string
	Keyword     string
}

// maxLabels bounds the bookmarks of one place that Label looks at, and the tags that it
// returns.
const maxLabels = 1000

// Label returns what the search shows of a place's bookmarks. ok is false if it has none.
func (t *Tx) Label(place int64) (l Label, ok bool, err error) {
	err = t.QueryRow(sqlNewest, place, maxLabels).Scan(&l.GUID, &l.Title)
	if errors.Is(err, sql.ErrNoRows) {
		return l, false, nil
	}
	if err != nil {
		return l, false, err
	}
	err = t.QueryRow(sqlKeyword, place).Scan(&l.Keyword)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return l, false, err
	}
	l.Tags, err = t.texts(sqlTags, place, maxLabels)
	return l, true, err
}

func (t *Tx) texts(query string, args ...any) (all []string, err error) {
	rows, err := t.Query(query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			return nil, err
		}
		all = append(all, text)
	}
	return all, rows.Err()
}
