package profile

import (
	"fmt"
	"iter"
	"strings"

	"github.com/syncmanager/syncmanager/engine"
)

// AmbiguousError is a word that names several things.
type AmbiguousError struct {
	Word string
	// Candidates describe them.
	Candidates []string
}

func (e *AmbiguousError) Error() string {
	const most = 5
	shown, more := e.Candidates, ""
	if len(shown) > most {
		shown, more = shown[:most], fmt.Sprintf(" and %d more", len(e.Candidates)-most)
	}
	return fmt.Sprintf("%q names several: %s%s; give more of the ID", e.Word, strings.Join(shown, ", "), more)
}

// match ranks how well a word names a thing; greater is better.
type match int

const (
	noMatch match = iota
	// byPrefix: the thing's ID begins with the word.
	byPrefix
	// byName: the word is its name, or the origin of a login.
	byName
	// byID: the word is its whole ID.
	byID
)

// matchID compares a word with an ID. The braces of Firefox's GUIDs are optional.
func matchID(word, id string) match {
	word, bare := strings.ToLower(strings.Trim(word, "{}")), strings.ToLower(strings.Trim(id, "{}"))
	switch {
	case word == "":
		return noMatch
	case word == bare:
		return byID
	case strings.HasPrefix(bare, word):
		return byPrefix
	}
	return noMatch
}

// Pick returns the one thing that word names: by its title, by its ID or the beginning
// of its ID, or as named, if it is not nil, reports. kind is what such a thing is called.
func Pick[T any](word, kind string, things iter.Seq2[T, error], id func(T) engine.ID, title func(T) string, named func(thing T, word string) bool) (T, error) {
	return pick(word, kind, things, func(thing T) match {
		r := matchID(word, string(id(thing)))
		if r != byID && word != "" && (strings.EqualFold(title(thing), word) || named != nil && named(thing, word)) {
			return byName
		}
		return r
	}, func(thing T) string { return ShortID(id(thing)) + " (" + title(thing) + ")" })
}

// pick returns the one thing that word names best.
func pick[T any](word, kind string, things iter.Seq2[T, error], rank func(T) match, describe func(T) string) (best T, err error) {
	var (
		bestRank   match
		candidates []string
	)
	for thing, err := range things {
		if err != nil {
			return best, err
		}
		switch r := rank(thing); {
		case r == noMatch || r < bestRank:
			continue
		case r > bestRank:
			best, bestRank, candidates = thing, r, nil
		}
		candidates = append(candidates, describe(thing))
	}
	switch len(candidates) {
	case 0:
		return best, fmt.Errorf("%s %q not found", kind, word)
	case 1:
		return best, nil
	}
	var none T
	return none, &AmbiguousError{word, candidates}
}
