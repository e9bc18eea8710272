package bookmarks_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engines/bookmarks"
	"github.com/syncmanager/syncmanager/internal/test/long"
)

// pair is two devices with one tree: a, b and c in the menu, x in a folder there.
type pair struct {
	account       *account
	one, two      *device
	a, b, c, f, x engine.ID
}

func newPair(t *testing.T) *pair {
	p := &pair{account: newAccount()}
	p.one, p.two = p.account.device(t), p.account.device(t)
	p.a, p.b, p.c = p.one.add(bookmarks.Menu, "a"), p.one.add(bookmarks.Menu, "b"), p.one.add(bookmarks.Menu, "c")
	p.f = p.one.addFolder(bookmarks.Menu, "f")
	p.x = p.one.add(p.f, "x")
	p.one.sync()
	p.two.sync()
	p.two.want(bookmarks.Menu, "a", "b", "c", "f/")
	return p
}

// settle syncs both until nothing goes up, and fails the test unless they have the same tree.
func (p *pair) settle(t *testing.T) {
	t.Helper()
	for range 3 {
		p.one.sync()
		p.two.sync()
	}
	if _, out := p.one.sync(); len(out) > 0 {
		t.Fatalf("%d records still go up", len(out))
	}
	for _, folder := range []engine.ID{bookmarks.Menu, bookmarks.Toolbar, bookmarks.Unfiled} {
		p.two.want(folder, p.one.titles(folder)...)
	}
	p.one.sound()
	p.two.sound()
}

// TestNothingWaitsAfterASync: the root itself is never sent, so it does not wait.
func TestNothingWaitsAfterASync(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	for name, e := range map[string]*bookmarks.Engine{"one": p.one.Engine, "two": p.two.Engine} {
		if n, err := e.Changes(t.Context()); n != 0 || err != nil {
			t.Errorf("%s has %d changes to send, %v", name, n, err)
		}
	}
}

func TestEachFieldComesFromWhoChangedIt(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	p.one.rename(p.a, "a of one")
	url := "https://example.org/two"
	p.account.tick()
	if _, err := p.two.UpdateFields(t.Context(), p.a, bookmarks.Change{URL: &url}); err != nil {
		t.Fatal(err)
	}
	if err := p.two.Tag(t.Context(), p.a, "two"); err != nil {
		t.Fatal(err)
	}
	p.settle(t)
	for _, d := range []*device{p.one, p.two} {
		if it := d.get(p.a); it.Title != "a of one" || it.URL != url || !slices.Equal(it.Tags, []string{"two"}) {
			t.Fatalf("it is %+v; want the title of one device, the URL and tag of the other", it)
		}
	}
}

func TestTheNewerEditOfOneFieldStands(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	p.one.rename(p.a, "older")
	p.one.sync() // a record is as new as its upload
	p.two.rename(p.a, "newer")
	p.settle(t)
	p.one.want(bookmarks.Menu, "newer", "b", "c", "f/")
}

func TestBothReorderOneFolder(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	p.one.move(p.c, bookmarks.Menu, 0)
	p.one.add(bookmarks.Menu, "d")
	p.two.move(p.a, bookmarks.Menu, bookmarks.End)
	p.two.add(bookmarks.Menu, "e")
	p.settle(t)
	if got := p.one.titles(bookmarks.Menu); len(got) != 6 {
		t.Fatalf("the menu holds %q; want six items", got)
	}
}

func TestOneFillsWhatTheOtherDeletes(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	p.one.remove(p.f)
	p.two.add(p.f, "new")
	p.settle(t)
	p.one.want(bookmarks.Menu, "a", "b", "c", "new")
}

func TestOneMovesWhatTheOtherDeletes(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	p.one.remove(p.b)
	p.two.move(p.b, bookmarks.Toolbar, 0)
	p.settle(t)
}

func TestMadeOnBothSidesBeforeTheFirstSync(t *testing.T) {
	t.Parallel()
	a := newAccount()
	one, two := a.device(t), a.device(t)
	for _, d := range []*device{one, two} {
		folder := d.addFolder(bookmarks.Toolbar, "News")
		d.add(folder, "Paper")
		d.add(bookmarks.Unfiled, "Loose")
	}
	two.add(bookmarks.Unfiled, "Only two")
	one.sync()
	two.sync()
	one.sync()
	for _, d := range []*device{one, two} {
		d.want(bookmarks.Toolbar, "News/")
		d.want(bookmarks.Unfiled, "Loose", "Only two")
		if n, err := d.Count(t.Context()); err != nil || n != 4 {
			t.Fatalf("%d items, %v; want 4, none twice", n, err)
		}
		d.sound()
	}
}

