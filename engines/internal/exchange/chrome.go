package exchange

import "strings"

// chromeRoots maps the roots of Chrome to roots of the tree.
var chromeRoots = map[string]Root{"bookmark_bar": Toolbar, "other": Unfiled, "synced": Mobile}

// fromChrome converts the Bookmarks file of Chrome or a browser based on it. Some
// of these have roots of their own: they become folders of the menu, except for the trash.
func fromChrome(file *node, b *builder) {
	descend(file.roots.children, (*node).below, func(n *node, depth int) (entered bool) {
		top := depth == 0
		it := &Item{Title: n.title, URL: n.url, Keyword: n.nickname, Line: n.line}
		switch {
		case top && chromeRoots[n.root] != "":
			b.enterRoot(chromeRoots[n.root])
			return true
		case top && n.root == "trash":
			b.skip(it, "it is in the browser's trash")
			return false
		case top && n.children == nil && n.kind != "folder" && n.kind != "url":
			return false // not a node: some browsers keep a setting there
		}
		it.Added, it.Modified = b.parseDate(it, n.added), b.parseDate(it, n.modified)
		switch {
		case n.kind == "folder":
			if n.nickname != "" {
				b.leaveOut(folderNames, it)
			}
			b.describe(it, n.description)
			b.enter(it)
			return true
		case n.kind == "url" && isVivaldiSeparator(n.title, n.url):
			it.Kind = Separator
			b.add(it)
		case n.kind == "url":
			b.describe(it, n.description)
			b.add(it)
		default:
			b.skip(it, "it is neither a bookmark nor a folder")
		}
		return false
	}, b.leave)
}

// isVivaldiSeparator reports whether a bookmark is how Vivaldi stores a separator.
func isVivaldiSeparator(title, url string) bool {
	return title == "---" && strings.TrimSuffix(url, "/") == "http://bookmark.placeholder.url"
}

// join adds the items of a second file of the same browser to those of the first: it
// joins folders of one name in the same place, and leaves out bookmarks that the first
// file has there.
func join(into *[]*Item, more []*Item) {
	type place struct {
		into *[]*Item
		more []*Item
	}
	for todo := []place{{into, more}}; len(todo) > 0; {
		p := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		type name struct {
			kind       Kind
			title, url string
		}
		here := make(map[name][]*Item)
		for _, it := range *p.into {
			key := name{it.Kind, it.Title, it.URL}
			here[key] = append(here[key], it)
		}
		for _, it := range p.more {
			key := name{it.Kind, it.Title, it.URL}
			twins := here[key]
			if len(twins) == 0 || it.Kind == Separator {
				*p.into = append(*p.into, it)
				continue
			}
			here[key] = twins[1:] // two that are alike in one file stay two
			if it.Kind == Folder {
				todo = append(todo, place{&twins[0].Children, it.Children})
			}
		}
	}
}
