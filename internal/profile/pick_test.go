package profile

import (
	"errors"
	"iter"
	"strings"
	"testing"
)

type thing struct{ id, name string }

func pickThing(word string, things ...thing) (thing, error) {
	all := iter.Seq2[thing, error](func(yield func(thing, error) bool) {
		for _, t := range things {
			if !yield(t, nil) {
				return
			}
		}
	})
	return pick(word, "thing", all, func(t thing) match {
		if r := matchID(word, t.id); r == byID || t.name != word {
			return r
		}
		return byName
	}, func(t thing) string { return t.id })
}

func TestPickPrefersTheBetterMatch(t *testing.T) {
	t.Parallel()
	things := []thing{{"{abc111}", "x"}, {"{abc222}", "y"}, {"{y}", "z"}, {"{dddd}", "abc"}}
	for word, want := range map[string]string{
		"{abc111}": "{abc111}", // the whole ID
		"ABC111":   "{abc111}", // without braces, in any case
		"abc2":     "{abc222}", // the beginning of one
		"y":        "{y}",      // an ID before a name
		"abc":      "{dddd}",   // a name before the beginnings of two IDs
	} {
		if got, err := pickThing(word, things...); err != nil || got.id != want {
			t.Errorf("%s: %s, %v; want %s", word, got.id, err, want)
		}
	}
}

func TestPickNamesTheCandidates(t *testing.T) {
	t.Parallel()
	_, err := pickThing("a", thing{"a1", ""}, thing{"a2", ""}, thing{"a3", ""}, thing{"a4", ""}, thing{"a5", ""}, thing{"a6", ""})
	var several *AmbiguousError
	if !errors.As(err, &several) || len(several.Candidates) != 6 || !strings.Contains(err.Error(), "a5 and 1 more") {
		t.Errorf("got %v", err)
	}
	for _, word := range []string{"b", "", "{}"} {
		if got, err := pickThing(word, thing{"a1", "n"}); err == nil || !strings.Contains(err.Error(), "not found") {
			t.Errorf("%q: %v, %v", word, got, err)
		}
	}
}
