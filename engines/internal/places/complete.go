package places

import (
	"database/sql"
	"errors"
	"maps"
	"math"
	"slices"
	"strings"
)

// Completion is what a text in an address bar may become.
type Completion struct {
	// Text begins with what was typed, letter by letter.
	Text string
	// URL is where Text leads.
	URL string
}

// afterAll follows every host and every text in the order of bytes.
const afterAll = "\U0010FFFF"

// Complete completes an address as a person types it: first its host, then its path a
// segment at a time, as the place with most frecency has it. A scheme and "www." need
// not be typed. ok is false if nothing begins like that.
func (t *Tx) Complete(typed string) (c Completion, ok bool, err error) {
	prefix, host, path, isPath := cutTyped(typed)
	if host == "" {
		return c, false, nil
	}
	if !isPath {
		return t.completeHost(typed, prefix, host)
	}
	return t.completePath(typed, prefix, host, path)
}

// cutTyped takes apart what was typed of an address. prefix is "" where no scheme was typed.
func cutTyped(typed string) (prefix, host, path string, isPath bool) {
	if strings.ContainsAny(typed, " \t\r\n@") {
		return "", "", "", false
	}
	rest := typed
	if i := strings.Index(typed, "://"); i > 0 {
		prefix, rest = strings.ToLower(typed[:i+3]), typed[i+3:]
	}
	host, path, isPath = strings.Cut(rest, "/")
	return prefix, strings.ToLower(host), path, isPath
}

func (t *Tx) completeHost(typed, prefix, host string) (c Completion, ok bool, err error) {
	for _, query := range []string{sqlBestHost, sqlHostsFrom} {
		var found, scheme string
		err = t.QueryRow(query, host, host+afterAll, "www."+host, "www."+host+afterAll, prefix, scanned).Scan(&scheme, &found)
		if errors.Is(err, sql.ErrNoRows) {
			continue
		}
		if err != nil {
			return c, false, err
		}
		rest, same := strings.CutPrefix(found, host)
		if !same {
			rest = strings.TrimPrefix(found, "www."+host)
		}
		return Completion{typed + rest + "/", scheme + found + "/"}, true, nil
	}
	return c, false, nil
}

// completePath completes an address whose host is whole.
func (t *Tx) completePath(typed, prefix, host, path string) (c Completion, ok bool, err error) {
	origins, err := t.originsOf(prefix, host)
	if err != nil {
		return c, false, err
	}
	var best int64
	for _, id := range slices.Sorted(maps.Keys(origins)) {
		origin := origins[id]
		rest, frecency, err := t.bestPath(id, origin+"/"+path)
		if err != nil {
			return c, false, err
		}
		if frecency > best {
			best, c = frecency, Completion{typed + rest, origin + "/" + path + rest}
		}
	}
	return c, best > 0, nil
}

// originsOf returns the origins of a host, with "www." or without.
func (t *Tx) originsOf(prefix, host string) (map[int64]string, error) {
	rows, err := t.Query(sqlOriginsOf, host, "www."+host, prefix)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	origins := make(map[int64]string)
	for rows.Next() {
		var id int64
		var origin string
		if err := rows.Scan(&id, &origin); err != nil {
			return nil, err
		}
		origins[id] = origin
	}
	return origins, rows.Err()
}

// bestPath returns what follows begin in the best page of an origin that begins so, as far as
// the next slash; frecency is 0 if none does.
func (t *Tx) bestPath(origin int64, begin string) (rest string, frecency int64, err error) {
	rows, err := t.Query(sqlBestPages, origin, scanned)
	if err != nil {
		return "", 0, err
	}
	defer rows.Close()
	for rows.Next() {
		var url string
		if err := rows.Scan(&url, &frecency); err != nil {
			return "", 0, err
		}
		if rest, ok := strings.CutPrefix(url, begin); ok && rest != "" {
			if i := strings.IndexAny(rest, "/?#"); i >= 0 && rest[i] == '/' {
				rest = rest[:i+1]
			}
			return rest, frecency, rows.Err()
		}
	}
	return "", 0, rows.Err()
}

const (
	// accepting is what it is worth that a person picked a place, in points that halve as
	// frecency does: once is remembered for two months.
	accepting = 4
	// maxAccepted is how many texts are remembered, maxInput how many bytes of each.
	maxAccepted, maxInput = 5000, 200
)

// Accept notes that a person who typed a text picked a place: [DB.Search] finds that first
// for the text and for what it begins with.
func (t *Tx) Accept(id int64, typed string) error {
	input := inputOf(typed)
	if input == "" || len(input) > maxInput {
		return nil
	}
	now := t.Now().Unix()
	var until int64
	err := t.QueryRow(sqlAccepted, input, id).Scan(&until)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	until = now + int64(math.Log2(Score(until, now)+accepting)*halfLife)
	if _, err := t.Exec(sqlAccept, input, id, until); err != nil {
		return err
	}
	_, err = t.Exec(sqlPruneAccepted, maxAccepted)
	return err
}

// inputOf is a typed text as it is remembered.
func inputOf(typed string) string { return strings.ToLower(strings.TrimSpace(typed)) }

// Score is the score of a frecency at a time, both in Unix seconds; 0 has none.
func Score(frecency, now int64) float64 {
	if frecency == 0 {
		return 0
	}
	return math.Exp2(float64(frecency-now) / halfLife)
}

// picked takes what was picked before for texts that begin with the query.
func (s *search) picked() error {
	s.match = ByChoice
	input := inputOf(s.typed)
	if input == "" || len(input) > maxInput || s.limit <= 0 {
		return nil
	}
	now := s.tx.Now().Unix()
	rows, err := s.tx.Query(sqlAcceptedFor, input, input+afterAll, now, s.limit)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var until int64
		p, _, err := scanPlace(func(to ...any) error { return rows.Scan(append(to, &until)...) })
		if err != nil {
			return err
		}
		s.touched++
		s.add(Hit{Place: p, points: Score(until, now)})
	}
	return rows.Err()
}
