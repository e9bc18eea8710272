package exchange

// maxTitleText bounds in how much text the end of a title is looked for, in bytes.
const maxTitleText = 64 << 10

// titleEnd finds where the title ends that begins here: how far its text goes, and how
// far the closing tag behind it. A title may have any markup in it, since few programs
// escape it: it ends with the last closing tag of its line before the next item, and
// without a closing tag where the next item begins.
func (w *window) titleEnd(closes func(name string) bool) (text, next int) {
	closed := false
	newLine := false
	for i := 0; i < maxTitleText; {
		c, ok := w.at(i)
		switch {
		case !ok || closed && (c == '\n' || c == '\r'):
			if !closed {
				text, next = i, i
			}
			return text, next
		case c != '<':
			newLine = c == '\n' || c == '\r' || newLine && isSpace(c)
			i++
			continue
		}
		name, closing, _ := w.tagName(i, structure)
		if closing && closes(name) {
			closed, text = true, i
			i = w.structureAt(i).end
			next = i
			continue
		}
		if name == "" || name == "p" {
			newLine = false
			i++
			continue
		}
		item, end := w.itemAhead(i, newLine, closed, true)
		if item {
			if !closed {
				text, next = i, i
			}
			return text, next
		}
		newLine = false
		i = max(end, i+1)
	}
	if !closed {
		text, next = maxTitleText, maxTitleText
	}
	return text, next
}

// itemAhead distinguishes the tags of the next item from the same tags in a text about HTML.
// Tags that stand at the beginning of a line or the end of one are the file's; so are
// those that lead to a link or a heading. apart means that the title before them is
// closed, and lineEnd that the end of the line shows that tags before it are the file's.
// end is how far it is to behind what is text.
func (w *window) itemAhead(i int, newLine, apart, lineEnd bool) (item bool, end int) {
	if newLine {
		return true, i
	}
	for start := i; i < start+maxTitleText; {
		t := w.structureAt(i)
		lead := apart || i > start
		switch {
		case t.name == "":
			return false, i
		case t.cut || t.broken:
			return t.cut || t.isLink(), t.end
		case t.name == "a" && !t.closing:
			return lead || hasScheme(t.attrs["href"]), t.end
		case t.closing && (t.name == "a" || isHeading(t.name)):
			return false, i
		case isHeading(t.name):
			return lead, t.end
		}
		i = t.end
		for c, ok := w.at(i); ; c, ok = w.at(i) {
			if !ok || c == '\n' || c == '\r' {
				return !ok || lineEnd, i
			}
			if !isSpace(c) {
				break
			}
			i++
		}
	}
	return true, i
}

func hasScheme(url string) bool {
	for i := range len(url) {
		if url[i] == ':' {
			return validScheme(url[:i])
		}
		if !isAlphanumeric(url[i]) && url[i] != '+' && url[i] != '-' && url[i] != '.' {
			return false
		}
	}
	return false
}
