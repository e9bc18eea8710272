package interop_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	syncmanager "github.com/syncmanager/syncmanager"
	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engines/bookmarks"
	"github.com/syncmanager/syncmanager/internal/test/firefoxsync"
	"github.com/syncmanager/syncmanager/internal/test/testenv"
)

// item is a bookmark in the terms of both sides.
type item = firefoxsync.Bookmark

// last is the index behind a folder's last child.
const last = firefoxsync.Last

// side is one of two browsers that sync the bookmarks of an account. A story runs again with
// the sides exchanged. A method that does not work fails the test.
type side interface {
	name() string
	// sync returns how many records of bookmarks were uploaded. It fails the test if a record
	// could not be applied, or if the tree on the server has faults.
	sync(t *testing.T) (sent int)
	add(t *testing.T, b item) (guid string)
	edit(t *testing.T, guid string, f func(*item))
	move(t *testing.T, guid, folder string, index int)
	order(t *testing.T, folder string, guids ...string)
	remove(t *testing.T, guids ...string)
	tree(t *testing.T) item
	// age makes unsynced changes look that much older, on a side that compares times less
	// exactly than it stores them.
	age(t *testing.T, by time.Duration)
}

// ourSide is a device of ours.
type ourSide struct{ *testenv.Device }

func (s ourSide) name() string { return "we" }

func (s ourSide) sync(t *testing.T) int {
	t.Helper()
	r, err := s.Manager.Sync(t.Context(), syncmanager.Options{Engines: []string{"bookmarks"}})
	b := r.Engines["bookmarks"]
	if err != nil || b.Status != syncmanager.StatusOK || b.Failed > 0 || len(b.Problems) > 0 {
		t.Fatalf("our sync ended with %v: %+v", err, b)
	}
	return b.Uploaded
}

func (s ourSide) add(t *testing.T, b item) string {
	t.Helper()
	kinds := map[string]bookmarks.Kind{
		firefoxsync.PlainBookmark: bookmarks.Bookmark, firefoxsync.Folder: bookmarks.Folder, firefoxsync.Separator: bookmarks.Separator,
	}
	added, err := s.Bookmarks.Insert(t.Context(), bookmarks.Item{
		ID: engine.ID(b.GUID), Kind: kinds[b.Kind], Parent: engine.ID(b.Parent), Title: b.Title, URL: b.URL, Tags: b.Tags, Keyword: b.Keyword,
	}, b.Index)
	check(t, err)
	for i, c := range b.Children {
		c.Parent, c.Index = string(added.ID), i
		s.add(t, c)
	}
	return string(added.ID)
}

func (s ourSide) edit(t *testing.T, guid string, f func(*item)) {
	t.Helper()
	it, err := s.Bookmarks.Get(t.Context(), engine.ID(guid))
	check(t, err)
	b := itemOf(&it)
	before := b
	f(&b)
	c := bookmarks.Change{}
	if b.Title != before.Title {
		c.Title = &b.Title
	}
	if b.URL != before.URL {
		c.URL = &b.URL
	}
	if b.Keyword != before.Keyword {
		c.Keyword = &b.Keyword
	}
	if !slices.Equal(b.Tags, before.Tags) {
		c.Tags = &b.Tags
	}
	_, err = s.Bookmarks.UpdateFields(t.Context(), engine.ID(guid), c)
	check(t, err)
}

func (s ourSide) move(t *testing.T, guid, folder string, index int) {
	t.Helper()
	check(t, s.Bookmarks.Move(t.Context(), engine.ID(guid), engine.ID(folder), index))
}

func (s ourSide) order(t *testing.T, folder string, guids ...string) {
	t.Helper()
	for i, guid := range guids {
		check(t, s.Bookmarks.Move(t.Context(), engine.ID(guid), engine.ID(folder), i))
	}
}

func (s ourSide) remove(t *testing.T, guids ...string) {
	t.Helper()
	ids := make([]engine.ID, len(guids))
	for i, guid := range guids {
		ids[i] = engine.ID(guid)
	}
	_, err := s.Bookmarks.DeleteMany(t.Context(), ids)
	check(t, err)
}

func (s ourSide) tree(t *testing.T) item {
	t.Helper()
	root, err := s.Bookmarks.Tree(t.Context(), bookmarks.Root)
	check(t, err)
	return nodeOf(root)
}

func (s ourSide) age(*testing.T, time.Duration) {}

func nodeOf(n *bookmarks.Node) item {
	b := itemOf(&n.Item)
	for _, c := range n.Children {
		b.Children = append(b.Children, nodeOf(c))
	}
	return b
}

