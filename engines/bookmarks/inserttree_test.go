package bookmarks_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engines/bookmarks"
)

func pageNode(title string) *bookmarks.Node {
	return &bookmarks.Node{Item: bookmarks.Item{Title: title, URL: "https://example.org/" + title}}
}

func folderNode(title string, children ...*bookmarks.Node) *bookmarks.Node {
	return &bookmarks.Node{Item: bookmarks.Item{Kind: bookmarks.Folder, Title: title}, Children: children}
}

func TestInsertTree(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	inner := folderNode("inner", pageNode("deep"))
	inner.ID = "innerfolder_"
	inner.Parent, inner.Position = "nowhere_____", 7 // not read
	first := pageNode("first")
	first.Tags, first.Keyword = []string{"red"}, "f"
	first.Added = time.UnixMilli(1_700_000_000_000)
	top := folderNode("top", first, &bookmarks.Node{Item: bookmarks.Item{Kind: bookmarks.Separator}}, inner, pageNode("last"))
	top.Parent = bookmarks.Menu
	added, err := p.one.InsertTree(t.Context(), top, 1)
	if err != nil {
		t.Fatal(err)
	}
	if top.ID != "" || top.Children[0].ID != "" {
		t.Error("the tree that was given was changed")
	}
	if added.Parent != bookmarks.Menu || added.Position != 1 || len(added.Children) != 4 || added.Children[2].Children[0].Parent != "innerfolder_" {
		t.Errorf("added %+v", added)
	}
	if it := added.Children[0]; !it.Added.Equal(first.Added) || !slices.Equal(it.Tags, first.Tags) || it.Keyword != "f" || it.Position != 0 {
		t.Errorf("the first item is %+v", it.Item)
	}
	p.one.want(bookmarks.Menu, "a", "top/", "b", "c", "f/")
	p.settle(t)
	for _, d := range []*device{p.one, p.two} {
		d.want(bookmarks.Menu, "a", "top/", "b", "c", "f/")
		d.want(added.ID, "first", "---", "inner/", "last")
		d.want("innerfolder_", "deep")
		d.sound()
	}
	// A bookmark is a tree, too.
	if _, err := p.one.InsertTree(t.Context(), pageNode("alone"), bookmarks.End); err != nil {
		t.Fatal(err)
	}
	p.one.want(bookmarks.Unfiled, "alone")
}

func TestInsertTreeAddsAllOrNothing(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	with := func(change func(*bookmarks.Node)) *bookmarks.Node {
		n := folderNode("top", pageNode("first"), folderNode("inner", pageNode("second")))
		change(n)
		return n
	}
	last := func(n *bookmarks.Node) *bookmarks.Node { return n.Children[1].Children[0] }
	deep := folderNode("deepest")
	for range 500 {
		deep = folderNode("f", deep)
	}
	loop := folderNode("loop")
	loop.Children = []*bookmarks.Node{loop}
	wide := folderNode("wide", slices.Repeat([]*bookmarks.Node{pageNode("again")}, bookmarks.MaxTree)...)
	for name, c := range map[string]struct {
		top  *bookmarks.Node
		want error
		says string
	}{
		"nil":                  {nil, engine.ErrInvalid, "nil"},
		"nil below":            {with(func(n *bookmarks.Node) { n.Children[1].Children[0] = nil }), engine.ErrInvalid, "nil"},
		"not a URL":            {with(func(n *bookmarks.Node) { last(n).URL = "nonsense" }), engine.ErrInvalid, `"second"`},
		"an empty tag":         {with(func(n *bookmarks.Node) { last(n).Tags = []string{" "} }), engine.ErrInvalid, `"second"`},
		"in a bookmark":        {with(func(n *bookmarks.Node) { last(n).Children = []*bookmarks.Node{pageNode("x")} }), bookmarks.ErrNotFolder, `"second"`},
		"an ID that is here":   {with(func(n *bookmarks.Node) { last(n).ID = p.x }), engine.ErrDuplicate, `"second"`},
		"an ID of a root":      {with(func(n *bookmarks.Node) { last(n).ID = bookmarks.Toolbar }), engine.ErrDuplicate, `"second"`},
		"a root's other name":  {with(func(n *bookmarks.Node) { last(n).ID = "toolbar" }), engine.ErrInvalid, "12 letters"},
		"not an ID":            {with(func(n *bookmarks.Node) { last(n).ID = "{twelve-xx}\n" }), engine.ErrInvalid, "12 letters"},
		"Firefox's tag folder": {with(func(n *bookmarks.Node) { n.ID = "tags________" }), engine.ErrInvalid, "12 letters"},
		"one ID twice": {with(func(n *bookmarks.Node) { n.Children[0].ID, last(n).ID = "samesamesame", "samesamesame" }),
			engine.ErrDuplicate, `"second"`},
		"a folder that is not here": {with(func(n *bookmarks.Node) { n.Parent = "nothing_____" }), engine.ErrNotFound, ""},
		"beside the roots":          {with(func(n *bookmarks.Node) { n.Parent = bookmarks.Root }), bookmarks.ErrRoot, ""},
		"too deep":                  {deep, engine.ErrInvalid, "500 folders deep"},
		"a loop":                    {loop, engine.ErrInvalid, "500 folders deep"},
		"too many":                  {wide, engine.ErrInvalid, fmt.Sprint("more than ", bookmarks.MaxTree)},
	} {
		if _, err := p.one.InsertTree(t.Context(), c.top, bookmarks.End); !errors.Is(err, c.want) || !strings.Contains(fmt.Sprint(err), c.says) {
			t.Errorf("%s: %v; want %v that says %q", name, err, c.want, c.says)
		}
	}
	if n, err := p.one.Count(t.Context()); err != nil || n != 5 {
		t.Errorf("%d items are here, %v; want the 5 of before", n, err)
	}
	if n, err := p.one.Changes(t.Context()); err != nil || n != 0 {
		t.Errorf("%d changes go up, %v", n, err)
	}
}

func TestInsertChecksIDs(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	for id, want := range map[engine.ID]error{p.a: engine.ErrDuplicate, "short": engine.ErrInvalid, "tags________": engine.ErrInvalid, "twelve chars": engine.ErrInvalid} {
		if _, err := p.one.Add(t.Context(), bookmarks.Item{ID: id, URL: "https://x.example/"}); !errors.Is(err, want) {
			t.Errorf("%q: %v; want %v", id, err, want)
		}
	}
	p.one.remove(p.a)
	if _, err := p.one.Add(t.Context(), bookmarks.Item{ID: p.a, Parent: bookmarks.Menu, Title: "back", URL: "https://x.example/"}); err != nil {
		t.Fatal(err)
	}
	p.settle(t)
	p.two.want(bookmarks.Menu, "b", "c", "f/", "back")
}
