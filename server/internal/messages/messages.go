// Package messages has what people read of the server, on its pages and in its mails, in
// each language.
//
// The English text is written where it is used, and is the key of its translations: a
// language is one file with a table. A text that a language lacks is shown in English; the
// tests name it. {name} in a text stands for a value.
package messages

import (
	"context"
	"slices"
	"strings"
	"sync"

	"golang.org/x/text/language"
)

// Language is one of those in which the server's texts are.
type Language struct {
	// Tag is its name by BCP 47.
	Tag language.Tag
	// texts are its texts by the English ones.
	texts map[string]string
}

// English is the language in which the texts are written, and the default for users who read
// none of the others.
var English = &Language{Tag: language.English}

// All are the languages. English is the first.
var All = []*Language{English, german, french}

var matcher = sync.OnceValue(func() language.Matcher { return language.NewMatcher(tags()) })

func tags() (list []language.Tag) {
	for _, l := range All {
		list = append(list, l.Tag)
	}
	return list
}

// maxAccept bounds the header that is looked at, in bytes.
const maxAccept = 512

// Match returns the language for an Accept-Language header.
func Match(accept string) *Language {
	if len(accept) > maxAccept {
		return English
	}
	wanted, _, err := language.ParseAcceptLanguage(accept)
	if err != nil {
		return English
	}
	_, i, confidence := matcher().Match(wanted...)
	if confidence == language.No {
		return English
	}
	return All[i]
}

// Text returns a text in the language. values are names in it, each with its value.
func (l *Language) Text(english string, values ...string) string {
	text, ok := l.texts[english]
	if !ok {
		text = english
	}
	return fill(text, values)
}

// fill puts the values in the place of their names.
func fill(text string, values []string) string {
	if len(values) == 0 {
		return text
	}
	pairs := make([]string, len(values))
	for i := 0; i+1 < len(values); i += 2 {
		pairs[i], pairs[i+1] = "{"+values[i]+"}", values[i+1]
	}
	return strings.NewReplacer(pairs...).Replace(text)
}

// Lookup returns those of the texts that the language has, by the English ones.
func (l *Language) Lookup(english []string) map[string]string {
	found := make(map[string]string)
	for _, key := range english {
		if text, ok := l.texts[key]; ok {
			found[key] = text
		}
	}
	return found
}

// Compare returns which of the English texts the language lacks, and which it has that are
// not among them. English lacks none.
func (l *Language) Compare(english []string) (missing, stale []string) {
	if l == English {
		return nil, nil
	}
	known := make(map[string]bool)
	for _, key := range english {
		known[key] = true
	}
	for key := range known {
		if _, ok := l.texts[key]; !ok {
			missing = append(missing, key)
		}
	}
	for key := range l.texts {
		if !known[key] {
			stale = append(stale, key)
		}
	}
	slices.Sort(missing)
	slices.Sort(stale)
	return missing, stale
}

type contextKey struct{}

// With returns a context with the language for an Accept-Language header.
func With(ctx context.Context, accept string) context.Context {
	if accept == "" {
		return ctx
	}
	return context.WithValue(ctx, contextKey{}, accept)
}

// Of returns the language of a context, English if it has none.
func Of(ctx context.Context) *Language {
	accept, _ := ctx.Value(contextKey{}).(string)
	return Match(accept)
}
