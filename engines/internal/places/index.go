package places

import (
	"database/sql"
	"errors"
	"maps"
	"slices"
)

// wording is what the search index gets of a place.
type wording struct {
	fresh bool   // it does not know the row's number
	gone  bool   // the place is gone
	terms string // those of a fresh place
}

// The index gets all changes at the end of the transaction. FTS5 gathers changes in memory
// but writes them out at each savepoint, and SQLite makes one for many statements: to index
// each change at once took three times as long.

func (t *Tx) note(id int64, w wording) {
	if t.words == nil {
		t.words = make(map[int64]wording)
	}
	if before, ok := t.words[id]; ok {
		// What the search does not know yet it learns at the end, and what it knows it
		// knows until then, even if another place has got the row's number meanwhile.
		w.fresh = before.fresh
	}
	t.words[id] = w
}

// Index adds a new place that has no bookmark to the index.
func (t *Tx) Index(id int64, url, title string) {
	t.note(id, wording{fresh: true, terms: terms(words(url, title, ""))})
}

// Reindex notes that a place's title or its bookmarks' text changed.
func (t *Tx) Reindex(id int64) { t.note(id, wording{}) }

func (t *Tx) tellSearch() error {
	var fresh [][]any // arguments of sqlIndex
	for _, id := range slices.Sorted(maps.Keys(t.words)) {
		w := t.words[id]
		if w.fresh && w.terms != "" {
			fresh = append(fresh, []any{id, w.terms})
		} else if err := t.tell(id, w); err != nil {
			return err
		}
	}
	// A statement of many rows has a savepoint.
	return t.Each(sqlIndex, len(fresh), func(i int) []any { return fresh[i] })
}

func (t *Tx) tell(id int64, w wording) error {
	if w.terms == "" && !w.gone {
		var url, title, text string
		err := t.QueryRow(sqlText, id).Scan(&url, &title, &text)
		w.gone = errors.Is(err, sql.ErrNoRows)
		if err != nil && !w.gone {
			return err
		}
		w.terms = terms(words(url, title, text))
	}
	var err error
	switch {
	case w.gone && w.fresh:
	case w.gone:
		_, err = t.Exec(sqlUnindex, id)
	case w.fresh:
		_, err = t.Exec(sqlIndex, id, w.terms)
	default:
		_, err = t.Exec(sqlReindex, id, w.terms)
	}
	return err
}
