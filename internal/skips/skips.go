// Package skips counts and names what an import left out: one bad item never stops
// the rest, and none is lost in silence.
package skips

import (
	"strings"
	"unicode/utf8"

	"github.com/syncmanager/syncmanager/engine/importing"
)

// List tells what of a source was left out or cut.
type List struct {
	// Count is how many; First names the first thousand of them.
	Count int    `json:"count"`
	First []Skip `json:"first"`
	// Notes are clauses about what was left out of items that were taken over, and about
	// the source.
	Notes []string `json:"notes,omitempty"`
}

// Skip is importing's.
type Skip = importing.Skip

const maxNamed = 1000

// Add notes a skip. A nil list notes nothing.
func (l *List) Add(s Skip) {
	if l == nil {
		return
	}
	l.Count++
	if len(l.First) < maxNamed {
		l.First = append(l.First, s)
	}
}

// Shorten makes a name of s: one line of at most 80 characters.
func Shorten(s string) string {
	const limit = 80
	s = strings.Join(strings.Fields(s), " ")
	if utf8.RuneCountInString(s) <= limit {
		return s
	}
	return string([]rune(s)[:limit-1]) + "…"
}
