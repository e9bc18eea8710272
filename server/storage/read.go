package storage

import (
	"encoding/base64"
	"encoding/binary"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"github.com/syncmanager/syncmanager/bso"
)

// appendLimits appends the body of info/configuration.
func appendLimits(b []byte, l bso.Limits) []byte {
	for i, item := range []struct {
		name  string
		value int
	}{
		{"max_post_records", l.MaxPostRecords},
		{"max_post_bytes", l.MaxPostBytes},
		{"max_total_records", l.MaxTotalRecords},
		{"max_total_bytes", l.MaxTotalBytes},
		{"max_record_payload_bytes", l.MaxRecordPayloadBytes},
		{"max_request_bytes", l.MaxRequestBytes},
	} {
		b = append(b, "{,"[min(i, 1)])
		b = appendString(b, item.name)
		b = append(b, ':')
		b = strconv.AppendInt(b, int64(item.value), 10)
	}
	return append(b, '}')
}

func (s *Service) getConfiguration(a *answer, _ *request) error {
	return a.send(http.StatusOK, 0, s.config)
}

func (s *Service) getTimes(a *answer, q *request) error {
	return s.info(a, q, func(b []byte, c Collection) []byte { return c.Modified.AppendText(b) })
}

func (s *Service) getCounts(a *answer, q *request) error {
	return s.info(a, q, func(b []byte, c Collection) []byte { return strconv.AppendInt(b, c.Records, 10) })
}

func (s *Service) getUsage(a *answer, q *request) error {
	return s.info(a, q, func(b []byte, c Collection) []byte { return appendKB(b, c.Bytes) })
}

// info answers with an object that has a member for each collection.
func (s *Service) info(a *answer, q *request, value func([]byte, Collection) []byte) error {
	all, modified, err := s.collections(q)
	if err != nil {
		return err
	}
	b := []byte{'{'}
	for i, c := range all {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendString(b, c.Name)
		b = append(b, ':')
		b = value(b, c)
	}
	a.w.Header().Set("X-Weave-Records", strconv.Itoa(len(all)))
	return a.send(http.StatusOK, modified, append(b, '}'))
}

func (s *Service) getQuota(a *answer, q *request) error {
	all, modified, err := s.collections(q)
	if err != nil {
		return err
	}
	var used int64
	for _, c := range all {
		used += c.Bytes
	}
	b := appendKB([]byte{'['}, used)
	b = append(b, ',')
	if s.quota > 0 {
		b = appendKB(b, s.quota)
	} else {
		b = append(b, "null"...)
	}
	return a.send(http.StatusOK, modified, append(b, ']'))
}

// collections reads what info/* is about.
func (s *Service) collections(q *request) (all []Collection, modified bso.Timestamp, err error) {
	err = s.backend.View(q.Context(), q.uid, func(v View) (err error) {
		if modified, err = v.Modified("", ""); err != nil {
			return err
		}
		if err := q.check(modified); err != nil {
			return err
		}
		all, err = v.Collections()
		return err
	})
	return all, modified, err
}

func (s *Service) getRecord(a *answer, q *request) error {
	var r *Record
	err := s.backend.View(q.Context(), q.uid, func(v View) (err error) {
		if r, err = v.Record(q.collection, q.id); err != nil {
			return err
		}
		if r == nil {
			if err := q.check(0); err != nil && q.unmodifiedSince != nil {
				return err
			}
			return notFound
		}
		return q.check(r.Modified)
	})
	if err != nil {
		return err
	}
	return a.send(http.StatusOK, r.Modified, appendRecord(make([]byte, 0, len(r.Payload)+len(r.Payload)/8+128), r))
}

// pageSize is how many bytes of a listing are gathered before they go out. It
// holds what clients ask for at a time, so that the storage is left before a slow
// client is waited for; a longer listing goes out piece by piece.
const pageSize = 1 << 20

// buffers holds what listings are gathered in.
var buffers = sync.Pool{New: func() any { return new([]byte) }}

