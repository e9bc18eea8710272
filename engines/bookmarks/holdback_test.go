package bookmarks_test

import (
	"fmt"
	"testing"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engines/bookmarks"
)

// small is the most that the server of these tests takes: some eighty children.
const small = 1500

// syncSmall is a sync with a server that refuses what is larger than small.
func (d *device) syncSmall() []engine.Outgoing {
	d.t.Helper()
	d.start.MaxPayload = small
	d.refuse = func(o engine.Outgoing) bool { return len(o.Payload) > small }
	_, out := d.sync()
	return out
}

// A folder whose record is too large stays whole on all devices, and is synced whole once it
// fits.
func TestAFolderTooLargeForARecord(t *testing.T) {
	t.Parallel()
	for name, before := range map[string]int{"new": 0, "grown": 10} {
		t.Run(name, func(t *testing.T) {
			a := newAccount()
			one, two := a.device(t), a.device(t)
			folder := one.addFolder(bookmarks.Menu, "many")
			var guids []engine.ID
			fill := func(n int) {
				for len(guids) < n {
					guids = append(guids, one.add(folder, fmt.Sprint("page ", len(guids))))
				}
			}
			if fill(before); before > 0 {
				one.syncSmall()
			}
			fill(120)
			inner := one.addFolder(folder, "inner")
			one.add(inner, "innermost")
			moved := one.add(bookmarks.Toolbar, "moved")
			if before > 0 {
				one.rename(guids[3], "renamed")
			}
			one.syncSmall()
			one.move(moved, folder, 5)
			for range 3 {
				one.syncSmall()
				two.syncSmall()
			}
			if out := append(one.syncSmall(), two.syncSmall()...); len(out) > 0 {
				t.Fatalf("%d records still go up: %s", len(out), out[0].Payload)
			}
			if got := one.titles(folder); len(got) != 122 || got[5] != "moved" || got[121] != "inner/" {
				t.Fatalf("here it holds %q", got)
			}
			two.want(bookmarks.Unfiled)
			two.want(bookmarks.Toolbar, "moved")
			if before == 0 {
				two.want(bookmarks.Menu)
			} else if got := two.titles(folder); len(got) != before || got[3] != "renamed" {
				t.Fatalf("on the other device it holds %q", got)
			}
			if tr, err := one.Troubles(t.Context(), 10); err != nil || tr.Unsent != 1 || tr.UnsentRecords[0].ID != folder {
				t.Fatalf("stuck: %+v, %v; want the folder named", tr, err)
			}
			if tr, err := two.Troubles(t.Context(), 10); err != nil || tr.Unsent != 0 {
				t.Fatalf("on the other device is stuck: %+v, %v", tr, err)
			}
			for _, guid := range guids[60:] {
				one.remove(guid)
			}
			for range 3 {
				one.syncSmall()
				two.syncSmall()
			}
			two.want(folder, one.titles(folder)...)
			two.want(inner, "innermost")
			two.want(bookmarks.Toolbar)
			if tr, err := one.Troubles(t.Context(), 10); err != nil || tr.Unsent != 0 {
				t.Fatalf("stuck: %+v, %v", tr, err)
			}
			rest(t, one, two)
		})
	}
}

// A folder that a newer version of the program wrote in an unknown form is not overwritten,
// and items that are put into it wait.
func TestAFolderThatCannotBeRead(t *testing.T) {
	t.Parallel()
	a := newAccount()
	one, two := a.device(t), a.device(t)
	folder := one.addFolder(bookmarks.Menu, "folder")
	old := one.add(folder, "old")
	one.sync()
	two.sync()
	later := `{"id":"` + string(folder) + `","type":"smart folder","parentid":"menu","title":"later"}`
	a.put(folder, later)
	one.sync()
	one.add(folder, "new")
	one.rename(folder, "renamed")
	for range 3 {
		if _, out := one.sync(); len(out) != 0 {
			t.Fatalf("%s goes up", out[0].Payload)
		}
	}
	tr, err := one.Troubles(t.Context(), 10)
	if err != nil || tr.Unread != 1 || tr.Held != 1 || tr.HeldRecords[0].ID != folder {
		t.Fatalf("stuck: %+v, %v; want the folder named", tr, err)
	}
	for u, err := range one.Unreadable(t.Context()) {
		if err != nil || u.ID != folder || u.Field != "type" || !u.Outdated || !u.Held {
			t.Errorf("unreadable is %+v, %v", u, err)
		}
	}
	one.want(folder, "old", "new")
	two.sync()
	a.put(folder, `{"id":"`+string(folder)+`","type":"folder","parentid":"menu","title":"later","children":["`+string(old)+`"]}`)
	for range 2 {
		one.sync()
		two.sync()
	}
	two.want(folder, "old", "new")
	rest(t, one, two)
}
