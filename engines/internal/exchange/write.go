package exchange

import (
	"bufio"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"strings"
	"time"
)

// mobileAttr marks the mobile root in HTML. Browsers do not know it: they read a folder
// of the menu.
const mobileAttr = "mobile_bookmarks_folder"

// WriteHTML writes the tree as browsers export bookmarks. Firefox reads it back
// unchanged, except for what the format cannot hold: GUIDs, fractions of seconds, the
// mobile root (which becomes a folder of the menu), and space around a title.
func WriteHTML(w io.Writer, t *Tree) error {
	h := htmlWriter{bufio.NewWriter(w)}
	h.line(0, `<!DOCTYPE NETSCAPE-Bookmark-file-1>`)
	h.line(0, `<META HTTP-EQUIV="Content-Type" CONTENT="text/html; charset=UTF-8">`)
	h.line(0, `<TITLE>Bookmarks</TITLE>`)
	h.line(0, `<H1>Bookmarks</H1>`)
	h.line(0, `<DL><p>`)
	h.items(1, t.Menu)
	h.root("personal_toolbar_folder", "Bookmarks Toolbar", t.Toolbar)
	h.root("unfiled_bookmarks_folder", "Other Bookmarks", t.Unfiled)
	h.root(mobileAttr, "Mobile Bookmarks", t.Mobile)
	h.line(0, `</DL>`)
	if err := h.Flush(); err != nil {
		return fmt.Errorf("writing bookmarks: %w", err)
	}
	return nil
}

// htmlWriter keeps the first error until Flush.
type htmlWriter struct{ *bufio.Writer }

func (h htmlWriter) line(depth int, parts ...string) {
	// The bound keeps the size of a deep tree proportional to its items.
	_, _ = h.WriteString(strings.Repeat("    ", min(depth, 16)))
	for _, part := range parts {
		_, _ = h.WriteString(part)
	}
	_ = h.WriteByte('\n')
}

func (h htmlWriter) root(attr, title string, items []*Item) {
	if len(items) > 0 {
		h.folder(1, ` `+strings.ToUpper(attr)+`="true"`, title, items)
	}
}

func (h htmlWriter) folder(depth int, attrs, title string, items []*Item) {
	h.line(depth, `<DT><H3`, attrs, `>`, markup(title), `</H3>`)
	h.line(depth, `<DL><p>`)
	h.items(depth+1, items)
	h.line(depth, `</DL><p>`)
}

func (h htmlWriter) items(depth int, items []*Item) {
	for _, it := range items {
		switch it.Kind {
		case Folder:
			h.folder(depth, dateAttrs(it), it.Title, it.Children)
		case Separator:
			h.line(depth, `<HR>`)
		default:
			attrs := attr("HREF", it.URL) + dateAttrs(it)
			if it.Keyword != "" {
				attrs += attr("SHORTCUTURL", it.Keyword)
				if it.PostData != "" {
					attrs += attr("POST_DATA", it.PostData)
				}
			}
			if len(it.Tags) > 0 {
				attrs += attr("TAGS", strings.Join(it.Tags, ","))
			}
			h.line(depth, `<DT><A`, attrs, `>`, markup(it.Title), `</A>`)
		}
	}
}

func attr(name, value string) string { return ` ` + name + `="` + markup(value) + `"` }

// markup escapes text. A bare CR would be read as a line end.
func markup(s string) string {
	return strings.ReplaceAll(html.EscapeString(s), "\r", "&#13;")
}

func dateAttrs(it *Item) string {
	var attrs string
	if !it.Added.IsZero() {
		attrs += fmt.Sprintf(` ADD_DATE="%d"`, it.Added.Unix())
	}
	if !it.Modified.IsZero() {
		attrs += fmt.Sprintf(` LAST_MODIFIED="%d"`, it.Modified.Unix())
	}
	return attrs
}

// jsonItem is an item of Firefox's JSON, without its children.
type jsonItem struct {
	GUID     string `json:"guid,omitempty"`
	Title    string `json:"title"`
	Index    int    `json:"index"`
	Added    int64  `json:"dateAdded,omitempty"`
	Modified int64  `json:"lastModified,omitempty"`
	TypeCode int    `json:"typeCode"`
	Type     string `json:"type"`
	Tags     string `json:"tags,omitempty"`
	URI      string `json:"uri,omitempty"`
	Keyword  string `json:"keyword,omitempty"`
	PostData string `json:"postData,omitempty"`
	Root     string `json:"root,omitempty"`
}

// WriteJSON writes the tree as Firefox backs up bookmarks. The file holds all of the
// tree, but a tag with a comma is read as two, as in HTML. An item without a GUID gets one
// from the Firefox that restores it.
func WriteJSON(w io.Writer, t *Tree) error {
	j := jsonWriter{w: bufio.NewWriter(w)}
	j.container(jsonItem{GUID: placesRootGUID, Root: "placesRoot"}, func() {
		for i, root := range []jsonItem{
			{GUID: "menu________", Title: "menu", Root: "bookmarksMenuFolder"},
			{GUID: "toolbar_____", Title: "toolbar", Root: "toolbarFolder"},
			{GUID: "unfiled_____", Title: "unfiled", Root: "unfiledBookmarksFolder"},
			{GUID: "mobile______", Title: "mobile", Root: "mobileFolder"},
		} {
			root.Index = i
			j.comma(i)
			j.container(root, func() { j.items(*t.Root(rootNames[root.Root])) })
		}
	})
	j.text("\n")
	if j.err == nil {
		j.err = j.w.Flush()
	}
	if j.err != nil {
		return fmt.Errorf("writing bookmarks: %w", j.err)
	}
	return nil
}

type jsonWriter struct {
	w   *bufio.Writer
	err error
}

func (j *jsonWriter) text(s string) {
	if j.err == nil {
		_, j.err = j.w.WriteString(s)
	}
}

func (j *jsonWriter) comma(i int) {
	if i > 0 {
		j.text(",")
	}
}

// head returns the item's object without its closing brace.
func (j *jsonWriter) head(it jsonItem) string {
	raw, err := json.Marshal(it)
	if err != nil {
		j.err = err
		return ""
	}
	return string(raw[:len(raw)-1])
}

func (j *jsonWriter) container(it jsonItem, children func()) {
	it.TypeCode, it.Type = rowFolder, typeFolder
	j.text(j.head(it))
	j.text(`,"children":[`)
	children()
	j.text("]}")
}

func (j *jsonWriter) items(items []*Item) {
	for i, it := range items {
		if j.err != nil {
			return
		}
		j.comma(i)
		item := jsonItem{GUID: it.GUID, Title: it.Title, Index: i, Added: micro(it.Added), Modified: micro(it.Modified)}
		switch it.Kind {
		case Folder:
			j.container(item, func() { j.items(it.Children) })
			continue
		case Separator:
			item.TypeCode, item.Type = rowSeparator, typeSeparator
		default:
			item.TypeCode, item.Type = rowBookmark, typeBookmark
			item.URI, item.Tags, item.Keyword, item.PostData = it.URL, strings.Join(it.Tags, ","), it.Keyword, it.PostData
		}
		j.text(j.head(item))
		j.text("}")
	}
}

func micro(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}
