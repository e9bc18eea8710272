package history_test

import (
	"errors"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engines/history"
)

func TestComplete(t *testing.T) {
	t.Parallel()
	d := newDevice(t)
	d.visit("https://www.example.org/docs/guide/start?x=1", "", 24*time.Hour, history.Typed)
	d.visit("https://www.example.org/docs/guide/start?x=1", "", time.Hour, history.Typed)
	d.visit("https://www.example.org/docs/glossary", "", time.Hour, history.Link)
	d.visit("http://example.net:8080/", "", time.Hour, history.Link)
	d.visit("https://frame.example/", "", time.Hour, history.Embed) // nobody saw it
	d.visit("https://münchen.example/", "", time.Hour, history.Link)
	for _, c := range []struct{ typed, text, url string }{
		{"e", "example.org/", "https://www.example.org/"},
		{"EXample.n", "EXample.net:8080/", "http://example.net:8080/"},
		{"www.e", "www.example.org/", "https://www.example.org/"},
		{"http://e", "http://example.net:8080/", "http://example.net:8080/"},
		{"https://example.n", "", ""},
		{"example.org/", "example.org/docs/", "https://www.example.org/docs/"},
		{"example.org/docs/g", "example.org/docs/guide/", "https://www.example.org/docs/guide/"},
		{"example.org/docs/gl", "example.org/docs/glossary", "https://www.example.org/docs/glossary"},
		{"https://www.example.org/docs/guide/", "https://www.example.org/docs/guide/start?x=1", "https://www.example.org/docs/guide/start?x=1"},
		{"example.org/Docs", "", ""},
		{"example.org/docs/guide/start?x=1", "", ""},
		{"frame", "", ""},
		{"xn--m", "xn--mnchen-3ya.example/", "https://xn--mnchen-3ya.example/"},
		{"two words", "", ""},
		{"a@e", "", ""},
		{"", "", ""},
		{"https://", "", ""},
	} {
		got, err := d.Complete(t.Context(), c.typed)
		if c.text == "" {
			if !errors.Is(err, engine.ErrNotFound) {
				t.Errorf("%q becomes %+v, %v; want nothing", c.typed, got, err)
			}
		} else if err != nil || got.Text != c.text || got.URL != c.url {
			t.Errorf("%q becomes %+v, %v; want %s, %s", c.typed, got, err, c.text, c.url)
		}
	}
}

func TestWhatWasPickedComesFirst(t *testing.T) {
	t.Parallel()
	d := newDevice(t)
	const often, picked = "https://mail.example/", "https://example.org/mail/archive"
	for i := range 5 {
		d.visit(often, "", time.Duration(i)*time.Hour, history.Typed)
	}
	d.visit(picked, "", 40*24*time.Hour, history.Link)
	first := func(query string) string {
		found, err := d.Search(t.Context(), query, 10)
		d.must(err)
		if len(found) == 0 {
			return ""
		}
		return found[0].URL
	}
	if got := first("mai"); got != often {
		t.Fatalf("first is %s", got)
	}
	d.must(d.Accept(t.Context(), " Mail", picked))
	for query, want := range map[string]string{"mail": picked, "m": picked, "mail.": often, "mail e": often} {
		if got := first(query); got != want {
			t.Errorf("%q finds %s first; want %s", query, got, want)
		}
	}
	if found, err := d.Search(t.Context(), "mail", 10); err != nil || len(found) != 2 {
		t.Errorf("found %+v, %v; want both, once", found, err)
	}
	if err := d.Accept(t.Context(), "mail", "https://nowhere.example/"); !errors.Is(err, engine.ErrNotFound) {
		t.Errorf("accepted with %v", err)
	}
	// What was typed goes with the page.
	_, err := d.DeleteURL(t.Context(), picked)
	d.must(err)
	d.visit(picked, "", 40*24*time.Hour, history.Link)
	if got := first("mail"); got != often {
		t.Errorf("after a deletion, %s is first", got)
	}
}

func TestTop(t *testing.T) {
	t.Parallel()
	d := newDevice(t)
	d.visit("https://a.example/", "", time.Hour, history.Typed)
	d.visit("https://www.b.example/", "", time.Hour, history.Link)
	d.visit("https://c.example/", "", 300*24*time.Hour, history.Link)
	d.visit("https://frame.example/", "", time.Hour, history.FramedLink)
	urls := func(limit int, least float64, except ...string) (list string) {
		top, err := d.Top(t.Context(), limit, least, except...)
		d.must(err)
		for i, p := range top {
			list += p.URL[len("https://") : len("https://")+1]
			if i > 0 && p.Score > top[i-1].Score {
				t.Errorf("%s has %g points, and %s has %g", p.URL, p.Score, top[i-1].URL, top[i-1].Score)
			}
		}
		return list
	}
	if got := urls(10, 0); got != "awc" {
		t.Errorf("the top is %s", got)
	}
	if got := urls(1, 0); got != "a" {
		t.Errorf("the first is %s", got)
	}
	if got := urls(10, 40); got != "aw" {
		t.Errorf("with 40 points and more: %s", got)
	}
	if got := urls(10, 0, "b.example", "c.example"); got != "a" {
		t.Errorf("without b and c: %s", got)
	}
	if _, err := d.Top(t.Context(), 1, 0, "https://a.example/"); !errors.Is(err, history.ErrHost) {
		t.Errorf("top with %v", err)
	}
}
