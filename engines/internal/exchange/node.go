package exchange

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
)

// A node is an object of a JSON file of bookmarks, of Firefox or Chrome. No name has
// different meanings in the two.
type node struct {
	kind, title, url, guid, tags, keyword, postData string
	// root is the name that marks a root: its "root" in Firefox's, its key in
	// Chrome's.
	root string
	// id, index and the dates are numbers as the file has them.
	id, index, added, modified string
	children                   []*node
	// annos are annotations, each a node with a title, in files of old versions of Firefox.
	annos []*node
	// nickname and description are Vivaldi's.
	nickname, description string
	// roots is set in the outermost object of a file of Chrome.
	roots *node
	line  int
}

// set takes over a member that is text or a number; others are passed over.
func (n *node) set(key string, value json.Token) {
	var s string
	switch v := value.(type) {
	case string:
		s = v
	case json.Number:
		s = v.String()
	default:
		return
	}
	switch key {
	case "type":
		n.kind = s
	case "title", "name":
		n.title = s
	case "uri", "url":
		n.url = s
	case "guid":
		n.guid = s
	case "tags":
		n.tags = s
	case "keyword":
		n.keyword = s
	case "postData":
		n.postData = s
	case "root":
		n.root = s
	case "id":
		n.id = s
	case "index":
		n.index = s
	case "dateAdded", "date_added":
		n.added = s
	case "lastModified", "date_modified":
		n.modified = s
	}
}

// setMeta sets a member that only Vivaldi has.
func (n *node) setMeta(key string, value json.Token) {
	text, _ := value.(string)
	switch key {
	case "Nickname":
		n.nickname = text
	case "Description":
		n.description = text
	}
}

func number(s string) int64 {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// maxNesting bounds how deep values of any kind nest in a file, to bound memory. Folders
// have MaxDepth.
const maxNesting = 1 << 20

// place is where the parser is.
type place uint8

const (
	inNode     place = iota // within an object: members follow
	inChildren              // within the array of a node's children
	inAnnos                 // within the array of a node's annotations
	inRoots                 // within an object whose members are nodes
	inMeta                  // within the object of members that only Vivaldi has
)

type level struct {
	node  *node
	place place
}

// nodeParser parses JSON without recursion, so that deep nesting
// costs little, and without holding the text.
type nodeParser struct {
	dec   *json.Decoder
	lines *lineReader
	stack []level
	nodes int
	// tooMany counts the nodes that were passed over after MaxItems.
	tooMany int
}

// parseNodes parses a file that is one object.
func parseNodes(r io.Reader) (root *node, tooMany int, err error) {
	p := &nodeParser{lines: &lineReader{r: r, line: 1}}
	p.dec = json.NewDecoder(p.lines)
	p.dec.UseNumber()
	if root, err = p.parse(); err != nil {
		return nil, 0, p.explain(err)
	}
	return root, p.tooMany, nil
}

var errNotNodes = errors.New("it is not one JSON object")

func (p *nodeParser) parse() (*node, error) {
	if token, err := p.dec.Token(); err != nil {
		return nil, err
	} else if token != json.Delim('{') {
		return nil, errNotNodes
	}
	root := &node{line: 1}
	p.stack = []level{{root, inNode}}
	for len(p.stack) > 0 {
		if err := p.step(); err != nil {
			return nil, err
		}
	}
	switch _, err := p.dec.Token(); {
	case errors.Is(err, io.EOF):
		return root, nil
	case err != nil:
		return nil, err
	default:
		return nil, errNotNodes
	}
}

// explain returns an error about damage, or the reader's own error.
func (p *nodeParser) explain(err error) error {
	var bad *json.SyntaxError
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("%w: it ends in the middle of the JSON, in line %d", ErrDamaged, p.lines.end())
	case errors.As(err, &bad):
		return fmt.Errorf("%w: line %d: %w", ErrDamaged, p.line(), bad)
	case errors.Is(err, errNotNodes):
		return fmt.Errorf("%w: %w", ErrDamaged, errNotNodes)
	}
	return err
}

func (p *nodeParser) line() int { return p.lines.at(p.dec.InputOffset()) }

func (p *nodeParser) push(n *node, where place) { p.stack = append(p.stack, level{n, where}) }

