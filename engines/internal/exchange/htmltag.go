package exchange

import (
	"bytes"
	"html"
	"strings"
)

// A tag is one that means something in a file of bookmarks. All others are text.
type tag struct {
	// name is in lower case, without the slash.
	name    string
	closing bool
	// end is how far its end is from the start of the window.
	end int
	// attrs are the attributes that are of use, by lower-case name.
	attrs map[string]string
	// cut means that the text ends within the tag, broken that a quote or the tag is
	// never closed, and that it was taken to end before the next item.
	cut, broken bool
}

// isLink reports whether it can be a bookmark's, however it ends.
func (t *tag) isLink() bool { return t.name == "a" && !t.closing && t.attrs["href"] != "" }

// structure are the names of tags that make the tree, longest first where one begins as
// another does.
var structure = []string{"menu", "dl", "dt", "dd", "hr", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "li", "a", "p"}

func isHeading(name string) bool { return len(name) == 2 && name[0] == 'h' && name != "hr" }

// head are those that matter before the first item.
var head = []string{"title", "script", "style"}

// tagName returns the name of the tag i bytes on, if it is one of names, and how far its
// name's end is.
func (w *window) tagName(i int, names []string) (name string, closing bool, end int) {
	if c, ok := w.at(i); !ok || c != '<' {
		return "", false, 0
	}
	i++
	if c, ok := w.at(i); ok && c == '/' {
		closing = true
		i++
	}
	for _, name := range names {
		if w.hasFold(i, name) {
			end := i + len(name)
			if c, ok := w.at(end); !ok || isSpace(c) || c == '>' || c == '/' {
				return name, closing, end
			}
		}
	}
	return "", false, 0
}

// structureAt returns the tag i bytes on; its name is "" if it is not one of structure.
func (w *window) structureAt(i int) tag {
	name, closing, end := w.tagName(i, structure)
	if name == "" {
		return tag{}
	}
	return w.attributes(tag{name: name, closing: closing, end: end})
}

// attributes reads the rest of a tag, from its name's end to behind its ">".
func (w *window) attributes(t tag) tag {
	i := t.end
	for {
		c, ok := w.at(i)
		switch {
		case !ok:
			t.cut, t.end = true, i
			return t
		case c == '>':
			t.end = i + 1
			return t
		case c == '\n' || c == '\r':
			if w.itemInNextLine(i) {
				t.broken, t.end = true, i
				return t
			}
			i++
		case isSpace(c) || c == '/':
			i++
		default:
			if i, ok = w.attribute(&t, i); !ok {
				return t
			}
		}
	}
}

// attribute reads one, and returns its end; ok is false where the tag ends with it.
func (w *window) attribute(t *tag, i int) (end int, ok bool) {
	start := i
	for {
		c, more := w.at(i)
		if !more || isSpace(c) || c == '>' || c == '=' && i > start || c == '/' && i > start {
			break
		}
		i++
	}
	key := strings.ToLower(string(w.text(start, i)))
	value := i
	for c, more := w.at(value); more && isSpace(c) && !w.isLineEnd(value); c, more = w.at(value) {
		value++
	}
	if c, more := w.at(value); !more || c != '=' {
		t.set(key, nil)
		return i, true
	}
	value++
	for c, more := w.at(value); more && isSpace(c) && !w.isLineEnd(value); c, more = w.at(value) {
		value++
	}
	c, more := w.at(value)
	if !more {
		t.cut, t.end = true, value
		return value, false
	}
	if c == '"' || c == '\'' {
		return w.quoted(t, key, value, c)
	}
	i = value
	for c, more := w.at(i); more && !isSpace(c) && c != '>'; c, more = w.at(i) {
		i++
	}
	t.set(key, w.text(value, i))
	return i, true
}

