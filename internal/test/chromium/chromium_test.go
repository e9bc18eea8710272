package chromium_test

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/syncmanager/syncmanager/internal/test/chromium"
)

// page serves one page.
func page(t *testing.T, html string) (root string) {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Content-Security-Policy", "img-src 'none'")
		_, _ = w.Write([]byte(html))
	}))
	t.Cleanup(s.Close)
	return s.URL
}

// Keys go to the focused element, which is described as a screen reader does it.
func TestKeyboard(t *testing.T) {
	p := chromium.Start(t).Page(t)
	p.Open(page(t, `<title>A page</title><label>Name <input aria-describedby=hint aria-invalid=true></label><p id=hint>In full.</p><button>Go</button>`))
	p.Press(chromium.Tab)
	if got, want := p.Focused(), (chromium.Element{Role: "textbox", Name: "Name", Description: "In full.", Invalid: true}); got != want {
		t.Errorf("focused is %+v, want %+v", got, want)
	}
	p.Press("Ann" + chromium.Tab)
	if got := p.Focused(); got.Role != "button" || got.Name != "Go" || got.Invalid {
		t.Errorf("after that, %+v", got)
	}
	p.PressBack()
	if got := chromium.Eval[string](p, `return document.activeElement.value`); got != "Ann" {
		t.Errorf("typed was %q", got)
	}
}

// Console messages are collected, including violations of the page's policy.
func TestComplaints(t *testing.T) {
	p := chromium.Start(t).Page(t)
	p.Open(page(t, `<img src="/x.png"><script>console.error("said"); throw new Error("thrown")</script>`))
	said := p.Complaints()
	for _, want := range []string{"Content Security Policy", "said", "thrown"} {
		if !slices.ContainsFunc(said, func(c chromium.Complaint) bool { return strings.Contains(c.Text, want) }) {
			t.Errorf("nothing of %q in %+v", want, said)
		}
	}
	if again := p.Complaints(); len(again) > 0 {
		t.Errorf("said again: %+v", again)
	}
}

// Names resolve to this machine or do not resolve; tabs share nothing; with scripts disabled,
// none run.
func TestNothingElse(t *testing.T) {
	b := chromium.Start(t)
	root := page(t, `<script>sessionStorage.x = document.cookie = "a=b"; document.title = "ran"</script>`)
	one, other := b.Page(t), b.Page(t)
	one.Open(strings.Replace(root, "127.0.0.1", "any.test", 1))
	one.Wait(`document.title === "ran"`)
	reached := chromium.Eval[bool](one, `return fetch("http://example.com/", {mode: "no-cors"}).then(() => true, () => false)`)
	if said := one.Complaints(); reached || !slices.ContainsFunc(said, func(c chromium.Complaint) bool { return strings.Contains(c.Text, "ERR_NAME_NOT_RESOLVED") }) {
		t.Errorf("a name of the world was reached (%v): %+v", reached, said)
	}
	other.WithoutScripts()
	other.Open(root)
	if title := chromium.Eval[string](other, `return document.title + document.cookie`); title != "" {
		t.Errorf("the other tab has %q", title)
	}
}
