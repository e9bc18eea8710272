package exchange

import "io"

// Types of what Safari's Bookmarks.plist holds.
const (
	safariLeaf = "WebBookmarkTypeLeaf"
	safariList = "WebBookmarkTypeList"
)

// safariRoots maps the roots of Safari to roots of the tree.
var safariRoots = map[string]Root{"BookmarksBar": Toolbar, "BookmarksMenu": Menu}

func readSafari(parse func(io.Reader) (*plist, error), r io.Reader, b *builder) error {
	file, err := parse(r)
	if err != nil {
		return err
	}
	return fromSafari(file, b)
}

// fromSafari converts Safari's Bookmarks.plist. The reading list becomes a folder, as in
// the HTML that Safari exports.
func fromSafari(file *plist, b *builder) error {
	if file.text("WebBookmarkType") != safariList {
		return ErrFormat
	}
	descend(file.children(), (*plist).children, func(n *plist, depth int) (entered bool) {
		it := &Item{Title: n.text("Title"), URL: n.text("URLString")}
		switch n.text("WebBookmarkType") {
		case safariList:
			enterSafariList(it, depth, b)
			return true
		case safariLeaf:
			if title := n.in("URIDictionary").text("title"); title != "" {
				it.Title = title
			}
			reading := n.in("ReadingList")
			it.Added = b.parseDate(it, reading.text("DateAdded"))
			b.describe(it, reading.text("PreviewText"))
			b.add(it)
		case "WebBookmarkTypeProxy":
			// Safari's own entries, such as its history.
		default:
			b.skip(it, "it is neither a bookmark nor a folder")
		}
		return false
	}, b.leave)
	return nil
}

// enterSafariList opens a folder. A root is a folder at the top with the name of one.
func enterSafariList(it *Item, depth int, b *builder) {
	if root := safariRoots[it.Title]; root != "" && depth == 0 {
		b.enterRoot(root)
		return
	}
	if it.Title == "com.apple.ReadingList" {
		it.Title = "Reading List"
	}
	b.enter(it)
}

func (p *plist) children() []*plist { return p.list("Children") }
