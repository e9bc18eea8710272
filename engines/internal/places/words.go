package places

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	// maxWords bounds the words of one place, so that a URL of 64 KB or a title of
	// a megabyte costs the search no more than fifty lines would.
	maxWords = 64
	// maxWord bounds what is compared of a word, in bytes.
	maxWord = 64
	// termLetters is what the index has of a word. Each shorter beginning has a
	// list of rows of its own there (see the migration), so that no query merges
	// the lists of many words: that took 230 ms for a word of 1,000,000 places.
	termLetters = 8
)

// words are those of a place, each once: the bookmarks' text, the title, and the
// URL without its scheme and "www.".
func words(url, title, text string) []string {
	w := wordSet{list: make([]string, 0, 16)}
	w.add(text)
	w.add(title)
	w.add(unescape(bare(url)))
	return w.list
}

// bare is a URL, or the beginning of one, without its scheme and "www.".
func bare(url string) string {
	if _, rest, ok := strings.Cut(url, "://"); ok {
		url = rest
	}
	return strings.TrimPrefix(url, "www.")
}

// Words are the words of a query or a text as the search sees them: in lower
// case, without accents; each Chinese, Japanese or Korean character is one.
func Words(text string) []string {
	var w wordSet
	w.add(text)
	return w.list
}

// wordSet has each word once. They are few, so that comparing each with all is faster than a map.
type wordSet struct{ list []string }

func (w *wordSet) add(text string) {
	word := make([]byte, 0, maxWord+utf8.UTFMax)
	for _, r := range text {
		if len(w.list) >= maxWords {
			return
		}
		if r < utf8.RuneSelf {
			if c := alphanumeric[r]; c == 0 {
				word = w.end(word)
			} else if len(word) < maxWord {
				word = append(word, c)
			}
			continue
		}
		switch r = fold(r); {
		case r < 0:
		case isIdeograph(r):
			word = w.end(word)
			word = w.end(utf8.AppendRune(word, r))
		case r == utf8.RuneError || !unicode.In(r, unicode.L, unicode.N, unicode.M):
			word = w.end(word)
		case len(word) < maxWord:
			word = utf8.AppendRune(word, r)
		}
	}
	if len(w.list) < maxWords {
		w.end(word)
	}
}

// end ends a word, and returns its memory for the next.
func (w *wordSet) end(word []byte) []byte {
	if len(word) > 0 && !slices.ContainsFunc(w.list, func(known string) bool { return known == string(word) }) {
		w.list = append(w.list, string(word))
	}
	return word[:0]
}

// alphanumeric has the letters and digits of ASCII, letters in lower case, and 0 for the rest.
var alphanumeric = func() (table [utf8.RuneSelf]byte) {
	for c := range byte(utf8.RuneSelf) {
		switch lower := c | 0x20; {
		case '0' <= c && c <= '9':
			table[c] = c
		case 'a' <= lower && lower <= 'z':
			table[c] = lower
		}
	}
	return table
}()

// isIdeograph reports whether r is written without spaces around words.
func isIdeograph(r rune) bool {
	return r >= 0x2e80 && unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul)
}

// accented are the letters that a person may type without their accent.
var accented = func() map[rune]rune {
	m := make(map[rune]rune)
	for base, letters := range map[rune]string{
		'a': "àáâãäåāăąǎ", 'c': "çćĉċč", 'd': "ďđ", 'e': "èéêëēĕėęě", 'g': "ĝğġģ", 'h': "ĥħ", 'i': "ìíîïĩīĭįı",
		'j': "ĵ", 'k': "ķ", 'l': "ĺļľł", 'n': "ñńņňŉ", 'o': "òóôõöøōŏőǒ", 'r': "ŕŗř", 's': "śŝşšș", 't': "ţťŧț",
		'u': "ùúûüũūŭůűųǔ", 'w': "ŵ", 'y': "ýÿŷ", 'z': "źżž", 'α': "ά", 'ε': "έ", 'η': "ή", 'ι': "ίϊΐ", 'ο': "ό",
		'υ': "ύϋΰ", 'ω': "ώ", 'σ': "ς", 'е': "ё", 'и': "й",
	} {
		for _, r := range letters {
			m[r] = base
		}
	}
	return m
}()

// fold is r in lower case and without its accent; -1 for an accent alone.
func fold(r rune) rune {
	if r < utf8.RuneSelf {
		if 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}
	if 0x300 <= r && r <= 0x36f {
		return -1
	}
	r = unicode.ToLower(r)
	if base, ok := accented[r]; ok {
		return base
	}
	return r
}

// unescape turns the escapes of a URL that make UTF-8 into what a person reads
// and types. Others stay.
func unescape(url string) string {
	if !strings.Contains(url, "%") {
		return url
	}
	text := make([]byte, 0, len(url))
	for i := 0; i < len(url); i++ {
		if url[i] == '%' && i+2 < len(url) {
			high, low := unhex(url[i+1]), unhex(url[i+2])
			if high >= 0 && low >= 0 {
				text = append(text, byte(high<<4|low))
				i += 2
				continue
			}
		}
		text = append(text, url[i])
	}
	if !utf8.Valid(text) {
		return url
	}
	return string(text)
}

func unhex(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c|0x20 && c|0x20 <= 'f':
		return int(c|0x20-'a') + 10
	}
	return -1
}

// term is what the index has of a word, and whether that is all of it.
func term(word string) (cut string, whole bool) {
	n := 0
	for i := range word {
		if n == termLetters {
			return word[:i], false
		}
		n++
	}
	return word, n < termLetters
}

// terms is the text that the index splits into a place's terms again.
func terms(words []string) string {
	text := make([]byte, 0, 128)
	known := make([]string, 0, maxWords)
	for _, w := range words {
		t, _ := term(w)
		if slices.Contains(known, t) {
			continue
		}
		known = append(known, t)
		if len(text) > 0 {
			text = append(text, ' ')
		}
		text = append(text, t...)
	}
	return string(text)
}

// Matcher returns a function that reports whether each word of the query begins a word of a
// URL, a title or another text.
func Matcher(query string) func(url, title, text string) bool {
	q := Words(query)
	return func(url, title, text string) bool { return matches(words(url, title, text), q) }
}

// matches reports whether each word of the query begins one of the words.
func matches(words, query []string) bool {
	for _, q := range query {
		found := false
		for _, w := range words {
			if strings.HasPrefix(w, q) {
				found = true
				break
			}
		}
		if !found {
			return false
		}
	}
	return true
}
