package bookmarks

import (
	"errors"
	"math"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/internal/rawjson"
)

// record is a record of the collection, with GUIDs in place of the roots' names.
type record struct {
	guid, parent engine.ID
	kind         Kind
	title, url   string
	tags         []string
	keyword      string
	added        int64 // Unix milliseconds; 0: not known
	stated       int64 // added as the record itself has it
	children     []engine.ID
	// extra is a JSON object of the members that this program does not know, or
	// nil. They travel on byte for byte.
	extra []byte
	// rewritten is set if the record was an old form of a query and was read as today's.
	// The server should have that.
	rewritten bool
}

// earliest is before anybody had bookmarks: the day of the first browser, as
// Firefox has it.
var earliest = time.Date(1993, 1, 23, 0, 0, 0, 0, time.UTC).UnixMilli()

// ratchet returns the earlier of two times, without those that are impossible, or 0. So a
// date that was lost or reset on one device comes back.
func ratchet(a, b int64) int64 {
	switch {
	case a <= earliest && b <= earliest:
		return 0
	case a <= earliest:
		return b
	case b <= earliest:
		return a
	}
	return min(a, b)
}

// ahead is how far a device's clock may be ahead of the server's, in milliseconds, and
// slack how much the difference between the two may change during a sync.
const (
	ahead = int64(24 * time.Hour / time.Millisecond)
	slack = int64(time.Minute / time.Millisecond)
)

// plausible is when an item was added whose record states a time and was stored at
// modified. A device's clock may be a little ahead of the server's; a time far
// ahead, or none, is when the server got the record.
func plausible(stated, modified int64) int64 {
	if stated > earliest && (modified <= earliest || stated <= modified+ahead) {
		return stated
	}
	return ratchet(modified, stated)
}

// datesBack reports whether an item that was added at a time has a record with a later
// one. That is corrected, or each device would have another date.
func (r *record) datesBack(added int64) bool {
	return added > earliest && (added < r.added || r.stated > earliest && added < r.stated)
}

var errNoKind = &engine.FieldError{Field: "type", Reason: errors.New("its type is not one of bookmark, query, folder, separator and livemark")}

// parseRecord reads a record that the server stored at modified. An error says
// what is wrong with it. What can be corrected is: impossible dates, titles that are too
// long, tags that are not text.
func parseRecord(id engine.ID, payload []byte, modified engine.Timestamp) (record, error) {
	r := record{guid: localID(id)}
	var kind string
	extra := []byte{'{'}
	err := rawjson.Object(payload, func(key, value []byte) error {
		if string(key) == "type" {
			kind = text(value)
		} else if !r.take(string(key), value) {
			extra = appendMember(extra, key, value)
		}
		return nil
	})
	if err != nil {
		return r, err
	}
	if len(extra) > 1 {
		r.extra = append(extra, '}')
	}
	r.added = plausible(r.stated, int64(modified)*10)
	var ok bool
	if r.kind, ok = parseKind(kind); !ok {
		return r, errNoKind
	}
	err = r.complete()
	return r, err
}

// take takes a member of the JSON object, and reports whether it is a known one.
func (r *record) take(key string, value []byte) bool {
	switch key {
	case "parentid":
		r.parent = localID(engine.ID(text(value)))
	case "title":
		r.title = cleanTitle(text(value))
	case "bmkUri":
		r.url = text(value)
	case "tags":
		r.tags = tagsOf(value)
	case "keyword":
		r.keyword = cleanKeyword(text(value))
	case "dateAdded":
		r.stated = millis(value)
	case "children":
		r.children = childrenOf(value)
	case "id", "hasDupe", "parentName", "pos", "deleted", "modified":
	default:
		return false
	}
	return true
}

// complete drops what an item of the record's kind does not have, and checks the URL.
func (r *record) complete() (err error) {
	if r.kind != Folder && r.kind != livemark {
		r.children = nil
	}
	if r.kind == Separator {
		r.title = ""
	}
	if r.kind != Bookmark && r.kind != Query {
		r.url, r.tags, r.keyword = "", nil, ""
		return nil
	}
	if r.url, err = acceptURL(r.url); err != nil {
		return &engine.FieldError{Field: "bmkUri", Reason: err}
	}
	if r.kind == Bookmark {
		return nil
	}
	err = r.rewriteQuery()
	r.forgetTagName()
	return err
}

// rewriteQuery brings a query of an older Firefox to today's form: one for a tag
// named the tag's folder by a number that means nothing elsewhere, and one for
// another folder would show everything.
func (r *record) rewriteQuery() error {
	_, query, _ := strings.Cut(r.url, ":")
	params, err := url.ParseQuery(query)
	if err != nil {
		return nil
	}
	const tagContents = "7"
	switch {
	case params.Get("type") == tagContents:
		tag, ok := cleanTag(r.member("folderName"))
		if !ok {
			return invalid("it is a query for a tag that it does not name")
		}
		r.url, r.rewritten = "place:tag="+url.QueryEscape(tag), true
	case params.Get("folder") != "" && !params.Has("excludeItems"):
		r.url, r.rewritten = r.url+"&excludeItems=1", true
	}
	return nil
}

// forgetTagName removes the member that repeats which tag the query's URL is for: each
// record is written with it again.
func (r *record) forgetTagName() {
	if r.extra == nil || queryTag(r.url) == "" {
		return
	}
	kept := []byte{'{'}
	_ = rawjson.Object(r.extra, func(key, value []byte) error {
		if string(key) != "folderName" {
			kept = appendMember(kept, key, value)
		}
		return nil
	})
	if r.extra = nil; len(kept) > 1 {
		r.extra = append(kept, '}')
	}
}

