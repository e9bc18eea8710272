package exchange

import (
	"bytes"
	"html"
	"strings"
)

// A tag is a tag with a meaning in a file of bookmarks. All others are text.
type tag struct {
	// name is in lower case, without the slash.
	name    string
	closing bool
	// end is the offset of its end in the window.
	end int
	// attrs are the useful attributes, by lower-case name.
	attrs map[string]string
	// cut means that the text ends within the tag, broken that a quote or the tag is
	// not closed: then it ends before the next item.
	cut, broken bool
}

// isLink reports whether the tag can be a bookmark's, also if it is broken.
func (t *tag) isLink() bool { return t.name == "a" && !t.closing && t.attrs["href"] != "" }

// hasTitle reports whether there is a title between such a tag and its closing tag.
func (t *tag) hasTitle() bool { return t.name == "a" || isHeading(t.name) }

// beginsItem reports whether t begins an item or is part of a text. lead means that it
// follows other tags of the file. sure is false if that depends on what follows t.
func (t *tag) beginsItem(lead bool) (item, sure bool) {
	switch {
	case t.cut || t.broken:
		return t.cut || t.isLink(), true
	case t.closing || !t.hasTitle():
		return false, false
	case t.name == "a":
		return lead || hasScheme(t.attrs["href"]), true
	}
	return lead, true
}

// structure are the names of the tags that make up the tree, a name before its prefixes.
var structure = []string{"menu", "dl", "dt", "dd", "hr", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "li", "a", "p"}

func isHeading(name string) bool { return len(name) == 2 && name[0] == 'h' && name != "hr" }

func isList(name string) bool { return name == "dl" || name == "ul" || name == "ol" || name == "menu" }

// head are the names of the elements of the head.
var head = []string{"title", "script", "style"}

// tagName returns the name of the tag at offset i, if it is one of names, and the offset of
// the name's end.
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

// structureAt returns the tag at offset i; its name is "" if it is not one of structure.
func (w *window) structureAt(i int) tag {
	name, closing, end := w.tagName(i, structure)
	if name == "" {
		return tag{}
	}
	return w.attributes(tag{name: name, closing: closing, end: end})
}

// attributes reads the rest of a tag, from the end of its name, with its ">".
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
		case isLineEnd(c):
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

// attribute reads the attribute at start and returns its end; ok is false where the tag ends
// with it.
func (w *window) attribute(t *tag, start int) (end int, ok bool) {
	end = w.nameEnd(start)
	key := strings.ToLower(string(w.text(start, end)))
	value := w.skipBlanks(end)
	if c, more := w.at(value); !more || c != '=' {
		t.set(key, nil)
		return end, true
	}
	value = w.skipBlanks(value + 1)
	switch c, more := w.at(value); {
	case !more:
		t.cut, t.end = true, value
		return value, false
	case c == '"' || c == '\'':
		return w.quoted(t, key, value+1, c)
	}
	end = w.bareEnd(value)
	t.set(key, w.text(value, end))
	return end, true
}

// nameEnd returns the end of the attribute's name at start. Its first byte may be any.
func (w *window) nameEnd(start int) int {
	i := start
	for c, ok := w.at(i); ok && !isSpace(c) && c != '>' && (i == start || c != '=' && c != '/'); c, ok = w.at(i) {
		i++
	}
	return i
}

// bareEnd returns the end of the value without quotes at i.
func (w *window) bareEnd(i int) int {
	for c, ok := w.at(i); ok && !isSpace(c) && c != '>'; c, ok = w.at(i) {
		i++
	}
	return i
}

// skipBlanks returns where the space at i ends, or its line.
func (w *window) skipBlanks(i int) int {
	for c, ok := w.at(i); ok && isSpace(c) && !isLineEnd(c); c, ok = w.at(i) {
		i++
	}
	return i
}

// quoted reads an attribute's value, which begins at i, behind its opening quote. A quote
// that the value has unescaped is distinguished from the closing one by what follows it. If
// none closes the value in its line, its first quote does; without any quote before the next
// item, the value was never closed.
func (w *window) quoted(t *tag, key string, i int, quote byte) (end int, ok bool) {
	first, lineEnd := -1, -1 // the first quote and the first end of a line in it
	for end = i; ; end++ {
		c, more := w.at(end)
		switch {
		case !more && first < 0:
			t.cut, t.end = true, end
			return end, false
		case !more || first >= 0 && (isLineEnd(c) || w.passed+end < w.unclosed[quote]):
			w.unclosed[quote] = max(w.unclosed[quote], w.passed+end)
			t.set(key, w.text(i, first))
			return first + 1, true
		case c == quote && w.closesValue(end+1):
			t.set(key, w.text(i, end))
			return end + 1, true
		case c == quote && first < 0:
			first = end
		case isLineEnd(c):
			if lineEnd < 0 {
				lineEnd = end
			}
			if w.itemInNextLine(end) {
				w.endUnclosed(t, key, i, lineEnd)
				return t.end, false
			}
		}
	}
}

// endUnclosed ends a tag with a value from i on that has no closing quote: behind the ">" in
// the value's line, or else with that line.
func (w *window) endUnclosed(t *tag, key string, i, lineEnd int) {
	value := w.text(i, lineEnd)
	t.broken, t.end = true, lineEnd
	if at := bytes.IndexByte(value, '>'); at >= 0 {
		value, t.end = value[:at], i+at+1
	}
	t.set(key, value)
}

// closesValue reports whether the text at offset i can follow an attribute's value.
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

// itemInNextLine reports whether the line after the line end at i begins with the
// tag of an item, or the start or end of a list.
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

// set sets a useful attribute, unless the tag has it already.
func (t *tag) set(key string, value []byte) {
	if _, twice := t.attrs[key]; twice || !useful[key] {
		return
	}
	if t.attrs == nil {
		t.attrs = make(map[string]string)
	}
	t.attrs[key] = strings.TrimSpace(unescapeAttribute(utf8Text(value)))
}

// unescapeAttribute replaces the entities of an attribute. It keeps one without a semicolon
// that can be the name of a parameter in a URL: "?a=1&copy=2".
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