// step takes the next member or element, or the end of the innermost value.
func (p *nodeParser) step() error {
	top := p.stack[len(p.stack)-1]
	if !p.dec.More() {
		p.stack = p.stack[:len(p.stack)-1]
		_, err := p.dec.Token()
		return err
	}
	if len(p.stack) > maxNesting {
		return fmt.Errorf("%w: values nest deeper than %d", ErrDamaged, maxNesting)
	}
	token, err := p.dec.Token()
	if err != nil {
		return err
	}
	var key string
	if top.place == inNode || top.place == inRoots || top.place == inMeta {
		key = token.(string) // the decoder lets nothing else be a key
		if token, err = p.dec.Token(); err != nil {
			return err
		}
	}
	if open, nested := token.(json.Delim); nested {
		return p.enter(top, key, open)
	}
	switch top.place {
	case inNode:
		top.node.set(key, token)
	case inMeta:
		top.node.setMeta(key, token)
	}
	return nil
}

// enter enters an array or object that has nodes or their members, and passes over any
// other. Its start was read.
func (p *nodeParser) enter(top level, key string, open json.Delim) error {
	switch {
	case top.place == inNode:
		return p.enterMember(top.node, key, open)
	case top.place == inMeta, open != '{':
		return p.pass()
	case top.place == inRoots && key == "custom_root":
		p.push(top.node, inRoots) // Opera has more of them in there
		return nil
	}
	return p.child(top, key)
}

func (p *nodeParser) enterMember(n *node, key string, open json.Delim) error {
	switch key + open.String() {
	case "meta_info{":
		p.push(n, inMeta)
	case "children[":
		p.push(n, inChildren)
	case "annos[":
		p.push(n, inAnnos)
	case "roots{":
		n.roots = &node{line: p.line()}
		p.push(n.roots, inRoots)
	default:
		return p.pass()
	}
	return nil
}

func (p *nodeParser) child(top level, key string) error {
	if p.nodes++; p.nodes > MaxItems {
		p.tooMany++
		return p.pass()
	}
	n := &node{root: key, line: p.line()}
	if top.place == inAnnos {
		top.node.annos = append(top.node.annos, n)
	} else {
		top.node.children = append(top.node.children, n)
	}
	p.push(n, inNode)
	return nil
}

// pass passes over the rest of an array or object whose start was read.
func (p *nodeParser) pass() error {
	for depth := 1; depth > 0; {
		token, err := p.dec.Token()
		if err != nil {
			return err
		}
		switch token {
		case json.Delim('{'), json.Delim('['):
			depth++
		case json.Delim('}'), json.Delim(']'):
			depth--
		}
		if depth > maxNesting {
			return fmt.Errorf("%w: values nest deeper than %d", ErrDamaged, maxNesting)
		}
	}
	return nil
}

// lineReader counts the lines of what is read through it.
type lineReader struct {
	r    io.Reader
	read int64
	// ends are the offsets of the line ends that at has not passed; line is the line
	// before the first of them.
	ends []int64
	line int
	// atLineEnd means that the last byte read was a line's end.
	atLineEnd bool
}

func (l *lineReader) Read(p []byte) (int, error) {
	n, err := l.r.Read(p)
	for i, c := range p[:n] {
		if c == '\n' {
			l.ends = append(l.ends, l.read+int64(i))
		}
	}
	if n > 0 {
		l.atLineEnd = p[n-1] == '\n'
	}
	l.read += int64(n)
	return n, err
}

// at returns the line of an offset. Offsets must not go back.
func (l *lineReader) at(offset int64) int {
	for len(l.ends) > 0 && l.ends[0] < offset {
		l.ends = l.ends[1:]
		l.line++
	}
	return l.line
}

// end returns the line of the last byte read that is not a line's end.
func (l *lineReader) end() int {
	line := l.at(l.read)
	if l.atLineEnd {
		line--
	}
	return max(line, 1)
}

// descend goes through nodes and what is below them in order, without recursion.
// visit says whether it entered a folder, whose children come next; depth is 0 for nodes
// themselves. leave is called after the children of each folder that was entered.
func descend[N any](nodes []N, children func(N) []N, visit func(n N, depth int) (entered bool), leave func()) {
	stack := [][]N{nodes}
	for {
		depth := len(stack) - 1
		rest := stack[depth]
		if len(rest) == 0 {
			if depth == 0 {
				return
			}
			stack = stack[:depth]
			leave()
			continue
		}
		stack[depth] = rest[1:]
		if n := rest[0]; visit(n, depth) {
			stack = append(stack, children(n))
		}
	}
}

// below returns the nodes that are in a folder.
func (n *node) below() []*node { return n.children }
