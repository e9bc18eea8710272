package bookmarks_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engine/importing"
	"github.com/syncmanager/syncmanager/engines/bookmarks"
)

func TestTheTreeKeepsItsOrder(t *testing.T) {
	t.Parallel()
	d := newAccount().device(t)
	for _, title := range []string{"a", "b", "c", "d"} {
		d.add(bookmarks.Menu, title)
	}
	items, err := d.Children(t.Context(), "menu")
	if err != nil {
		t.Fatal(err)
	}
	a, c := items[0].ID, items[2].ID
	d.move(a, bookmarks.Menu, 2)
	d.want(bookmarks.Menu, "b", "c", "a", "d")
	d.move(a, bookmarks.Menu, bookmarks.End)
	d.want(bookmarks.Menu, "b", "c", "d", "a")
	d.move(a, bookmarks.Menu, 0)
	d.want(bookmarks.Menu, "a", "b", "c", "d")
	d.move(a, bookmarks.Menu, 99)
	d.want(bookmarks.Menu, "b", "c", "d", "a")
	d.move(c, bookmarks.Toolbar, bookmarks.End)
	d.want(bookmarks.Menu, "b", "d", "a")
	first, err := d.Insert(t.Context(), bookmarks.Item{Parent: bookmarks.Menu, Kind: bookmarks.Separator, Title: "no title"}, 0)
	if err != nil {
		t.Fatal(err)
	}
	d.want(bookmarks.Menu, "---", "b", "d", "a")
	d.remove(first.ID)
	d.want(bookmarks.Menu, "b", "d", "a")
	if it := d.get(a); it.Position != 2 {
		t.Errorf("its position is %d; want 2", it.Position)
	}
	d.sound()
}

func TestWhatCannotBeDone(t *testing.T) {
	t.Parallel()
	d := newAccount().device(t)
	ctx := t.Context()
	folder := d.addFolder(bookmarks.Menu, "f")
	inner := d.addFolder(folder, "g")
	page := d.add(inner, "p")
	text := "x"
	for name, c := range map[string]struct {
		do   func() error
		want error
	}{
		"moving a folder into itself": {func() error { return d.Move(ctx, folder, inner, 0) }, bookmarks.ErrCycle},
		"moving into a bookmark":      {func() error { return d.Move(ctx, folder, page, 0) }, bookmarks.ErrNotFolder},
		"moving a root":               {func() error { return d.Move(ctx, bookmarks.Toolbar, folder, 0) }, bookmarks.ErrRoot},
		"moving beside the roots":     {func() error { return d.Move(ctx, page, bookmarks.Root, 0) }, bookmarks.ErrRoot},
		"moving what is not there":    {func() error { return d.Move(ctx, "nothing_____", folder, 0) }, engine.ErrNotFound},
		"deleting a root":             {func() error { return d.Delete(ctx, bookmarks.Menu) }, bookmarks.ErrRoot},
		"renaming a root":             {func() error { _, err := d.UpdateFields(ctx, "toolbar", bookmarks.Change{Title: &text}); return err }, bookmarks.ErrRoot},
		"a URL for a folder":          {func() error { _, err := d.UpdateFields(ctx, folder, bookmarks.Change{URL: &text}); return err }, engine.ErrInvalid},
		"no URL":                      {func() error { _, err := d.UpdateFields(ctx, page, bookmarks.Change{URL: &text}); return err }, engine.ErrInvalid},
		"a bookmark without a URL":    {func() error { _, err := d.Insert(ctx, bookmarks.Item{Kind: bookmarks.Bookmark}, 0); return err }, engine.ErrInvalid},
		"a bookmark in a bookmark":    {func() error { _, err := d.Insert(ctx, bookmarks.Item{Parent: page, Title: "t"}, 0); return err }, bookmarks.ErrNotFolder},
		"an empty tag":                {func() error { return d.Tag(ctx, page, " ") }, engine.ErrInvalid},
		"a tag of a folder":           {func() error { return d.Tag(ctx, folder, "t") }, engine.ErrInvalid},
		"deleting what is not there":  {func() error { return d.Delete(ctx, "nothing_____") }, engine.ErrNotFound},
		"deleting a page and a root":  {func() error { _, err := d.DeleteMany(ctx, []engine.ID{page, "toolbar"}); return err }, bookmarks.ErrRoot},
	} {
		if err := c.do(); !errors.Is(err, c.want) {
			t.Errorf("%s: %v; want %v", name, err, c.want)
		}
	}
	d.want(inner, "p")
	d.sound()
}

