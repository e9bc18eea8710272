package places

import (
	"math"
)

// Transition says how a visit came about: Firefox's numbers, which are those on
// the wire.
type Transition int

// The transitions.
const (
	Link              Transition = 1 // a link was followed
	Typed             Transition = 2 // the address was typed, or picked while typing
	Bookmark          Transition = 3 // a bookmark was opened
	Embed             Transition = 4 // loaded inside a page
	RedirectPermanent Transition = 5
	RedirectTemporary Transition = 6
	Download          Transition = 7
	FramedLink        Transition = 8 // a link was followed inside a frame
	Reload            Transition = 9
)

// Valid reports whether t is one of the nine.
func (t Transition) Valid() bool { return Link <= t && t <= Reload }

// Flags say more of a visit, a bit each. They are not synced.
type Flags int

// The flags.
const (
	Remote     Flags = 1 << iota // it came with a sync
	Redirected                   // the page sent the user on to another
	Failed                       // the page could not be loaded
)

// Ranked is the transition that a visit with these flags is ranked as: to be sent on is like
// having been sent, and what could not be loaded is worth nothing.
func (t Transition) Ranked(f Flags) Transition {
	switch {
	case f&Failed != 0:
		return Embed
	case f&Redirected != 0:
		return RedirectTemporary
	}
	return t
}

// points are what a visit is worth when it happens. Firefox has three grades of
// these sizes too: a page whose address was typed, one that was followed to, one
// that was passed through.
func points(t Transition, bookmarked bool) float64 {
	switch t {
	case Typed, Bookmark:
		return 100
	case Link:
		if bookmarked {
			return 100
		}
		return 50
	case RedirectPermanent, RedirectTemporary, Reload:
		return 20
	}
	return 0
}

const (
	// halfLife is how long points take to halve, in seconds.
	halfLife = 30 * 24 * 60 * 60
	// sampled is how many visits a score is made of; a page's other visits are
	// taken to be like these.
	sampled = 10
	// unvisited is what a bookmark is worth that was never opened.
	unvisited = 20
)

// Frecency is the moment at which the score of a place with these last visits,
// newest first, decays to one point, in Unix seconds; 0: it has no score. count
// is how many visits there are in all, added when it was bookmarked (0: it is not).
func Frecency(last []Visit, count int, added int64) int64 {
	last = last[:min(len(last), sampled)]
	var score float64 // at the time of the newest visit
	var newest int64
	if len(last) > 0 {
		newest = last[0].Date
		for _, v := range last {
			age := float64(newest-v.Date) / 1e6
			score += points(v.Type, added > 0) * math.Exp2(-age/halfLife)
		}
		score *= float64(max(count, len(last))) / float64(len(last))
	} else if added > 0 {
		newest, score = added, unvisited
	}
	if score <= 0 {
		return 0
	}
	return max(1, newest/1_000_000+int64(math.Log2(score)*halfLife))
}

// A Visit is one visit as far as frecency cares.
type Visit struct {
	// Date is in Unix microseconds.
	Date int64
	Type Transition
}

// Rank brings a place's frecency up to date with its visits and bookmarks.
func (t *Tx) Rank(id int64) error {
	rows, err := t.Query(sqlLastVisits, id, sampled)
	if err != nil {
		return err
	}
	defer rows.Close()
	last := make([]Visit, 0, sampled)
	for rows.Next() {
		var v Visit
		var flags Flags
		if err := rows.Scan(&v.Date, &v.Type, &flags); err != nil {
			return err
		}
		v.Type = v.Type.Ranked(flags)
		last = append(last, v)
	}
	if err := rows.Err(); err != nil {
		return err
	}
	var count, bookmarks int
	var added int64
	if err := t.QueryRow(sqlCounts, id).Scan(&count, &bookmarks, &added); err != nil {
		return err
	}
	if bookmarks == 0 {
		added = 0
	} else {
		added = max(added, 1)
	}
	_, err = t.Exec(sqlSetFrecency, id, Frecency(last, count, added))
	return err
}
