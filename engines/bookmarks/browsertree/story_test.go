package browsertree_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engines/bookmarks"
	"github.com/syncmanager/syncmanager/engines/bookmarks/browsertree"
)

func site(name string) string { return "https://" + name + ".example/" }

// both puts bookmarks on both sides, by the store.
func (p *pair) both(titles ...string) {
	p.tb.Helper()
	for _, t := range titles {
		p.put(bookmarks.Toolbar, bookmarks.End, bookmarks.Bookmark, t, site(t))
	}
	p.settle()
}

func (p *pair) id(title string) engine.ID {
	p.tb.Helper()
	for it, err := range p.store.Each(p.tb.Context()) {
		check(p.tb, err)
		if it.Title == title {
			return it.ID
		}
	}
	p.tb.Fatalf("the store has no %q", title)
	return ""
}

func (p *pair) rename(title, to string) {
	p.tb.Helper()
	_, err := p.store.UpdateFields(p.tb.Context(), p.id(title), bookmarks.Change{Title: &to})
	check(p.tb, err)
}

// A first exchange says what it would do, and then merges without a deletion: what has the same
// title and URL in the same folder is one.
func TestFirstContact(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	f := p.add("1", -1, "Folder", "")
	p.add(f, -1, "same", site("same"))
	p.add(f, -1, "browser's", site("browser"))
	g := p.put(bookmarks.Toolbar, bookmarks.End, bookmarks.Folder, "Folder", "")
	p.put(g, bookmarks.End, bookmarks.Bookmark, "store's", site("store"))
	same := p.put(g, bookmarks.End, bookmarks.Bookmark, "same", site("same"), "tag")
	r := p.exchange(browsertree.Request{})
	if r.Status != browsertree.First || len(r.Ops) > 0 || r.Store.Added != 1 || r.Browser.Added != 1 || r.Store.Deleted+r.Browser.Deleted > 0 {
		t.Errorf("the preview is %+v", r)
	}
	if l := r.Store.Items[0]; l != (browsertree.Line{Do: "add", Title: "browser's", URL: site("browser"), In: "Folder"}) {
		t.Errorf("the store gets %+v", l)
	}
	p.want("Folder(same browser's)", "Folder(store's same[tag])")
	p.settle()
	p.want("Folder(store's same browser's)", "Folder(store's same[tag] browser's)")
	if p.id("same") != same {
		t.Error("the store's item has another ID")
	}
}

// Each kind of edit goes both ways, and an edit of each side at once leaves both.
func TestEdits(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name           string
		browser        func(*pair)
		store          func(*pair)
		inBrowser, in_ string
	}{
		{"create there", func(p *pair) { p.add("1", 1, "new", site("new")) }, nil, "a new b c", ""},
		{"create here", nil, func(p *pair) { p.put(bookmarks.Toolbar, 1, bookmarks.Bookmark, "new", site("new")) }, "a new b c", ""},
		{"rename there", func(p *pair) { p.nodes[p.find("b")].Title = "B" }, nil, "a B c", ""},
		{"rename here", nil, func(p *pair) { p.rename("b", "B") }, "a B c", ""},
		{"reorder there", func(p *pair) { p.move(p.find("c"), "1", 0) }, nil, "c a b", ""},
		{"reorder here", nil, func(p *pair) { check(p.tb, p.store.Move(p.tb.Context(), p.id("c"), bookmarks.Toolbar, 0)) }, "c a b", ""},
		{"delete there", func(p *pair) { p.remove(p.find("b")) }, nil, "a c", ""},
		{"delete here", nil, func(p *pair) { check(p.tb, p.store.Delete(p.tb.Context(), p.id("b"))) }, "a c", ""},
		{"into a folder there", func(p *pair) { p.move(p.find("a"), p.add("1", -1, "F", ""), -1) }, nil, "b c F(a)", ""},
		{"into a folder here", nil, func(p *pair) {
			f := p.put(bookmarks.Toolbar, bookmarks.End, bookmarks.Folder, "F", "")
			check(p.tb, p.store.Move(p.tb.Context(), p.id("a"), f, 0))
		}, "b c F(a)", ""},
		{"both at once", func(p *pair) { p.add("1", 0, "x", site("x")); p.remove(p.find("c")) }, func(p *pair) {
			p.rename("a", "A")
			p.put(bookmarks.Toolbar, 2, bookmarks.Bookmark, "y", site("y"))
		}, "x A b y", ""},
		{"renamed there, deleted here", func(p *pair) { p.nodes[p.find("b")].Title = "B" },
			func(p *pair) { check(p.tb, p.store.Delete(p.tb.Context(), p.id("b"))) }, "a B c", ""},
		{"deleted there, renamed here", func(p *pair) { p.remove(p.find("b")) }, func(p *pair) { p.rename("b", "B") }, "a B c", ""},
		{"renamed on both sides", func(p *pair) { p.nodes[p.find("b")].Title = "there" }, func(p *pair) { p.rename("b", "here") }, "a there c", ""},
		{"the same on both sides", func(p *pair) { p.add("1", -1, "new", site("new")) },
			func(p *pair) { p.put(bookmarks.Toolbar, bookmarks.End, bookmarks.Bookmark, "new", site("new")) }, "a b c new", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := newPair(t)
			p.both("a", "b", "c")
			if c.browser != nil {
				c.browser(p)
			}
			if c.store != nil {
				c.store(p)
			}
			p.settle()
			p.want(c.inBrowser, c.inBrowser)
		})
	}
}

