package exchange

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/net/html"
	"golang.org/x/net/html/charset"
	"golang.org/x/text/encoding/charmap"
)

// maxElement bounds one tag of an HTML file, in bytes: an icon may be in it.
const maxElement = 16 << 20

// htmlReader reads Netscape's bookmark file, which has no standard but what
// browsers write and Firefox reads: a heading names the folder whose items are in
// the list that follows it, <A> is a bookmark, <HR> a separator. The markup is
// rarely sound (<DT> and <p> are never closed), so it goes by these tags alone and
// looks at no other.
type htmlReader struct {
	b    *builder
	line int
	// lists has, for each folder that was opened, how many lists are open in it. It
	// is 0 from the folder's heading to its list.
	lists []int
	// item is the bookmark or the folder whose title is being read; nil: text is of
	// no interest. root is the root that the heading stands for.
	item  *Item
	root  Root
	title strings.Builder
	// What shows that the file is one of bookmarks.
	doctype, list, term bool
}

// readHTML reads a file of bookmarks in HTML.
func readHTML(r io.Reader, b *builder) error {
	in, err := decode(r)
	if err != nil {
		return err
	}
	h := &htmlReader{b: b, line: 1, lists: []int{0}}
	z := html.NewTokenizer(in)
	z.SetMaxBuf(maxElement)
	for {
		kind := z.Next()
		if kind == html.ErrorToken {
			return h.end(z.Err())
		}
		lines := bytes.Count(z.Raw(), []byte{'\n'})
		h.token(z, kind)
		h.line += lines
	}
}

// decode makes UTF-8 of a file that says by a mark or a <META> that it is in some
// other encoding. What is in none stays as it is; see utf8Text.
func decode(r io.Reader) (io.Reader, error) {
	const enough = 1024 // as the HTML standard has it
	start := make([]byte, enough)
	n, err := io.ReadFull(r, start)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, err
	}
	r = io.MultiReader(bytes.NewReader(start[:n]), r)
	switch enc, name, _ := charset.DetermineEncoding(start[:n], ""); name {
	case "utf-8", "windows-1252": // the latter is also the answer for want of a better one
		return r, nil
	default:
		return enc.NewDecoder().Reader(r), nil
	}
}

// utf8Text reads text of a file that does not say how it is encoded: it is UTF-8,
// or else windows-1252, which browsers of old wrote in the west.
func utf8Text(s []byte) string {
	if !utf8.Valid(s) {
		if decoded, err := charmap.Windows1252.NewDecoder().Bytes(s); err == nil {
			s = decoded
		}
	}
	return string(s)
}

func (h *htmlReader) token(z *html.Tokenizer, kind html.TokenType) {
	switch kind {
	case html.DoctypeToken:
		h.doctype = h.doctype || strings.Contains(strings.ToLower(string(z.Text())), "netscape-bookmark-file")
	case html.TextToken:
		// Beyond the limit the title is cut anyway, and that is noted by its length.
		if h.item != nil && h.title.Len() <= 4*MaxTitle {
			h.title.WriteString(utf8Text(z.Text()))
		}
	case html.StartTagToken, html.SelfClosingTagToken:
		name, attrs := z.TagName()
		h.start(string(name), attributes(z, attrs))
	case html.EndTagToken:
		name, _ := z.TagName()
		h.endTag(string(name))
	}
}

// attributes returns a tag's attributes that are of use, by lower-case name.
func attributes(z *html.Tokenizer, more bool) map[string]string {
	var attrs map[string]string
	for more {
		var key, value []byte
		key, value, more = z.TagAttr()
		if bytes.HasPrefix(key, []byte("icon")) {
			continue
		}
		if attrs == nil {
			attrs = make(map[string]string)
		}
		if _, twice := attrs[string(key)]; !twice {
			attrs[string(key)] = strings.TrimSpace(utf8Text(value))
		}
	}
	return attrs
}

func (h *htmlReader) start(name string, attrs map[string]string) {
	switch name {
	case "h2", "h3", "h4", "h5", "h6":
		h.finish()
		h.item = &Item{Kind: Folder, Line: h.line}
		h.root = headingRoot(attrs)
		h.dates(attrs)
	case "a":
		h.finish()
		h.item = &Item{
			URL: attrs["href"], Tags: []string{attrs["tags"]},
			Keyword: attrs["shortcuturl"], PostData: attrs["post_data"], Line: h.line,
		}
		h.dates(attrs)
	case "dl", "ul", "menu":
		h.finish()
		h.list = true
		h.lists[len(h.lists)-1]++
	case "hr":
		h.finish()
		h.b.add(&Item{Kind: Separator, Line: h.line})
	case "dt":
		h.finish()
		h.term = true
	case "dd", "h1":
		h.finish()
	}
}

func (h *htmlReader) endTag(name string) {
	switch name {
	case "a", "h2", "h3", "h4", "h5", "h6", "dt":
		h.finish()
	case "dl", "ul", "menu":
		h.finish()
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
}

func (h *htmlReader) leave() {
	h.lists = h.lists[:len(h.lists)-1]
	h.b.leave()
}

// finish ends the title that is being read. A bookmark is then complete; a folder
// is opened, and what comes before its list counts as in it, as Firefox has it.
func (h *htmlReader) finish() {
	it := h.item
	if it == nil {
		return
	}
	it.Title = strings.TrimSpace(h.title.String())
	h.item = nil
	h.title.Reset()
	if it.Kind != Folder {
		h.b.add(it)
		return
	}
	if len(h.lists) > 1 && h.lists[len(h.lists)-1] == 0 {
		h.leave() // two headings in a row
	}
	if h.root != "" {
		h.b.enterRoot(h.root)
	} else {
		h.b.enter(it)
	}
	h.lists = append(h.lists, 0)
}

// headingRoot returns the root that a heading marks, or "".
func headingRoot(attrs map[string]string) Root {
	for attr, root := range map[string]Root{
		"personal_toolbar_folder": Toolbar, "unfiled_bookmarks_folder": Unfiled, "bookmarks_menu": Menu, mobileAttr: Mobile,
	} {
		if value, ok := attrs[attr]; ok && !strings.EqualFold(value, "false") {
			return root
		}
	}
	return ""
}

func (h *htmlReader) dates(attrs map[string]string) {
	h.item.Added, h.item.Modified = htmlDate(attrs["add_date"]), htmlDate(attrs["last_modified"])
	if h.item.Added.IsZero() {
		h.item.Added = h.item.Modified
	}
}

func htmlDate(s string) time.Time {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return time.Time{}
	}
	return fromAnyUnit(n)
}

// end tells whether the end of the file is a good one.
func (h *htmlReader) end(err error) error {
	switch {
	case errors.Is(err, html.ErrBufferExceeded):
		return fmt.Errorf("%w: a tag or text in line %d is longer than %d bytes", ErrDamaged, h.line, maxElement)
	case !errors.Is(err, io.EOF):
		return err
	}
	h.finish()
	if !h.doctype && (!h.list || !h.term) {
		return ErrFormat
	}
	for _, open := range h.lists {
		if open > 0 {
			h.b.skips.Add(Skip{Line: h.line, Reason: "the file ends within a folder: it may be cut off"})
			break
		}
	}
	return nil
}
