package bookmarks_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engines/bookmarks"
	"github.com/syncmanager/syncmanager/internal/test/long"

	"pgregory.net/rapid"
)

// model is two devices and an account under random edits.
type model struct {
	*rapid.T
	account *account
	devices []*device
	made    map[engine.ID]string // title of each item that somebody made
	gone    map[engine.ID]bool   // what somebody deleted
	n       int
}

// nodes lists a device's tree, a folder before what is in it.
func (m *model) nodes(d *device) (all []*bookmarks.Node) {
	top, err := d.Tree(context.Background(), bookmarks.Root)
	if err != nil {
		m.Fatal(err)
	}
	var walk func(*bookmarks.Node)
	walk = func(n *bookmarks.Node) {
		all = append(all, n)
		for _, c := range n.Children {
			walk(c)
		}
	}
	walk(top)
	return all
}

func (m *model) pick(label string, d *device, fits func(*bookmarks.Node) bool) *bookmarks.Node {
	all := slices.DeleteFunc(m.nodes(d), func(n *bookmarks.Node) bool { return !fits(n) })
	if len(all) == 0 {
		return nil
	}
	return all[rapid.IntRange(0, len(all)-1).Draw(m.T, label)]
}

func isFolder(n *bookmarks.Node) bool {
	return n.Kind == bookmarks.Folder && n.ID != bookmarks.Root
}
func isItem(n *bookmarks.Node) bool     { return !bookmarks.IsRoot(n.ID) }
func isBookmark(n *bookmarks.Node) bool { return n.Kind == bookmarks.Bookmark }

func (m *model) edit(d *device) {
	ctx := context.Background()
	m.account.tick()
	var err error
	switch rapid.SampledFrom([]string{"add", "add", "folder", "separator", "rename", "move", "move", "remove", "tag", "keyword", "sort", "undo"}).Draw(m.T, "edit") {
	case "add", "folder", "separator":
		m.n++
		kind := rapid.SampledFrom([]bookmarks.Kind{bookmarks.Bookmark, bookmarks.Bookmark, bookmarks.Folder, bookmarks.Separator}).Draw(m.T, "kind")
		it := bookmarks.Item{Kind: kind, Title: fmt.Sprint("item ", m.n), URL: fmt.Sprintf("https://example.org/%d", m.n%7)}
		it.Parent = m.pick("into", d, isFolder).ID
		if it, err = d.Insert(ctx, it, rapid.IntRange(-1, 3).Draw(m.T, "at")); err == nil {
			m.made[it.ID] = it.Title
		}
	case "rename":
		if n := m.pick("rename", d, func(n *bookmarks.Node) bool { return isItem(n) && n.Kind != bookmarks.Separator }); n != nil {
			m.n++
			title := fmt.Sprint("renamed ", m.n)
			_, err = d.UpdateFields(ctx, n.ID, bookmarks.Change{Title: &title})
		}
	case "move", "sort":
		if n := m.pick("move", d, isItem); n != nil {
			err = d.Move(ctx, n.ID, m.pick("into", d, isFolder).ID, rapid.IntRange(-1, 3).Draw(m.T, "at"))
			if err != nil {
				err = nil // into itself
			}
		}
	case "remove":
		if n := m.pick("remove", d, isItem); n != nil {
			var walk func(*bookmarks.Node)
			walk = func(n *bookmarks.Node) {
				m.gone[n.ID] = true
				for _, c := range n.Children {
					walk(c)
				}
			}
			walk(n)
			err = d.Delete(ctx, n.ID)
		}
	case "undo":
		before := m.nodes(d)
		if _, err := d.Undo(ctx, ""); err != nil && !errors.Is(err, engine.ErrNoRun) {
			m.Fatal(err)
		}
		left := make(map[engine.ID]bool)
		for _, n := range m.nodes(d) {
			left[n.ID] = true
		}
		for _, n := range before {
			if !left[n.ID] {
				m.gone[n.ID] = true
			}
		}
	case "tag":
		if n := m.pick("tag", d, isBookmark); n != nil {
			tag := rapid.SampledFrom([]string{"red", "green", "blue"}).Draw(m.T, "tag")
			if slices.Contains(n.Tags, tag) {
				err = d.Untag(ctx, n.ID, tag)
			} else {
				err = d.Tag(ctx, n.ID, tag)
			}
		}
	case "keyword":
		if n := m.pick("keyword", d, isBookmark); n != nil {
			word := rapid.SampledFrom([]string{"", "k", "l"}).Draw(m.T, "keyword")
			_, err = d.UpdateFields(ctx, n.ID, bookmarks.Change{Keyword: &word})
		}
	}
	if err != nil {
		m.Fatal(err)
	}
}

