package exchange

import (
	"bytes"
	"errors"
	"fmt"
	"io"
)

// maxElement bounds what a window holds, in bytes: one tag of an HTML file, which may have
// an icon in it.
const maxElement = 16 << 20

// A window is the buffered part of a text after the position of the reader. Offsets count
// from that position.
type window struct {
	r     io.Reader
	buf   []byte
	start int
	// err is the error that ended the text; io.EOF at its end.
	err error
	// line is the line of the position, from 1; lastText is that of the last byte before it
	// that is not space. A line ends with LF, CR or both.
	line, lastText int
	afterCR        bool
	// passed counts the bytes before the position. unclosed is, for each quote, the offset in
	// the text before which no quote closes an attribute's value; see quoted.
	passed   int
	unclosed map[byte]int
}

func newWindow(r io.Reader) *window {
	return &window{r: r, line: 1, lastText: 1, unclosed: make(map[byte]int)}
}

// at returns the byte at offset i; ok is false after the end.
func (w *window) at(i int) (c byte, ok bool) {
	for w.start+i >= len(w.buf) {
		if !w.fill() {
			return 0, false
		}
	}
	return w.buf[w.start+i], true
}

// fill reads more, and reports whether there may be more.
func (w *window) fill() bool {
	if w.err != nil {
		return false
	}
	if len(w.buf) == cap(w.buf) {
		kept := w.buf[w.start:]
		if len(kept) > maxElement {
			w.err = fmt.Errorf("%w: a tag or text in line %d is longer than %d bytes", ErrDamaged, w.line, maxElement)
			return false
		}
		into := w.buf[:0]
		if len(kept) > cap(w.buf)/2 {
			into = make([]byte, 0, max(256<<10, 2*cap(w.buf)))
		} else if cap(w.buf) == 0 {
			into = make([]byte, 0, 256<<10)
		}
		w.buf, w.start = append(into, kept...), 0
	}
	n, err := w.r.Read(w.buf[len(w.buf):cap(w.buf)])
	w.buf = w.buf[:len(w.buf)+n]
	w.err = err
	return n > 0 || err == nil
}

// text returns the bytes from i to end, which must be buffered; see at.
func (w *window) text(i, end int) []byte { return w.buf[w.start+i : w.start+end] }

// advance moves the position by n bytes, which must be buffered; see at.
func (w *window) advance(n int) {
	passed := w.buf[w.start : w.start+n]
	w.start += n
	w.passed += n
	for len(passed) > 0 {
		if w.afterCR {
			w.afterCR = false
			if passed[0] == '\n' {
				passed = passed[1:]
				continue
			}
		}
		end := bytes.IndexAny(passed, "\r\n")
		if end < 0 {
			end = len(passed)
		}
		if len(bytes.TrimSpace(passed[:end])) > 0 {
			w.lastText = w.line
		}
		if end == len(passed) {
			return
		}
		w.line++
		w.afterCR = passed[end] == '\r'
		passed = passed[end+1:]
	}
}

// toByte returns the offset of the next c, or else of the end or the window's bound.
func (w *window) toByte(c byte) int {
	for seen := 0; ; {
		if at := bytes.IndexByte(w.buf[w.start+seen:], c); at >= 0 {
			return seen + at
		}
		seen = len(w.buf) - w.start
		if seen >= maxElement || !w.fill() {
			return len(w.buf) - w.start
		}
	}
}

// buffered returns the number of buffered bytes after the position.
func (w *window) buffered() int { return len(w.buf) - w.start }

// hasFold reports whether the text at offset i begins with a prefix in any case. The
// prefix must be in lower case.
func (w *window) hasFold(i int, prefix string) bool {
	for j := range len(prefix) {
		c, ok := w.at(i + j)
		if !ok || lower(c) != prefix[j] {
			return false
		}
	}
	return true
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

func isLineEnd(c byte) bool { return c == '\n' || c == '\r' }

func isSpace(c byte) bool { return c == ' ' || '\t' <= c && c <= '\r' }

// failed returns the error that ended the text, or nil at its end.
func (w *window) failed() error {
	if errors.Is(w.err, io.EOF) {
		return nil
	}
	return w.err
}