// quoted reads an attribute's value from its opening quote at i. A quote that the value
// has unescaped is distinguished from the closing one by what follows it. A value that the next
// item would be part of was never closed: it ends with its line, and the tag with it.
func (w *window) quoted(t *tag, key string, i int, quote byte) (end int, ok bool) {
	i++
	first, last := -1, -1 // the first quote, and the one that closes
	lineEnd := -1
	end = i
	for ; last < 0; end++ {
		c, more := w.at(end)
		switch {
		case !more && first < 0:
			t.cut, t.end = true, end
			return end, false
		case !more || first >= 0 && (c == '\n' || c == '\r' || w.passed+end < w.unclosed[quote]):
			last = first // nothing better on its line
			w.unclosed[quote] = max(w.unclosed[quote], w.passed+end)
		case c == quote && w.closesValue(end+1):
			last = end
		case c == quote && first < 0:
			first = end
		case c == '\n' || c == '\r':
			if lineEnd < 0 {
				lineEnd = end
			}
			if w.itemInNextLine(end) {
				line := w.text(i, lineEnd)
				if at := bytes.IndexByte(line, '>'); at >= 0 {
					line = line[:at]
					t.end = i + at + 1
				} else {
					t.end = lineEnd
				}
				t.set(key, line)
				t.broken = true
				return t.end, false
			}
		}
	}
	t.set(key, w.text(i, last))
	return last + 1, true
}

// closesValue reports whether what is i bytes on can follow an attribute's value.
func (w *window) closesValue(i int) bool {
	c, ok := w.at(i)
	if !ok || isSpace(c) || c == '>' || c == '/' {
		return true
	}
	// The next attribute, without a space between.
	for n := 0; ok && n < 64; n++ {
		if c == '=' {
			next, _ := w.at(i + n + 1)
			return n > 0 && (next == '"' || next == '\'')
		}
		if lower(c) < 'a' && c != '-' && c != '_' || lower(c) > 'z' {
			return false
		}
		c, ok = w.at(i + n + 1)
	}
	return false
}

func (w *window) isLineEnd(i int) bool {
	c, ok := w.at(i)
	return ok && (c == '\n' || c == '\r')
}

// itemInNextLine reports whether the line behind the end of a line at i begins with the
// tag of an item or of a list's end.
func (w *window) itemInNextLine(i int) bool {
	for c, ok := w.at(i); ok && isSpace(c); c, ok = w.at(i) {
		i++
	}
	name, closing, _ := w.tagName(i, structure)
	return name == "dt" && !closing || name == "dl"
}

// useful are the attributes that are read.
var useful = map[string]bool{
	"href": true, "add_date": true, "last_modified": true, "time_added": true, "tags": true, "shortcuturl": true, "nickname": true, "post_data": true,
	"personal_toolbar_folder": true, "unfiled_bookmarks_folder": true, "bookmarks_menu": true, mobileAttr: true,
}

// set takes an attribute over, unless the tag had it before.
func (t *tag) set(key string, value []byte) {
	if _, twice := t.attrs[key]; twice || !useful[key] {
		return
	}
	if t.attrs == nil {
		t.attrs = make(map[string]string)
	}
	t.attrs[key] = strings.TrimSpace(unescapeAttribute(utf8Text(value)))
}

// unescapeAttribute replaces the entities of an attribute. Without a semicolon it is
// none where it could be the name of a parameter in a URL: "?a=1&copy=2".
func unescapeAttribute(s string) string {
	if !strings.Contains(s, "&") {
		return s
	}
	var out strings.Builder
	for {
		before, rest, found := strings.Cut(s, "&")
		out.WriteString(before)
		if !found {
			return out.String()
		}
		end := 0
		for end < len(rest) && (rest[end] == '#' && end == 0 || isAlphanumeric(rest[end])) {
			end++
		}
		entity := "&" + rest[:end]
		switch {
		case end < len(rest) && rest[end] == ';':
			end++
			entity = html.UnescapeString(entity + ";")
		case end < len(rest) && rest[end] == '=':
		default:
			if plain := html.UnescapeString(entity); plain == html.UnescapeString(entity+";") {
				entity = plain
			}
		}
		out.WriteString(entity)
		s = rest[end:]
	}
}

func isAlphanumeric(c byte) bool { return '0' <= c && c <= '9' || 'a' <= lower(c) && lower(c) <= 'z' }