// A small change must not cost work that grows with the tree.
func TestASmallChangeIsAppliedAsItIs(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(p *pair){
		"edit":       func(p *pair) { p.one.rename(p.a, "A") },
		"add":        func(p *pair) { p.one.add(bookmarks.Menu, "d") },
		"delete":     func(p *pair) { p.one.remove(p.b) },
		"move":       func(p *pair) { p.one.move(p.x, bookmarks.Menu, 1) },
		"reorder":    func(p *pair) { p.one.move(p.a, bookmarks.Menu, 2) },
		"new folder": func(p *pair) { p.one.move(p.x, p.one.addFolder(p.one.addFolder(bookmarks.Toolbar, "g"), "h"), 0) },
		"tag":        func(p *pair) { _ = p.one.Tag(p.one.t.Context(), p.a, "t") },
	} {
		t.Run(name, func(t *testing.T) {
			p := newPair(t)
			p.two.add(bookmarks.Unfiled, "an edit elsewhere")
			change(p)
			p.one.sync()
			before := bookmarks.WholeMerges(p.two.Engine)
			p.two.sync()
			if n := bookmarks.WholeMerges(p.two.Engine) - before; n != 0 {
				t.Fatalf("the whole tree was merged %d times", n)
			}
			p.settle(t)
		})
	}
}

func TestHold(t *testing.T) {
	t.Parallel()
	a := newAccount()
	one, two := a.device(t), a.device(t)
	folder := one.addFolder(bookmarks.Menu, "many")
	for i := range 30 {
		one.add(folder, fmt.Sprint("page ", i))
	}
	one.sync()
	two.sync()
	one.remove(folder)
	one.sync()
	for range 2 {
		_, _, err := two.trySync()
		var hold *engine.TooManyDeletionsError
		if !errors.As(err, &hold) || hold.Deletions != 31 || hold.Total != 31 {
			t.Fatalf("%v; want 31 of 31 items held", err)
		}
		two.want(bookmarks.Menu, "many/")
	}
	two.start.AcceptDeletions = true
	two.sync()
	two.want(bookmarks.Menu)
	two.sound()
}

func TestPrefer(t *testing.T) {
	t.Parallel()
	for side, want := range map[engine.Side]string{engine.PreferLocal: "older", engine.PreferRemote: "newer"} {
		p := newPair(t)
		p.two.rename(p.a, "older")
		p.one.rename(p.a, "newer")
		if side == engine.PreferRemote {
			p.two.rename(p.a, "newest, but not preferred")
		}
		p.one.sync()
		p.two.start.Prefer = side
		p.two.start.Run = "preferred"
		p.two.sync()
		if got := p.two.get(p.a).Title; got != want {
			t.Fatalf("with %v the title is %q; want %q", side, got, want)
		}
		if side == engine.PreferRemote {
			if _, err := p.two.Undo(t.Context(), "preferred"); err != nil {
				t.Fatal(err)
			}
			if got := p.two.get(p.a).Title; got != "newest, but not preferred" {
				t.Fatalf("after the undo the title is %q", got)
			}
		}
		p.settle(t)
	}
}

// A first sync of many items takes many small transactions. A device that has some of the items
// already, some of them elsewhere, ends up with the same tree.
func TestAFirstSyncOfMany(t *testing.T) {
	t.Parallel()
	n := long.Of(2000, 5000)
	a := large(n)
	a.put("item00000007", `{"id":"item00000007","type":"bookmark","parentid":"nowhere_____","title":"orphan","bmkUri":"https://example.org/orphan","tags":["t"]}`)
	a.put("folder000001", `{"id":"folder000001","type":"folder","parentid":"toolbar","title":"Folder 1","children":["item00000100","item00000100","missing_____"]}`)
	d := a.device(t)
	mine := d.add(bookmarks.Menu, "mine")
	folder := d.addFolder(bookmarks.Menu, "Folder 2")
	if _, err := d.Insert(t.Context(), bookmarks.Item{Parent: folder, Title: "The page of number 200",
		URL: "https://site-200.example/page/200?of=the+benchmark"}, 0); err != nil {
		t.Fatal(err)
	}
	d.start.Run = "first"
	d.sync()
	if got, err := d.Count(t.Context()); err != nil || got != n+n/100+1 {
		t.Fatalf("%d items, %v; want %d: what was here already is not there twice", got, err, n+n/100+1)
	}
	if got := d.get(mine).Title; got != "mine" {
		t.Fatalf("the user's own is %q", got)
	}
	log, err := d.Log(t.Context())
	if err != nil || len(log) != 1 || log[0].Run != "first" || log[0].Added != n+n/100-2 || len(log[0].Repairs) == 0 {
		t.Fatalf("the log says %+v, %v", log, err)
	}
	d.sync()
	d.sound()
	other := a.device(t)
	if _, out := other.sync(); len(out) != 0 {
		t.Fatalf("%d records go up from the next device", len(out))
	}
	other.sound()
	other.want(bookmarks.Menu, d.titles(bookmarks.Menu)...)

	d.start.AcceptDeletions = true
	if u := d.undo("first"); u.Removed != n+n/100-2 {
		t.Fatalf("undone: %+v", u)
	}
	d.sync()
	d.sound()
}
