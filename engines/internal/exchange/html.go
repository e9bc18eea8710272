package exchange

import (
	"bytes"
	"html"
	"io"
	"strings"
)

// htmlReader reads Netscape's bookmark file. The format is what browsers write and Firefox
// reads; there is no standard. A heading names the folder whose items are in
// the list that follows it, <A> is a bookmark, <HR> a separator. The markup is
// rarely valid (<DT> and <p> are never closed), so the reader uses only these tags. Any
// other is text, also within a title, where programs do not escape "<script>".
type htmlReader struct {
	b *builder
	w *window
	// lists has, for each open folder, the number of open lists in it. It
	// is 0 between the folder's heading and its list.
	lists []int
	// described is the item of a <DD> until its description was noted; text means that there
	// is text in the line before the position.
	described *Item
	text      bool
	// last is the item that was read last.
	last *Item
	// doctype, list and term show that the file is one of bookmarks. pocket is set in a file
	// of Pocket, where <h1> names a folder.
	doctype, list, term, pocket bool
	// noHead and noComment mean that such an element has no end.
	noHead, noComment bool
}

// readHTML reads a file of bookmarks in HTML.
func readHTML(r io.Reader, b *builder) error {
	in, err := decodeHTML(r)
	if err != nil {
		return err
	}
	h := &htmlReader{b: b, w: newWindow(in), lists: []int{0}}
	if h.w.hasFold(0, utf8Mark) {
		h.w.advance(len(utf8Mark))
	}
	for {
		c, ok := h.w.at(0)
		switch {
		case !ok:
			return h.end()
		case c == '<':
			h.markup()
		default:
			h.between()
		}
	}
}

// between passes over text that is not a title.
func (h *htmlReader) between() {
	n := h.w.toByte('<')
	passed := h.w.text(0, n)
	at := bytes.LastIndexAny(passed, "\r\n")
	if at >= 0 {
		h.text = false
	}
	if len(bytes.TrimSpace(passed[at+1:])) > 0 {
		h.text = true
	}
	if len(bytes.TrimSpace(passed)) > 0 {
		h.describes()
	}
	h.w.advance(n)
}

// describes notes a description, which is left out.
func (h *htmlReader) describes() {
	if h.described != nil {
		h.b.leaveOut(descriptions, h.described)
		h.described = nil
	}
}

// markup takes the tag that begins here, or passes over what begins as a tag does.
func (h *htmlReader) markup() {
	if h.preamble() {
		return
	}
	t := h.w.structureAt(0)
	if n := h.asText(&t); n > 0 {
		h.text = true
		h.describes()
		h.w.advance(n)
		return
	}
	h.reportEnd(&t)
	h.text = false
	line := h.w.line
	h.w.advance(t.end)
	switch {
	case t.cut:
	case t.closing:
		h.endTag(t.name)
	default:
		h.start(t, line)
	}
}

// preamble passes over a comment and, before the first item, a document type or an element of
// the head; it reports whether one of these begins here.
func (h *htmlReader) preamble() bool {
	switch w := h.w; {
	case w.hasFold(0, "<!--") && h.comment():
		return true
	case h.list || h.term:
		return false
	case w.hasFold(0, "<!doctype"):
		n := min(w.toByte('>')+1, w.buffered())
		h.doctype = h.doctype || bytes.Contains(bytes.ToLower(w.text(0, n)), []byte("netscape-bookmark-file"))
		w.advance(n)
		return true
	}
	return h.headElement()
}

// asText returns the length of the text that begins with t, or 0 if t is a tag of the file.
func (h *htmlReader) asText(t *tag) int {
	if t.name == "" {
		return 1
	}
	if h.text {
		// A line of text may end with a list's end, or with the list of the heading before it.
		lineEnd := t.closing || t.name == "dl" && h.lists[len(h.lists)-1] == 0
		if item, end := h.w.itemAhead(0, false, false, lineEnd); !item {
			return max(end, 1)
		}
	}
	if t.broken && !t.isLink() {
		return 1
	}
	return 0
}

// reportEnd reports a tag that does not end as a tag should.
func (h *htmlReader) reportEnd(t *tag) {
	switch {
	case t.cut && h.w.failed() == nil:
		h.b.skips.Add(Skip{Line: h.w.line, Item: t.attrs["href"], Reason: "the file ends within a tag: it is cut off"})
		h.lists = h.lists[:1]
		h.lists[0] = 0 // so that end does not say it again
	case t.broken:
		h.b.skips.Add(Skip{Line: h.w.line, Item: t.attrs["href"], Reason: "its tag is never closed; what could be read of it was kept"})
	}
}

// comment passes over a comment at the beginning of a line, and reports whether there is
// one. Anywhere else, and without an end, "<!--" is text.
func (h *htmlReader) comment() bool {
	if h.text || h.described != nil || h.noComment {
		return false
	}
	n := 4
	for ; !h.w.hasFold(n, "-->"); n++ {
		if _, ok := h.w.at(n); !ok || n >= maxElement/2 {
			h.noComment = true
			return false
		}
	}
	within := bytes.ToLower(h.w.text(0, n))
	if bytes.Contains(within, []byte("<a ")) {
		h.b.skips.Add(Skip{Line: h.w.line, Reason: "bookmarks within a comment were left out"})
	}
	h.w.advance(n + 3)
	return true
}

