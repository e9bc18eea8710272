package interop_test

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/internal/test/firefoxsync"
	"github.com/syncmanager/syncmanager/internal/test/testenv"
)

// tell runs a story on two sides that have the same tree.
func tell(t *testing.T, w *testenv.Env, st story, host string, one, two side) {
	t.Helper()
	top := folder(st.name, st.given...)
	top.Parent, top.Index = firefoxsync.Unfiled, last
	s := &scene{guids: map[string]string{}, host: host + "."}
	s.folder = one.add(t, s.own(top))
	one.sync(t)
	two.sync(t)
	root := two.tree(t)
	var collect func(*item)
	collect = func(b *item) {
		s.guids[b.Title] = b.GUID
		for i := range b.Children {
			collect(&b.Children[i])
		}
	}
	collect(root.Find(s.folder))

	if st.one != nil {
		st.one(t, s, one)
	}
	if st.two != nil {
		st.two(t, s, two)
	}
	// Firefox compares the times of two edits in whole seconds.
	two.age(t, 10*time.Second)
	if st.late != nil {
		one.sync(t)
		w.Clock.Pass(10 * time.Second)
		st.late(t, s, two)
	}
	settle(t, one, two)
	root = one.tree(t)
	top = *root.Find(s.folder)
	want, labels := st.want, st.labels
	if _, ours := two.(ourSide); ours {
		want = cmp.Or(st.ours, want)
		if st.ourLabels != nil {
			labels = st.ourLabels
		}
	}
	if got := outline(&top); got != want {
		t.Errorf("the folder has %q, want %q", got, want)
	}
	seen := map[string]string{}
	collect = func(b *item) {
		seen[b.Title] = s.labels(b)
		for i := range b.Children {
			collect(&b.Children[i])
		}
	}
	collect(&top)
	for title, want := range labels {
		if seen[title] != want {
			t.Errorf("%q has %s, want %s", title, seen[title], want)
		}
	}
}

// TestBookmarks runs all stories between one Firefox and one device, with Firefox on each of
// the two sides.
func TestBookmarks(t *testing.T) {
	t.Parallel()
	w := testenv.Listen(t)
	ff := theirSide{firefox(t, w)}
	ff.sync(t)
	we := ourSide{w.Browser("our device", ann)}
	settle(t, we, ff)
	list := slices.Concat(stories(), conflicts())
	for i, st := range list {
		if i == len(list)-1 {
			// In the last story items are added in Firefox's future, which its maintenance would correct.
			check(t, ff.Maintain(t.Context()))
		}
		t.Run(st.name+", Firefox first", func(t *testing.T) { tell(t, w, st, fmt.Sprint("a", i), ff, we) })
		t.Run(st.name+", we first", func(t *testing.T) { tell(t, w, st, fmt.Sprint("b", i), we, ff) })
	}
	before := ff.tree(t)
	r, err := ff.CheckBookmarks(t.Context())
	check(t, err)
	if r.Checked == 0 || len(r.Problems) > 0 || r.Sent > 0 {
		t.Errorf("Firefox's mirror says %+v", r)
	}
	for _, line := range differences(before, ff.tree(t)) {
		t.Errorf("Firefox had not applied %s", line)
	}
	c, err := we.Bookmarks.Check(t.Context())
	check(t, err)
	root := we.tree(t)
	for _, f := range c.Faults {
		t.Errorf("we find %s: %+v", f, root.Find(string(f.GUID)))
	}
}

// TestBookmarksBetweenFirefoxes runs the same stories between two Firefoxes: the wanted result
// of a conflict is Firefox's own.
func TestBookmarksBetweenFirefoxes(t *testing.T) {
	t.Parallel()
	w := testenv.Listen(t)
	one, two := theirSide{firefox(t, w)}, theirSide{firefox(t, w)}
	settle(t, one, two)
	for i, st := range conflicts() {
		t.Run(st.name, func(t *testing.T) { tell(t, w, st, fmt.Sprint("a", i), one, two) })
	}
}