// A folder that is deleted takes along what is in it, but not what the other side put there.
func TestAFolderIsDeleted(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	f := p.put(bookmarks.Toolbar, bookmarks.End, bookmarks.Folder, "F", "")
	p.put(f, bookmarks.End, bookmarks.Bookmark, "a", site("a"))
	p.put(f, bookmarks.End, bookmarks.Separator, "", "")
	p.put(f, bookmarks.End, bookmarks.Query, "q", "place:tag=x")
	p.settle()
	p.remove(p.find("F"))
	p.put(f, bookmarks.End, bookmarks.Bookmark, "new", site("new"))
	p.settle()
	p.want("new", "q new")
}

// What is not merged and is in a folder that is deleted elsewhere comes to the folder above it.
func TestADeletedFolderWithMore(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	p.put(bookmarks.Menu, bookmarks.End, bookmarks.Bookmark, "m", site("m"))
	f := p.put(bookmarks.Toolbar, bookmarks.End, bookmarks.Folder, "F", "")
	p.put(f, bookmarks.End, bookmarks.Folder, "G", "")
	p.settle()
	p.move(p.find("Bookmarks Menu"), p.find("G"), 0)
	p.add(p.find("F"), -1, "local", "about:"+strings.Repeat("x", 70_000))
	p.settle()
	check(t, p.store.Delete(t.Context(), f))
	p.settle()
	p.want("Bookmarks Menu(m) local", "")
}

// What a Chromium does not have stays, at its place.
func TestWhatAChromiumDoesNotHave(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	p.both("a", "b")
	p.put(bookmarks.Toolbar, 1, bookmarks.Separator, "", "")
	p.put(bookmarks.Toolbar, bookmarks.End, bookmarks.Query, "q", "place:sort=8")
	p.put(bookmarks.Toolbar, bookmarks.End, bookmarks.Bookmark, "refused", "refused:x")
	check(t, p.store.Tag(t.Context(), p.id("b"), "tag"))
	key := "key"
	_, err := p.store.UpdateFields(t.Context(), p.id("b"), bookmarks.Change{Keyword: &key})
	check(t, err)
	p.settle()
	p.want("a b", "a - b[tag] q refused")
	p.move(p.find("b"), "1", 0)
	p.nodes[p.find("b")].Title = "B"
	p.add("1", 1, "local", "about:"+strings.Repeat("x", 70_000))
	p.settle()
	p.want("B local a", "B[tag] a - q refused")
	it, err := p.store.Get(t.Context(), p.id("B"))
	if err != nil || it.Keyword != key {
		t.Errorf("the keyword is %q: %v", it.Keyword, err)
	}
	// The value that was refused is tried again when it is another one.
	url := site("taken")
	_, err = p.store.UpdateFields(t.Context(), p.id("refused"), bookmarks.Change{URL: &url})
	check(t, err)
	p.settle()
	p.want("B local a refused", "B[tag] a - q refused")
}

