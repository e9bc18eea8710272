package places

import (
	"testing"

	"pgregory.net/rapid"
)

// What quick leaves out does not match.
func TestQuickLeavesOutNothingThatMatches(t *testing.T) {
	t.Parallel()
	text := rapid.StringOf(rapid.SampledFrom([]rune("aAbBzZ019 -/.?=%ef%c3%a9éÉß東́_")))
	rapid.Check(t, func(t *rapid.T) {
		url, title, more := "https://www."+text.Draw(t, "url"), text.Draw(t, "title"), text.Draw(t, "text")
		all := words(url, title, more)
		query := Words(rapid.StringN(1, 3, -1).Draw(t, "any"))
		if len(all) > 0 && rapid.Bool().Draw(t, "there") {
			word := []rune(rapid.SampledFrom(all).Draw(t, "word"))
			query = []string{string(word[:rapid.IntRange(1, len(word)).Draw(t, "letters")])}
		}
		if q := newQuick(query); len(query) > 0 && matches(all, query) && !q.mayMatch(url, title, more) {
			t.Fatalf("%q matches %q, %q, %q, and was left out", query, url, title, more)
		}
	})
	for query, may := range map[string]bool{"exam ab": true, "x": true, "ab q": false, "東": false} {
		if q := newQuick(Words(query)); q.mayMatch("https://a.example/", "AB", "") != may {
			t.Errorf("%q may match: %v", query, !may)
		}
	}
}
