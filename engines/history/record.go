package history

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engines/internal/places"
	"github.com/syncmanager/syncmanager/internal/rawjson"
)

// record is a record of the collection.
type record struct {
	url, title string
	hasTitle   bool
	visits     []visit
	unknown    []byte // an object of the fields that are none of these; nil: none
	preview    string // not the record's: see Page.PreviewImage
	// skipped counts the visits that cannot be stored.
	skipped int
}

// visit is a row of visits.
type visit struct {
	date    int64 // Unix microseconds
	kind    int
	unknown []byte
	// What stays on this device; referrer is a URL.
	flags    places.Flags
	referrer string
}

// key is what makes two visits of a page the same. Records count microseconds,
// but Firefox keeps only milliseconds of a visit that came with a sync, and sends those
// on.
type key struct {
	date int64 // Unix milliseconds
	kind int
}

func (v *visit) key() key { return key{v.date / 1000, v.kind} }

// distinct are the visits, each once.
func distinct(visits []visit) []visit {
	seen := make(map[key]struct{}, len(visits))
	return slices.DeleteFunc(slices.Clone(visits), func(v visit) bool {
		_, twice := seen[v.key()]
		seen[v.key()] = struct{}{}
		return twice
	})
}

var errNoURL = &engine.FieldError{Field: "histUri", Reason: errors.New("the record has no histUri")}

// earliest is when no browser had visited anything yet: 1993-01-23, the day that
// Mosaic came out. Firefox draws the same line.
const earliest = 727_747_200_000_000

// clockSkew is how far a visit may be ahead of the server's clock before it
// cannot be true.
const clockSkew = int64(24 * time.Hour / time.Microsecond)

// slack is how much the difference between two clocks may change during a sync.
const slack = int64(time.Minute / time.Microsecond)

// parseRecord reads a record. Visits with an impossible time or an unknown kind are left
// out. Those in the far future, after limit, get that time: it is when the server got the
// record, so that reading the record twice gives one visit, not two.
func parseRecord(payload []byte, limit int64) (r record, err error) {
	var visits []byte
	var unknown fields
	err = rawjson.Object(payload, func(name, value []byte) error {
		switch string(name) {
		case "id":
		case "histUri":
			text, ok := rawjson.Unquoted(value)
			if !ok {
				return errNoURL
			}
			r.url = string(text)
		case "title":
			if text, ok := rawjson.Unquoted(value); ok {
				r.title, r.hasTitle = clean(string(text)), true
			}
		case "visits":
			visits = value
		default:
			unknown.add(name, value)
		}
		return nil
	})
	if err != nil {
		return r, err
	}
	r.unknown = unknown.object()
	if r.url == "" {
		return r, errNoURL
	}
	if r.url, err = places.Accept(r.url); err != nil {
		return r, &engine.FieldError{Field: "histUri", Reason: fmt.Errorf("the record's histUri is %w", err)}
	}
	if len(visits) == 0 || visits[0] != '[' {
		return r, nil
	}
	err = rawjson.Array(visits, func(value []byte) error {
		v, ok := parseVisit(value, limit)
		if !ok {
			r.skipped++
			return nil
		}
		r.visits = append(r.visits, v)
		return nil
	})
	r.visits = distinct(r.visits)
	return r, err
}

func parseVisit(raw []byte, limit int64) (v visit, ok bool) {
	var kind int64
	var unknown fields
	err := rawjson.Object(raw, func(name, value []byte) error {
		switch string(name) {
		case "date":
			v.date = integer(value)
		case "type":
			kind = integer(value)
		default:
			unknown.add(name, value)
		}
		return nil
	})
	if err != nil || v.date < earliest || !places.Transition(kind).Valid() {
		return v, false
	}
	v.kind, v.unknown = int(kind), unknown.object()
	if v.date > limit+clockSkew {
		v.date = limit
	}
	return v, true
}

// integer reads a whole number in any form of JSON; 0 is any other value.
func integer(raw []byte) int64 {
	if n, err := strconv.ParseInt(string(raw), 10, 64); err == nil {
		return n
	}
	f, err := strconv.ParseFloat(string(raw), 64)
	if err != nil || f != math.Trunc(f) || math.Abs(f) >= 1<<63 {
		if err == nil && f >= 1<<63 {
			return math.MaxInt64
		}
		return 0
	}
	return int64(f)
}

// fields collects members of an object, as they stand in the text.
type fields []byte

func (f *fields) add(name, value []byte) {
	if len(*f) > 0 {
		*f = append(*f, ',')
	}
	*f = append(rawjson.AppendQuoted(*f, name), ':')
	*f = append(*f, value...)
}

func (f fields) object() []byte {
	if len(f) == 0 {
		return nil
	}
	return append(append([]byte{'{'}, f...), '}')
}

// appendFields appends the members of an object that fields.object made, each
// with a comma before it.
func appendFields(dst, object []byte) []byte {
	if len(object) < 2 {
		return dst
	}
	dst = append(dst, ',')
	return append(dst, object[1:len(object)-1]...)
}

// appendRecord appends a record's payload to dst.
func appendRecord(dst []byte, id engine.ID, url, title string, visits []visit, unknown []byte) []byte {
	dst = append(dst, `{"id":`...)
	dst = rawjson.AppendQuoted(dst, id)
	dst = append(dst, `,"histUri":`...)
	dst = rawjson.AppendQuoted(dst, url)
	dst = append(dst, `,"title":`...)
	dst = rawjson.AppendQuoted(dst, title)
	dst = append(dst, `,"visits":[`...)
	for i := range visits {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, `{"date":`...)
		dst = strconv.AppendInt(dst, visits[i].date, 10)
		dst = append(dst, `,"type":`...)
		dst = strconv.AppendInt(dst, int64(visits[i].kind), 10)
		dst = append(appendFields(dst, visits[i].unknown), '}')
	}
	dst = append(dst, ']')
	return append(appendFields(dst, unknown), '}')
}

// validGUID reports whether the ID has the form that Firefox demands of a page's.
func validGUID(id engine.ID) bool {
	if len(id) != 12 {
		return false
	}
	for i := range len(id) {
		c := id[i]
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '_':
		default:
			return false
		}
	}
	return true
}