// shape is a tree as text, without times.
func (m *model) shape(d *device) string {
	var text []byte
	for _, n := range m.nodes(d) {
		line, _ := json.Marshal([]any{n.Parent, n.Position, n.ID, n.Kind, n.Title, n.URL, n.Tags, n.Keyword})
		text = append(append(text, line...), '\n')
	}
	return string(text)
}

// Two devices make random edits, connections break, and records come in any order. In the end
// both have the same tree, with each item that was not deleted exactly once.
func TestDevicesConverge(t *testing.T) {
	t.Parallel()
	long.Check(t, 30, func(rt *rapid.T) {
		m := &model{T: rt, account: newAccount(), made: make(map[engine.ID]string), gone: make(map[engine.ID]bool)}
		for range 2 {
			d := m.account.device(t)
			d.SetAtOnce(rapid.SampledFrom([]int{2, 5, 1000}).Draw(rt, "at once"))
			d.shuffle = func(page []engine.Incoming) {
				for i := range page {
					j := rapid.IntRange(i, len(page)-1).Draw(rt, "shuffle")
					page[i], page[j] = page[j], page[i]
				}
			}
			m.devices = append(m.devices, d)
		}
		for range rapid.IntRange(1, 40).Draw(rt, "steps") {
			d := m.devices[rapid.IntRange(0, 1).Draw(rt, "device")]
			if rapid.IntRange(0, 4).Draw(rt, "what") == 0 {
				d.lose = rapid.IntRange(0, 2).Draw(rt, "lose")
				d.start.AcceptDeletions = true
				d.start.Prefer = rapid.SampledFrom([]engine.Side{engine.PreferNeither, engine.PreferNeither, engine.PreferLocal, engine.PreferRemote}).Draw(rt, "prefer")
				if _, _, err := d.trySync(); err != nil && !errors.Is(err, errBroken) {
					rt.Fatal(err)
				}
			} else {
				m.edit(d)
			}
		}
		m.settle()
	})
}

// settle syncs until nothing changes, and fails the test if that takes many rounds.
func (m *model) settle() {
	for round := 0; ; round++ {
		sent := 0
		for _, d := range m.devices {
			d.lose = 0
			d.start.AcceptDeletions = true
			_, out, err := d.trySync()
			if err != nil {
				m.Fatal(err)
			}
			sent += len(out)
		}
		if sent == 0 {
			break
		}
		if round == 4 {
			m.Fatalf("the devices still send records to each other:\n%s\n%s", m.shape(m.devices[0]), m.shape(m.devices[1]))
		}
	}
	a, b := m.shape(m.devices[0]), m.shape(m.devices[1])
	if a != b {
		m.Fatalf("the devices differ:\n%s\n%s", a, b)
	}
	seen := make(map[engine.ID]bool)
	for _, n := range m.nodes(m.devices[0]) {
		if seen[n.ID] {
			m.Fatalf("%s is there twice", n.ID)
		}
		seen[n.ID] = true
		if isItem(n) && m.made[n.ID] == "" && n.Kind != bookmarks.Separator {
			m.Fatalf("%s %q came from nowhere", n.ID, n.Title)
		}
	}
	for guid, title := range m.made {
		if !seen[guid] && !m.gone[guid] && title != "" {
			m.Fatalf("%s %q is lost:\n%s", guid, title, a)
		}
	}
	for _, d := range m.devices {
		c, err := d.Check(context.Background())
		if err != nil || len(c.Counts) > 0 {
			m.Fatalf("the check finds %v: %v, %v\n%s", c.Counts, c.Faults, err, a)
		}
	}
}
