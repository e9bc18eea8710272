// Package skips counts and names what an import left out. One bad item does not stop
// an import, and each is reported.
package skips

import (
	"strings"
	"unicode/utf8"

	"github.com/syncmanager/syncmanager/engine/importing"
)

// List is what was left out of a source, or cut.
type List struct {
	// Count is the number of skips; First has the first thousand.
	Count int    `json:"count"`
	First []Skip `json:"first"`
	// Notes are clauses about parts that were left out of imported items, and about
	// the source.
	Notes []string `json:"notes,omitempty"`
}

// Skip is [importing.Skip].
type Skip = importing.Skip

const maxNamed = 1000

// Add adds a skip. It does nothing if l is nil.
func (l *List) Add(s Skip) {
	if l == nil {
		return
	}
	l.Count++
	if len(l.First) < maxNamed {
		l.First = append(l.First, s)
	}
}

// Shorten returns s as one line of at most 80 characters.
func Shorten(s string) string {
	const limit = 80
	s = strings.Join(strings.Fields(s), " ")
	if utf8.RuneCountInString(s) <= limit {
		return s
	}
	return string([]rune(s)[:limit-1]) + "…"
}
