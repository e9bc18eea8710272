package bookmarks_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engine/importing"
	"github.com/syncmanager/syncmanager/engines/bookmarks"
)

// page is a file of bookmarks, one <A> for each list of attributes.
func page(links ...string) string {
	var b strings.Builder
	b.WriteString("<!DOCTYPE NETSCAPE-Bookmark-file-1>\n<TITLE>Bookmarks</TITLE><H1>Bookmarks</H1>\n<DL><p>\n")
	for _, link := range links {
		fmt.Fprintf(&b, "<DT><A %s</A>\n", link)
	}
	return b.String() + "</DL><p>\n"
}

func (d *device) importPage(source string) importing.Report {
	d.t.Helper()
	d.a.tick()
	r, err := d.ImportFrom(d.t.Context(), strings.NewReader(source), importing.Options{})
	if err != nil {
		d.t.Fatal(err)
	}
	return r
}

// one is the only bookmark of a URL.
func (d *device) one(url string) bookmarks.Item {
	d.t.Helper()
	items, err := d.ByURL(d.t.Context(), url)
	if err != nil || len(items) != 1 {
		d.t.Fatalf("%d bookmarks of %s, %v; want one", len(items), url, err)
	}
	return items[0]
}

// rest syncs devices until nothing goes up, and fails the test if the next rounds send
// anything.
func rest(t *testing.T, devices ...*device) {
	t.Helper()
	for range 3 {
		for _, d := range devices {
			d.sync()
		}
	}
	for range 2 {
		for i, d := range devices {
			if _, out := d.sync(); len(out) > 0 {
				t.Fatalf("device %d still sends %s", i, out[0].Payload)
			}
			d.sound()
		}
	}
}

const url1 = "https://e.example/1"

// In any order of imports, a file without tags removes no tags, and the earlier date reaches
// every device.
func TestAPoorerFileTakesNothingAway(t *testing.T) {
	t.Parallel()
	rich := page(`HREF="https://e.example/1" ADD_DATE="1400000000" LAST_MODIFIED="1500000000" SHORTCUTURL="one" TAGS="go,web">One`)
	for name, poor := range map[string]string{
		"dated later":   page(`HREF="https://e.example/1" ADD_DATE="1600000000">One`),
		"dated earlier": page(`HREF="https://e.example/1" ADD_DATE="1300000000">One`),
		"undated":       page(`HREF="https://e.example/1">One`),
		"other tags":    page(`HREF="https://e.example/1" TAGS="news">One`),
	} {
		for _, richFirst := range []bool{true, false} {
			t.Run(fmt.Sprint(name, richFirst), func(t *testing.T) {
				a := newAccount()
				one, two := a.device(t), a.device(t)
				first, second := poor, rich
				if richFirst {
					first, second = rich, poor
				}
				one.importPage(first)
				one.sync()
				two.importPage(second)
				two.sync()
				rest(t, one, two)
				tags, added := []string{"go", "web"}, int64(1_400_000_000)
				if name == "other tags" {
					tags = []string{"go", "news", "web"}
				}
				if name == "dated earlier" {
					added = 1_300_000_000
				}
				for i, d := range []*device{one, two, a.device(t)} {
					d.sync()
					if it := d.one(url1); !slices.Equal(it.Tags, tags) || it.Keyword != "one" || it.Added.Unix() != added {
						t.Errorf("device %d has %+v; want the tags %q, the keyword and %d", i, it, tags, added)
					}
				}
				if got := a.record(t, one.one(url1).ID)["dateAdded"]; got != float64(added*1000) {
					t.Errorf("the server has the date %v; want %d", got, added*1000)
				}
			})
		}
	}
}

// A new device has the account's GUIDs from a backup. The title that was given last wins, and
// an import does not count as an edit.
func TestABackupIsAsNewAsItsLastEdit(t *testing.T) {
	t.Parallel()
	a := newAccount()
	one := a.device(t)
	guid := one.add(bookmarks.Menu, "old")
	if _, err := one.UpdateFields(t.Context(), guid, bookmarks.Change{Tags: &[]string{"kept"}}); err != nil {
		t.Fatal(err)
	}
	var backup bytes.Buffer
	if err := one.ExportAs(t.Context(), &backup, "json"); err != nil {
		t.Fatal(err)
	}
	one.rename(guid, "new")
	if err := one.Untag(t.Context(), guid, "kept"); err != nil {
		t.Fatal(err)
	}
	one.sync()
	two := a.device(t)
	two.importPage(backup.String())
	two.sync()
	rest(t, one, two)
	if it := one.get(guid); it.Title != "new" {
		t.Fatalf("after the import of a backup elsewhere it is %+v", it)
	}
}

