package bookmarks_test

import (
	"crypto/rand"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engines/bookmarks"
	"github.com/syncmanager/syncmanager/internal/test/long"
)

func (d *device) check() *bookmarks.Checked {
	d.t.Helper()
	c, err := d.Check(d.t.Context())
	if err != nil {
		d.t.Fatal(err)
	}
	return c
}

func TestCheckSeesTheServer(t *testing.T) {
	t.Parallel()
	a := newAccount()
	a.put("menu", `{"id":"menu","type":"folder","parentid":"places","title":"menu","children":["missing_____"]}`)
	a.put("toolbar", `{"id":"toolbar","type":"folder","parentid":"places","title":"toolbar","children":[]}`)
	for i := range 5 {
		id := fmt.Sprintf("orphan%06d", i)
		a.put(engine.ID(id), fmt.Sprintf(`{"id":"%s","type":"bookmark","parentid":"toolbar","title":"%s","bmkUri":"https://example.org/%s"}`, id, id, id))
	}
	d := a.device(t)
	if c := d.check(); len(c.Counts) != 0 || c.Records != 0 {
		t.Fatalf("before the first sync: %+v", c)
	}
	d.lose = 1 // the repairs do not all arrive
	d.sync()
	c := d.check()
	if c.Items != 5 || c.Records != 7 || c.Counts["server missing child"] != 1 || c.Counts["server parent disagrees with child"] != 5 {
		t.Fatalf("after half a sync: %+v", c)
	}
	for _, f := range c.Faults {
		if f.Where != bookmarks.There || f.GUID == "" {
			t.Errorf("a fault is %+v", f)
		}
	}
	d.sync()
	d.sound()
}

func TestCheckSeesDamage(t *testing.T) {
	t.Parallel()
	for damage, want := range map[string]string{
		`UPDATE bookmarks SET title = 'other' WHERE title = 'a'`:                                                     "both different value",
		`UPDATE bookmarks SET position = 7 WHERE title = 'a'`:                                                        "device position out of order",
		`UPDATE bookmarks SET place = NULL WHERE title = 'a'`:                                                        "device bookmark without URL",
		`DELETE FROM bookmarks WHERE title = 'a'`:                                                                    "both missing on this device",
		`DELETE FROM bookmark_mirror WHERE parent = 'menu________' AND kind = 1`:                                     "both missing on the server",
		`UPDATE bookmarks SET parent = (SELECT parent FROM bookmarks WHERE guid = 'menu________') WHERE title = 'a'`: "both different folder",
		`UPDATE bookmarks SET parent = (SELECT n FROM bookmarks WHERE title = 'x') WHERE title = 'a'`:                "device parent is no folder",
		`UPDATE bookmarks SET position = 2 - position WHERE title IN ('a', 'c')`:                                     "both different order",
	} {
		p := newPair(t)
		if err := p.one.Damage(t.Context(), damage); err != nil {
			t.Fatal(err)
		}
		if c := p.one.check(); c.Counts[want] == 0 {
			t.Errorf("%s: the check finds %v; want %q", damage, c.Counts, want)
		}
	}
}

// meddler is a source of randomness that edits the tree when it is read: the merge asks for a
// new GUID halfway through.
type meddler struct{ edit func() }

func (m *meddler) Read(b []byte) (int, error) {
	if edit := m.edit; edit != nil {
		m.edit = nil
		edit()
	}
	return rand.Read(b)
}

func TestAnEditInTheMiddleOfTheMergeIsKept(t *testing.T) {
	t.Parallel()
	a := newAccount()
	hook := &meddler{}
	e, err := bookmarks.Open(t.Context(), bookmarks.Config{Path: filepath.Join(t.TempDir(), "places.sqlite"), Now: a.now, Rand: hook})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	d := &device{Engine: e, t: t, a: a}
	mine, doomed := d.add(bookmarks.Menu, "mine"), d.add(bookmarks.Menu, "doomed")
	d.sync()
	a.put("no guid", `{"id":"no guid","type":"bookmark","parentid":"toolbar","title":"theirs","bmkUri":"https://example.org/theirs"}`)
	hook.edit = func() {
		d.rename(mine, "renamed")
		d.remove(doomed)
		d.add(bookmarks.Toolbar, "new")
	}
	before := bookmarks.WholeMerges(e)
	_, out := d.sync()
	if hook.edit != nil || bookmarks.WholeMerges(e)-before != 2 {
		t.Fatalf("the trees were merged %d times; want 2, for the first was of a tree that was edited", bookmarks.WholeMerges(e)-before)
	}
	d.want(bookmarks.Menu, "renamed")
	if got := d.titles(bookmarks.Toolbar); len(got) != 2 {
		t.Fatalf("the toolbar holds %q; want both new ones", got)
	}
	if len(out) == 0 {
		t.Fatal("nothing went up")
	}
	d.sync()
	d.sound()
}

// A list of a million children that do not exist costs no more than a large record.
func TestVeryManyChildren(t *testing.T) {
	t.Parallel()
	a := newAccount()
	var list strings.Builder
	for i := range long.Of(100_000, 1_000_000) {
		fmt.Fprintf(&list, `"child%07d",`, i)
	}
	a.put("menu", `{"id":"menu","type":"folder","parentid":"places","title":"menu","children":[`+list.String()+`"bookmark____"]}`)
	a.put("bookmark____", `{"id":"bookmark____","type":"bookmark","parentid":"menu","title":"t","bmkUri":"https://example.org/"}`)
	d := a.device(t)
	d.sync()
	d.want(bookmarks.Menu, "t")
	if got := a.record(t, "menu")["children"].([]any); len(got) != 1 {
		t.Fatalf("the menu went up with %d children; want the one that exists", len(got))
	}
	d.sound()
}
