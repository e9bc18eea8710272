package exchange

import "io"

// Types of what Safari's Bookmarks.plist holds.
const (
	safariLeaf = "WebBookmarkTypeLeaf"
	safariList = "WebBookmarkTypeList"
)

func readSafari(parse func(io.Reader) (*plist, error), r io.Reader, b *builder) error {
	file, err := parse(r)
	if err != nil {
		return err
	}
	return fromSafari(file, b)
}

// fromSafari takes over Safari's Bookmarks.plist. Its reading list becomes a folder, as in
// Safari's own HTML.
func fromSafari(file *plist, b *builder) error {
	if file.text("WebBookmarkType") != safariList {
		return ErrFormat
	}
	type cursor struct{ rest []*plist }
	stack := []cursor{{file.list("Children")}}
	for {
		top := &stack[len(stack)-1]
		if len(top.rest) == 0 {
			if stack = stack[:len(stack)-1]; len(stack) == 0 {
				return nil
			}
			b.leave()
			continue
		}
		n := top.rest[0]
		top.rest = top.rest[1:]
		it := &Item{Title: n.text("Title"), URL: n.text("URLString")}
		switch n.text("WebBookmarkType") {
		case safariList:
			root := Root("")
			if len(stack) == 1 {
				root = map[string]Root{"BookmarksBar": Toolbar, "BookmarksMenu": Menu}[it.Title]
			}
			if it.Title == "com.apple.ReadingList" {
				it.Title = "Reading List"
			}
			if root != "" {
				b.enterRoot(root)
			} else {
				b.enter(it)
			}
			stack = append(stack, cursor{n.list("Children")})
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
	}
}