// The menu is a folder in "Other bookmarks", wherever the user puts it, and is not uploaded.
func TestTheMenu(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	p.settle()
	if got := p.outline("2"); got != "" {
		t.Errorf("an empty menu is shown: %q", got)
	}
	p.put(bookmarks.Menu, bookmarks.End, bookmarks.Bookmark, "m", site("m"))
	p.put(bookmarks.Mobile, bookmarks.End, bookmarks.Bookmark, "phone", site("phone"))
	p.settle()
	if got := p.outline("2"); got != "Bookmarks Menu(m) Mobile Bookmarks(phone)" {
		t.Errorf("the browser has %q", got)
	}
	menu := p.find("Bookmarks Menu")
	p.add(menu, -1, "n", site("n"))
	p.add("2", -1, "o", site("o"))
	p.move(menu, "1", -1)
	p.nodes[menu].Title = "My menu"
	p.settle()
	p.want("My menu(m n)", "")
	if got := p.stored(bookmarks.Menu) + "|" + p.stored(bookmarks.Unfiled); got != "m n|o" {
		t.Errorf("the store has %q", got)
	}
	// One that is deleted takes its items along, and comes back when it is needed.
	p.remove(menu)
	p.settle()
	if got := p.stored(bookmarks.Menu); got != "" {
		t.Errorf("the menu has %q", got)
	}
	p.put(bookmarks.Menu, bookmarks.End, bookmarks.Bookmark, "again", site("again"))
	p.settle()
	if got := p.outline("2"); got != "Mobile Bookmarks(phone) o Bookmarks Menu(again)" {
		t.Errorf("the browser has %q", got)
	}
	// An extension that was installed again finds the folder.
	p.view = &browsertree.View{Install: "two"}
	p.settle()
	if got := p.outline("2") + "|" + p.stored(bookmarks.Unfiled); got != "Mobile Bookmarks(phone) o Bookmarks Menu(again)|o" {
		t.Errorf("after it was installed again, there is %q", got)
	}
}

// Many deletions wait until the user accepts them, or brings the items back.
func TestManyDeletions(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ answer, want string }{{browsertree.Accept, "left"}, {browsertree.Restore, "left b0"}} {
		for _, side := range []string{"browser", "store"} {
			t.Run(side+" "+c.answer, func(t *testing.T) {
				t.Parallel()
				p := newPair(t)
				p.both("left")
				p.both(many("b", 30)...)
				for _, title := range many("b", 30) {
					if side == "browser" {
						p.remove(p.find(title))
					} else {
						check(t, p.store.Delete(t.Context(), p.id(title)))
					}
				}
				p.add("1", -1, "meanwhile", site("meanwhile"))
				r := p.exchange(browsertree.Request{})
				if r.Status != browsertree.Held || r.Token == "" || r.Store.Deleted+r.Browser.Deleted != 30 || len(r.Ops) > 0 {
					t.Fatalf("the exchange is %+v", r)
				}
				wrong := p.exchange(browsertree.Request{Answer: c.answer, Token: "another"})
				if wrong.Status != browsertree.Held {
					t.Fatalf("with another token, the exchange is %s", wrong.Status)
				}
				r = p.exchange(browsertree.Request{Answer: c.answer, Token: r.Token})
				for _, op := range r.Ops {
					p.apply(op)
				}
				p.settle()
				want := 2
				if c.answer == browsertree.Restore {
					want = 32
				}
				if n, err := p.store.CountBookmarks(t.Context(), bookmarks.Toolbar); n != want || len(p.nodes["1"].children) != want {
					t.Errorf("%d bookmarks are stored (%v), %d in the browser; want %d", n, err, len(p.nodes["1"].children), want)
				}
			})
		}
	}
}

func many(prefix string, n int) (titles []string) {
	for i := range n {
		titles = append(titles, fmt.Sprint(prefix, i))
	}
	return titles
}

// What came from the browser is in the log, and can be taken back there.
func TestUndo(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	p.both("a", "b", "c")
	p.remove(p.find("b"))
	p.move(p.find("c"), "1", 0)
	p.nodes[p.find("a")].Title = "A"
	p.add("1", -1, "new", site("new"))
	p.settle()
	p.want("c A new", "c A new")
	log, err := p.store.Log(t.Context())
	if err != nil || len(log) != 1 || log[0].Added != 1 || log[0].Changed != 1 || log[0].Deleted != 1 {
		t.Fatalf("the log is %+v: %v", log, err)
	}
	_, err = p.store.Undo(t.Context(), "")
	check(t, err)
	p.settle()
	p.want("a b c", "a b c")
}