func itemOf(it *bookmarks.Item) item {
	b := item{
		GUID: string(it.ID), Kind: it.Kind.String(), Parent: string(it.Parent), Index: it.Position, Title: it.Title,
		URL: it.URL, Tags: it.Tags, Keyword: it.Keyword, DateAdded: it.Added.UnixMilli(),
	}
	if it.Kind == bookmarks.Query {
		b.Kind = firefoxsync.PlainBookmark
	}
	return b
}

// theirSide is a real Firefox.
type theirSide struct{ *firefoxsync.Firefox }

func (s theirSide) name() string { return "Firefox" }

func (s theirSide) sync(t *testing.T) int {
	t.Helper()
	r, err := s.Sync(t.Context(), "bookmarks")
	check(t, err)
	b := r.Engines["bookmarks"]
	if b.Failed+b.SendFailed > 0 || len(b.Problems) > 0 {
		t.Fatalf("Firefox found on the server %v, and says %+v", b.Problems, b)
	}
	return b.Sent
}

func (s theirSide) add(t *testing.T, b item) string {
	t.Helper()
	guid, err := s.AddBookmark(t.Context(), b)
	check(t, err)
	return guid
}

func (s theirSide) edit(t *testing.T, guid string, f func(*item)) {
	t.Helper()
	check(t, s.EditBookmark(t.Context(), guid, f))
}

func (s theirSide) move(t *testing.T, guid, folder string, index int) {
	t.Helper()
	check(t, s.MoveBookmark(t.Context(), guid, folder, index))
}

func (s theirSide) order(t *testing.T, folder string, guids ...string) {
	t.Helper()
	check(t, s.OrderBookmarks(t.Context(), folder, guids...))
}

func (s theirSide) remove(t *testing.T, guids ...string) {
	t.Helper()
	check(t, s.RemoveBookmarks(t.Context(), guids...))
}

func (s theirSide) tree(t *testing.T) item {
	t.Helper()
	root, err := s.Bookmarks(t.Context())
	check(t, err)
	return root
}

func (s theirSide) age(t *testing.T, by time.Duration) {
	t.Helper()
	check(t, s.AgeBookmarks(t.Context(), by))
}

// plain removes from a tree what may differ between the sides: when an item was changed, what
// concerns the roots themselves, and within a minute, when an item was added. Firefox has it
// added no later than its record was stored, in hundredths of a second, and does not sync that
// one of two equal bookmarks was the older.
func plain(b item, times map[string]int64) item {
	const minute = 60_000
	b.LastModified = 0
	if b.Parent == "" || b.Parent == firefoxsync.Root {
		b.Title, b.Parent, b.DateAdded, b.Index = "", "", 0, 0
	}
	if t, ok := times[b.GUID]; ok && t-minute < b.DateAdded && b.DateAdded < t+minute {
		b.DateAdded = t
	}
	times[b.GUID] = b.DateAdded
	if b.GUID == firefoxsync.Root {
		b.Children = slices.SortedFunc(slices.Values(b.Children), func(a, b item) int { return cmp.Compare(a.GUID, b.GUID) })
	}
	children := b.Children
	b.Children = nil
	for _, c := range children {
		b.Children = append(b.Children, plain(c, times))
	}
	return b
}

// differences names what is different in two trees, a line each.
func differences(a, b item) (lines []string) {
	times := map[string]int64{}
	a, b = plain(a, times), plain(b, times)
	flat := func(root item) map[string]string {
		all := map[string]string{}
		var walk func(item)
		walk = func(b item) {
			for _, c := range b.Children {
				walk(c)
			}
			b.Children = nil
			text, _ := json.Marshal(b)
			all[b.GUID] = string(text)
		}
		walk(root)
		return all
	}
	one, two := flat(a), flat(b)
	for guid := range two {
		if _, ok := one[guid]; !ok {
			one[guid] = ""
		}
	}
	for guid, text := range one {
		if text != two[guid] {
			lines = append(lines, fmt.Sprintf("%s\n\tthe one:   %s\n\tthe other: %s", guid, text, two[guid]))
		}
	}
	slices.Sort(lines)
	return lines
}

// settle syncs until all that was changed on either side is on both, and fails the test unless
// both then have the same tree and nothing more to send.
func settle(t *testing.T, a, b side) {
	t.Helper()
	a.sync(t)
	b.sync(t)
	a.sync(t)
	if lines := differences(a.tree(t), b.tree(t)); len(lines) > 0 {
		t.Fatalf("%s and %s have different bookmarks: %s", a.name(), b.name(), strings.Join(lines, "\n"))
	}
	if n := b.sync(t); n > 0 {
		t.Errorf("%s sent %d records although all was said", b.name(), n)
	}
	if n := a.sync(t); n > 0 {
		t.Errorf("%s sent %d records although all was said", a.name(), n)
	}
}
