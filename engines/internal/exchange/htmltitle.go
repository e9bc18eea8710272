package exchange

// maxTitleText bounds the text that is searched for the end of a title, in bytes.
const maxTitleText = 64 << 10

// titleEnd returns the end of the text of the title that begins here, and of the closing tag
// after it. A title may have any markup in it, since few programs
// escape it: it ends with the last closing tag of its line before the next item, or,
// without a closing tag, where the next item begins.
func (w *window) titleEnd(closes func(name string) bool) (text, next int) {
	closed := false
	newLine := false
	i := 0
	for i < maxTitleText {
		c, ok := w.at(i)
		if !ok || closed && isLineEnd(c) {
			break
		}
		if c != '<' {
			newLine = isLineEnd(c) || newLine && isSpace(c)
			i++
			continue
		}
		name, closing, _ := w.tagName(i, structure)
		if closing && closes(name) {
			closed, text, next = true, i, w.structureAt(i).end
			i = next
			continue
		}
		end := i
		if name != "" && name != "p" {
			var item bool
			if item, end = w.itemAhead(i, newLine, closed, true); item {
				break
			}
		}
		newLine = false
		i = max(end, i+1)
	}
	if !closed {
		i = min(i, maxTitleText)
		return i, i
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
		switch item, sure := t.beginsItem(apart || i > start); {
		case sure:
			return item, t.end
		case t.name == "" || t.hasTitle(): // text, or the end of a title
			return false, i
		}
		i = w.skipBlanks(t.end)
		if c, ok := w.at(i); !ok || isLineEnd(c) {
			return !ok || lineEnd, i
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