func (s *Service) getCollection(a *answer, q *request) error {
	list, err := parseQuery(q)
	if err != nil {
		return err
	}
	buffer := buffers.Get().(*[]byte)
	l := lister{answer: a, idsOnly: list.IDsOnly, b: (*buffer)[:0]}
	defer func() {
		if cap(l.b) <= 4*pageSize {
			*buffer = l.b
			buffers.Put(buffer)
		}
	}()
	err = s.backend.View(q.Context(), q.uid, func(v View) (err error) {
		if l.modified, err = v.Modified(q.collection, ""); err != nil {
			return err
		}
		if err := q.check(l.modified); err != nil {
			return err
		}
		page, err := v.Page(list)
		if err != nil {
			return err
		}
		h := a.w.Header()
		h.Set("X-Weave-Records", strconv.FormatInt(page.Records, 10))
		if page.Next != nil {
			h.Set("X-Weave-Next-Offset", page.Next.token(list.Sort))
		}
		if q.Method == http.MethodHead {
			return nil
		}
		return v.Records(list, l.add)
	})
	if err != nil {
		return err
	}
	if q.Method == http.MethodHead {
		return l.flush() // without a length: nobody counted
	}
	return l.end()
}

// lister writes a listing in the client's format.
type lister struct {
	*answer
	idsOnly  bool
	modified bso.Timestamp
	b        []byte
	count    int
}

// add appends a record.
func (l *lister) add(r *Record) error {
	if !l.lines {
		l.b = append(l.b, "[,"[min(l.count, 1)])
	}
	l.count++
	if l.idsOnly {
		l.b = appendString(l.b, string(r.ID))
	} else {
		l.b = appendRecord(l.b, r)
	}
	if l.lines {
		l.b = append(l.b, '\n')
	}
	if len(l.b) < pageSize {
		return nil
	}
	return l.flush()
}

func (l *lister) flush() error {
	if !l.begun {
		media := jsonType
		if l.lines {
			media = linesType
		}
		l.head(http.StatusOK, media, &l.modified)
	}
	_, err := l.w.Write(l.b)
	l.b = l.b[:0]
	return err
}

// end completes the listing.
func (l *lister) end() error {
	if !l.lines {
		if l.count == 0 {
			l.b = append(l.b, '[')
		}
		l.b = append(l.b, ']')
	}
	if !l.begun {
		l.w.Header()["Content-Length"] = []string{strconv.Itoa(len(l.b))}
	}
	return l.flush()
}

// maxIDs is how many IDs a query may name.
const maxIDs = 100

// parseQuery reads the parameters of a listing. Unknown ones are passed over.
func parseQuery(q *request) (list Query, err error) {
	list.Collection = q.collection
	_, full := q.query["full"]
	list.IDsOnly = !full
	if list.IDs, err = parseIDs(q.query); err != nil {
		return list, err
	}
	for name, into := range map[string]*bso.Timestamp{"newer": &list.Newer, "older": &list.Older} {
		if text, ok := q.query[name]; ok {
			if *into, err = bso.ParseTimestamp(text); err != nil {
				return list, badRequest
			}
		} else {
			*into = map[string]bso.Timestamp{"newer": -1, "older": anyTime}[name]
		}
	}
	switch q.query["sort"] {
	case "", "oldest":
		list.Sort = SortOldest
	case "newest":
		list.Sort = SortNewest
	case "index":
		list.Sort = SortIndex
	default:
		return list, badRequest
	}
	if text, ok := q.query["limit"]; ok {
		if list.Limit, err = strconv.ParseInt(text, 10, 64); err != nil || list.Limit < 1 {
			return list, badRequest
		}
	}
	if text, ok := q.query["offset"]; ok {
		if list.After, err = parseToken(text, list.Sort); err != nil {
			return list, err
		}
	}
	return list, nil
}

// parseIDs reads the list of IDs, nil if there is none.
func parseIDs(v values) ([]bso.ID, error) {
	text, ok := v["ids"]
	if !ok {
		return nil, nil
	}
	ids := []bso.ID{}
	for id := range strings.SplitSeq(text, ",") {
		if id == "" {
			continue
		}
		if len(ids) == maxIDs || !bso.ID(id).Valid() {
			return nil, badRequest
		}
		ids = append(ids, bso.ID(id))
	}
	return ids, nil
}

// token is the position as the wire has it, for the order it belongs to.
func (p *Position) token(order Sort) string {
	b := binary.AppendVarint([]byte{byte(order)}, p.Key)
	return base64.RawURLEncoding.EncodeToString(append(b, p.ID...))
}

// parseToken is the inverse. A forged position is as good as any other: it shows
// nothing but what the user may see.
func parseToken(text string, order Sort) (*Position, error) {
	b, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(b) < 2 || b[0] != byte(order) {
		return nil, badRequest
	}
	key, n := binary.Varint(b[1:])
	if n <= 0 || !bso.ID(b[1+n:]).Valid() {
		return nil, badRequest
	}
	return &Position{Key: key, ID: bso.ID(b[1+n:])}, nil
}