// A browser that is killed after any of the operations, and whose acknowledgements are lost, ends
// up as one that is not. Afterwards it has none twice.
func TestKilledAmongTheOperations(t *testing.T) {
	t.Parallel()
	for kill := range 12 {
		t.Run(fmt.Sprint(kill), func(t *testing.T) {
			t.Parallel()
			p := newPair(t)
			p.both("a", "b", "c", "d")
			f := p.put(bookmarks.Toolbar, 0, bookmarks.Folder, "F", "")
			p.put(f, bookmarks.End, bookmarks.Bookmark, "in F", site("inf"))
			p.put(f, bookmarks.End, bookmarks.Bookmark, "in F", site("inf"))
			check(t, p.store.Move(t.Context(), p.id("a"), f, 0))
			check(t, p.store.Move(t.Context(), p.id("d"), bookmarks.Toolbar, 0))
			check(t, p.store.Delete(t.Context(), p.id("b")))
			p.rename("c", "C")
			p.add("1", -1, "browser's", site("browsers"))
			r := p.exchange(browsertree.Request{})
			if len(r.Ops) < 7 {
				t.Fatalf("there are %d operations", len(r.Ops))
			}
			for _, op := range r.Ops[:min(kill, len(r.Ops))] {
				p.apply(op)
			}
			p.acks = nil
			p.rename("in F", "in G") // one of the two that may have been made
			p.settle()
			if got := p.outline("1"); got != p.stored(bookmarks.Toolbar) {
				t.Errorf("the browser has %q, the store %q", got, p.stored(bookmarks.Toolbar))
			}
			p.want("d browser's F(a in G in F) C", "d browser's F(a in G in F) C")
		})
	}
}

// A browser that is killed before its changes are on the disk has lost them when it starts again.
// That is not an edit: nothing of it is lost or undone elsewhere.
func TestKilledBeforeTheDisk(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	p.both("a", "b", "c", "d")
	f := p.put(bookmarks.Toolbar, 0, bookmarks.Folder, "F", "")
	p.settle()
	p.now = p.now.Add(time.Hour)
	p.write()
	p.rename("a", "A")
	check(t, p.store.Move(t.Context(), p.id("d"), f, 0))
	check(t, p.store.Move(t.Context(), p.id("c"), bookmarks.Toolbar, 1))
	check(t, p.store.Delete(t.Context(), p.id("b")))
	p.put(bookmarks.Toolbar, bookmarks.End, bookmarks.Bookmark, "store's", site("stores"))
	p.settle()
	p.add("1", -1, "browser's", site("browsers"))
	p.settle()
	p.want("F(d) c A store's browser's", "F(d) c A store's browser's")
	p.kill()
	p.settle()
	p.want("F(d) c A store's browser's", "F(d) c A store's browser's")
	// Once it is on the disk, what is missing in the next session was deleted.
	p.now = p.now.Add(time.Minute)
	p.settle()
	p.remove(p.find("store's"))
	p.nodes[p.find("A")].Title = "a"
	p.session++
	p.settle()
	p.want("F(d) c a browser's", "F(d) c a browser's")
}

// A program that is killed after it stored the outcome, and before it stored the view, makes
// nothing twice.
func TestKilledBeforeTheViewIsStored(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	p.both("a", "b")
	before, err := json.Marshal(p.view)
	check(t, err)
	p.add("1", -1, "new", site("new"))
	p.remove(p.find("a"))
	p.put(bookmarks.Toolbar, bookmarks.End, bookmarks.Bookmark, "store's", site("stores"))
	p.exchange(browsertree.Request{})
	p.nodes[p.find("new")].Title = "newer"
	p.view, err = browsertree.Load(before)
	check(t, err)
	p.settle()
	if got := p.outline("1"); got != p.stored(bookmarks.Toolbar) || len(p.nodes["1"].children) != 3 {
		t.Errorf("the browser has %q, the store %q", got, p.stored(bookmarks.Toolbar))
	}
}

// A browser that gives all its bookmarks other IDs, as after its file was damaged, has the same.
func TestNewIDs(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	p.both(many("b", 40)...)
	for _, id := range slices.Clone(p.nodes["1"].children) {
		n := p.nodes[id]
		delete(p.nodes, id)
		n.ID = "9" + id
		p.nodes[n.ID] = n
	}
	for i, id := range p.nodes["1"].children {
		p.nodes["1"].children[i] = "9" + id
	}
	p.nodes["1"].children = slices.Clone(p.nodes["1"].children)
	r := p.exchange(browsertree.Request{})
	if r.Status != browsertree.Done || len(r.Ops) > 0 || r.Store.Added+r.Store.Deleted > 0 {
		t.Errorf("the exchange is %+v", r)
	}
}

