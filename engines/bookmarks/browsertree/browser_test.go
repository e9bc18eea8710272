package browsertree_test

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engines/bookmarks"
	"github.com/syncmanager/syncmanager/engines/bookmarks/browsertree"
)

// browser is a model of a Chromium's bookmarks, and of the extension in it.
type browser struct {
	tb    testing.TB
	nodes map[string]*node
	made  int
	acks  []browsertree.Ack
	// session is that of this start; onDisk are the bookmarks as they were written last.
	session int
	onDisk  map[string]*node
	// aside are items that outline leaves out.
	aside []string
}

type node struct {
	browsertree.Node
	children []string
}

func newBrowser(tb testing.TB) *browser {
	b := &browser{tb: tb, nodes: map[string]*node{"0": {Node: browsertree.Node{ID: "0"}}}, made: 9}
	for _, root := range [][3]string{{"1", "bookmarks-bar", "Bookmarks bar"}, {"2", "other", "Other bookmarks"}} {
		b.nodes[root[0]] = &node{Node: browsertree.Node{ID: root[0], Parent: "0", Type: root[1], Title: root[2]}}
		b.nodes["0"].children = append(b.nodes["0"].children, root[0])
	}
	return b
}

// add adds a bookmark, or a folder without a URL, at a place or with -1 at the end.
func (b *browser) add(parent string, at int, title, url string) string {
	b.tb.Helper()
	p := b.nodes[parent]
	if p == nil || p.URL != nil {
		b.tb.Fatalf("the browser has no folder %q", parent)
	}
	b.made++
	n := &node{Node: browsertree.Node{ID: fmt.Sprint(b.made), Parent: parent, Title: clean(title), Added: 1_700_000_000_000 + int64(b.made)}}
	if url != "" {
		n.URL = &url
	}
	b.nodes[n.ID] = n
	b.insert(p, at, n.ID)
	return n.ID
}

// clean is what Chromium makes of a title.
func clean(title string) string { return strings.NewReplacer("\n", " ", "\t", " ").Replace(title) }

func (b *browser) insert(p *node, at int, id string) {
	if at < 0 || at > len(p.children) {
		at = len(p.children)
	}
	p.children = slices.Insert(p.children, at, id)
}

func (b *browser) move(id, parent string, at int) {
	n := b.nodes[id]
	from := b.nodes[n.Parent]
	from.children = slices.DeleteFunc(from.children, func(c string) bool { return c == id })
	n.Parent = parent
	b.insert(b.nodes[parent], at, id)
}

func (b *browser) remove(id string) {
	n := b.nodes[id]
	for _, c := range slices.Clone(n.children) {
		b.remove(c)
	}
	from := b.nodes[n.Parent]
	from.children = slices.DeleteFunc(from.children, func(c string) bool { return c == id })
	delete(b.nodes, id)
}

// write writes the bookmarks to the disk.
func (b *browser) write() { b.onDisk = cloned(b.nodes) }

func cloned(nodes map[string]*node) map[string]*node {
	c := make(map[string]*node, len(nodes))
	for id, n := range nodes {
		c[id] = &node{n.Node, slices.Clone(n.children)}
	}
	return c
}

// kill kills the browser, and starts it again with what is on the disk.
func (b *browser) kill() {
	b.nodes, b.acks = cloned(b.onDisk), nil
	b.session++
}

func (b *browser) within(id, folder string) bool {
	for ; id != ""; id = b.nodes[id].Parent {
		if id == folder {
			return true
		}
	}
	return false
}

// report lists the tree.
func (b *browser) report() (all []browsertree.Node) {
	for queue := []string{"0"}; len(queue) > 0; queue = queue[1:] {
		n := b.nodes[queue[0]]
		if n.ID != "0" {
			all = append(all, n.Node)
		}
		queue = append(queue, n.children...)
	}
	return all
}

// apply applies an operation as the extension does.
func (b *browser) apply(op browsertree.Op) {
	a := browsertree.Ack{N: op.N}
	defer func() { b.acks = append(b.acks, a) }()
	parent := op.Parent
	for _, made := range b.acks {
		if op.In != 0 && made.N == op.In {
			parent = made.ID
		}
	}
	if op.Do == browsertree.Create {
		switch {
		case b.nodes[parent] == nil:
			a.Stale = true
		case strings.HasPrefix(op.URL, "refused:"):
			a.Refused = true
		default:
			n := b.nodes[b.add(parent, op.Index, op.Title, op.URL)]
			a.ID, a.Title, a.URL, a.Added = n.ID, n.Title, op.URL, n.Added
		}
		return
	}
	n := b.nodes[op.ID]
	if n == nil || n.Title != op.Was.Title || op.Was.Parent != "" && n.Parent != op.Was.Parent || (n.URL == nil) != (op.Was.URL == "") || n.URL != nil && *n.URL != op.Was.URL {
		a.Stale = true
		return
	}
	switch op.Do {
	case browsertree.Move:
		if b.nodes[parent] == nil || b.within(parent, op.ID) {
			b.tb.Errorf("%+v cannot be done", op)
			a.Stale = true
			return
		}
		b.move(op.ID, parent, op.Index)
	case browsertree.Update:
		if n.Title = clean(op.Title); n.URL != nil {
			url := op.URL
			n.URL = &url
		}
		a.Title, a.URL = n.Title, op.URL
	case browsertree.Remove:
		if len(n.children) > 0 {
			b.tb.Errorf("%q is to be removed, and is not empty", n.Title)
			return
		}
		b.remove(op.ID)
	}
}

