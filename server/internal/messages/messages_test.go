package messages

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func TestMatch(t *testing.T) {
	t.Parallel()
	for accept, want := range map[string]*Language{
		"":                                    English,
		"de":                                  german,
		"de-AT, en;q=0.5":                     german,
		"fr-CA,fr;q=0.8,en-US;q=0.5,en;q=0.3": french,
		"en-GB, de;q=0.9":                     English,
		"nl, fr;q=0.7, de;q=0.9":              german,
		"ja, zh;q=0.5":                        English,
		"*":                                   English,
		"de;q=0, fr":                          french,
		";;q=x,,":                             English,
		strings.Repeat("de-x-aaaaaaaa,", 100): English,
		"de\x00\xff":                          English,
		strings.Repeat("-", 500):              English,
	} {
		if got := Match(accept); got != want {
			t.Errorf("%.60q: %v; want %v", accept, got.Tag, want.Tag)
		}
	}
}

func TestText(t *testing.T) {
	t.Parallel()
	const text = "Too many tries. Try again in {n} minutes."
	for l, want := range map[*Language]string{
		English: "Too many tries. Try again in 5 minutes.",
		german:  "Zu viele Versuche. Versuchen Sie es in 5 Minuten noch einmal.",
	} {
		if got := l.Text(text, "n", "5"); got != want {
			t.Errorf("%q; want %q", got, want)
		}
	}
	if got := german.Text("a text that nobody translated {n}", "n", "{n}"); got != "a text that nobody translated {n}" {
		t.Errorf("%q", got)
	}
	if Of(context.Background()) != English || Of(With(t.Context(), "fr")) != french {
		t.Error("the language of a context is another")
	}
}

// A translation has the values and the markup of its English text, and no other.
func TestTranslationsHaveTheSameParts(t *testing.T) {
	t.Parallel()
	parts := regexp.MustCompile(`\{\w+\}|<[^>]*>`)
	for _, l := range All {
		for english, text := range l.texts {
			want, got := parts.FindAllString(english, -1), parts.FindAllString(text, -1)
			slices.Sort(want)
			slices.Sort(got)
			if !slices.Equal(got, want) {
				t.Errorf("%v: %q has %q, and %q has %q", l.Tag, english, want, text, got)
			}
			if strings.TrimSpace(text) == "" || strings.HasSuffix(english, ".") && !strings.HasSuffix(text, ".") {
				t.Errorf("%v: %q became %q", l.Tag, english, text)
			}
		}
	}
}

// What the pages show of the accounts server's errors is what the accounts server says.
func TestErrorsAreThoseOfTheAccountsServer(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../../accounts/internal/fault/*.go")
	if err != nil || files == nil {
		t.Fatal(files, err)
	}
	var source strings.Builder
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		source.Write(text)
	}
	for _, text := range Errors {
		if !strings.Contains(source.String(), `"`+text+`"`) {
			t.Errorf("the accounts server never says %q", text)
		}
	}
}

func FuzzMatch(f *testing.F) {
	f.Add("de-AT, en;q=0.5")
	f.Fuzz(func(t *testing.T, accept string) {
		if !slices.Contains(All, Match(accept)) {
			t.Error("another language")
		}
	})
}
