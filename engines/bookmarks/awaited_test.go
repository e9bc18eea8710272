package bookmarks_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engines/bookmarks"
)

const awaited = engine.ID("awaitedFoldr")

// sendWithoutFolder puts the records of n items and of the toolbar on the server, but not
// that of the folder between them: another program's folder was too large for the server. It
// returns the folder's list of children.
func (a *account) sendWithoutFolder(n int) (list string) {
	var ids []string
	for i := range n {
		id := fmt.Sprintf("awaited%05d", i)
		ids = append(ids, `"`+id+`"`)
		a.put(engine.ID(id), fmt.Sprintf(`{"id":%q,"type":"bookmark","parentid":%q,"title":"page %d","bmkUri":"https://example.org/%d"}`, id, awaited, i, i))
	}
	a.put("toolbar", fmt.Sprintf(`{"id":"toolbar","type":"folder","parentid":"places","title":"toolbar","children":[%q]}`, awaited))
	return strings.Join(ids, ",")
}

// Another program sent the items of a folder, and the server refused the folder. The items
// wait for it: none is put elsewhere, and nothing is sent.
func TestItemsWaitForTheirFolder(t *testing.T) {
	t.Parallel()
	a := newAccount()
	one := a.device(t)
	mine := one.add(bookmarks.Toolbar, "mine")
	one.sync()
	list := a.sendWithoutFolder(1100)
	a.put("toolbar", fmt.Sprintf(`{"id":"toolbar","type":"folder","parentid":"places","title":"toolbar","children":[%q,%q]}`, mine, awaited))
	fresh := a.device(t)
	for round, sent := range rounds(3, one, fresh) {
		if len(sent) > 0 {
			t.Fatalf("round %d: %d records are sent, as %v", round, len(sent), sent[0])
		}
	}
	for _, d := range []*device{one, fresh} {
		d.want(bookmarks.Unfiled)
		d.want(bookmarks.Toolbar, "mine")
		if tr, err := d.Troubles(t.Context(), 10); err != nil || tr.Unread != 1 || tr.UnreadRecords[0].ID != awaited {
			t.Fatalf("stuck: %+v, %v; want the folder named", tr, err)
		}
	}
	// The folder stays in the list of the toolbar.
	fresh.add(bookmarks.Toolbar, "more")
	if _, out := fresh.sync(); len(out) != 2 {
		t.Fatalf("%d records are sent", len(out))
	}
	if got := fmt.Sprint(a.record(t, "toolbar")["children"]); !strings.Contains(got, string(awaited)) {
		t.Errorf("the toolbar went up with %s", got)
	}
	rounds(1, one, fresh) // the toolbar was older than the record said
	// A full merge has the same result.
	if err := fresh.Reset(t.Context(), engine.Association{Global: "g", Collection: "c2"}); err != nil {
		t.Fatal(err)
	}
	for round, sent := range rounds(3, one, fresh) {
		if len(sent) > 0 {
			t.Fatalf("round %d after a reset: %d records are sent, as %v", round, len(sent), sent[0])
		}
	}
	fresh.want(bookmarks.Unfiled)

	a.put(awaited, fmt.Sprintf(`{"id":%q,"type":"folder","parentid":"toolbar","title":"large","children":[%s]}`, awaited, list))
	rest(t, one, fresh)
	for _, d := range []*device{one, fresh} {
		d.want(bookmarks.Unfiled)
		if got := d.titles(awaited); len(got) != 1100 || got[0] != "page 0" || got[1099] != "page 1099" {
			t.Errorf("the folder holds %d items", len(got))
		}
		if tr, err := d.Troubles(t.Context(), 10); err != nil || tr.Unread != 0 {
			t.Errorf("stuck: %+v, %v", tr, err)
		}
		d.sound()
	}
}

// Items that are moved to another folder no longer wait. A few items without a folder are put
// into Unfiled at once.
func TestItemsThatNeedNotWait(t *testing.T) {
	t.Parallel()
	t.Run("moved", func(t *testing.T) {
		a := newAccount()
		list := a.sendWithoutFolder(1100)
		d := a.device(t)
		d.sync()
		for i := range 1100 {
			id := fmt.Sprintf("awaited%05d", i)
			a.put(engine.ID(id), fmt.Sprintf(`{"id":%q,"type":"bookmark","parentid":"menu","title":"page %d","bmkUri":"https://example.org/%d"}`, id, i, i))
		}
		a.put("menu", fmt.Sprintf(`{"id":"menu","type":"folder","parentid":"places","title":"menu","children":[%s]}`, list))
		a.put("toolbar", `{"id":"toolbar","type":"folder","parentid":"places","title":"toolbar","children":[]}`)
		rest(t, d)
		if got := d.titles(bookmarks.Menu); len(got) != 1100 {
			t.Errorf("the menu holds %d items", len(got))
		}
		if tr, err := d.Troubles(t.Context(), 10); err != nil || tr.Unread != 0 {
			t.Errorf("stuck: %+v, %v", tr, err)
		}
	})
	t.Run("few", func(t *testing.T) {
		a := newAccount()
		a.sendWithoutFolder(3)
		d := a.device(t)
		rest(t, d)
		if got := d.titles(bookmarks.Unfiled); len(got) != 3 {
			t.Errorf("unfiled holds %q", got)
		}
	})
}
