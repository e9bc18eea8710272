package exchange

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/syncmanager/syncmanager/internal/skips"
	"github.com/syncmanager/syncmanager/internal/sqlitecopy"
)

// placesTables are the tables and columns that are always read. Firefox has had them,
// with these meanings, since version 3; see placesSchema for what it added or removed.
var placesTables = map[string][]string{
	"moz_places":        {"id", "url", "title", "hidden", "typed"},
	"moz_historyvisits": {"place_id", "visit_date", "visit_type"},
	"moz_bookmarks":     {"id", "type", "fk", "parent", "position", "title", "dateAdded", "lastModified"},
	"moz_keywords":      {"id", "keyword"},
}

// The types in moz_bookmarks.
const (
	rowBookmark  = 1
	rowFolder    = 2
	rowSeparator = 3
)

// A row is one of moz_bookmarks.
type row struct {
	id, kind, place int64
	item            *Item
	parent          int64
	// first and last are its first and last child, next is the next child of its parent.
	first, last, next *row
	reached           bool
}

// readPlaces reads the tree.
func readPlaces(ctx context.Context, db *sqlitecopy.Copy, b *builder) error {
	p := &placesReader{b: b, db: db, rows: make(map[int64]*row), tags: make(map[int64][]string), keywords: make(map[int64]keyword)}
	if err := p.read(ctx); err != nil {
		return err
	}
	p.build()
	return nil
}

type keyword struct{ word, post string }

type placesReader struct {
	b        *builder
	db       *sqlitecopy.Copy
	schema   placesSchema
	old      oldPlaces
	rows     map[int64]*row
	order    []*row
	tags     map[int64][]string
	keywords map[int64]keyword
	tooMany  int
	guids    map[string]string
}

func (p *placesReader) read(ctx context.Context) (err error) {
	if p.schema, err = schemaOf(ctx, p.db); err != nil {
		return err
	}
	if p.old, err = readOld(ctx, p.db, p.schema); err != nil {
		return err
	}
	if err := p.readTags(ctx); err != nil {
		return err
	}
	if err := p.readKeywords(ctx); err != nil {
		return err
	}
	return p.readRows(ctx)
}

// The statements that read a places database. Those named for guids read one whose bookmarks have
// GUIDs. In a file made by hand, a column can have values of any type.
const (
	tagsHead = `SELECT DISTINCT CAST(b.fk AS INTEGER), CAST(t.title AS TEXT) FROM moz_bookmarks r
		JOIN moz_bookmarks t ON t.parent = r.id
		JOIN moz_bookmarks b ON b.parent = t.id
		WHERE (`
	tagsTail = ` = ? OR r.id = ?) AND b.fk IS NOT NULL AND t.title IS NOT NULL
		ORDER BY t.title, t.id`
	sqlTags      = tagsHead + `''` + tagsTail
	sqlTagsGUIDs = tagsHead + `r.guid` + tagsTail

	rowsHead = `SELECT CAST(coalesce(b.id, 0) AS INTEGER), CAST(coalesce(b.type, 0) AS INTEGER), CAST(coalesce(b.fk, 0) AS INTEGER), CAST(coalesce(b.parent, 0) AS INTEGER),
			CAST(coalesce(b.title, '') AS TEXT), CAST(coalesce(`
	rowsTail = `, '') AS TEXT), CAST(coalesce(h.url, '') AS TEXT),
			CAST(coalesce(b.dateAdded, 0) AS INTEGER), CAST(coalesce(b.lastModified, 0) AS INTEGER)
		FROM moz_bookmarks b LEFT JOIN moz_places h ON h.id = b.fk
		ORDER BY b.parent, b.position, b.id`
	sqlRows      = rowsHead + `''` + rowsTail
	sqlRowsGUIDs = rowsHead + `b.guid` + rowsTail

	sqlKeywords = `SELECT CAST(k.place_id AS INTEGER), CAST(k.keyword AS TEXT), CAST(coalesce(k.post_data, '') AS TEXT),
			EXISTS (SELECT 1 FROM moz_bookmarks b WHERE b.fk = k.place_id)
		FROM moz_keywords k WHERE k.place_id IS NOT NULL AND k.keyword IS NOT NULL
		ORDER BY k.id`
)

// readTags reads the tags by place. A tag is a folder in a root of its own, with
// bookmarks of the places that have it.
func (p *placesReader) readTags(ctx context.Context) error {
	query := sqlTags
	if p.schema.guids {
		query = sqlTagsGUIDs
	}
	for rows, err := range p.db.Rows(ctx, query, tagsRootGUID, p.old.root(tagsRootGUID)) {
		if err != nil {
			return err
		}
		var place int64
		var tag string
		if err := rows.Scan(&place, &tag); err != nil {
			return err
		}
		p.tags[place] = append(p.tags[place], tag)
	}
	return nil
}

// readKeywords reads the keywords by place, one for each, since a bookmark has one.
func (p *placesReader) readKeywords(ctx context.Context) error {
	for rows, err := range p.db.Rows(ctx, p.schema.keywords()) {
		if err != nil {
			return err
		}
		var place int64
		var k keyword
		var used bool
		if err := rows.Scan(&place, &k.word, &k.post, &used); err != nil {
			return err
		}
		if post, ok := p.old.post[place]; ok {
			k.post = post
		}
		first, taken := p.keywords[place]
		switch {
		case taken && first.word == k.word: // of two bookmarks, in old databases
		case !used:
			p.b.skips.Add(Skip{Item: skips.Shorten(k.word), Reason: "this keyword is for a page that is not bookmarked"})
		case taken:
			p.b.skips.Add(Skip{Item: skips.Shorten(k.word), Reason: fmt.Sprintf("this keyword is the second of a page; %q was kept", skips.Shorten(first.word))})
		default:
			p.keywords[place] = k
		}
	}
	return nil
}