// Titles that a Chromium writes otherwise are not written back.
func TestTitles(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	p.both("a")
	p.put(bookmarks.Toolbar, bookmarks.End, bookmarks.Bookmark, "two\nlines", site("two"))
	p.rename("a", "a\tb")
	p.settle()
	p.want("a b two lines", "a\tb two\nlines")
}

// Two profiles of a browser share a store, each with its own view.
func TestTwoBrowsers(t *testing.T) {
	t.Parallel()
	one := newPair(t)
	one.both("a", "b")
	two := &pair{tb: t, browser: newBrowser(t), view: &browsertree.View{Install: "two"}, store: one.store, now: one.now}
	two.settle()
	two.want("a b", "a b")
	one.add("1", -1, "one's", site("one"))
	two.add("1", 0, "two's", site("two"))
	two.remove(two.find("a"))
	for range 2 {
		one.settle()
		two.settle()
	}
	one.want("two's b one's", "two's b one's")
	two.want("two's b one's", "two's b one's")
}

// Local bookmarks and those of a Google account are two sets, of which one is merged: it stays
// the same, and when it is gone that is not a deletion.
func TestBookmarksOfAnAccount(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	for _, root := range [][2]string{{"101", "bookmarks-bar"}, {"102", "other"}, {"103", "mobile"}, {"104", "managed"}} {
		p.nodes[root[0]] = &node{Node: browsertree.Node{ID: root[0], Parent: "0", Type: root[1], Title: root[1], Syncing: root[0] != "104"}}
		p.nodes["0"].children = append(p.nodes["0"].children, root[0])
	}
	p.add("101", -1, "a", site("a"))
	p.add("104", -1, "managed", site("managed"))
	p.settle()
	if got := p.stored(bookmarks.Toolbar); got != "a" {
		t.Errorf("the store has %q", got)
	}
	p.add("1", -1, "local", site("local"))
	p.put(bookmarks.Mobile, bookmarks.End, bookmarks.Bookmark, "phone", site("phone"))
	p.settle()
	if got := p.outline("101") + "|" + p.outline("103") + "|" + p.stored(bookmarks.Toolbar); got != "a|phone|a" {
		t.Errorf("there is %q", got)
	}
	for _, root := range []string{"101", "102", "103"} {
		p.remove(root)
	}
	if _, err := p.view.Exchange(t.Context(), p.store, p.now, browsertree.Request{Nodes: p.report()}); !errors.Is(err, browsertree.ErrRoots) {
		t.Errorf("without the account's bookmarks: %v", err)
	}
	p.view.Forget()
	p.settle()
	p.want("local a", "local a")
}

// A tree that no browser has is refused.
func TestMalformed(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	bar := browsertree.Node{ID: "1", Parent: "0", Type: "bookmarks-bar"}
	for name, nodes := range map[string][]browsertree.Node{
		"nothing":            nil,
		"no ID":              {bar, {Parent: "1"}},
		"twice":              {bar, bar},
		"no other bookmarks": {bar},
	} {
		if _, err := p.view.Exchange(t.Context(), p.store, p.now, browsertree.Request{Nodes: nodes, Agreed: true}); !errors.Is(err, browsertree.ErrMalformed) {
			t.Errorf("%s: %v", name, err)
		}
	}
	// Items in a circle, and such without a folder, are not in the tree.
	p.nodes["x"] = &node{Node: browsertree.Node{ID: "x", Parent: "y"}}
	nodes := append(p.report(), browsertree.Node{ID: "x", Parent: "y"}, browsertree.Node{ID: "y", Parent: "x"}, browsertree.Node{ID: "z", Parent: "nowhere"})
	r, err := p.view.Exchange(t.Context(), p.store, p.now, browsertree.Request{Nodes: nodes, Agreed: true})
	if err != nil || r.Store.Added > 0 || len(r.Ops) > 0 {
		t.Errorf("the exchange is %+v: %v", r, err)
	}
	for _, text := range []string{"", "{", `{"version": 2}`} {
		if _, err := browsertree.Load([]byte(text)); err == nil {
			t.Errorf("the view %q was read", text)
		}
	}
}
