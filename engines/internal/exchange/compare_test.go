package exchange_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/engines/internal/exchange"
)

// outline writes a tree as text, an item a line, so that a difference can be read.
func outline(tree *exchange.Tree) string {
	var out strings.Builder
	var write func(depth int, items []*exchange.Item)
	write = func(depth int, items []*exchange.Item) {
		for _, it := range items {
			flat := *it
			flat.Children, flat.Line = nil, 0
			if len(flat.Tags) == 0 {
				flat.Tags = nil
			}
			raw, err := json.Marshal(flat)
			if err != nil {
				panic(err)
			}
			out.WriteString(strings.Repeat("  ", depth) + it.Kind.String() + " " + string(raw) + "\n")
			write(depth+1, it.Children)
		}
	}
	for _, r := range exchange.Roots {
		out.WriteString(string(r) + "\n")
		write(1, *tree.Root(r))
	}
	return out.String()
}

func sameTree(t *testing.T, name string, got, want *exchange.Tree) {
	t.Helper()
	a, b := strings.Split(outline(got), "\n"), strings.Split(outline(want), "\n")
	for i := range max(len(a), len(b)) {
		var line, wanted string
		if i < len(a) {
			line = a[i]
		}
		if i < len(b) {
			wanted = b[i]
		}
		if line != wanted {
			t.Fatalf("%s: line %d of %d is\n%s\nwant, of %d,\n%s", name, i+1, len(a), line, len(b), wanted)
		}
	}
}

// asHTML is what of a tree the HTML format can hold.
func asHTML(tree *exchange.Tree) *exchange.Tree {
	return mapped(tree, func(it *exchange.Item) {
		it.GUID = ""
		it.Title, it.PostData = strings.TrimSpace(it.Title), strings.TrimSpace(it.PostData)
		it.Added, it.Modified = it.Added.Truncate(time.Second), it.Modified.Truncate(time.Second)
		if it.Added.IsZero() {
			it.Added = it.Modified
		}
		if it.Kind == exchange.Separator {
			it.Added, it.Modified = time.Time{}, time.Time{}
		}
	})
}

func mapped(tree *exchange.Tree, f func(*exchange.Item)) *exchange.Tree {
	var each func([]*exchange.Item) []*exchange.Item
	each = func(items []*exchange.Item) (out []*exchange.Item) {
		for _, it := range items {
			changed := *it
			f(&changed)
			changed.Children = each(it.Children)
			out = append(out, &changed)
		}
		return out
	}
	var out exchange.Tree
	for _, r := range exchange.Roots {
		*out.Root(r) = each(*tree.Root(r))
	}
	return &out
}

// mobileInMenu is what a browser makes of the mobile root in HTML.
func mobileInMenu(tree *exchange.Tree) *exchange.Tree {
	out := mapped(tree, func(*exchange.Item) {})
	out.Menu = append(out.Menu, &exchange.Item{Kind: exchange.Folder, Title: "Mobile Bookmarks", Children: out.Mobile})
	out.Mobile = nil
	return out
}