func (p *placesReader) readRows(ctx context.Context) error {
	p.guids = make(map[string]string)
	query := sqlRows
	if p.schema.guids {
		query = sqlRowsGUIDs
	}
	for rows, err := range p.db.Rows(ctx, query) {
		if err != nil {
			return err
		}
		r := &row{item: &Item{}}
		var added, modified int64
		if err := rows.Scan(&r.id, &r.kind, &r.place, &r.parent, &r.item.Title, &r.item.GUID, &r.item.URL, &added, &modified); err != nil {
			return err
		}
		if len(p.order) >= MaxItems {
			p.tooMany++
			continue
		}
		r.item.Added, r.item.Modified = fromMicro(added), fromMicro(modified)
		if guid := p.old.guids[r.id]; guid != "" {
			r.item.GUID = guid
		}
		p.rows[r.id] = r
		p.order = append(p.order, r)
		if r.kind == rowFolder {
			p.guids[strconv.FormatInt(r.id, 10)] = r.item.GUID
		}
	}
	return nil
}

// build makes the tree: first what is below the roots, then what is not below any.
func (p *placesReader) build() {
	p.b.skipMany(p.tooMany)
	var top, tags *row
	for _, r := range p.order {
		if r.item.GUID == placesRootGUID {
			top = r
		}
		if r.item.GUID == tagsRootGUID {
			tags = r
		}
		r.reached = rootGUIDs[r.item.GUID] != "" // no folder takes a root
		if parent := p.rows[r.parent]; parent != nil && parent != r && parent.kind == rowFolder {
			if parent.last == nil {
				parent.first = r
			} else {
				parent.last.next = r
			}
			parent.last = r
		}
	}
	if tags != nil {
		p.walk(tags, nil)
	}
	for _, r := range p.order {
		if rootGUIDs[r.item.GUID] != "" {
			p.b.enterRoot(rootGUIDs[r.item.GUID])
			p.walk(r, p.take)
			p.b.leave()
		}
	}
	if top != nil {
		p.leftOver(top)
	}
	p.orphans()
}

// leftOver reports what is in the folder of the roots besides them. Old
// versions of Firefox kept the shortcuts of a window's side pane there.
func (p *placesReader) leftOver(top *row) {
	top.reached = true
	for r := top.first; r != nil; r = r.next {
		if !r.reached {
			p.b.skip(r.item, "it is not a bookmark of the user's: it is in the root of all folders")
			p.walk(r, nil)
		}
	}
}

// orphans puts into Unfiled what is not below any root: its folder is missing, or folders
// contain each other.
func (p *placesReader) orphans() {
	p.b.enterRoot(Unfiled)
	defer p.b.leave()
	lost := func(r *row) bool { return !r.reached && r.kind >= rowBookmark && r.kind <= rowSeparator }
	// First those whose folder is missing, so that what is below them stays there; then
	// any folder of a circle.
	for _, circle := range []bool{false, true} {
		for _, r := range p.order {
			if lost(r) && (circle || p.rows[r.parent] == nil || p.rows[r.parent].kind != rowFolder) {
				p.b.skip(r.item, "no folder leads to it; it was put into the unfiled bookmarks")
				if p.take(r) {
					p.walk(r, p.take)
					p.b.leave()
				}
				r.reached = true
			}
		}
	}
}

// walk visits all items below a folder, without recursion, and marks them as
// reached. take, which may be nil, adds an item to the tree and reports whether it opened
// a folder.
func (p *placesReader) walk(folder *row, take func(*row) bool) {
	folder.reached = true
	stack := []*row{folder.first}
	for {
		r := stack[len(stack)-1]
		if r == nil {
			if stack = stack[:len(stack)-1]; len(stack) == 0 {
				return
			}
			if take != nil {
				p.b.leave()
			}
			continue
		}
		stack[len(stack)-1] = r.next
		if r.reached {
			continue // a root, or a folder that is within itself
		}
		r.reached = true
		if take == nil || take(r) {
			stack = append(stack, r.first)
		}
	}
}

func (p *placesReader) take(r *row) (entered bool) {
	it := r.item
	switch r.kind {
	case rowFolder:
		if p.old.livemarks[r.id] {
			p.b.skip(it, liveBookmark)
			p.walk(r, nil)
			return false
		}
		if p.old.described[r.id] {
			p.b.leaveOut(descriptions, it)
		}
		p.b.enter(it)
		return true
	case rowSeparator:
		it.Kind = Separator
	case rowBookmark:
		if p.old.described[r.id] {
			p.b.leaveOut(descriptions, it)
		}
		it.Tags = p.tags[r.place]
		k := p.keywords[r.place]
		it.Keyword, it.PostData = k.word, k.post
		if it.URL == "" && r.place != 0 {
			p.b.skip(it, "its page is missing in the database")
			return false
		}
		if strings.HasPrefix(it.URL, "place:") {
			it.URL = withGUIDs(it.URL, p.guids)
		}
	default:
		p.b.skip(it, fmt.Sprintf("it is of a type that is not known: %d", r.kind))
		return false
	}
	p.b.add(it)
	return false
}
