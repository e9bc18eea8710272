// Package lazyre has regular expressions that are compiled when they are first used. A
// program that is run for one small task, such as a command, does not compile those of all
// its packages as it starts.
package lazyre

import (
	"regexp"
	"sync"
)

// Regexp is a [regexp.Regexp] that its first use compiles. It is safe for concurrent use.
type Regexp struct {
	compiled func() *regexp.Regexp
}

// New returns the regular expression of a text. Its first use panics if the text is not one.
func New(text string) Regexp {
	return Regexp{sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(text) })}
}

// The methods are those of [regexp.Regexp].

// MatchString reports whether text has a match.
func (r Regexp) MatchString(text string) bool { return r.compiled().MatchString(text) }

// FindIndex returns where the first match begins and ends, or nil.
func (r Regexp) FindIndex(b []byte) []int { return r.compiled().FindIndex(b) }

// FindSubmatch returns the first match and its groups, or nil.
func (r Regexp) FindSubmatch(b []byte) [][]byte { return r.compiled().FindSubmatch(b) }

// FindStringSubmatch returns the first match and its groups, or nil.
func (r Regexp) FindStringSubmatch(text string) []string {
	return r.compiled().FindStringSubmatch(text)
}

// FindAllSubmatch returns the first n matches with their groups; all if n is negative.
func (r Regexp) FindAllSubmatch(b []byte, n int) [][][]byte {
	return r.compiled().FindAllSubmatch(b, n)
}

// FindAllStringSubmatch returns the first n matches with their groups; all if n is negative.
func (r Regexp) FindAllStringSubmatch(text string, n int) [][]string {
	return r.compiled().FindAllStringSubmatch(text, n)
}

// ReplaceAllString puts a template in the place of each match.
func (r Regexp) ReplaceAllString(text, template string) string {
	return r.compiled().ReplaceAllString(text, template)
}

// ReplaceAllStringFunc puts what f returns for a match in its place.
func (r Regexp) ReplaceAllStringFunc(text string, f func(string) string) string {
	return r.compiled().ReplaceAllStringFunc(text, f)
}
