package bookmarks

import (
	"cmp"
	"database/sql"
	"errors"
	"slices"

	"github.com/syncmanager/syncmanager/engine"
)

// labelled is what one record says about the tags and the keyword of its URL.
type labelled struct {
	place   int64
	guid    engine.ID
	at      engine.Timestamp
	tags    []string
	keyword string
}

func (a *applier) label(place int64, r *record, at engine.Timestamp) {
	if place != 0 {
		a.labels = append(a.labels, labelled{place, r.guid, at, r.tags, r.keyword})
	}
}

// applyLabels gives URLs the tags and keywords that the newest of their records
// have, or leaves them where an edit of the user's is newer. Records that say
// otherwise go up again, or the next device would have to choose, too.
func (a *applier) applyLabels() error {
	slices.SortFunc(a.labels, func(x, y labelled) int {
		return cmp.Or(cmp.Compare(x.at, y.at), cmp.Compare(x.guid, y.guid))
	})
	last := make(map[int64]int, len(a.labels))
	for i, l := range a.labels {
		last[l.place] = i
	}
	var disputed []int64
	for i, l := range a.labels {
		if last[l.place] != i {
			continue
		}
		if _, fresh := a.fresh[l.place]; fresh && len(l.tags) == 0 && l.keyword == "" {
			continue
		}
		all, err := a.rows(sqlByPlace, l.place)
		if err != nil {
			return err
		}
		if len(all) > 1 {
			disputed = append(disputed, l.place)
			if a.newerHere(all, l) {
				continue
			}
		}
		_, stolen, err := a.setLabels(l.place, l.tags, l.keyword)
		if err != nil {
			return err
		}
		if stolen != 0 {
			disputed = append(disputed, stolen)
		}
	}
	for _, place := range disputed {
		if err := a.correct(place); err != nil {
			return err
		}
	}
	return nil
}

// newerHere reports whether the user edited another bookmark of the URL later.
func (a *applier) newerHere(all []*row, l labelled) bool {
	if a.start.Prefer == engine.PreferRemote {
		return false
	}
	return slices.ContainsFunc(all, func(r *row) bool {
		return r.changes > 0 && r.GUID != l.guid &&
			(a.start.Prefer == engine.PreferLocal || unixMilli(r.Modified)+a.skew > int64(l.at)*10)
	})
}

// correct sends up those records of a URL's bookmarks that have other tags or
// another keyword than the URL.
func (a *applier) correct(place int64) error {
	all, err := a.rows(sqlByPlace, place)
	if err != nil {
		return err
	}
	for _, r := range all {
		there, _, err := a.incoming(r.GUID)
		if errors.Is(err, sql.ErrNoRows) {
			continue // it is new, and goes up
		}
		if err != nil {
			return err
		}
		if !slices.Equal(there.tags, r.Tags) || there.keyword != r.Keyword {
			if _, err := a.Exec(sqlMustGo, r.n); err != nil {
				return err
			}
		}
	}
	return nil
}
