package bookmarks

import (
	"bytes"
	"slices"

	"github.com/syncmanager/syncmanager/internal/rawjson"
)

// recordOf is an item as its record would say it, its children left out.
func recordOf(r *row) *record {
	return &record{guid: r.ID, parent: r.Parent, kind: r.Kind, title: r.Title, url: r.URL, tags: r.Tags,
		keyword: r.Keyword, added: unixMilli(r.Added), extra: r.extra}
}

// sameValue reports whether two records say the same of an item itself: not of
// its folder, nor of what it holds.
func sameValue(a, b *record) bool {
	return a.kind == b.kind && a.title == b.title && a.url == b.url && a.keyword == b.keyword && a.added == b.added &&
		slices.Equal(a.tags, b.tags) && bytes.Equal(a.extra, b.extra)
}

// mergeFields merges two values field by field: what one side changed of the base
// stands; where both changed the same field, it is mine if mineWins. Without a
// base (nil), a side that lacks a field has not deleted it: the other's stands.
func mergeFields(base, mine, theirs *record, mineWins bool) record {
	winner, other := theirs, mine
	if mineWins {
		winner, other = mine, theirs
	}
	m := *winner
	m.guid, m.stated = theirs.guid, theirs.stated
	known := base != nil
	if !known {
		base = &record{}
	}
	if known && winner.url == base.url && winner.kind == base.kind {
		m.url, m.kind = other.url, other.kind
	}
	if winner.title == base.title {
		m.title = other.title
	}
	if winner.keyword == base.keyword {
		m.keyword = other.keyword
	}
	m.tags = mergeTags(base.tags, mine.tags, theirs.tags)
	m.extra = mergeExtra(base.extra, winner.extra, other.extra)
	m.added = ratchet(mine.added, theirs.added)
	return m
}

// mergeTags merges two sets: of the base stays what both sides have, and what is
// new on either side comes to it.
func mergeTags(base, mine, theirs []string) []string {
	var tags []string
	for _, tag := range sortedTags(append(slices.Clone(mine), theirs...)) {
		in := slices.Contains(mine, tag) && slices.Contains(theirs, tag)
		if in || !slices.Contains(base, tag) {
			tags = append(tags, tag)
		}
	}
	return tags
}

// mergeExtra merges objects of unknown members, each member for itself. Where both
// sides changed one, it is the winner's.
func mergeExtra(base, winner, other []byte) []byte {
	if bytes.Equal(winner, other) || bytes.Equal(other, base) {
		return winner
	}
	if bytes.Equal(winner, base) {
		return other
	}
	was, mine, theirs := members(base), members(winner), members(other)
	merged := []byte{'{'}
	add := func(object []byte, from func(name string) []byte) {
		if object == nil {
			return
		}
		_ = rawjson.Object(object, func(key, _ []byte) error {
			if value := from(string(key)); value != nil {
				merged = appendMember(merged, key, value)
			}
			return nil
		})
	}
	add(winner, func(name string) []byte {
		if bytes.Equal(mine[name], was[name]) {
			return theirs[name]
		}
		return mine[name]
	})
	add(other, func(name string) []byte {
		if mine[name] != nil || was[name] != nil {
			return nil // it was merged already, or the winner took it out
		}
		return theirs[name]
	})
	if len(merged) == 1 {
		return nil
	}
	return append(merged, '}')
}

func members(object []byte) map[string][]byte {
	m := make(map[string][]byte)
	if object != nil {
		_ = rawjson.Object(object, func(key, value []byte) error {
			m[string(key)] = value
			return nil
		})
	}
	return m
}
