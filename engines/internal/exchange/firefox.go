package exchange

import (
	"cmp"
	"slices"
)

// The types of nodes in Firefox's JSON.
const (
	typeBookmark  = "text/x-moz-place"
	typeFolder    = "text/x-moz-place-container"
	typeSeparator = "text/x-moz-place-separator"
)

// rootNames are the names of the roots in Firefox's JSON.
var rootNames = map[string]Root{
	"bookmarksMenuFolder": Menu, "toolbarFolder": Toolbar, "unfiledBookmarksFolder": Unfiled, "mobileFolder": Mobile,
}

// fromFirefox converts a backup of Firefox: an object whose children are the roots.
func fromFirefox(file *node, b *builder) {
	tags := tagsOf(file)
	guids := make(map[string]string)
	descend(file.children, (*node).below, func(n *node, _ int) bool {
		byIndex(n.children)
		if n.kind == typeFolder {
			guids[n.id] = n.guid
		}
		return true
	}, func() {})
	byIndex(file.children)
	descend(file.children, (*node).below, func(n *node, _ int) (entered bool) {
		if n.root == tagsFolder {
			return false
		}
		it := &Item{
			GUID: n.guid, Title: n.title, URL: n.url, Keyword: n.keyword, PostData: n.postData, Line: n.line,
		}
		if rootOf(n) == "" {
			it.Added, it.Modified = b.parseDate(it, n.added), b.parseDate(it, n.modified)
		}
		if n.hasAnno("bookmarkProperties/description") {
			b.leaveOut(descriptions, it)
		}
		switch n.kind {
		case typeFolder:
			switch root := rootOf(n); {
			case root != "":
				b.enterRoot(root)
			case n.hasAnno("livemark/feedURI"):
				b.skip(it, liveBookmark)
				return false
			default:
				b.enter(it)
			}
			return true
		case typeSeparator:
			it.Kind = Separator
			b.add(it)
		case typeBookmark:
			it.Tags = append([]string{n.tags}, tags[n.url]...)
			it.URL = withGUIDs(n.url, guids)
			b.add(it)
		default:
			b.skip(it, "it is neither a bookmark nor a folder nor a separator")
		}
		return false
	}, b.leave)
}

const liveBookmark = "it is a live bookmark, which Firefox has no longer"

// byIndex sorts children by their indices, if all have one.
func byIndex(nodes []*node) {
	if !slices.ContainsFunc(nodes, func(n *node) bool { return n.index == "" }) {
		slices.SortStableFunc(nodes, func(a, b *node) int { return cmp.Compare(number(a.index), number(b.index)) })
	}
}

func rootOf(n *node) Root {
	if r := rootGUIDs[n.guid]; r != "" {
		return r
	}
	if r := rootNames[n.root]; r != "" {
		return r
	}
	if n.hasAnno("mobile/bookmarksRoot") {
		return Mobile
	}
	return ""
}

func (n *node) hasAnno(name string) bool {
	return slices.ContainsFunc(n.annos, func(a *node) bool { return a.title == name })
}

// tagsFolder marks the root with a folder for each tag in backups of old versions.
const tagsFolder = "tagsFolder"

// tagsOf returns the tags in such a root by URL.
func tagsOf(file *node) map[string][]string {
	tags := make(map[string][]string)
	for _, root := range file.children {
		if root.root != tagsFolder {
			continue
		}
		for _, tag := range root.children {
			for _, n := range tag.children {
				tags[n.url] = append(tags[n.url], tag.title)
			}
		}
	}
	return tags
}