func TestTagsEditedOnBothSides(t *testing.T) {
	t.Parallel()
	for range 2 {
		p := newPair(t)
		if err := p.one.Tag(t.Context(), p.a, "base", "gone", "both"); err != nil {
			t.Fatal(err)
		}
		p.one.sync()
		p.two.sync()
		p.account.tick()
		must := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		must(p.one.Tag(t.Context(), p.a, "fromA"))
		must(p.one.Untag(t.Context(), p.a, "both"))
		p.account.tick()
		must(p.two.Tag(t.Context(), p.a, "fromB"))
		must(p.two.Untag(t.Context(), p.a, "gone", "both"))
		p.settle(t)
		for _, d := range []*device{p.one, p.two} {
			if it := d.get(p.a); !slices.Equal(it.Tags, []string{"base", "fromA", "fromB"}) {
				t.Fatalf("the tags are %q", it.Tags)
			}
		}
	}
}

// Two bookmarks of one URL share its tags, on whichever device either of them is edited.
func TestTagsOfTwoBookmarksOfOneURL(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	twin, err := p.one.Insert(t.Context(), bookmarks.Item{Parent: bookmarks.Toolbar, Title: "twin", URL: p.one.get(p.a).URL, Tags: []string{"base", "gone"}}, 0)
	if err != nil {
		t.Fatal(err)
	}
	p.one.sync()
	p.two.sync()
	p.account.tick()
	if err := p.one.Tag(t.Context(), p.a, "fromA"); err != nil {
		t.Fatal(err)
	}
	// Another client tags one of the two alone, and does not know the other.
	record := string(p.account.records[twin.ID].Payload)
	p.account.put(twin.ID, strings.Replace(record, `["base","gone"]`, `["base","phone"]`, 1))
	p.settle(t)
	for _, d := range []*device{p.one, p.two} {
		for _, guid := range []engine.ID{p.a, twin.ID} {
			if it := d.get(guid); !slices.Equal(it.Tags, []string{"base", "fromA", "phone"}) {
				t.Fatalf("the tags of %s are %q", it.Title, it.Tags)
			}
		}
	}
}

func TestImportOfWhatIsHere(t *testing.T) {
	t.Parallel()
	d := newAccount().device(t)
	d.importPage(page(`HREF="https://e.example/1" ADD_DATE="1600000000" TAGS="mine">One`, `HREF="https://e.example/2" SHORTCUTURL="two">Two`,
		`HREF="https://e.example/3" SHORTCUTURL="three">Three`))
	d.sync()
	r := d.importPage(page(`HREF="https://e.example/1" ADD_DATE="1500000000" SHORTCUTURL="one" TAGS="new">One`,
		`HREF="https://e.example/2" SHORTCUTURL="other">Two`, `HREF="https://e.example/3" SHORTCUTURL="three">Three`,
		`HREF="https://e.example/4" SHORTCUTURL="three">Four`))
	if r.Added != 1 || r.Duplicates != 2 || r.Updated != 1 || r.Skipped != 2 || !strings.Contains(r.Skips[0].Reason, `"other"`) {
		t.Fatalf("imported %+v; want one added, one merged, and two keywords left out by name", r)
	}
	if it := d.one(url1); !slices.Equal(it.Tags, []string{"mine", "new"}) || it.Keyword != "one" || it.Added.Unix() != 1_500_000_000 {
		t.Fatalf("it is %+v", it)
	}
	if d.one("https://e.example/2").Keyword != "two" || d.one("https://e.example/3").Keyword != "three" {
		t.Fatal("a keyword was replaced")
	}
	if _, out := d.sync(); !slices.ContainsFunc(out, func(o engine.Outgoing) bool { return strings.Contains(string(o.Payload), `"dateAdded":1500000000000`) }) {
		t.Fatalf("the earlier date did not go up, but %d records", len(out))
	}
	// Importing the same file again adds nothing.
	if r := d.importPage(page(`HREF="https://e.example/1" ADD_DATE="1500000000" SHORTCUTURL="one" TAGS="new">One`)); r.Updated != 0 || r.Skipped != 0 {
		t.Fatalf("imported %+v", r)
	}
	if _, out := d.sync(); len(out) > 0 {
		t.Fatalf("%d records go up", len(out))
	}
}

