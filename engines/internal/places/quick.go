package places

import (
	"strings"
	"unicode/utf8"
)

// quick tells of most texts that they do not match a query without taking them apart into
// words, which takes ten times as long.
type quick struct {
	// ascii are the words of the query that are all ASCII; others is set if there are others.
	ascii  []string
	others bool
}

func newQuick(query []string) quick {
	var q quick
	for _, word := range query {
		if isASCII(word) {
			q.ascii = append(q.ascii, word)
		} else {
			q.others = true
		}
	}
	return q
}

// mayMatch is false only if a word of the query begins no word of a URL, a title or another
// text. In a text of ASCII alone, and in a URL without escapes, a word is there letter by
// letter.
func (q *quick) mayMatch(url, title, text string) bool {
	if !isASCII(url) || !isASCII(title) || !isASCII(text) || strings.Contains(url, "%") {
		return true
	}
	if q.others {
		return false
	}
	for _, word := range q.ascii {
		if !containsWord(url, word) && !containsWord(title, word) && !containsWord(text, word) {
			return false
		}
	}
	return true
}

func isASCII(text string) bool {
	for i := range len(text) {
		if text[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// containsWord reports whether an ASCII text contains a word, which is in lower case.
func containsWord(text, word string) bool {
	for i := 0; i+len(word) <= len(text); i++ {
		if lower(text[i]) == word[0] && equalLower(text[i+1:], word[1:]) {
			return true
		}
	}
	return false
}

// equalLower reports whether a text begins with what is in lower case.
func equalLower(text, begin string) bool {
	for i := range len(begin) {
		if lower(text[i]) != begin[i] {
			return false
		}
	}
	return true
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}