// outline is what is in a folder: "a b F(c d)".
func (b *browser) outline(id string) string {
	var parts []string
	for _, c := range b.nodes[id].children {
		n := b.nodes[c]
		if slices.Contains(b.aside, c) {
			continue
		}
		if n.URL == nil {
			parts = append(parts, n.Title+"("+b.outline(c)+")")
		} else {
			parts = append(parts, n.Title)
		}
	}
	return strings.Join(parts, " ")
}

// find finds an item by its title.
func (b *browser) find(title string) string {
	b.tb.Helper()
	for id, n := range b.nodes {
		if n.Title == title {
			return id
		}
	}
	b.tb.Fatalf("the browser has no %q", title)
	return ""
}

// pair is a browser and a store.
type pair struct {
	tb testing.TB
	*browser
	store *bookmarks.Engine
	view  *browsertree.View
	now   time.Time
}

func newStore(tb testing.TB, now func() time.Time) *bookmarks.Engine {
	tb.Helper()
	e, err := bookmarks.Open(tb.Context(), bookmarks.Config{Path: filepath.Join(tb.TempDir(), "places.sqlite"), Now: now})
	check(tb, err)
	tb.Cleanup(func() { check(tb, e.Close()) })
	return e
}

func newPair(tb testing.TB) *pair {
	tb.Helper()
	p := &pair{tb: tb, browser: newBrowser(tb), view: &browsertree.View{Install: "one"}, now: time.UnixMilli(1_800_000_000_000)}
	p.store = newStore(tb, func() time.Time { p.now = p.now.Add(time.Second); return p.now })
	return p
}

func check(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

func (p *pair) put(parent engine.ID, at int, kind bookmarks.Kind, title, url string, tags ...string) engine.ID {
	p.tb.Helper()
	it, err := p.store.Insert(p.tb.Context(), bookmarks.Item{Kind: kind, Parent: parent, Title: title, URL: url, Tags: tags}, at)
	check(p.tb, err)
	return it.ID
}

// exchange exchanges once, with a view as it is after a restart of the program.
func (p *pair) exchange(q browsertree.Request) browsertree.Result {
	p.tb.Helper()
	p.now = p.now.Add(time.Second)
	q.Nodes, q.Session = p.report(), fmt.Sprint(p.session)
	q.Acks, p.acks = p.acks, nil
	r, err := p.view.Exchange(p.tb.Context(), p.store, p.now, q)
	check(p.tb, err)
	return r
}

// settle exchanges until nothing is left to do.
func (p *pair) settle() {
	p.tb.Helper()
	for range 6 {
		r := p.exchange(browsertree.Request{Agreed: true})
		if r.Status != browsertree.Done {
			p.tb.Fatalf("the exchange is %s", r.Status)
		}
		for _, op := range r.Ops {
			p.apply(op)
		}
		if s := r.Store; len(r.Ops) == 0 && s.Added+s.Changed+s.Moved+s.Sorted+s.Deleted == 0 {
			return
		}
	}
	p.tb.Fatal("the browser and the store do not settle")
}

// stored is the outline of a folder of the store; a separator is "-", tags are in brackets.
func (p *pair) stored(folder engine.ID) string {
	p.tb.Helper()
	n, err := p.store.Tree(p.tb.Context(), folder)
	check(p.tb, err)
	return outline(n)
}

func outline(n *bookmarks.Node) string {
	var parts []string
	for _, c := range n.Children {
		switch {
		case c.Kind == bookmarks.Folder:
			parts = append(parts, c.Title+"("+outline(c)+")")
		case c.Kind == bookmarks.Separator:
			parts = append(parts, "-")
		case len(c.Tags) > 0:
			parts = append(parts, fmt.Sprint(c.Title, c.Tags))
		default:
			parts = append(parts, c.Title)
		}
	}
	return strings.Join(parts, " ")
}

// want checks the bookmarks bar of both.
func (p *pair) want(browser, store string) {
	p.tb.Helper()
	if got := p.outline("1"); got != browser {
		p.tb.Errorf("the browser has %q, want %q", got, browser)
	}
	if got := p.stored(bookmarks.Toolbar); got != store {
		p.tb.Errorf("the store has %q, want %q", got, store)
	}
}
