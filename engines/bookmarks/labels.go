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
	// base is the record that it replaced; nil if none is known.
	base *record
	// mine: both sides changed the item, and the user's change is the newer one.
	mine bool
}

func (a *applier) label(place int64, r *record, at engine.Timestamp, base *record, mine bool) {
	if place != 0 {
		a.labels = append(a.labels, labelled{place, r.guid, at, r.tags, r.keyword, base, mine})
	}
}

// applyLabels merges into the tags and the keyword of each URL what its records
// changed of them. Records that say otherwise then go up again, or the next device
// would have to choose, too.
func (a *applier) applyLabels() error {
	slices.SortFunc(a.labels, func(x, y labelled) int {
		return cmp.Or(cmp.Compare(x.place, y.place), cmp.Compare(x.at, y.at), cmp.Compare(x.guid, y.guid))
	})
	var disputed []int64
	for len(a.labels) > 0 {
		n := slices.IndexFunc(a.labels, func(l labelled) bool { return l.place != a.labels[0].place })
		if n < 0 {
			n = len(a.labels)
		}
		said := a.labels[:n]
		a.labels = a.labels[n:]
		also, err := a.applyLabel(said)
		if err != nil {
			return err
		}
		disputed = append(disputed, also...)
	}
	for _, place := range disputed {
		if err := a.correct(place); err != nil {
			return err
		}
	}
	return nil
}

// applyLabel does that for one URL. It returns the places of which records may
// have to go up.
func (a *applier) applyLabel(said []labelled) (disputed []int64, err error) {
	place := said[0].place
	if _, fresh := a.fresh[place]; fresh && len(said) == 1 && len(said[0].tags) == 0 && said[0].keyword == "" {
		return nil, nil
	}
	all, err := a.rows(sqlByPlace, place)
	if err != nil {
		return nil, err
	}
	tags, keyword, err := a.tx.labels(place)
	if err != nil {
		return nil, err
	}
	for i := range said {
		if a.takesKeyword(&said[i], keyword, all) {
			keyword = said[i].keyword
		}
	}
	tags = tagsAfter(tags, said)
	_, stolen, err := a.setLabels(place, tags, keyword)
	if err != nil {
		return nil, err
	}
	differs := func(l labelled) bool { return !slices.Equal(l.tags, tags) || l.keyword != keyword }
	if len(all) > 1 || slices.ContainsFunc(said, differs) {
		disputed = append(disputed, place)
	}
	if stolen != 0 {
		disputed = append(disputed, stolen)
	}
	return disputed, nil
}

// tagsAfter returns the tags of a URL after its records changed them. Of those without a
// base only the newest counts: an older one may have tags that were removed since.
func tagsAfter(tags []string, said []labelled) []string {
	newest := -1
	for i := range said {
		if said[i].base == nil {
			newest = i
		}
	}
	for i := range said {
		switch l := &said[i]; {
		case l.base != nil:
			tags = mergeTags(l.base.tags, tags, l.tags)
		case i == newest:
			tags = mergeTags(nil, tags, l.tags)
		}
	}
	return tags
}

// takesKeyword reports whether a record's keyword takes the place of the one that
// its URL has here.
func (a *applier) takesKeyword(l *labelled, here string, all []*row) bool {
	had := ""
	if l.base != nil {
		had = l.base.keyword
	}
	if l.keyword == had || l.keyword == here {
		return false
	}
	return here == had || !l.mine && !a.newerHere(all, l)
}

// newerHere reports whether the user edited another bookmark of the URL later.
func (a *applier) newerHere(all []*row, l *labelled) bool {
	if a.start.Prefer == engine.PreferRemote {
		return false
	}
	return slices.ContainsFunc(all, func(r *row) bool {
		return r.changes > 0 && r.ID != l.guid &&
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
		there, _, err := a.incoming(r.ID)
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
