package exchange

// chromeRoots are where the roots of Chrome go.
var chromeRoots = map[string]Root{"bookmark_bar": Toolbar, "other": Unfiled, "synced": Mobile}

// fromChrome takes over the Bookmarks file of Chrome or one of its relatives. Some
// of those have roots of their own: they become folders of the menu, but for what
// the user threw away.
func fromChrome(file *node, b *builder) {
	top := make(map[*node]bool)
	for _, n := range file.roots.children {
		top[n] = true
	}
	walkNodes(file.roots.children, func(n *node) bool {
		it := &Item{
			Title: n.title, URL: n.url, Line: n.line,
			Added: fromWebkit(number(n.added)), Modified: fromWebkit(number(n.modified)),
		}
		switch {
		case top[n] && chromeRoots[n.root] != "":
			b.enterRoot(chromeRoots[n.root])
			return true
		case top[n] && n.root == "trash":
			b.skip(it, "it is in the browser's trash")
			return false
		case n.kind == "folder":
			b.enter(it)
			return true
		case n.kind == "url":
			b.add(it)
		case top[n] && n.children == nil:
			// Not a node: some browsers keep a setting there.
		default:
			b.skip(it, "it is neither a bookmark nor a folder")
		}
		return false
	}, b.leave)
}