// fill gives a side its own tree. Half of it is on both sides.
func fill(t *testing.T, s side, name string) {
	t.Helper()
	in := func(parent string, items ...item) {
		t.Helper()
		for _, b := range items {
			b.Parent, b.Index = parent, last
			s.add(t, b)
		}
	}
	in(firefoxsync.Menu,
		folder("Recipes", labelled("Bread", "https://bread.example/", "", "baking", name), line, mark("Cake of "+name), folder("Soups", mark("Borscht"))),
		line,
		folder("Empty"),
		folder("Only "+name, mark("One of "+name), mark("Two of "+name)),
	)
	in(firefoxsync.Toolbar, labelled("News", "https://news.example/", "news"), mark("Sport"), labelled("Unread", "place:tag=unread", ""))
	in(firefoxsync.Unfiled, mark("Same"), labelled("Other title of "+name, "https://title.example/", ""), mark("Same"))
	in(firefoxsync.Mobile, mark("Phone of "+name))
}

// sorted puts what is in folders in the order of titles.
func sorted(b item) item {
	children := b.Children
	b.Children = nil
	for _, c := range children {
		b.Children = append(b.Children, sorted(c))
	}
	slices.SortFunc(b.Children, func(a, b item) int { return strings.Compare(a.Title, b.Title) })
	return b
}

// titled returns the first item with that title at or below b, or nil.
func titled(b *item, title string) *item {
	if b.Title == title {
		return b
	}
	for i := range b.Children {
		if found := titled(&b.Children[i], title); found != nil {
			return found
		}
	}
	return nil
}

// TestJoining: two browsers with full trees sync for the first time. Equal items become one;
// all others stay.
func TestJoining(t *testing.T) {
	t.Parallel()
	join := func(t *testing.T, there, joins side) {
		t.Helper()
		fill(t, there, "A")
		there.sync(t)
		fill(t, joins, "B")
		settle(t, joins, there)
		root := there.tree(t)
		// The newer tree decides whose items come first.
		for id, want := range map[string]string{
			firefoxsync.Menu:    "- Empty() Only A(One of A Two of A) Only B(One of B Two of B) Recipes(- Bread Cake of A Cake of B Soups(Borscht))",
			firefoxsync.Toolbar: "News Sport Unread",
			firefoxsync.Unfiled: "Other title of A Other title of B Same Same",
			firefoxsync.Mobile:  "Phone of A Phone of B",
		} {
			top := sorted(*root.Find(id))
			if got := outline(&top); got != want {
				t.Errorf("%s has %q, want %q", id, got, want)
			}
		}
		if bread := titled(&root, "Bread"); !slices.Contains(bread.Tags, "baking") {
			t.Errorf("the bread lost a tag: %+v", bread)
		}
		if news := titled(&root, "News"); news.Keyword != "news" {
			t.Errorf("the news lost its keyword: %+v", news)
		}
	}
	for name, join := range map[string]func(*testing.T, side, side){
		"Firefox joins us": func(t *testing.T, we, ff side) { join(t, we, ff) },
		"we join Firefox":  func(t *testing.T, we, ff side) { join(t, ff, we) },
	} {
		t.Run(name, func(t *testing.T) {
			w := testenv.Listen(t)
			we, ff := ourSide{w.Browser("our device", ann)}, theirSide{firefox(t, w)}
			bookmarks := ff.tree(t)
			for _, b := range bookmarks.Find(firefoxsync.Menu).Children {
				ff.remove(t, b.GUID) // the default bookmarks of Firefox
			}
			join(t, we, ff)
			r, err := ff.CheckBookmarks(t.Context())
			check(t, err)
			if r.Checked == 0 || len(r.Problems) > 0 || r.Sent > 0 {
				t.Errorf("Firefox's mirror says %+v", r)
			}
		})
	}
}
