package exchange

import "strings"

// chromeRoots are where the roots of Chrome go.
var chromeRoots = map[string]Root{"bookmark_bar": Toolbar, "other": Unfiled, "synced": Mobile}

// fromChrome takes over the Bookmarks file of Chrome or one of its relatives. Some
// of those have roots of their own: they become folders of the menu, but for what
// the user threw away.
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

// isVivaldiSeparator reports whether a bookmark is what Vivaldi keeps for a separator.
func isVivaldiSeparator(title, url string) bool {
	return title == "---" && strings.TrimSuffix(url, "/") == "http://bookmark.placeholder.url"
}

// join adds the items of a second file of the same browser to those of the first: a
// folder goes into the one of its name that is in the same place, and a bookmark that
// is there is not there twice.
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