// A date of addition that only the server's record has reaches every device, whatever else the
// record says.
func TestTheEarliestDateReachesEveryDevice(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	early := time.UnixMilli(1_400_000_000_000)
	record := p.account.record(t, p.a)
	p.account.put(p.a, strings.Replace(string(p.account.records[p.a].Payload), fmt.Sprintf(`"dateAdded":%.0f`, record["dateAdded"]), `"dateAdded":1400000000000`, 1))
	p.settle(t)
	// A date that another client made later is corrected, once.
	p.account.put(p.b, strings.Replace(string(p.account.records[p.b].Payload), `"dateAdded":`, `"dateAdded":9`, 1))
	p.settle(t)
	for _, d := range []*device{p.one, p.two} {
		if it := d.get(p.a); !it.Added.Equal(early) {
			t.Errorf("it was added %v; want %v", it.Added, early)
		}
	}
	if got := p.account.record(t, p.b)["dateAdded"]; got != float64(p.one.get(p.b).Added.UnixMilli()) {
		t.Errorf("the server has the date %v", got)
	}
}

func TestRestoringABackupOfWhatWasDeleted(t *testing.T) {
	t.Parallel()
	a := newAccount()
	one, two := a.device(t), a.device(t)
	var folders []engine.ID
	for i := range 3 {
		f := one.addFolder(bookmarks.Menu, fmt.Sprint("folder ", i))
		for j := range 15 {
			guid := one.add(f, fmt.Sprint("page ", i, j))
			if err := one.Tag(t.Context(), guid, fmt.Sprint("t", j%5)); err != nil {
				t.Fatal(err)
			}
		}
		folders = append(folders, f)
	}
	one.sync()
	two.sync()
	for _, format := range []string{"json", "jsonlz4"} {
		var backup bytes.Buffer
		if err := one.ExportAs(t.Context(), &backup, format); err != nil {
			t.Fatal(err)
		}
		for _, f := range folders {
			one.remove(f)
		}
		if r := one.importPage(backup.String()); r.Added != 48 || r.Skipped != 0 {
			t.Fatalf("imported %+v; want 48 items back", r)
		}
		if _, out := one.sync(); len(out) > 0 {
			t.Fatalf("%s: %d records go up; want none, for all is as it was", format, len(out))
		}
		if m, out := two.sync(); m.Applied > 0 || len(out) > 0 {
			t.Fatalf("%s: the other device applied %d and sends %d", format, m.Applied, len(out))
		}
	}
	// Part of the deletion is synced before the backup is restored. That part comes back on
	// all devices under its GUIDs, and the other device's later edits stay where they are.
	var backup bytes.Buffer
	if err := one.ExportAs(t.Context(), &backup, "json"); err != nil {
		t.Fatal(err)
	}
	before := one.titles(folders[0])
	one.remove(folders[0])
	one.sync()
	one.remove(folders[1])
	one.importPage(backup.String())
	two.add(folders[2], "offline")
	two.rename(folders[1], "renamed offline")
	one.sync()
	rest(t, one, two)
	for _, d := range []*device{one, two} {
		d.want(folders[0], before...)
		if got := d.titles(folders[2]); got[len(got)-1] != "offline" {
			t.Errorf("%q", got)
		}
		if n, err := d.Count(t.Context()); n != 49 || err != nil || d.get(folders[1]).Title != "renamed offline" {
			t.Errorf("%d items, %v; want 49, none twice", n, err)
		}
	}
}

// An import finds an item by its GUID, also in another folder than the backup's.
func TestImportOfWhatWasMoved(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	var backup bytes.Buffer
	if err := p.one.ExportAs(t.Context(), &backup, "json"); err != nil {
		t.Fatal(err)
	}
	p.one.move(p.x, bookmarks.Toolbar, 0)
	p.one.rename(p.b, "B")
	p.one.rename(p.f, "F")
	if r := p.one.importPage(backup.String()); r.Added != 0 || r.Duplicates != 5 {
		t.Fatalf("imported %+v; want nothing added", r)
	}
	p.one.want(bookmarks.Menu, "a", "B", "c", "F/")
	p.one.want(bookmarks.Toolbar, "x")
}