// member is the text of one of the record's extra members, or "".
func (r *record) member(name string) (found string) {
	if r.extra != nil {
		_ = rawjson.Object(r.extra, func(key, value []byte) error {
			if string(key) == name {
				found = text(value)
			}
			return nil
		})
	}
	return found
}

// text is the text of a JSON string; "" for anything else.
func text(value []byte) string {
	s, _ := rawjson.Unquoted(value)
	return string(s)
}

// millis reads a time in milliseconds, whole or not; 0 if it is not a number.
func millis(value []byte) int64 {
	if n, err := strconv.ParseInt(string(value), 10, 64); err == nil {
		return n
	}
	f, err := strconv.ParseFloat(string(value), 64)
	if err != nil || math.IsNaN(f) || math.Abs(f) > math.MaxInt64/2 {
		return 0
	}
	return int64(f)
}

func tagsOf(value []byte) (tags []string) {
	_ = rawjson.Array(value, func(v []byte) error {
		if tag, ok := cleanTag(text(v)); ok {
			tags = append(tags, tag)
		}
		return nil
	})
	return sortedTags(tags)
}

func childrenOf(value []byte) (children []engine.ID) {
	_ = rawjson.Array(value, func(v []byte) error {
		if id := engine.ID(text(v)); id.Valid() {
			children = append(children, localID(id))
		}
		return nil
	})
	return children
}

func appendMember(object, key, value []byte) []byte {
	if len(object) > 1 {
		object = append(object, ',')
	}
	return append(append(rawjson.AppendQuoted(object, key), ':'), value...)
}

// outgoing is what goes into a record besides the item.
type outgoing struct {
	Item
	parentTitle string
	children    []engine.ID
	partial     bool // children is; see tx.list
	extra       []byte
}

// append appends the record's JSON as Firefox writes it, members in its order.
func (o *outgoing) append(b []byte) []byte {
	b = append(b, `{"id":`...)
	b = rawjson.AppendQuoted(b, WireID(o.ID))
	b = append(b, `,"type":`...)
	b = rawjson.AppendQuoted(b, o.Kind.String())
	b = append(b, `,"parentid":`...)
	b = rawjson.AppendQuoted(b, WireID(o.Parent))
	// A device that finds a duplicate by itself must not, when this is true.
	b = append(b, `,"hasDupe":true,"parentName":`...)
	b = rawjson.AppendQuoted(b, o.parentTitle)
	if ms := o.Added.UnixMilli(); !o.Added.IsZero() && ms > 0 {
		b = strconv.AppendInt(append(b, `,"dateAdded":`...), ms, 10)
	}
	if o.Kind == Bookmark || o.Kind == Query {
		b = rawjson.AppendQuoted(append(b, `,"bmkUri":`...), o.URL)
	}
	if o.Kind == Separator {
		b = strconv.AppendInt(append(b, `,"pos":`...), int64(o.Position), 10)
	} else {
		b = rawjson.AppendQuoted(append(b, `,"title":`...), o.Title)
	}
	if o.Kind == Folder {
		b = append(b, `,"children":[`...)
		for i, c := range o.children {
			if i > 0 {
				b = append(b, ',')
			}
			b = rawjson.AppendQuoted(b, WireID(c))
		}
		b = append(b, ']')
	}
	if o.Keyword != "" {
		b = rawjson.AppendQuoted(append(b, `,"keyword":`...), o.Keyword)
	}
	if len(o.Tags) > 0 {
		b = append(b, `,"tags":`...)
		for i, tag := range o.Tags {
			b = rawjson.AppendQuoted(append(b, "[,"[min(i, 1)]), tag)
		}
		b = append(b, ']')
	}
	return append(o.appendExtra(b), '}')
}

// appendExtra appends the members that travel along. What names a query's tag
// follows its URL.
func (o *outgoing) appendExtra(b []byte) []byte {
	tag := ""
	if o.Kind == Query {
		tag = queryTag(o.URL)
	}
	if tag != "" {
		b = rawjson.AppendQuoted(append(b, `,"folderName":`...), tag)
	}
	if o.extra == nil {
		return b
	}
	_ = rawjson.Object(o.extra, func(key, value []byte) error {
		if tag == "" || string(key) != "folderName" {
			b = append(rawjson.AppendQuoted(append(b, ','), key), ':')
			b = append(b, value...)
		}
		return nil
	})
	return b
}

// queryTag is the tag that a query is for, or "".
func queryTag(u string) string {
	_, query, _ := strings.Cut(u, ":")
	params, err := url.ParseQuery(query)
	if err != nil {
		return ""
	}
	return params.Get("tag")
}

// sortIndex weighs a record as Firefox does: folders first, then what is on the
// toolbar, then by how often and lately the page was visited.
func (o *outgoing) sortIndex(frecency int) int {
	if o.Kind == Folder {
		return 1_000_000
	}
	index := 0
	if o.Parent == Toolbar {
		index = 150
	}
	if frecency > 0 {
		index += frecency
	}
	return min(index, 999_999_999)
}

// listOf is the list of children of a folder's record.
func listOf(payload []byte) (children []engine.ID) {
	_ = rawjson.Object(payload, func(key, value []byte) error {
		if string(key) == "children" {
			children = childrenOf(value)
		}
		return nil
	})
	return children
}
