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
	l := lister{answer: a, idsOnly: list.IDsOnly, b: (*buffer)[:0], most: s.listingTime}
	defer func() {
		if cap(l.b) <= 4*pageSize {
			*buffer = l.b
			buffers.Put(buffer)
		}
	}()
	err = s.backend.View(q.Context(), q.uid, func(v View) (err error) {
		l.b, l.count = l.b[:0], 0 // it may run again
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
		if err := v.Records(list, l.add); err != nil && l.begun {
			return errors.New(err.Error()) // what was sent cannot be sent again
		} else if err != nil {
			return err
		}
		return nil
	})
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
	idsOnly  bool
	modified bso.Timestamp
	b        []byte
	count    int
	most     time.Duration // for all pieces but the last
	timer    *time.Timer   // nil before the first piece
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
