package bookmarks

import (
	"bytes"
	"slices"
)

// recordOf is an item as its record would say it, its children left out.
func recordOf(r *row) *record {
	return &record{guid: r.GUID, parent: r.Parent, kind: r.Kind, title: r.Title, url: r.URL, tags: r.Tags,
		keyword: r.Keyword, added: unixMilli(r.Added), extra: r.extra}
}

// sameValue reports whether two records say the same of an item itself: not of
// its folder, nor of what it holds. When it was added is not the user's to change.
func sameValue(a, b *record) bool {
	return a.kind == b.kind && a.title == b.title && a.url == b.url && a.keyword == b.keyword &&
		slices.Equal(a.tags, b.tags) && bytes.Equal(a.extra, b.extra)
}

// mergeFields merges two values field by field: what one side changed of the base
// stands; where both changed the same field, it is mine if mineWins.
func mergeFields(base, mine, theirs *record, mineWins bool) record {
	winner, other := theirs, mine
	if mineWins {
		winner, other = mine, theirs
	}
	m := *winner
	m.guid = theirs.guid
	if winner.url == base.url && winner.kind == base.kind {
		m.url, m.kind = other.url, other.kind
	}
	if winner.title == base.title {
		m.title = other.title
	}
	if slices.Equal(winner.tags, base.tags) {
		m.tags = other.tags
	}
	if winner.keyword == base.keyword {
		m.keyword = other.keyword
	}
	if slices.Equal(winner.extra, base.extra) {
		m.extra = other.extra
	}
	m.added = ratchet(mine.added, theirs.added)
	return m
}