// headElement passes over an element of the head with its content, and reports whether
// there is one.
func (h *htmlReader) headElement() bool {
	name, closing, end := h.w.tagName(0, head)
	if name == "" || closing || h.noHead {
		return false
	}
	const bound = 1 << 20
	for n := end; n < bound; n++ {
		c, ok := h.w.at(n)
		if !ok {
			break
		}
		if c != '<' || !h.w.hasFold(n, "</"+name) {
			continue
		}
		h.pocket = h.pocket || bytes.Contains(h.w.text(end, n), []byte("Pocket Export"))
		h.w.advance(n)
		h.w.advance(min(h.w.toByte('>')+1, h.w.buffered()))
		return true
	}
	h.noHead = true
	return false
}

func (h *htmlReader) start(t tag, line int) {
	h.described = nil
	switch name := t.name; {
	case name == "h1" && !h.pocket:
		h.title(isHeading) // the name of all of it
	case isHeading(name):
		h.heading(t, line)
	case name == "a":
		h.bookmark(t, line)
	case isList(name):
		h.list = true
		h.lists[len(h.lists)-1]++
	case name == "hr":
		h.b.add(&Item{Kind: Separator, Line: line})
	case name == "dt":
		h.term = true
	case name == "dd":
		h.described = h.last
	}
}

// title reads the title that begins here, with its closing tag.
func (h *htmlReader) title(closes func(string) bool) string {
	n, next := h.w.titleEnd(closes)
	text := utf8Text(h.w.text(0, n))
	h.w.advance(next)
	if strings.Contains(text, "\r") {
		text = strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", "\n"), "\r", "\n")
	}
	return strings.TrimSpace(html.UnescapeString(text))
}

func (h *htmlReader) bookmark(t tag, line int) {
	it := &Item{URL: t.attrs["href"], Tags: []string{t.attrs["tags"]}, PostData: t.attrs["post_data"], Line: line}
	if it.Keyword = t.attrs["shortcuturl"]; it.Keyword == "" {
		it.Keyword = t.attrs["nickname"]
	}
	if _, there := t.attrs["time_added"]; there && h.list {
		h.term = true
	}
	it.Title = h.title(func(name string) bool { return name == "a" })
	h.dates(it, t)
	h.last = it
	if isVivaldiSeparator(it.Title, it.URL) {
		it.Kind = Separator
	}
	h.b.add(it)
}

// heading opens the folder of a heading. What is between the heading and its list is in
// the folder, as in Firefox.
func (h *htmlReader) heading(t tag, line int) {
	it := &Item{Kind: Folder, Line: line}
	it.Title = h.title(isHeading)
	h.dates(it, t)
	h.last = it
	if len(h.lists) > 1 && h.lists[len(h.lists)-1] == 0 {
		h.leave() // two headings in a row
	}
	if root := headingRoot(t.attrs); root != "" {
		h.b.enterRoot(root)
	} else {
		h.b.enter(it)
	}
	h.lists = append(h.lists, 0)
}

func (h *htmlReader) endTag(name string) {
	if !isList(name) {
		return
	}
	h.described = nil
	// A folder without a list of its own ends with the list that it is in.
	for len(h.lists) > 1 && h.lists[len(h.lists)-1] == 0 {
		h.leave()
	}
	last := &h.lists[len(h.lists)-1]
	if *last > 0 {
		*last--
	}
	if len(h.lists) > 1 && *last == 0 {
		h.leave()
	}
}

func (h *htmlReader) leave() {
	h.lists = h.lists[:len(h.lists)-1]
	h.b.leave()
}

// rootAttrs are the attributes that mark the heading of a root. The first that is there counts.
var rootAttrs = []struct {
	name string
	root Root
}{
	{"personal_toolbar_folder", Toolbar}, {"bookmarks_menu", Menu}, {"unfiled_bookmarks_folder", Unfiled}, {mobileAttr, Mobile},
}

// headingRoot returns the root that a heading marks, or "".
func headingRoot(attrs map[string]string) Root {
	for _, attr := range rootAttrs {
		if value, ok := attrs[attr.name]; ok && !strings.EqualFold(value, "false") {
			return attr.root
		}
	}
	return ""
}

func (h *htmlReader) dates(it *Item, t tag) {
	added := t.attrs["add_date"]
	if added == "" {
		added = t.attrs["time_added"]
	}
	it.Added, it.Modified = h.b.parseDate(it, added), h.b.parseDate(it, t.attrs["last_modified"])
	if it.Added.IsZero() {
		it.Added = it.Modified
	}
}

// end returns an error if the file could not be read, or is not one of bookmarks.
func (h *htmlReader) end() error {
	if err := h.w.failed(); err != nil {
		return err
	}
	if !h.doctype && (!h.list || !h.term) {
		return ErrFormat
	}
	for _, open := range h.lists {
		if open > 0 {
			h.b.skips.Add(Skip{Line: h.w.lastText, Reason: "the file ends within a folder: it may be cut off"})
			break
		}
	}
	return nil
}