func TestFieldsAndPlaceChangeTogether(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	ctx := t.Context()
	title, toolbar, first := "moved", engine.ID("toolbar"), 0
	p.one.add(bookmarks.Toolbar, "before")
	it, err := p.one.UpdateFields(ctx, p.a, bookmarks.Change{Title: &title, Parent: &toolbar, Position: &first})
	if err != nil || it.Title != "moved" || it.Parent != bookmarks.Toolbar || it.Position != 0 {
		t.Fatalf("it is %+v, %v", it, err)
	}
	// A folder without a position means its end; a position without a folder, the same folder.
	if it, err = p.one.UpdateFields(ctx, p.b, bookmarks.Change{Parent: &toolbar}); err != nil || it.Position != 2 {
		t.Fatalf("it is %+v, %v", it, err)
	}
	if it, err = p.one.UpdateFields(ctx, p.f, bookmarks.Change{Position: &first, Title: &title}); err != nil || it.Position != 0 || it.Title != "moved" {
		t.Fatalf("it is %+v, %v", it, err)
	}
	// The folder that it is in already does not move it.
	if it, err = p.one.UpdateFields(ctx, p.a, bookmarks.Change{Parent: &toolbar}); err != nil || it.Position != 0 {
		t.Fatalf("it is %+v, %v", it, err)
	}
	p.settle(t)
	for _, d := range []*device{p.one, p.two} {
		d.want(bookmarks.Menu, "moved/", "c")
		d.want(bookmarks.Toolbar, "moved", "before", "b")
		d.sound()
	}
	// If the move is refused, the fields are not changed either.
	inner := p.one.addFolder(p.f, "inner")
	title = "lost"
	for into, want := range map[engine.ID]error{
		inner: bookmarks.ErrCycle, p.f: bookmarks.ErrCycle, p.c: bookmarks.ErrNotFolder, bookmarks.Root: bookmarks.ErrRoot, "nothing_____": engine.ErrNotFound,
	} {
		if _, err := p.one.UpdateFields(ctx, p.f, bookmarks.Change{Title: &title, Parent: &into}); !errors.Is(err, want) {
			t.Errorf("into %s: %v; want %v", into, err, want)
		}
	}
	if _, err := p.one.UpdateFields(ctx, bookmarks.Menu, bookmarks.Change{Position: &first}); !errors.Is(err, bookmarks.ErrRoot) {
		t.Errorf("a root: %v", err)
	}
	p.one.want(bookmarks.Menu, "moved/", "c")
}

func TestRecentAndCountBookmarks(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	ctx := t.Context()
	inner := p.one.addFolder(p.f, "inner")
	p.one.add(inner, "y")
	if _, err := p.one.Insert(ctx, bookmarks.Item{Parent: p.f, URL: "place:tag=go"}, 0); err != nil {
		t.Fatal(err)
	}
	if _, err := p.one.Insert(ctx, bookmarks.Item{Parent: p.f, Kind: bookmarks.Separator}, 0); err != nil {
		t.Fatal(err)
	}
	p.settle(t)
	for n, want := range map[int][]string{-1: nil, 0: nil, 2: {"y", "x"}, 99: {"y", "x", "c", "b", "a"}} {
		items, err := p.two.Recent(ctx, n)
		var got []string
		for _, it := range items {
			got = append(got, it.Title)
		}
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("the %d most recent are %q, %v; want %q", n, got, err, want)
		}
	}
	for _, c := range []struct {
		folders []engine.ID
		want    int
	}{
		{nil, 0}, {[]engine.ID{bookmarks.Root}, 5}, {[]engine.ID{"menu"}, 5}, {[]engine.ID{p.f}, 2}, {[]engine.ID{inner}, 1},
		{[]engine.ID{inner, p.f, inner}, 2}, {[]engine.ID{p.a, "nothing_____", `"`}, 0}, {[]engine.ID{bookmarks.Toolbar, inner}, 1},
	} {
		if n, err := p.two.CountBookmarks(ctx, c.folders...); err != nil || n != c.want {
			t.Errorf("%q: %d bookmarks, %v; want %d", c.folders, n, err, c.want)
		}
	}
}

