package storage

import (
	"errors"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/syncmanager/syncmanager/bso"
)

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

// pageSize is how many bytes of a listing are buffered before they are sent. What clients
// ask for at a time fits, so that the storage is released before the server waits for a
// slow client. A longer listing is sent in pieces.
const pageSize = 1 << 20

// buffers are the buffers of listings, for reuse.
var buffers = sync.Pool{New: func() any { return new([]byte) }}

func (s *Service) getCollection(a *answer, q *request) error {
	list, err := parseQuery(q)
	if err != nil {
		return err
	}
	buffer := buffers.Get().(*[]byte)
	l := lister{answer: a, q: q, list: list, b: (*buffer)[:0], most: s.listingTime}
	defer func() {
		if cap(l.b) <= 4*pageSize {
			*buffer = l.b
			buffers.Put(buffer)
		}
	}()
	err = s.backend.View(q.Context(), q.uid, l.read)
	l.unbound()
	if err != nil {
		return err
	}
	if q.Method == http.MethodHead {
		return l.flush() // without a length, which is not known
	}
	return l.end()
}

// lister writes a listing in the client's format.
type lister struct {
	*answer
	q        *request
	list     Query
	modified bso.Timestamp
	b        []byte
	count    int64
	last     Position      // of the last record that gather took
	more     bool          // gather found one more than the client wants
	most     time.Duration // for all pieces but the last
	timer    *time.Timer   // nil before the first piece
}

// read writes the listing into the buffer, and sends it in pieces if it is long. It may run again.
func (l *lister) read(v View) error {
	l.b, l.count, l.last, l.more = l.b[:0], 0, Position{}, false
	rest := l.list
	if l.q.Method != http.MethodHead && !l.list.IDsOnly && l.list.Sort != SortIndex {
		err := l.readShort(v)
		if !errors.Is(err, errLong) {
			return err
		}
		if l.count > 0 { // they are in the buffer
			rest.After = &l.last
			rest.Limit = max(0, rest.Limit-l.count)
		}
	} else if err := l.checkTime(v); err != nil {
		return err
	}
	page, err := v.Page(l.list)
	if err != nil {
		return err
	}
	l.describe(page)
	if l.q.Method == http.MethodHead {
		return nil
	}
	if err := v.Records(rest, l.add); err != nil && l.begun {
		return errors.New(err.Error()) // what was sent cannot be sent again
	} else if err != nil {
		return err
	}
	return nil
}

// checkTime reads the collection's last-modified time and checks the request's condition.
func (l *lister) checkTime(v View) error {
	modified, err := v.Modified(l.list.Collection, "")
	if err != nil {
		return err
	}
	return l.check(modified)
}

func (l *lister) check(modified bso.Timestamp) error {
	l.modified = modified
	return l.q.check(modified)
}

// errLong means that a listing is longer than what is read without asking for its length before.
var errLong = errors.New("the listing is long")

// shortListing is how many records clients ask for at a time.
const shortListing = 1000

// readShort reads a listing that fits into the buffer, and finds out its length by the way: the records are
// read once. If the listing is longer it returns errLong, with the first records in the buffer.
func (l *lister) readShort(v View) error {
	short := l.list
	if short.Limit == 0 || short.Limit > shortListing {
		short.Limit = shortListing
	}
	short.Limit++
	var err error
	if ahead, ok := v.(ListReader); ok && l.q.modifiedSince == nil { // which is usually answered without the records
		err = ahead.List(short, l.check, l.gather)
	} else if err = l.checkTime(v); err == nil {
		err = v.Records(short, l.gather)
	}
	if err != nil {
		return err
	}
	page := Page{Records: l.count}
	if l.more {
		page.Next = &l.last
	}
	l.describe(page)
	return nil
}

// gather appends a record of a short listing.
func (l *lister) gather(r *Record) error {
	switch {
	case l.list.Limit > 0 && l.count == l.list.Limit:
		l.more = true
		return nil
	case l.count == shortListing, len(l.b) >= pageSize:
		return errLong
	}
	l.append(r)
	l.last = Position{Key: int64(r.Modified), ID: r.ID}
	return nil
}

// describe sets the headers that say how long the listing is.
func (l *lister) describe(p Page) {
	h := l.w.Header()
	h.Set("X-Weave-Records", strconv.FormatInt(p.Records, 10))
	if p.Next != nil {
		h.Set("X-Weave-Next-Offset", p.Next.token(l.list.Sort))
	}
}

// append appends a record to the buffer.
func (l *lister) append(r *Record) {
	if !l.lines {
		l.b = append(l.b, "[,"[min(l.count, 1)])
	}
	l.count++
	if l.list.IDsOnly {
		l.b = appendString(l.b, string(r.ID))
	} else {
		l.b = appendRecord(l.b, r)
	}
	if l.lines {
		l.b = append(l.b, '\n')
	}
}

// add appends a record, and sends what there is if it is much.
func (l *lister) add(r *Record) error {
	l.append(r)
	if len(l.b) < pageSize {
		return nil
	}
	l.bound()
	return l.flush()
}

// bound lets the pieces that are sent while the storage is read take so long and no longer: a
// slow client would keep the storage's resources for as long as it likes.
func (l *lister) bound() {
	if l.timer == nil {
		connection := http.NewResponseController(l.w)
		l.timer = time.AfterFunc(l.most, func() {
			_ = connection.SetWriteDeadline(time.Unix(1, 0)) // what is being written fails
		})
	}
}

// unbound ends the bound: the storage is no longer needed.
func (l *lister) unbound() {
	if l.timer != nil {
		l.timer.Stop()
	}
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
