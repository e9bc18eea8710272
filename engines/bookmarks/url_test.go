package bookmarks_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engine/importing"
	"github.com/syncmanager/syncmanager/engines/bookmarks"
)

// A URL that another device stored is uploaded as it came, whether its item was edited or not.
func TestAnEditLeavesTheSpellingOfAURL(t *testing.T) {
	t.Parallel()
	a := newAccount()
	urls := []string{
		"javascript://Label%0Aalert(encodeURIComponent(document.title))",
		"thunder://QUFodHRwOi8vZXhhbXBsZS5vcmcvRmlsZS5pc29aWg==",
		"ed2k://|file|The_Long.Name.iso|733679616|31D6CFE0D16AE931B73C59D7E0C089C0|/",
		"https://example.org/a'b|c^d?'e'",
		"https://no browser.example/",
		"https://[open.example/",
		"https://example.org:70000/",
	}
	var list []string
	for i, url := range urls {
		id := engine.ID(fmt.Sprintf("bookmark%04d", i))
		list = append(list, fmt.Sprintf("%q", id))
		a.put(id, fmt.Sprintf(`{"id":%q,"type":"bookmark","parentid":"menu","title":"t","bmkUri":%q}`, id, url))
	}
	a.put("menu", `{"id":"menu","type":"folder","parentid":"places","title":"menu","children":[`+strings.Join(list, ",")+`]}`)
	d := a.device(t)
	if m, out := d.sync(); m.Failed > 0 || slices.ContainsFunc(out, func(o engine.Outgoing) bool { return strings.HasPrefix(string(o.ID), "bookmark") }) {
		t.Fatalf("merged %+v, and %d go up", m, len(out))
	}
	items, err := d.Children(t.Context(), bookmarks.Menu)
	if err != nil || len(items) != len(urls) {
		t.Fatalf("%d items, %v; want %d", len(items), err, len(urls))
	}
	for _, it := range items {
		d.rename(it.ID, "mine")
		if err := d.Tag(t.Context(), it.ID, "tag"); err != nil {
			t.Fatal(err)
		}
	}
	d.sync()
	for i, it := range items {
		if got := a.record(t, it.ID); got["bmkUri"] != urls[i] || got["title"] != "mine" {
			t.Errorf("%q went up as %v", urls[i], got)
		}
		if found, err := d.ByURL(t.Context(), urls[i]); err != nil || len(found) != 1 {
			t.Errorf("%q is found %d times, %v", urls[i], len(found), err)
		}
	}
	// Undo restores a URL that the user could not add.
	for _, it := range items {
		a.delete(it.ID)
	}
	a.put("menu", `{"id":"menu","type":"folder","parentid":"places","title":"menu","children":[]}`)
	d.sync()
	d.undo("")
	for i, it := range items {
		if got := d.get(it.ID); got.URL != urls[i] {
			t.Errorf("%q is back as %q", urls[i], got.URL)
		}
	}
}

func TestWhatNoBrowserStoresIsRefused(t *testing.T) {
	t.Parallel()
	d := newAccount().device(t)
	for _, url := range []string{"https://exa mple.org/", "https://100%.example/", "https://[open/", "https://example.org:65536/"} {
		if _, err := d.Insert(t.Context(), bookmarks.Item{URL: url}, bookmarks.End); !errors.Is(err, engine.ErrInvalid) {
			t.Errorf("%q was added: %v", url, err)
		}
	}
	page := `<!DOCTYPE NETSCAPE-Bookmark-file-1><DL><p>
<DT><A HREF="https://exa mple.org/">Space</A>
<DT><A HREF="https://example.org:65536/">Port</A>
<DT><A HREF="https://example.org/">Good</A>
</DL><p>`
	r, err := d.ImportFrom(t.Context(), strings.NewReader(page), importing.Options{})
	if err != nil || r.Added != 1 || r.Skipped != 2 || len(r.Skips) != 2 || r.Skips[0].Item != "Space" || r.Skips[0].Line != 2 {
		t.Errorf("imported %+v, %v; want two left out by name", r, err)
	}
}