func TestDeleteManyPassesOverWhatIsNotHere(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	deleted, err := p.one.DeleteMany(t.Context(), []engine.ID{"nothing_____", p.f, p.x, p.a, p.a})
	if err != nil || !slices.Equal(deleted, []engine.ID{p.f, p.x, p.a}) {
		t.Fatalf("deleted %q, %v; want the folder, what was in it and a, each once", deleted, err)
	}
	if deleted, err = p.one.DeleteMany(t.Context(), []engine.ID{p.f}); err != nil || len(deleted) != 0 {
		t.Errorf("deleted %q again, %v", deleted, err)
	}
	p.settle(t)
	p.two.want(bookmarks.Menu, "b", "c")
}

func TestTagsAndKeywordsAreTheURLs(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	ctx := t.Context()
	url := p.one.get(p.a).URL
	twin, err := p.one.Insert(ctx, bookmarks.Item{Parent: bookmarks.Toolbar, Title: "twin", URL: url, Tags: []string{"old"}}, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.one.Tag(ctx, p.a, "new", "old"); err != nil {
		t.Fatal(err)
	}
	word := " K "
	if _, err := p.one.UpdateFields(ctx, p.a, bookmarks.Change{Keyword: &word}); err != nil {
		t.Fatal(err)
	}
	p.one.sync()
	for _, id := range []engine.ID{p.a, twin.ID} {
		if it := p.one.get(id); !slices.Equal(it.Tags, []string{"new", "old"}) || it.Keyword != "k" {
			t.Errorf("%s is %+v", id, it)
		}
		if r := p.account.record(t, id); r["keyword"] != "k" || len(r["tags"].([]any)) != 2 {
			t.Errorf("%s went up as %v", id, r)
		}
	}
	// A keyword has one URL.
	if _, err := p.one.UpdateFields(ctx, p.b, bookmarks.Change{Keyword: &word}); err != nil {
		t.Fatal(err)
	}
	if p.one.get(p.a).Keyword != "" || p.one.get(p.b).Keyword != "k" {
		t.Error("two URLs have one keyword")
	}
	if err := p.one.Untag(ctx, twin.ID, "old", "never"); err != nil {
		t.Fatal(err)
	}
	p.settle(t)
	if it := p.two.get(p.a); !slices.Equal(it.Tags, []string{"new"}) || it.Keyword != "" {
		t.Errorf("the other device has %+v", it)
	}
	if tags, err := p.two.Tags(ctx); err != nil || !slices.Equal(tags, []string{"new"}) {
		t.Errorf("its tags are %q, %v", tags, err)
	}
	if tagged, err := p.two.Tagged(ctx, "new"); err != nil || len(tagged) != 2 {
		t.Errorf("tagged are %v, %v", tagged, err)
	}
	if found, err := p.two.ByKeyword(ctx, "K"); err != nil || len(found) != 1 || found[0].ID != p.b {
		t.Errorf("the keyword leads to %v, %v", found, err)
	}
}

func TestSearchFindsTitlesURLsAndTags(t *testing.T) {
	t.Parallel()
	d := newAccount().device(t)
	guid := d.add(bookmarks.Menu, "Gardening")
	d.add(bookmarks.Menu, "Cooking")
	if err := d.Tag(t.Context(), guid, "weekend"); err != nil {
		t.Fatal(err)
	}
	for query, want := range map[string]int{"gard": 1, "EXAMPLE": 2, "week": 1, "cook week": 0, "absent": 0} {
		found, err := d.Search(t.Context(), query, 10)
		if err != nil || len(found) != want {
			t.Errorf("%q finds %v, %v; want %d", query, found, err, want)
		}
	}
	d.remove(guid)
	if found, err := d.Search(t.Context(), "gard", 10); err != nil || len(found) != 0 {
		t.Errorf("a deleted bookmark is found: %v, %v", found, err)
	}
}

func TestPath(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	path, err := p.one.Path(t.Context(), p.x)
	if err != nil || len(path) != 3 || path[0].ID != bookmarks.Menu || path[1].ID != p.f || path[2].ID != p.x {
		t.Fatalf("%+v, %v", path, err)
	}
}

func TestExportAndImportGiveTheSameTree(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	for _, format := range bookmarks.Formats {
		p := newPair(t)
		if err := p.one.Tag(ctx, p.a, "red", "blue"); err != nil {
			t.Fatal(err)
		}
		if _, err := p.one.Insert(ctx, bookmarks.Item{Parent: p.f, Kind: bookmarks.Separator}, 0); err != nil {
			t.Fatal(err)
		}
		var file bytes.Buffer
		if err := p.one.ExportAs(ctx, &file, format); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(t.TempDir(), "export")
		if err := os.WriteFile(path, file.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
		d := newAccount().device(t)
		for _, try := range []struct {
			dry               bool
			added, duplicates int
			count             int
		}{{true, 6, 0, 0}, {false, 6, 0, 6}, {false, 0, 6, 6}} {
			report, err := d.ImportFile(ctx, path, importing.Options{DryRun: try.dry})
			if err != nil || report.Format != format || report.Added != try.added || report.Duplicates != try.duplicates || report.Skipped != 0 {
				t.Fatalf("%s: %+v, %v; want %+v", format, report, err, try)
			}
			if n, err := d.Count(ctx); err != nil || n != try.count {
				t.Fatalf("%s: %d items, %v; want %d", format, n, err, try.count)
			}
		}
		d.want(bookmarks.Menu, "a", "b", "c", "f/")
		items, err := d.Children(ctx, bookmarks.Menu)
		if err != nil || !slices.Equal(items[0].Tags, []string{"blue", "red"}) {
			t.Fatalf("%s: %+v, %v", format, items, err)
		}
		d.want(items[3].ID, "---", "x")
		d.sound()
	}
}

func TestImportNamesWhatItSkips(t *testing.T) {
	t.Parallel()
	d := newAccount().device(t)
	report, err := d.ImportFrom(t.Context(), strings.NewReader("<!DOCTYPE NETSCAPE-Bookmark-file-1>\n<DL><p>\n"+
		`<DT><A HREF="https://example.org/">good</A>`+"\n"+`<DT><A HREF="nonsense">bad</A>`+"\n</DL>"), importing.Options{})
	if err != nil || report.Added != 1 || report.Skipped != 1 || len(report.Skips) != 1 || report.Skips[0].Item != "bad" {
		t.Fatalf("%+v, %v; want one added, and one named", report, err)
	}
	if _, err := d.ImportFrom(t.Context(), strings.NewReader("nothing of the kind"), importing.Options{}); err == nil {
		t.Fatal("a text is no file of bookmarks, and nobody said so")
	}
	if err := d.ExportAs(t.Context(), &bytes.Buffer{}, "pdf"); err == nil {
		t.Fatal("an unknown format was exported")
	}
}

func TestDeleteAll(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	p.one.add(bookmarks.Toolbar, "on the toolbar")
	n, err := p.one.DeleteAll(t.Context())
	if err != nil || n != 6 {
		t.Fatalf("deleted %d, %v; want all six items", n, err)
	}
	p.two.start.AcceptDeletions = true
	p.settle(t)
	for _, d := range []*device{p.one, p.two} {
		for _, root := range []engine.ID{bookmarks.Menu, bookmarks.Toolbar, bookmarks.Unfiled, bookmarks.Mobile} {
			d.want(root)
		}
	}
	if n, err := p.one.DeleteAll(t.Context()); n != 0 || err != nil {
		t.Errorf("deleted %d more, %v", n, err)
	}
}
